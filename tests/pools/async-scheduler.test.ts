/** What only a pool on one loop has: closures, rates, tasks that nothing can end, contexts. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  AsyncPool,
  CancelledError,
  createPool,
  currentWorker,
  type Future,
  sleep,
  StateError,
  ThreadPool,
} from "allcores";
import { gate, Leftovers } from "../fixtures/leftovers.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

describe("AsyncPool", { timeout: timeLimit(30_000) }, () => {
  let leftovers: Leftovers;
  beforeEach(() => {
    leftovers = new Leftovers();
  });
  afterEach(() => leftovers.check());

  test("runs closures; arguments and results are the objects themselves", async () => {
    await using pool = new AsyncPool();
    const given = { fn: () => 1 };
    assert.equal(await pool.submit(async (value: typeof given) => value, given), given);
    assert.equal(await pool.submit(() => given), given);
    for (const wrong of [undefined, null, 5, "add", {}, Promise.resolve()]) {
      assert.throws(() => pool.submit(wrong as unknown as () => void), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      assert.throws(() => pool.map(wrong as never, [1]), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    }
  });

  test("never runs more than its places, and nothing within the call that submits", async () => {
    await using pool = new AsyncPool({ concurrency: 3 });
    let running = 0;
    let most = 0;
    let began = 0;
    const work = async () => {
      began++;
      most = Math.max(most, ++running);
      await sleep(0);
      running--;
    };
    const futures = count(50).map(() => pool.submit(work));
    assert.equal(began, 0);
    const mapped = pool.map(work, count(50));
    await Promise.all([...futures, mapped]);
    assert.equal(most, 3);
    assert.equal(began, 100);
  });

  test("rate: no more than so many beginnings in any interval", async () => {
    await using pool = new AsyncPool({ concurrency: 100, rate: { limit: 5, interval: 40 } });
    const starts: number[] = [];
    const first = performance.now();
    await pool.map(() => starts.push(performance.now()), count(23));
    assert.equal(starts.length, 23);
    // From the call, not from one start to another: a task that is late to read the clock looks nearer to the next.
    for (const [n, start] of starts.entries())
      assert.ok(start - first >= Math.floor(n / 5) * 40 - 1, `start ${n} came ${start - first} ms after the call`);
    for (const [rate, code] of [
      [{ limit: 0, interval: 1 }, "RANGE"],
      [{ limit: 1, interval: -1 }, "RANGE"],
      [{ limit: "1", interval: 1 }, "TYPE"],
      [5, "TYPE"],
    ] as const)
      assert.throws(() => new AsyncPool({ rate: rate as never }), { code: `ERR_ALLCORES_ARGUMENT_${code}` });
  });

  test("a cancelled task keeps its place while it cleans up; its future is rejected at once", async () => {
    await using pool = new AsyncPool({ concurrency: 1 });
    const cleaning = gate();
    const order: string[] = [];
    const begun = gate();
    const reason = new Error("not needed");
    const first = pool.submit(async () => {
      const { signal } = currentWorker();
      begun.open();
      await sleep(60_000, { signal }).catch((error: unknown) => assert.equal(error, reason));
      order.push("cleaning");
      await cleaning.opened;
      order.push("cleaned");
    });
    const second = pool.submit(() => void order.push("second"));
    await begun.opened;
    first.cancel(reason);
    await assert.rejects(first, (error) => error === reason);
    await sleep(2);
    assert.deepEqual(order, ["cleaning"]);
    cleaning.open();
    await second;
    assert.deepEqual(order, ["cleaning", "cleaned", "second"]);
  });

  test("one that does not listen loses its place after killGrace, and join does not wait for it", async () => {
    const pool = new AsyncPool({ concurrency: 1, killGrace: 20 });
    const late = gate();
    const begun = gate();
    const deaf = pool.submit(async () => {
      begun.open();
      await late.opened;
      throw new Error("nobody hears this");
    });
    const next = pool.submit(() => "next");
    await begun.opened;
    deaf.cancel();
    assert.equal(await next, "next");
    pool.close();
    await pool.join();
    late.open();
    await assert.rejects(deaf, CancelledError);
  });

  test("currentWorker: exact before the first await; after it refused, or exact where the pool is tracked", async () => {
    await using pool = new AsyncPool({ concurrency: 4 });
    const seen = await pool.map(async () => {
      const me = currentWorker();
      await sleep(1);
      // Its own, whatever runs meanwhile.
      assert.equal(me.isCancelled, false);
      const now = currentWorker();
      assert.equal(now.name, "MainThread");
      assert.throws(() => now.signal, StateError);
      assert.throws(() => now.throwIfCancelled(), { code: "ERR_ALLCORES_STATE", message: /before the first await/ });
      return me.attempt;
    }, count(4));
    assert.deepEqual(seen, [1, 1, 1, 1]);
    // Nothing runs: this is no task, and never cancelled.
    assert.equal(currentWorker().isCancelled, false);
  });

  test("tracked: each task hears its own cancellation after any await", async () => {
    await using pool = new AsyncPool({ concurrency: 4, tracked: true });
    const heard: number[] = [];
    const futures: Future<void>[] = count(4).map((n) =>
      pool.submit(async () => {
        for (;;) {
          await sleep(1);
          try {
            currentWorker().throwIfCancelled();
          } catch (error) {
            heard.push(n);
            throw error;
          }
          if (n > 1 && heard.length === 2) return;
        }
      }),
    );
    await sleep(5);
    futures[0]?.cancel();
    futures[1]?.cancel();
    await Promise.allSettled(futures);
    await Promise.all(futures.slice(2));
    assert.deepEqual(heard.sort(), [0, 1]);
  });

  test("tasks run in the asynchronous context of who submitted them, those that waited too", async () => {
    const context = new AsyncLocalStorage<number>();
    await using pool = new AsyncPool({ concurrency: 2 });
    const seen = await Promise.all(
      count(10).map((n) =>
        context.run(n, () =>
          pool.submit(async () => {
            const before = context.getStore();
            await sleep(0);
            return [before, context.getStore()];
          }),
        ),
      ),
    );
    assert.deepEqual(
      seen,
      count(10).map((n) => [n, n]),
    );
  });

  test("a signal that ends many calls keeps none of their listeners", async () => {
    const controller = leftovers.controller();
    await using pool = new AsyncPool({ concurrency: 2 });
    const bounded = pool.with({ signal: controller.signal, timeout: timeLimit(60_000) });
    await Promise.all(count(50).map((n) => bounded.submit(() => n)));
    const rest = Promise.allSettled(
      count(20).map(() => bounded.submit(() => sleep(60_000, { signal: controller.signal }))),
    );
    assert.equal(getEventListeners(controller.signal, "abort").length, 1, "one stands there for all who wait under it");
    controller.abort();
    for (const { status } of await rest) assert.equal(status, "rejected");
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  });

  test("a future of another pool that a task returns is heard through it", async () => {
    await using inner = new AsyncPool();
    await using outer = new AsyncPool();
    const error = new Error("inside");
    await assert.rejects(
      outer.submit(() =>
        inner.submit(() => {
          throw error;
        }),
      ),
      (thrown) => thrown === error,
    );
  });

  test("a long input is taken no faster than it is done", async () => {
    await using pool = new AsyncPool({ concurrency: 16 });
    let sum = 0;
    let taken = 0;
    let open = 0;
    function* items() {
      for (let n = 0; n < 20_000; n++) {
        open = Math.max(open, ++taken - sum);
        yield 1;
      }
    }
    for await (const one of pool.map(async (n: number) => n, items())) sum += one;
    assert.equal(sum, 20_000);
    assert.ok(open <= 33, `${open} were open at a time`);
  });

  test("createPool gives it by its word, and options that mean nothing here are refused", async () => {
    await using pool = createPool("async", { workers: 3 });
    assert.ok(pool instanceof AsyncPool);
    assert.equal(pool.workers, 3);
    assert.equal(new AsyncPool({ concurrency: 5 }).workers, 5);
    assert.throws(() => createPool("async", { resourceLimits: { heap: 5 } } as never), {
      code: "ERR_ALLCORES_ARGUMENT_TYPE",
      message: /resourceLimits/,
    });
    assert.throws(() => createPool("async", { unresponsive: { after: 5 } } as never), {
      code: "ERR_ALLCORES_ARGUMENT_TYPE",
      message: /unresponsive/,
    });
    assert.throws(() => new AsyncPool({ tracked: 1 as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    assert.throws(() => new AsyncPool({ concurrency: 0 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    const model = "thread" as "async" | "thread" | "process";
    await using any = createPool(model, { workers: 1 });
    assert.ok(any instanceof ThreadPool);
  });
});

describe("right after submit", () => {
  const statsOf = (pool: AsyncPool) => {
    const { running, queued, idle } = pool.stats();
    return { running, queued, idle };
  };

  test("a call that finds a place free has it: it runs, no later call of a higher priority overtakes it, and its function begins in a microtask", async () => {
    await using pool = new AsyncPool({ concurrency: 1 });
    const begun: string[] = [];
    const first = pool.submit(() => begun.push("first"));
    assert.deepEqual(statsOf(pool), { running: 1, queued: 0, idle: 0 });
    assert.equal(first.state, "running");
    const later = pool.with({ priority: 9 }).submit(() => begun.push("later"));
    assert.deepEqual(statsOf(pool), { running: 1, queued: 1, idle: 0 });
    assert.equal(later.state, "pending");
    assert.deepEqual(begun, []);
    await Promise.all([first, later]);
    assert.deepEqual(begun, ["first", "later"]);
    assert.deepEqual(statsOf(pool), { running: 0, queued: 0, idle: 1 });
  });

  test("one that is called off then never begins, and its place is the next one's", async () => {
    await using pool = new AsyncPool({ concurrency: 1 });
    const begun: string[] = [];
    const first = pool.submit(() => begun.push("first"));
    const second = pool.submit(() => begun.push("second"));
    assert.equal(first.cancel(), true);
    await assert.rejects(first, CancelledError);
    await second;
    assert.deepEqual(begun, ["second"]);
  });

  test("terminate then begins nothing", async () => {
    const pool = new AsyncPool({ concurrency: 2 });
    const begun: number[] = [];
    const futures = [1, 2, 3].map((n) => pool.submit(() => begun.push(n)));
    pool.terminate();
    for (const future of futures) await assert.rejects(future, CancelledError);
    await pool.join();
    assert.deepEqual(begun, []);
  });
});
