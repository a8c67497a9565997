/**
 * The pains of Python's pools with the life of a program, by their numbers. The same programs as in
 * tests/pools/pool-life.test.ts.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isRunning, until } from "../fixtures/pool-processes.js";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("../fixtures/pool-life.js", import.meta.url));

function run(what: string, across: string) {
  const child = spawn(process.execPath, [program, what, across], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  const end = new Promise<string | number | null>((resolve) =>
    child.on("close", (code, signal) => resolve(signal ?? code)),
  );
  return { child, end, out: () => out };
}

describe("pains of programs", { concurrency: 2, timeout: timeLimit(60_000) }, () => {
  for (const across of ["threads", "processes"]) {
    test(`pain 26: an idle pool of ${across} does not keep its program alive, work that runs does`, async () => {
      const idle = run("idle", across);
      assert.deepEqual([await idle.end, idle.out()], [0, "3\n"]);
      const closed = run("closed", across);
      assert.deepEqual([await closed.end, closed.out()], [0, "done 100\n"]);
    });

    test(`pain 27: Ctrl-C ends the workers of a pool of ${across}, then the program`, async () => {
      const { child, end, out } = run("interrupt", across);
      await until(() => out().endsWith("\n"), 20_000);
      const pids = out().trim().split(" ").map(Number);
      for (const pid of new Set([...pids, child.pid as number])) process.kill(pid, "SIGINT");
      assert.equal(await end, "SIGINT");
      assert.deepEqual(pids.map(isRunning), [false, false]);
    });
  }
});
