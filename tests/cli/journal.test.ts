/**
 * A run with a journal goes on where it was, however it ended: no item is lost, none runs again that the journal knows,
 * and no line comes twice.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EXIT } from "../../src/cli/exit-code.js";
import { KnownItems } from "../../src/cli/map/known-items.js";
import {
  type CommandOptions,
  linesIn,
  runCommand,
  startCommand,
  tasks,
  temporaryFolder,
  until,
} from "../fixtures/command.js";
import { randomFrom } from "../fixtures/random.js";
import { inForm } from "../form.js";
import { timeLimit } from "../time-limit.js";

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true, force: true }));
const map = (args: readonly string[], options?: CommandOptions) =>
  runCommand(["map", ...args], { cwd: folder, ...options });
const inputs = Array.from({ length: 150 }, (_, n) => `item ${n}`);
const inFolder = (name: string): string => join(folder, name);

let count = 0;
/** Files of one run: what `logged` ran is in the log. */
function files(): { output: string; journal: string; log: string; gate: string } {
  const name = `run${count++}`;
  return {
    output: inFolder(`${name}.out`),
    journal: inFolder(`${name}.journal`),
    log: inFolder(`${name}.log`),
    gate: inFolder(`${name}.gate`),
  };
}
type Files = ReturnType<typeof files>;

const args = ({ output, journal }: Files, ...more: string[]): string[] => [
  `${tasks}#logged`,
  "--file",
  "inputs",
  "--output",
  output,
  "--journal",
  journal,
  ...more,
];
const env = ({ log, gate }: Files): { env: NodeJS.ProcessEnv } => ({ env: { COMMAND_LOG: log, COMMAND_GATE: gate } });
/** The inputs that a journal knows as done. */
const known = ({ journal }: Files): string[] =>
  linesIn(journal)
    .slice(1)
    .map((line) => inputs[(JSON.parse(line) as [number])[0]]!);

let clean: Files;
let expected = "";
let took = 0;

before(async () => {
  writeFileSync(inFolder("inputs"), inputs.join("\n"));
  clean = files();
  const began = performance.now();
  assert.deepEqual(await map(args(clean), env(clean)), { code: 0, signal: null, out: "", err: "" });
  took = performance.now() - began;
  expected = readFileSync(clean.output, "utf8");
  assert.equal(expected.trim().split("\n").length, inputs.length);
});

const sorted = (text: string): string => text.split("\n").sort().join("\n");

describe("a run that was killed", { concurrency: 1, timeout: timeLimit(300_000) }, () => {
  const seed = Date.now() % 1_000_000;
  const random = randomFrom(seed);
  const variants = [[], ["--model", "process"], ["--as-completed"], ["--chunk", "4"], ["--workers", "3"]];
  for (let round = 0; round < inForm({ short: 5, whole: 20 }); round++) {
    const share = random();
    const variant = variants[round % variants.length]!;
    test(`goes on after SIGKILL to its whole group (${variant.join(" ") || "as it is"}; seed ${seed}, at ${share.toFixed(3)})`, async () => {
      const run = files();
      const { child, ended } = startCommand(["map", ...args(run, ...variant)], { cwd: folder, ...env(run) });
      await new Promise((resolve) => setTimeout(resolve, share * took));
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await ended;
      const before = existsSync(run.journal) ? known({ ...run }).filter((text) => text !== undefined) : [];
      const ranBefore = linesIn(run.log).length;
      const { code, err } = await map(args(run, ...variant), env(run));
      assert.equal(code, 0, err);
      const output = readFileSync(run.output, "utf8");
      if (variant.includes("--as-completed")) assert.equal(sorted(output), sorted(expected));
      else assert.equal(output, expected);
      const ran = linesIn(run.log).slice(ranBefore);
      assert.deepEqual(
        ran.filter((text) => before.includes(text)),
        [],
        "none is run again that the journal knows",
      );
      assert.deepEqual(new Set([...before, ...ran]).size, inputs.length);
    });
  }
});

describe("a loss of power", { concurrency: 1, timeout: timeLimit(300_000) }, () => {
  const points = inForm({ short: 4, whole: 16 });
  for (let point = 0; point <= points; point++)
    test(`that leaves ${point} of ${points} parts of the journal, and more of the output`, async () => {
      const run = files();
      const lines = linesIn(clean.journal);
      const kept = Math.round((point / points) * inputs.length);
      const head = `${lines.slice(0, kept + 1).join("\n")}\n`.replaceAll(
        JSON.stringify(clean.output),
        JSON.stringify(run.output),
      );
      // The next record is torn, and what the disk had of the output ends within a line.
      writeFileSync(run.journal, head + (lines[kept + 1]?.slice(0, 7) ?? ""));
      const end = kept === 0 ? 0 : (JSON.parse(lines[kept]!) as [number, string, number, number])[3];
      copyFileSync(clean.output, run.output);
      truncateSync(run.output, Math.min(statSync(clean.output).size, end + 11));
      const { code, err } = await map(args(run), env(run));
      assert.equal(code, 0, err);
      assert.equal(readFileSync(run.output, "utf8"), expected);
      assert.equal(linesIn(run.log).length, inputs.length - kept);
    });

  test("that took output which the journal knows has those items run again", async () => {
    const run = files();
    writeFileSync(
      run.journal,
      readFileSync(clean.journal, "utf8").replaceAll(JSON.stringify(clean.output), JSON.stringify(run.output)),
    );
    copyFileSync(clean.output, run.output);
    truncateSync(run.output, Math.floor(statSync(run.output).size / 2));
    assert.equal((await map(args(run), env(run))).code, 0);
    assert.equal(readFileSync(run.output, "utf8"), expected);
    assert.ok(linesIn(run.log).length > 0 && linesIn(run.log).length < inputs.length);
  });

  test("within the very first write begins anew, and a file that is no journal is left alone", async () => {
    const run = files();
    writeFileSync(run.journal, readFileSync(clean.journal, "utf8").slice(0, 25));
    assert.equal((await map(args(run), env(run))).code, 0);
    assert.equal(readFileSync(run.output, "utf8"), expected);
    for (const text of ["my notes\n", '{"a":1}']) {
      writeFileSync(run.journal, text);
      const { code, err } = await map(args(run), env(run));
      assert.deepEqual([code, readFileSync(run.journal, "utf8")], [EXIT.journal, text], err);
    }
  });
});

describe("a journal", { concurrency: 1, timeout: timeLimit(180_000) }, () => {
  const few = ["a", "bad", "c"];
  const write = (name: string, lines: readonly string[]): void => writeFileSync(inFolder(name), lines.join("\n"));
  const failing = ({ output, journal }: Files, ...more: string[]): string[] => [
    `${tasks}#failingAtFirst`,
    "--file",
    "few",
    "--output",
    output,
    "--journal",
    journal,
    ...more,
  ];

  test("knows failed items, which run again only by --retry-failed", async () => {
    const run = files();
    write("few", few);
    assert.equal((await map(failing(run), env(run))).code, EXIT.itemsFailed);
    const again = await map(failing(run), env(run));
    assert.deepEqual([again.code, readFileSync(run.output, "utf8")], [EXIT.itemsFailed, '"a"\n"c"\n']);
    assert.match(again.err, /1 failed in an earlier run \(--retry-failed runs them again\)/);
    writeFileSync(run.gate, "");
    assert.equal((await map(failing(run, "--retry-failed"), env(run))).code, 0);
    assert.equal(readFileSync(run.output, "utf8"), '"a"\n"c"\n"bad"\n');
    assert.equal((await map(failing(run, "--retry-failed"), env(run))).code, 0);
    assert.equal(linesIn(run.output).length, 3);
  });

  test("refuses other options, another module and other inputs by name, but for --force", async () => {
    const run = files();
    const module = inFolder("changing.mjs");
    const changing = (...more: string[]): string[] => [
      "./changing.mjs",
      "--file",
      "few",
      "--output",
      run.output,
      "--journal",
      run.journal,
      ...more,
    ];
    writeFileSync(module, "export default (text) => text;\nexport const other = (text) => text;\n");
    write("few", few);
    assert.equal((await map(changing())).code, 0);
    const refused = async (line: RegExp, ...more: string[]): Promise<void> => {
      const { code, err } = await map(changing(...more));
      assert.equal(code, EXIT.journal, err);
      assert.match(err, line);
      assert.equal(readFileSync(run.output, "utf8"), '"a"\n"bad"\n"c"\n');
    };
    await refused(/--lines was value and is record/, "--lines", "record");
    await refused(/--as-completed was in order and is as completed/, "--as-completed");
    write("few", ["a", "bad"]);
    await refused(/knows 3 inputs, and there are 2 now/);
    write("few", ["a", "changed", "c"]);
    await refused(/line 2 of few \("changed"\) is not the input that the journal knows/);
    writeFileSync(module, "export default (text) => text + '!';\n");
    await refused(/the text of the module has changed/);
    assert.equal((await map(changing("--force"))).code, 0);
    assert.equal(readFileSync(run.output, "utf8"), '"a"\n"bad"\n"c"\n"changed!"\n');
    // What was forced is what the journal is of from then on.
    assert.equal((await map(changing())).code, 0);
    for (const option of ["--force", "--retry-failed"])
      assert.equal((await map([tasks, "a", option])).code, EXIT.usage);
  });

  test("goes on after Ctrl-C, in order", async () => {
    const run = files();
    const held = [
      `${tasks}#held`,
      "--file",
      "few",
      "--workers",
      "1",
      "--chunk",
      "1",
      "--output",
      run.output,
      "--journal",
      run.journal,
    ];
    write("few", few);
    const { child, ended, err } = startCommand(["map", ...held], { cwd: folder, ...env(run) });
    await until(() => linesIn(run.log).length === 1, "one has begun");
    process.kill(-child.pid!, "SIGINT");
    await until(() => err().includes("SIGINT"), "it has heard");
    writeFileSync(run.gate, "");
    assert.equal((await ended).code, EXIT.interrupted);
    assert.match(err(), /1 done, 0 failed; the same command goes on/);
    assert.equal((await map(held, env(run))).code, 0);
    assert.deepEqual([readFileSync(run.output, "utf8"), linesIn(run.log)], ['"a"\n"bad"\n"c"\n', few]);
  });

  test("goes on after a full disk, of the output and of its own", async () => {
    for (const full of ["output", "journal"] as const) {
      const run = files();
      const fault = `data:text/javascript,${encodeURIComponent(fullDisk(run[full], full === "output" ? 900 : 1500))}`;
      const { code, err } = await map(args(run), { ...env(run), flags: ["--import", fault] });
      assert.equal(code, EXIT.output, err);
      assert.equal(err, `allcores: ${run[full]} cannot be written: the disk is full (ENOSPC)\n`);
      const { length } = linesIn(run.journal);
      assert.ok(length > 0 && length < inputs.length, `${length} lines`);
      assert.equal((await map(args(run), env(run))).code, 0);
      assert.equal(readFileSync(run.output, "utf8"), expected);
    }
  });

  test("cannot be what is no file, nor where no file can be", async () => {
    for (const [path, reason] of [
      ["/dev/null", /it is no regular file/],
      [inFolder("no/such/folder/j"), /its folder does not exist/],
    ] as const) {
      const { code, err } = await map([tasks, "a", "--journal", path]);
      assert.equal(code, EXIT.output);
      assert.match(err, reason);
    }
  });

  test("remembers many items in little memory", () => {
    const items = new KnownItems();
    for (let index = 0; index < 5000; index += 2)
      items.set(index, index.toString(16).padStart(16, "0"), index % 4 === 0);
    assert.equal(items.size, 4999);
    assert.deepEqual(
      [0, 1, 2, 4998, 9999].map((index) => items.stateOf(index, index.toString(16).padStart(16, "0"))),
      ["done", "unknown", "failed", "failed", "unknown"],
    );
    assert.equal(items.stateOf(4, "ffffffffffffffff"), "changed");
  });
});

/**
 * A module that has a file's disk be full once it has so many bytes: what is beyond is written in part, and fails from
 * then on.
 */
function fullDisk(path: string, bytes: number): string {
  return `
    import { open } from "node:fs/promises";
    import { readlinkSync } from "node:fs";
    const file = await open(process.execPath);
    const { prototype } = file.constructor;
    await file.close();
    const { write } = prototype;
    prototype.write = async function (buffer, offset, length, position) {
      if (readlinkSync("/proc/self/fd/" + this.fd) !== ${JSON.stringify(path)}) return write.call(this, buffer, offset, length, position);
      const room = ${bytes} - position;
      if (room <= 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      return write.call(this, buffer, offset, Math.min(length, room), position);
    };`;
}
