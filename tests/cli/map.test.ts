/** `allcores map`: where inputs come from, how results go out, and one clear line for all that goes wrong. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { EXIT } from "../../src/cli/exit-code.js";
import { haltOf } from "../../src/cli/map/map-settings.js";
import {
  commandFile,
  type CommandOptions,
  linesIn,
  runCommand,
  startCommand,
  tasks,
  temporaryFolder,
  until,
} from "../fixtures/command.js";
import { timeLimit } from "../time-limit.js";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true, force: true }));
const map = (args: readonly string[], options?: CommandOptions) =>
  runCommand(["map", ...args], { cwd: folder, ...options });
/** Lines on stderr that the command wrote. */
const linesOf = (err: string): string[] => err.split("\n").filter((line) => line.startsWith("allcores:"));

describe("inputs and results", { concurrency: 1, timeout: timeLimit(120_000) }, () => {
  test("arguments go through a default export, in order", async () => {
    assert.deepEqual(await map([tasks, "a", "b", "ü"]), { code: 0, signal: null, out: '"A"\n"B"\n"Ü"\n', err: "" });
  });

  test("lines of stdin and of files, with and without their last end", async () => {
    assert.equal((await map([tasks], { input: "a\r\nb\n\nc" })).out, '"A"\n"B"\n""\n"C"\n');
    writeFileSync(join(folder, "names.txt"), "x\ny\n");
    assert.equal(
      (await map([tasks, "first", "--file", "names.txt", "--file", "-"], { input: "z" })).out,
      '"FIRST"\n"X"\n"Y"\n"Z"\n',
    );
    assert.equal((await map([tasks, "--input", "nul"], { input: "a\nb\0c\0" })).out, '"A\\nB"\n"C"\n');
  });

  test("globs, sorted", async () => {
    mkdirSync(join(folder, "deep/er"), { recursive: true });
    for (const name of ["deep/b.txt", "deep/a.txt", "deep/er/c.txt", "deep/d.js"])
      writeFileSync(join(folder, name), "");
    assert.equal((await map([tasks, "--glob", "deep/**/*.txt"])).out, '"DEEP/A.TXT"\n"DEEP/B.TXT"\n"DEEP/ER/C.TXT"\n');
    const none = await map([tasks, "--glob", "nothing/*"]);
    assert.deepEqual([none.code, linesOf(none.err)], [EXIT.input, ["allcores: no file matches nothing/*"]]);
  });

  test("values of NDJSON, whose results may be records", async () => {
    const { out } = await map([`${tasks}#double`, "--input", "ndjson", "--lines", "record"], {
      input: '{"n":1}\n\n{"n":21}\n',
    });
    assert.deepEqual(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
      [
        { index: 0, input: '{"n":1}', value: 2 },
        { index: 1, input: '{"n":21}', value: 42 },
      ],
    );
  });

  for (const model of ["thread", "process", "async"])
    test(`TypeScript and names by model ${model}`, async () => {
      writeFileSync(
        join(import.meta.dirname, "../fixtures/command-typed.ts"),
        "export function lengthOf(text: string): number { return text.length; }\n",
      );
      const { out, err } = await map([
        join(import.meta.dirname, "../fixtures/command-typed.js#lengthOf"),
        "four",
        "sixsix",
        "--model",
        model,
      ]);
      assert.deepEqual({ out, err }, { out: "4\n6\n", err: "" });
    });

  test("a model that is chosen by what the items do, and said at the end", async () => {
    const inputs = Array.from({ length: 100 }, (_, n) => `i${n}`);
    for (const [name, model] of [
      ["waits", "async"],
      ["logged", "thread"],
    ] as const) {
      const { code, out, err } = await map([`${tasks}#${name}`, "--model", "auto"], {
        input: inputs.join("\n"),
        env: { COMMAND_LOG: join(folder, "auto.log") },
      });
      assert.deepEqual([code, out.split("\n").length], [EXIT.done, 101]);
      assert.match(out, /^"i0[:"]/);
      assert.match(err, new RegExp(`^allcores: chose ${model}: .*\n$`));
    }
    assert.deepEqual(linesIn(join(folder, "auto.log")).sort(), [...inputs].sort());
  });

  test("as completed, each once", async () => {
    const inputs = Array.from({ length: 200 }, (_, n) => `i${n}`);
    const { out } = await map([tasks, "--as-completed", "--lines", "record", "--chunk", "3"], {
      input: inputs.join("\n"),
    });
    const records = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { index: number; value: string });
    assert.deepEqual(
      records.sort((a, b) => a.index - b.index).map(({ value }) => value),
      inputs.map((text) => text.toUpperCase()),
    );
  });

  test("to a file, in place of what it had", async () => {
    writeFileSync(join(folder, "results"), "x".repeat(100));
    assert.deepEqual(await map([tasks, "a", "--output", "results"]), { code: 0, signal: null, out: "", err: "" });
    assert.equal(readFileSync(join(folder, "results"), "utf8"), '"A"\n');
  });

  test("memory stays flat over an input that does not end", async () => {
    const input = Array.from({ length: 200_000 }, (_, n) => `line ${n}`).join("\n");
    const { code, out, err } = await map([tasks], { input, flags: ["--max-old-space-size=32"] });
    assert.deepEqual([code, err, out.length], [0, "", input.length + 1 + 2 * 200_000]);
  });

  test("a reader that goes away ends it quietly", async () => {
    const child = spawn(
      "bash",
      ["-c", `yes | "${process.execPath}" "${commandFile}" map "${tasks}" | head -n 2; echo "\${PIPESTATUS[1]}"`],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let [out, err] = ["", ""];
    child.stdout.on("data", (text) => (out += text));
    child.stderr.on("data", (text) => (err += text));
    await new Promise((resolve) => child.on("close", resolve));
    assert.deepEqual({ out, err }, { out: `"Y"\n"Y"\n${EXIT.brokenPipe}\n`, err: "" });
  });

  test("progress is plain lines where stderr is no terminal", async () => {
    const { err } = await map([tasks, "a", "--progress"]);
    assert.match(err, /1 done, 0 failed/);
    assert.ok(!err.includes("\x1b"));
  });
});

describe("failures", { concurrency: 1, timeout: timeLimit(180_000) }, () => {
  test("of items have a line each, and the rest goes on", async () => {
    const { code, out, err } = await map([`${tasks}#failing`, "good", "bad one", "fine"]);
    assert.deepEqual([code, out], [EXIT.itemsFailed, '"good"\n"fine"\n']);
    assert.deepEqual(linesOf(err), [
      'allcores: input 2 ("bad one"): RangeError: bad one is bad',
      "allcores: 2 done, 1 failed",
    ]);
  });

  test("as records, as JSON, or not at all", async () => {
    const inputs = ["good", "bad", "fine"];
    const records = (await map([`${tasks}#failing`, ...inputs, "--lines", "record", "--on-error", "skip"])).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(records[1], { index: 1, input: "bad", error: { name: "RangeError", message: "bad is bad" } });
    const { err } = await map([`${tasks}#failing`, ...inputs, "--json"]);
    const lines = err
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual([lines[0].index, lines[0].error.name, lines[1].failed], [1, "RangeError", 1]);
    assert.equal(
      (await map([`${tasks}#failing`, ...inputs, "--on-error", "skip"])).err,
      "allcores: 2 done, 1 failed\n",
    );
  });

  test("stop the run where that was asked for", async () => {
    const inputs = Array.from({ length: 100 }, (_, n) => (n % 10 === 9 ? `bad${n}` : `good${n}`));
    for (const [how, failures] of [
      [["--on-error", "stop"], 1],
      [["--halt", "now,fail=2"], 2],
    ] as const) {
      const { code, out, err } = await map([`${tasks}#failing`, ...how], { input: inputs.join("\n") });
      assert.equal(code, EXIT.halted);
      assert.equal(linesOf(err).filter((line) => line.includes("RangeError")).length, failures);
      assert.equal(out.trim().split("\n").length, 9 * failures);
    }
    const soon = await map([`${tasks}#failing`, "--halt", "soon,fail=1", "--chunk", "1"], { input: inputs.join("\n") });
    assert.equal(soon.code, EXIT.halted);
    assert.ok(soon.out.trim().split("\n").length < 90, "the rest was not run");
    assert.deepEqual(
      [haltOf("never")?.when, haltOf("soon,fail=3"), haltOf("now,fail=0"), haltOf("fail=1")],
      ["never", { when: "soon", failures: 3 }, undefined, undefined],
    );
  });

  test("are tried again, and timed out", async () => {
    const { code, err } = await map([`${tasks}#never`, "x", "--timeout", "100ms", "--retries", "1"]);
    assert.equal(code, EXIT.itemsFailed);
    assert.match(err, /input 1 \("x"\): TimeoutError: .*\(allcores explain TIMEOUT\)/);
  });

  test("a module or an export that is not there is named, with what may have been meant", async () => {
    for (const [reference, line] of [
      [
        tasks.replace("tasks.js", "taskss.js"),
        /there is no module .*command-taskss\.js; did you mean .*command-tasks\.js\?/,
      ],
      [`${tasks}#faling`, /the module has no function faling; did you mean failing\?/],
      [`${tasks}#somethingElse`, /the module has no function somethingElse; it exports .*failing/],
      ["no-such-package#x", /there is no module no-such-package/],
    ] as const)
      for (const model of ["thread", "async"]) {
        const { code, out, err } = await map([reference, "1", "2", "--model", model]);
        assert.deepEqual([code, out, linesOf(err).length], [EXIT.task, "", 1], err);
        assert.match(err, line);
      }
  });

  test("a module that throws is said once", async () => {
    writeFileSync(join(folder, "throws.mjs"), 'throw new RangeError("at the top\\nof all");\n');
    for (const model of ["thread", "process", "async"]) {
      const { code, out, err } = await map(["./throws.mjs", "1", "2", "3", "--model", model]);
      assert.deepEqual(
        [code, out, err],
        [EXIT.task, "", `allcores: ./throws.mjs could not be loaded: RangeError: at the top\n`],
      );
    }
  });

  test("bad JSON is named by its line, and the rest goes on", async () => {
    const { code, out, err } = await map([`${tasks}#double`, "--input", "ndjson"], {
      input: '{"n":1}\n{"n":\n{"n":3}\n',
    });
    assert.deepEqual([code, out], [EXIT.input, "2\n6\n"]);
    assert.match(linesOf(err)[0]!, /^allcores: line 2 of stdin \("\{\\"n\\":"\): SyntaxError: not JSON: /);
    assert.equal(linesOf(err)[1], "allcores: 2 done, 1 failed");
  });

  test("a result that is no JSON fails its item", async () => {
    const { code, err } = await map([`${tasks}#big`, "1"]);
    assert.equal(code, EXIT.itemsFailed);
    assert.match(err, /the result cannot be written as JSON: .*BigInt/);
  });

  test("a process out of memory fails its item, and the rest goes on", async () => {
    const { code, out, err } = await map([
      `${tasks}#fillMemory`,
      "a",
      "boom",
      "c",
      "d",
      "--model",
      "process",
      "--memory",
      "64",
      "--chunk",
      "1",
    ]);
    assert.deepEqual([code, out], [EXIT.itemsFailed, '"a"\n"c"\n"d"\n']);
    assert.deepEqual(
      linesOf(err).map((line) => line.replace(/: PoolWorker.*/, "")),
      ['allcores: input 2 ("boom"): MemoryLimitError', "allcores: 3 done, 1 failed"],
    );
  });

  test("a full disk is named", async () => {
    const { code, err } = await map([tasks, "a", "b", "--output", "/dev/full"]);
    assert.deepEqual([code, err], [EXIT.output, "allcores: /dev/full cannot be written: the disk is full (ENOSPC)\n"]);
  });

  test("stdin that is closed is named, and an empty one is not", async () => {
    const { code, out, err } = await map([tasks]);
    assert.deepEqual([code, out, linesOf(err).length], [EXIT.input, "", 1]);
    assert.match(err, /stdin is closed/);
    assert.deepEqual(await map([tasks], { input: "" }), { code: 0, signal: null, out: "", err: "" });
  });

  test("a file that is not there is named", async () => {
    const { code, err } = await map([tasks, "--file", "nowhere.txt"]);
    assert.equal(code, EXIT.input);
    assert.match(err, /^allcores: the file nowhere\.txt cannot be read: ENOENT.*\n$/);
  });
});

describe("Ctrl-C", { concurrency: 1, timeout: timeLimit(120_000) }, () => {
  for (const model of ["thread", "process", "async"])
    test(`lets end what runs by model ${model}, and begins nothing more`, async () => {
      const [log, gate] = [join(folder, `${model}.log`), join(folder, `${model}.gate`)];
      const inputs = Array.from({ length: 20 }, (_, n) => `i${n}`);
      const { child, ended, err } = startCommand(
        ["map", `${tasks}#held`, ...inputs, "--workers", "2", "--chunk", "1", "--model", model],
        {
          cwd: folder,
          env: { COMMAND_LOG: log, COMMAND_GATE: gate },
        },
      );
      await until(() => linesIn(log).length === 2, "two have begun");
      process.kill(-child.pid!, "SIGINT");
      await until(() => err().includes("SIGINT"), "it has heard");
      writeFileSync(gate, "");
      const { code, out } = await ended;
      assert.deepEqual([code, out], [EXIT.interrupted, '"i0"\n"i1"\n']);
      assert.equal(linesIn(log).length, 2);
    });

  test("lets end what runs by model auto, and begins nothing more", async () => {
    const [log, gate] = [join(folder, "auto-held.log"), join(folder, "auto-held.gate")];
    const inputs = Array.from({ length: 20 }, (_, n) => `i${n}`);
    const { child, ended, err } = startCommand(
      ["map", `${tasks}#held`, ...inputs, "--workers", "2", "--chunk", "1", "--model", "auto"],
      {
        cwd: folder,
        env: { COMMAND_LOG: log, COMMAND_GATE: gate },
      },
    );
    // One in its first thread; those that have moved run here.
    await until(() => linesIn(log).length >= 3, "some have begun here");
    process.kill(-child.pid!, "SIGINT");
    await until(() => err().includes("SIGINT"), "it has heard");
    writeFileSync(gate, "");
    const { code, out } = await ended;
    const begun = linesIn(log).length;
    assert.deepEqual(
      [code, out],
      [
        EXIT.interrupted,
        inputs
          .slice(0, begun)
          .map((text) => `"${text}"\n`)
          .join(""),
      ],
    );
    assert.ok(begun < 8, String(begun));
  });

  test("a second time ends at once", async () => {
    const [log, gate] = [join(folder, "twice.log"), join(folder, "twice.gate")];
    const { child, ended, err } = startCommand(["map", `${tasks}#held`, "a", "b", "c"], {
      cwd: folder,
      env: { COMMAND_LOG: log, COMMAND_GATE: gate },
    });
    await until(() => linesIn(log).length > 0, "one has begun");
    process.kill(-child.pid!, "SIGINT");
    await until(() => err().includes("SIGINT"), "it has heard");
    process.kill(-child.pid!, "SIGINT");
    assert.deepEqual([(await ended).code, existsSync(gate)], [EXIT.interrupted, false]);
  });

  test("ends a run that waits for stdin", async () => {
    const { child, ended, err } = startCommand(["map", tasks], { cwd: folder, input: "" });
    await ended;
    const waiting = spawn(process.execPath, [commandFile, "map", tasks], { stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    waiting.stdout.on("data", (text) => (out += text));
    waiting.stdin.write("a\n");
    await until(() => out === '"A"\n', "the first result is there");
    waiting.kill("SIGTERM");
    const code = await new Promise((resolve) => waiting.on("close", resolve));
    assert.deepEqual([code, out, err(), child.exitCode], [EXIT.terminated, '"A"\n', "", 0]);
  });
});
