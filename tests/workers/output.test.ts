/** What a worker printed before its end arrives, whole and in order, however slow its reader is. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { timeLimit } from "../time-limit.js";

const program = join(import.meta.dirname, "../fixtures/programs/printing.js");
const folder = fs.mkdtempSync(join(tmpdir(), "allcores-output-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

let pipes = 0;

/** Runs the program with one pipe for both of its streams; gives what `read` reads of that, and the exit code. */
async function run(args: string[], read: (descriptor: number, ended: () => boolean) => Promise<string>) {
  const path = join(folder, `pipe-${++pipes}`);
  execFileSync("mkfifo", [path]);
  const reader = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const writer = fs.openSync(path, fs.constants.O_WRONLY);
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", writer, writer] });
  fs.closeSync(writer);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeLimit(50_000));
  let hasEnded = false;
  const end = new Promise<number | null>((resolve) =>
    child.once("exit", (code) => {
      hasEnded = true;
      clearTimeout(timer);
      resolve(code);
    }),
  );
  const text = await read(reader, () => hasEnded);
  return { text, code: await end };
}

/** What is there, one page at most; undefined once nobody can write any more. */
function page(descriptor: number): Buffer | undefined {
  const bytes = Buffer.alloc(4096);
  try {
    const length = fs.readSync(descriptor, bytes);
    return length === 0 ? undefined : bytes.subarray(0, length);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
    return Buffer.alloc(0);
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

/** A page now and then, until nobody can write any more, or `isEnough`. */
async function slowly(descriptor: number, isEnough = () => false): Promise<string> {
  const pieces: Buffer[] = [];
  while (!isEnough()) {
    const piece = page(descriptor);
    if (piece === undefined) break;
    pieces.push(piece);
    await turn();
  }
  return Buffer.concat(pieces).toString();
}

/** Whether it computes. */
function isBusy(pid: number): boolean {
  try {
    return / R /.test(fs.readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("line "));
}

const LINES = Array.from({ length: 400 }, (_, line) => `line ${line} ${"x".repeat(990)}`);

describe("everything written before the end arrives, in order", { timeout: timeLimit(120_000) }, () => {
  for (const [how, what, rest] of [
    ["returns", "process", []],
    ["returns", "thread", []],
    ["holds back", "process", ["held back"]],
    ["exits", "process", ["ERR_ALLCORES_WORKER_DIED"]],
    ["exits", "thread", ["ERR_ALLCORES_WORKER_DIED"]],
    ["throws", "process", ["undefined"]],
    ["is terminated", "process", ["ERR_ALLCORES_WORKER_DIED"]],
    ["is terminated", "thread", ["ERR_ALLCORES_WORKER_DIED"]],
    ["returns", "process pool", []],
    ["returns", "thread pool", []],
    ["exits", "process pool", ["ERR_ALLCORES_WORKER_DIED"]],
    ["is worn out", "process pool", []],
    ["is idle", "process pool", []],
  ] as const)
    test(`when a worker (${what}) ${how}`, async () => {
      const { text, code } = await run([how, what], (descriptor) => slowly(descriptor));
      assert.equal(
        code,
        0,
        text
          .split("\n")
          .filter((line) => !line.startsWith("line "))
          .join("\n"),
      );
      assert.deepEqual(linesOf(text), LINES);
      assert.deepEqual(text.split("\n").slice(400, -1), rest);
    });

  test("when a worker (process pool) throws beside its task: all of it though the pipe is full, and the error is the caller's alone", async () => {
    const file = join(folder, "full");
    const { text, code } = await run(["throws", "process pool", file], async (descriptor, ended) => {
      const printed = await slowly(descriptor, () => ended() || fs.existsSync(file));
      const pid = Number(fs.readFileSync(file, "utf8"));
      fs.writeFileSync(`${file}.seen`, "");
      // Until it waits for its reader, or is gone.
      while (isBusy(pid)) await turn();
      return printed + (await slowly(descriptor));
    });
    assert.deepEqual(linesOf(text), LINES);
    assert.doesNotMatch(text, /thrown beside the task/);
    assert.match(text, /ERR_ALLCORES_WORKER_DIED\n$/);
    assert.equal(code, 0);
  });

  for (const what of ["process", "thread"])
    test(`terminate() ends a worker (${what}) that prints what nobody reads, after killGrace at the latest`, async () => {
      const file = join(folder, `stuck-${what}`);
      const { code } = await run(["is stuck", what, file], async (descriptor, ended) => {
        while (!ended()) await turn();
        fs.closeSync(descriptor);
        return "";
      });
      assert.equal(code, 0);
      assert.equal(fs.readFileSync(file, "utf8"), "ERR_ALLCORES_WORKER_DIED");
    });

  for (const what of ["process", "thread", "process pool"])
    test(`what nobody reads any more keeps no worker (${what}) from ending`, async () => {
      const { code } = await run(["returns", what], async (descriptor) => {
        while (page(descriptor)?.length === 0) await turn();
        fs.closeSync(descriptor);
        return "";
      });
      assert.equal(code, 0);
    });
});
