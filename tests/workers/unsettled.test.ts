/**
 * Tasks that await what can never come: their worker's event loop has nothing left, and the error says which task it
 * was.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Process, ProcessPool, Thread, ThreadPool } from "allcores";
import { explore } from "allcores/testing";
import { counter, incrementByRetry } from "../fixtures/explored-programs.js";
import { awaitNothing, exit } from "../fixtures/worker-tasks.js";
import { timeLimit } from "../time-limit.js";

const told = {
  code: "ERR_ALLCORES_WORKER_DIED",
  exitCode: 13,
  message: /nothing left in its event loop .*what it awaited can never come.* task "awaitNothing"/,
};

for (const Kind of [Thread, Process] as const)
  test(`of a ${Kind.name}`, { timeout: timeLimit(30_000) }, async () => {
    await assert.rejects(Kind.start(awaitNothing).join(), told);
    // One that exits by itself has something left, for all that is known.
    await assert.rejects(Kind.start(exit, 0).join(), { exitCode: 0, message: /ended with exit code 0 before/ });
  });

for (const Kind of [ThreadPool, ProcessPool] as const)
  test(`of a ${Kind.name}`, { timeout: timeLimit(30_000) }, () =>
    Kind.run({ workers: 1 }, async (pool) => {
      await assert.rejects(Promise.resolve(pool.submit(awaitNothing)), told);
    }),
  );

test("explore() on Bun says that it needs Node", async () => {
  Object.defineProperty(process.versions, "bun", { value: "1.3.0", configurable: true, enumerable: true });
  try {
    await assert.rejects(explore({ setup: counter, workers: [incrementByRetry] }), {
      code: "ERR_ALLCORES_PLATFORM",
      message: /explore\(\) needs Node: Bun/,
    });
  } finally {
    Reflect.deleteProperty(process.versions, "bun");
  }
});
