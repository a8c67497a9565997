/** `allcores advise`: what it says first, what it shows, and one clear line for all that goes wrong. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Advice } from "allcores";
import { commandOf, portrayAdvice } from "../../src/cli/advise/portrayal.js";
import { EXIT } from "../../src/cli/exit-code.js";
import { type CommandOptions, linesIn, runCommand, tasks, temporaryFolder } from "../fixtures/command.js";
import { timeLimit } from "../time-limit.js";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true, force: true }));
const advise = (args: readonly string[], options?: CommandOptions) =>
  runCommand(["advise", ...args], { cwd: folder, ...options });
const linesOf = (err: string): string[] => err.split("\n").filter((line) => line.startsWith("allcores:"));
const count = (to: number) => Array.from({ length: to }, (_, n) => `i${n}`);

describe("advise", { concurrency: 1, timeout: timeLimit(120_000) }, () => {
  test("says first what it runs, then a table, bars, reasons and the command", async () => {
    const { code, out, err } = await advise([`${tasks}#waits`, ...count(8), "--total", "5000"]);
    assert.equal(code, EXIT.done, err);
    assert.match(
      err,
      /^allcores: runs 8 of 8 inputs, each up to \d+ times \(--once: a single time\), for at most 2000 ms\n$/,
    );
    assert.match(out, /^waits: async, 32 calls at a time \(sure\), for 5000 items on \d+ cores\n/);
    assert.match(out, /\n {2}model +workers +predicted +memory +speed-up\n/);
    assert.match(out, /\n> async +32 .*x {2}█+\n/);
    assert.match(out, /\n {2}thread +1 /);
    assert.match(out, /\nWhy:\n- An item waits for \d+ %/);
    assert.match(out, /\nallcores map \S+command-tasks\.js#waits --model async --workers 32\n$/);
  });

  test("as JSON, for lines of stdin", async () => {
    const { code, out, err } = await advise([`${tasks}#waits`, "--json"], { input: count(5).join("\n") });
    const { model, items, failed, command } = JSON.parse(out) as Advice & { command: string };
    assert.deepEqual([code, items, failed, model], [EXIT.done, 5, [], "async"], err);
    assert.match(command, /^allcores map \S+#waits --model async/);
    assert.deepEqual(
      err
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { level: string }).level),
      ["note"],
    );
  });

  test("with --once no input runs twice, nor more of them than --sample", async () => {
    const log = join(folder, "once.log");
    const { code, err } = await advise(
      [`${tasks}#logged`, ...count(30), "--once", "--sample", "5", "--budget", "60s"],
      { env: { COMMAND_LOG: log } },
    );
    assert.equal(code, EXIT.done, err);
    assert.match(err, /^allcores: runs 5 of 30 inputs, each once, for at most 60000 ms\n$/);
    const ran = linesIn(log);
    assert.deepEqual([ran.length, new Set(ran).size], [5, 5]);
    assert.ok(ran.includes("i0") && ran.includes("i29"), ran.join());
  });

  test("inputs without an end are read so far", async () => {
    const input = Array.from({ length: 20_000 }, (_, n) => `line ${n}`).join("\n");
    const { code, out, err } = await advise([tasks, "--once", "--sample", "2", "--json"], { input });
    assert.deepEqual([code, (JSON.parse(out) as Advice).items], [EXIT.done, 10_000], err);
    assert.match(err, /first 10000 inputs/);
  });

  test("inputs for which it throws have a line each", async () => {
    const { code, out, err } = await advise([`${tasks}#failing`, "a", "bad", "c", "--once"]);
    assert.equal(code, EXIT.itemsFailed);
    assert.deepEqual(linesOf(err).slice(1), ['allcores: input 2 ("bad"): RangeError: bad is bad']);
    assert.match(out, /^failing: one call after the other/);
  });

  test("bad JSON is named by its line, and the answer is for the rest", async () => {
    const { code, out, err } = await advise([`${tasks}#double`, "--input", "ndjson", "--once"], {
      input: '{"n":1}\n{n\n{"n":2}\n',
    });
    assert.equal(code, EXIT.input);
    assert.match(linesOf(err)[0]!, /^allcores: line 2 of stdin \("\{n"\): SyntaxError: not JSON: /);
    assert.match(out, /^double: .* for 2 items/);
    const none = await advise([`${tasks}#double`, "--input", "ndjson"], { input: "{n\n" });
    assert.deepEqual(
      [none.code, none.out, linesOf(none.err).at(-1)],
      [EXIT.input, "", "allcores: no input could be read"],
    );
  });

  test("a module or an export that is not there is named, with what may have been meant", async () => {
    const missing = await advise([`${tasks}#uper`, "a"]);
    assert.deepEqual([missing.code, missing.out], [EXIT.task, ""]);
    assert.match(linesOf(missing.err).at(-1)!, /command-tasks\.js#uper: the module has no function uper; /);
    const { code, out, err } = await advise(["./nowhere.js", "a"]);
    assert.deepEqual([code, out, err], [EXIT.task, "", "allcores: there is no module ./nowhere.js\n"]);
  });

  test("a module that throws is said once, and so is a task that ends its worker", async () => {
    writeFileSync(join(folder, "throws.mjs"), 'throw new RangeError("not today");\n');
    const thrown = await advise(["./throws.mjs", "a", "b"]);
    assert.deepEqual(
      [thrown.code, thrown.out, linesOf(thrown.err).slice(1)],
      [EXIT.task, "", ["allcores: ./throws.mjs could not be loaded: RangeError: not today"]],
    );
    const ended = await advise([`${tasks}#ends`, "a"]);
    assert.deepEqual([ended.code, ended.out], [EXIT.itemsFailed, ""]);
    assert.match(
      linesOf(ended.err).at(-1)!,
      /command-tasks\.js#ends ended its worker: .*exit code 3 \(allcores explain WORKER_DIED\)$/,
    );
  });

  test("a task of which not one item ends within the budget is told so, with what to do", async () => {
    const { code, out, err } = await advise([`${tasks}#never`, "a", "--budget", "200ms"]);
    assert.equal(code, EXIT.done, err);
    assert.match(out, /^never: .* \(cannot tell\), for 1 items on \d+ cores\n/);
    assert.match(out, /\n- Not even one item ended within the budget of 200 ms: .* is a guess\.\n/);
    assert.match(out, /--budget on the command line/);
  });

  test("no inputs, a closed stdin and a file that is not there are named", async () => {
    for (const [args, options, message] of [
      [[], { input: "" }, /there are no inputs/],
      [[], {}, /stdin is closed/],
      [["--file", "nowhere.txt"], {}, /the file nowhere\.txt cannot be read: ENOENT/],
      [["--glob", "nothing/*"], {}, /no file matches nothing\/\*/],
    ] as const) {
      const { code, out, err } = await advise([tasks, ...args], options);
      assert.deepEqual([code, out, linesOf(err).length], [EXIT.input, "", 1]);
      assert.match(err, message);
    }
  });
});

/** As `advise` gives it. */
const ADVICE: Advice = {
  task: "work",
  items: 100,
  cores: 4,
  model: "thread",
  workers: 4,
  chunkSize: 8,
  certainty: "likely",
  margin: 0.5,
  reasons: ["It computes."],
  wouldChange: [],
  candidates: [
    { model: "thread", workers: 4, ms: 250, memory: 1 << 22 },
    { model: "async", workers: 1, ms: 1000, memory: 2000 },
  ],
  excluded: [{ model: "process", reason: "a Lock cannot cross" }],
  sample: undefined,
  failed: [],
  starts: { thread: 40, process: 90 },
  serial: { workers: 0, loop: 0 },
};

test("the bars say how many times as fast each way is, and the one that is taken is marked", () => {
  const lines = portrayAdvice(ADVICE, "allcores map").split("\n");
  assert.equal(lines[0], "work: 4 threads, 8 items a chunk (likely), for 100 items on 4 cores");
  assert.match(lines.find((line) => line.startsWith("> thread"))!, /^> thread +4 +250 ms +4\.0 MB +4\.0x {2}█{30}$/);
  assert.match(lines.find((line) => line.startsWith("  async"))!, /^ {2}async +1 +1\.00 s +2 KB +1\.0x {2}█{8}$/);
  assert.ok(lines.includes("process cannot run it: a Lock cannot cross"));
  const unfinished = portrayAdvice(
    { ...ADVICE, model: "async", workers: 1, candidates: [], reasons: [] },
    "allcores map",
  );
  assert.equal(unfinished.split("\n")[0], "work: one call after the other (likely), for 100 items on 4 cores");
});

test("the command is one that a shell takes", () => {
  assert.equal(
    commandOf("./my work.js#it's", ADVICE, { input: "ndjson" }),
    `allcores map './my work.js#it'\\''s' --model thread --workers 4 --chunk 8 --input ndjson`,
  );
  assert.equal(
    commandOf("node:path#basename", { ...ADVICE, model: "async", workers: 1 }, { input: "lines" }),
    "allcores map node:path#basename --model async --workers 1",
  );
});
