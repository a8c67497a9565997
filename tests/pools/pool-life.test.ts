/** What a pool does to the life of its program, and what is left when the program is gone. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { inForm } from "../form.js";
import { isRunning, until } from "../fixtures/pool-processes.js";
import { hasInterrupt } from "../fixtures/signal-mask.js";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("../fixtures/pool-life.js", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly end: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
  out(): string;
}

function run(what: string, across: string): Run {
  const child = spawn(process.execPath, [program, what, across], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const end = new Promise<{ code: number | null; signal: string | null; out: string; err: string }>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  return { child, end, out: () => out };
}

for (const across of ["threads", "processes"]) {
  describe(`a program with a pool of ${across}`, { concurrency: 2, timeout: timeLimit(30_000) }, () => {
    const prints = async (what: string, expected: string) =>
      assert.deepEqual(await run(what, across).end, { code: 0, signal: null, out: expected, err: "" });

    test("an unused pool does not keep it alive", () => prints("unused", "end\n"));
    test("workers that are kept ready do not keep it alive", () => prints("ready", "end 2\n"));
    test("an idle pool does not keep it alive", () => prints("idle", "3\n"));
    test("workers that its tasks have started do", () => prints("children", "parent is done\nsaved\n"));
    test("pending work does", () => prints("pending", "waiting\ndone 300\n"));
    test("work does that waits while all is called off that workers were given", () =>
      prints("called-off", "2 3 4 5\n"));
    test("work of a pool that was closed does", () => prints("closed", "done 100\n"));
    test("a failing task that nobody awaits does not kill it, and is told once, at its exit", async () => {
      const { code, out, err } = await run("unawaited-failure", across).end;
      assert.deepEqual([code, out], [0, "3\n"]);
      assert.equal(err.match(/^Uncaught error in /gm)?.length, 2, err);
      assert.match(err, /CodedError\]: nobody hears this/);
      assert.match(err, /WorkerDiedError: PoolWorker-\d ended with exit code 3/);
    });
    test("workers are numbered from 1", () => prints("names", "PoolWorker-1,PoolWorker-2\n"));
    test("what a worker printed is there before its result", () =>
      prints("print", "in task 1\nstill 1\n1\nin task 2\nstill 2\n2\nin task 3\nstill 3\n3\n"));
    test("Ctrl-C ends the workers first, by their own way out, then the program", async () => {
      const { child, end, out } = run("interrupt", across);
      await until(() => out().endsWith("\n"), 20_000);
      const pids = out().trim().split(" ").map(Number);
      // As a terminal does it: the whole group gets the signal.
      for (const pid of new Set([...pids, child.pid as number])) process.kill(pid, "SIGINT");
      const { signal, out: all, err } = await end;
      assert.deepEqual([signal, all.split("\n").slice(1), err], ["SIGINT", ["worker ends", "worker ends", ""], ""]);
      assert.deepEqual(pids.map(isRunning), [false, false]);
    });
    test("a second Ctrl-C ends it at once", async () => {
      const { child, end, out } = run("deaf", across);
      await until(() => out().endsWith("\n"), 20_000);
      const pid = Number(out());
      child.kill("SIGINT");
      // Two that wait to be taken would be one.
      await until(() => !hasInterrupt("pending", child.pid as number));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(child.exitCode ?? child.signalCode, null);
      child.kill("SIGINT");
      assert.equal((await end).signal, "SIGINT");
      await until(() => !isRunning(pid), 1_000);
    });
    test("process.exit ends it in the middle of work", () => prints("exit", "end\n"));
  });
}

test("no process is left of a program that ended while its workers were starting", {
  timeout: timeLimit(60_000),
}, async () => {
  /** Processes of the program `parent`, by what they were started with. */
  const childrenOf = (parent: number) =>
    readdirSync("/proc")
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`"parent":${parent},`);
        } catch {
          return false;
        }
      });
  for (let round = 0; round < inForm({ short: 3, whole: 10 }); round++) {
    const programs = [1, 2].map(() => run("brief", "processes"));
    await Promise.all(programs.map(({ end }) => end));
    for (const { child } of programs) await until(() => childrenOf(child.pid as number).length === 0, 2_000);
  }
});

test("SIGKILL of the program: no process of its pool is left", { timeout: timeLimit(30_000) }, async () => {
  const { child, end, out } = run("hang", "processes");
  await until(() => out().endsWith("\n"), 20_000);
  const pids = out().trim().split(" ").map(Number);
  assert.equal(pids.length, 2);
  assert.deepEqual(pids.map(isRunning), [true, true]);
  child.kill("SIGKILL");
  await until(() => !pids.some(isRunning), 1_000);
  assert.equal((await end).signal, "SIGKILL");
});
