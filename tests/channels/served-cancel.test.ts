/** Calls into another loop can be cancelled from the thread that made them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { currentWorker, Event, Process, ProcessPool, serve, setUncaughtHook, Thread, ThreadPool } from "allcores";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { callOff, submitAndCallOff, type Waiter, endForever } from "../fixtures/served-tasks.js";
import { timeLimit } from "../time-limit.js";

const waiter: Waiter = {
  async wait(started, calledOff) {
    const { signal } = currentWorker();
    started.set();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    calledOff.set();
  },
  double: (n) => 2 * n,
};

const codes = {
  cancel: "ERR_ALLCORES_CANCELLED",
  signal: "enough",
  timeout: "ERR_ALLCORES_TIMEOUT",
  sync: "ERR_ALLCORES_TIMEOUT",
};

for (const across of ["threads", "processes"] as const) {
  describe(`calls into another loop, across ${across}`, { timeout: timeLimit(60_000) }, () => {
    for (const how of ["cancel", "signal", "timeout", "sync"] as const) {
      test(`served.call: a cancel reaches a signal that the method can ask for (${how})`, async () => {
        using served = serve(waiter, { across });
        const [started, calledOff] = [new Event({ across }), new Event({ across })];
        const args = [served, how, started, calledOff] as const;
        const caller = across === "threads" ? Thread.start(callOff, ...args) : Process.start(callOff, ...args);
        await calledOff.wait({ timeout: timeLimit(20_000) });
        assert.deepEqual(await caller.join(), [codes[how], 8]);
      });
    }

    test("served.call gives a future, as run_coroutine_threadsafe of Python's asyncio does: the caller can end a call of a method that never ends", async () => {
      using served = serve({ forever: () => new Promise<void>(() => {}) }, { across });
      const caller = across === "threads" ? Thread.start(endForever, served) : Process.start(endForever, served);
      const ended = { isFuture: true, isCancelled: true, after: "cancelled", outcome: codes.cancel };
      const { before, ...rest } = await caller.join();
      assert.deepEqual(rest, ended);
      assert.ok(before === "pending" || before === "running");
    });

    for (const timeout of [undefined, 1000]) {
      test(`PoolHandle.submit gives a future that calls its task off (${timeout === undefined ? "cancel" : "timeout"})`, async () => {
        await using pool = across === "threads" ? new ThreadPool({ workers: 2 }) : new ProcessPool({ workers: 2 });
        const [started, calledOff] = [new Event({ across }), new Event({ across })];
        const outcome = pool.submit(submitAndCallOff, pool.handle(), started, calledOff, timeout);
        await calledOff.wait({ timeout: timeLimit(20_000) });
        assert.equal(await outcome, timeout === undefined ? "ERR_ALLCORES_CANCELLED" : "ERR_ALLCORES_TIMEOUT");
      });
    }
  });
}

test("served.call at the owner itself gives a future that can be cancelled too", async () => {
  using served = serve(waiter);
  const [started, calledOff] = [new Event(), new Event()];
  const future = served.call("wait", started, calledOff);
  assert.equal(future.cancel(), true);
  await assert.rejects(future, { code: codes.cancel });
  await calledOff.wait({ timeout: timeLimit(20_000) });
  await assert.rejects(served.with({ signal: AbortSignal.abort(new Error("before")) }).call("double", 1), /before/);
});

test("errors without an owner: a served.call that fails and that nobody awaits is told to the uncaught hook, once; one that is awaited or called off is not", async () => {
  const told: unknown[] = [];
  const before = setUncaughtHook((error) => told.push((error as Error).message));
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  try {
    using served = serve({
      fail(text: string): never {
        throw new Error(text);
      },
    });
    await assert.rejects(served.call("fail", "somebody listens"), /somebody listens/);
    served.call("fail", "called off").cancel();
    // A name of its own, so that no frame keeps the future.
    const drop = () => void served.call("fail", "nobody listens");
    drop();
    while (told.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    assert.deepEqual(told, ["nobody listens"]);
  } finally {
    setUncaughtHook(before);
  }
});
