import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { AsyncPool, gather, setUncaughtHook, shield, sleep, TaskGroup, TimeoutError, waitFor } from "allcores";
import { gate, Leftovers } from "../fixtures/leftovers.js";
import { timeLimit } from "../time-limit.js";

const wait = (signal: AbortSignal) => sleep(60_000, { signal });

describe("tasks", { timeout: timeLimit(20_000) }, () => {
  let leftovers: Leftovers;
  beforeEach(() => {
    leftovers = new Leftovers();
  });
  afterEach(() => leftovers.check());

  describe("gather", () => {
    const later = (n: number) => async (signal: AbortSignal) => {
      await sleep(n, { signal });
      return n;
    };

    test("results in the order of the list, of functions and promises, in each form", async () => {
      assert.deepEqual(await gather([later(6), later(2), Promise.resolve("p")]), [6, 2, "p"]);
      assert.deepEqual(await gather(later(3), later(1)), [3, 1]);
      assert.deepEqual(await gather(new Set([later(2), later(1)])), [2, 1]);
      assert.deepEqual(await gather([]), []);
      assert.deepEqual(await gather(), []);
    });

    test("the first error cancels the others and is thrown once they have cleaned up", async () => {
      const error = new Error("first");
      let cleaned = false;
      await assert.rejects(
        gather(
          async (signal) => {
            await wait(signal).catch(() => {});
            await sleep(2);
            cleaned = true;
          },
          async () => {
            await sleep(1);
            throw error;
          },
        ),
        (thrown) => thrown === error,
      );
      assert.equal(cleaned, true);
    });

    test("a future among them is cancelled, a promise is left, and what they fail with later troubles nobody", async () => {
      await using pool = new AsyncPool({ killGrace: 5 });
      const future = pool.submit(() => new Promise(() => {}));
      const promise = gate();
      const error = new Error("first");
      await assert.rejects(
        gather(future, promise.opened, () => Promise.reject(error)),
        (thrown) => thrown === error,
      );
      assert.equal(future.state, "cancelled");
      promise.fail(new Error("late"));
    });

    test("settle: every outcome, and nothing is cancelled", async () => {
      const error = new Error("one");
      const outcomes = await gather([later(5), () => Promise.reject(error), Promise.reject(error)], { settle: true });
      assert.deepEqual(outcomes, [
        { status: "fulfilled", value: 5 },
        { status: "rejected", reason: error },
        { status: "rejected", reason: error },
      ]);
    });

    test("signal: cancels all, with its reason", async () => {
      for (const settle of [false, true]) {
        const controller = leftovers.controller();
        const reason = new Error("the caller");
        const running = gather([wait, wait, new Promise(() => {})], {
          signal: controller.signal,
          settle: settle as false,
        });
        controller.abort(reason);
        await assert.rejects(running, (error) => error === reason);
      }
    });

    test("arguments are checked", async () => {
      await assert.rejects(gather([1 as never]), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /item 0 is number/ });
      await assert.rejects(gather(later(1), null as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    });
  });

  describe("waitFor", () => {
    test("gives what comes in time", async () => {
      assert.equal(await waitFor(Promise.resolve(1), { timeout: 60_000 }), 1);
      assert.equal(await waitFor(async () => 2), 2);
      const error = new Error("mine");
      await assert.rejects(waitFor(Promise.reject(error), { timeout: 60_000 }), (thrown) => thrown === error);
    });

    test("leaves at once: a function hears it, a future is cancelled, a promise goes on", async () => {
      const heard = gate();
      await assert.rejects(
        waitFor(
          async (signal) => {
            await wait(signal).catch(() => {});
            heard.open();
            await new Promise(() => {});
          },
          { timeout: 2 },
        ),
        TimeoutError,
      );
      await heard.opened;
      await using pool = new AsyncPool({ killGrace: 5 });
      const future = pool.submit(() => new Promise(() => {}));
      const error = await waitFor(future, { timeout: 2 }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof TimeoutError);
      await assert.rejects(future, (thrown) => thrown === error);
      const promise = gate();
      await assert.rejects(waitFor(promise.opened, { timeout: 2 }), TimeoutError);
      promise.fail(new Error("late"));
    });

    test("signal: the same with its reason", async () => {
      const controller = leftovers.controller();
      assert.equal(await waitFor(Promise.resolve(1), { signal: controller.signal }), 1);
      const reason = new Error("the caller");
      const waiting = waitFor(new Promise(() => {}), { signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(waiting, (error) => error === reason);
    });

    test("a result that lies ready wins, and arguments are checked", async () => {
      const result = new Promise((resolve) => setTimeout(resolve, 6, "ready"));
      const waiting = waitFor(result, { timeout: 5 });
      const until = performance.now() + 10;
      while (performance.now() < until);
      assert.equal(await waiting, "ready");
      await assert.rejects(waitFor(5 as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      await assert.rejects(waitFor(Promise.resolve(), { timeout: -1 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    });
  });

  describe("shield", () => {
    test("the waiter leaves, the work goes on", async () => {
      const work = gate<string>();
      await TaskGroup.run(async (group) => {
        const waiter = group.spawn((signal) => shield(work.opened, { signal }));
        waiter.cancel(new Error("the waiter"));
        await assert.rejects(waiter, { message: "the waiter" });
      });
      const controller = leftovers.controller();
      const second = shield(work.opened, { signal: controller.signal });
      work.open("saved");
      assert.equal(await second, "saved");
      assert.equal(await shield(work.opened), "saved");
    });

    test("what fails after its waiter has left is told of; what fails before, the waiter hears", async () => {
      const told: unknown[] = [];
      const before = setUncaughtHook((error) => told.push(error));
      try {
        const error = new Error("late");
        const controller = leftovers.controller();
        const late = gate();
        const waiting = shield(late.opened, { signal: controller.signal });
        controller.abort();
        await assert.rejects(waiting, { name: "AbortError" });
        late.fail(error);
        const early = new Error("early");
        await assert.rejects(
          shield(Promise.reject(early), { signal: leftovers.controller().signal }),
          (thrown) => thrown === early,
        );
        await assert.rejects(shield(Promise.reject(error), { signal: AbortSignal.abort() }), { name: "AbortError" });
        await sleep(0);
        assert.deepEqual(told, [error, error]);
      } finally {
        setUncaughtHook(before);
      }
      await assert.rejects(shield((() => 1) as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    });
  });

  describe("sleep", () => {
    test("ends early with the signal's reason, and leaves nothing behind", async () => {
      const controller = leftovers.controller();
      await sleep(1, { signal: controller.signal });
      const reason = new Error("awake");
      const sleeping = sleep(2 ** 40, { signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(sleeping, (error) => error === reason);
      await assert.rejects(sleep(5, { signal: controller.signal }), (error) => error === reason);
      for (const [ms, code] of [
        [-1, "RANGE"],
        [Number.NaN, "RANGE"],
        ["1", "TYPE"],
      ] as const)
        await assert.rejects(sleep(ms as number), { code: `ERR_ALLCORES_ARGUMENT_${code}` });
    });
  });
});
