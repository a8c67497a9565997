/**
 * A hostile Proxy thrown as an error: whoever asks what it is gets another error, or none; the call that threw it ends
 * all the same, and its worker lives on.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AsyncPool,
  gather,
  isAllcoresError,
  type Pool,
  Process,
  ProcessPool,
  TaskGroup,
  Thread,
  ThreadPool,
  toThread,
} from "allcores";
import { hostile, type Hostile, throwHostile } from "../fixtures/hostile-tasks.js";
import { sizeOf } from "../fixtures/pool-tasks.js";
import { timeLimit } from "../time-limit.js";

const all = Object.keys(hostile) as Hostile[];
const named = (error: unknown) =>
  error instanceof Error && /Proxy.*was thrown, which cannot cross to another worker/s.test(error.message);
/** Not `rejects`, which looks at what was thrown. */
const reasonOf = async (promise: PromiseLike<unknown>): Promise<readonly [reason: unknown]> => {
  try {
    await promise;
  } catch (reason) {
    return [reason];
  }
  throw new Error("nothing was thrown");
};

const pools: Record<string, () => Pool> = {
  ThreadPool: () => new ThreadPool({ workers: 1 }),
  ProcessPool: () => new ProcessPool({ workers: 1 }),
  AsyncPool: () => new AsyncPool({ concurrency: 1 }) as Pool,
};
for (const [name, make] of Object.entries(pools)) {
  test(`${name}: a hostile Proxy thrown as an error fails its call by a named error, and no other`, {
    timeout: timeLimit(60_000),
  }, async () => {
    await using pool = make();
    for (const which of all) {
      for (const outcome of [
        pool.submit(throwHostile, which),
        pool.map(throwHostile, [which]),
        pool.with({ retries: { limit: 1, delay: 1 } }).submit(throwHostile, which),
      ]) {
        const [reason] = await reasonOf(outcome);
        // Nothing travels in an AsyncPool: it is the object itself.
        if (name !== "AsyncPool") assert.ok(named(reason));
      }
    }
    assert.equal(await pool.submit(sizeOf, new Uint8Array(3)), 3);
    if (name !== "AsyncPool") assert.equal(pool.stats().died, 0);
  });
}

test("Thread, Process and toThread: a hostile Proxy thrown as an error", { timeout: timeLimit(60_000) }, async () => {
  const which = "a hostile Proxy";
  for (const worker of [Thread.start(throwHostile, which), Process.start(throwHostile, which)])
    assert.ok(named((await reasonOf(worker.join()))[0]));
  assert.ok(named((await reasonOf(toThread(throwHostile, which)))[0]));
});

test("TaskGroup, gather and isAllcoresError: a hostile Proxy thrown as an error", async () => {
  for (const which of all) {
    const thrown = hostile[which]();
    assert.equal(isAllcoresError(thrown), false);
    const failing = async () => {
      throw thrown;
    };
    const [reason] = await reasonOf(TaskGroup.run((group) => void group.spawn(failing)));
    assert.ok(isAllcoresError(reason) && reason.code === "ERR_ALLCORES_TASK_GROUP");
    await reasonOf(gather([failing]));
  }
});
