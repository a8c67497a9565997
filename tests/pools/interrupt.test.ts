/**
 * Ctrl-C that only the program hears. More runs of each case: `ROUNDS=30 node scripts/test.mjs pools/interrupt`.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isRunning, until } from "../fixtures/pool-processes.js";
import { hasInterrupt } from "../fixtures/signal-mask.js";
import { startProgram } from "../workers/programs.js";
import { timeLimit } from "../time-limit.js";

const ROUNDS = Number(process.env.ROUNDS ?? 3);
/** Of the program's pools. */
const KILL_GRACE_MS = 200;

async function interrupt(
  what: string,
  model: string,
  ...blocks: string[]
): Promise<{ child: number; ms: number; signal: string | null }> {
  const { child, says, ended } = startProgram("interrupt", what, model, ...blocks);
  let output = "";
  child.stdout!.on("data", (text: string) => (output += text));
  await says("\n");
  const pid = Number(output);
  if (what === "is stopped") process.kill(pid, "SIGSTOP");
  // A signal that comes before the program blocks waits for its loop.
  if (blocks.length > 0) await until(() => !hasInterrupt("caught", child.pid!));
  const since = performance.now();
  child.kill("SIGINT");
  await ended;
  await until(() => !isRunning(pid));
  return { child: pid, ms: performance.now() - since, signal: child.signalCode };
}

describe("after SIGINT to the program alone", { timeout: timeLimit(60_000) + ROUNDS * 10_000 }, () => {
  for (const model of ["pool", "Process"])
    test(`a child that computes is gone within killGrace and a second (${model})`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const { ms, signal } = await interrupt("computes", model);
        assert.equal(signal, "SIGINT");
        assert.ok(ms < KILL_GRACE_MS + timeLimit(1000), `it took ${ms} ms`);
      }
    });

  for (const model of ["process", "thread"])
    test(`a program that joinSync blocks ends at once, and its worker with it (${model})`, async () => {
      const { ms, signal } = await interrupt("computes", model, "blocks");
      assert.equal(signal, "SIGINT");
      assert.ok(ms < timeLimit(1000), `it took ${ms} ms`);
    });

  for (const model of ["process", "thread"])
    for (const what of ["has an exit hook that hangs", "computes in a timer", "is stopped"]) {
      if (model === "thread" && what === "is stopped") continue;
      test(`an idle worker (${model}) that does not end since it ${what} is killed after killGrace too`, async () =>
        assert.equal((await interrupt(what, model)).signal, "SIGINT"));
    }
});

describe("a program's own way out keeps its say", { timeout: timeLimit(60_000) }, () => {
  for (const how of ["process.once", "await once", "once, later"])
    test(`its handler for SIGINT made ${how === "once, later" ? "after" : "before"} the first pool is not overruled (${how})`, async () => {
      const { child, says, ended } = startProgram("drain", how);
      await says("begun");
      child.kill("SIGINT");
      assert.deepEqual(await ended, { code: 0, output: "begun\ndrained saved\n", errors: "" });
    });
});
