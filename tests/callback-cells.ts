/**
 * The test of each cell of the table in docs/design/callbacks.md, by the first name of its row: a test that is here, or
 * the name of one that stands elsewhere. `hangs` and `uncaught` are made in a thread of their own, see
 * fixtures/callback-tasks.ts.
 */
import assert from "node:assert/strict";
import {
  advise,
  ArgumentTypeError,
  AsyncPool,
  Barrier,
  Condition,
  Event,
  Lock,
  pack,
  PriorityQueue,
  Queue,
  RLock,
  select,
  type Selectable,
  selectable,
  sendable,
  serve,
  SharedMap,
  sleep,
  Struct,
  TaskGroup,
  Thread,
  ThreadPool,
  unpack,
  Value,
  wait,
  WorkerLocal,
} from "allcores";
import { explore } from "allcores/testing";
import { reportUncaught, setUncaughtHook } from "../src/futures/uncaught-hook.js";
import { hangIn, leaveHooks, uncaughtIn } from "./fixtures/callback-tasks.js";
import { counter, incrementByRetry } from "./fixtures/explored-programs.js";
import { square } from "./fixtures/pool-tasks.js";
import { timeLimit } from "./time-limit.js";

export const columns = ["throws", "gives a promise", "re-enters", "never ends"] as const;
export type Column = (typeof columns)[number];
type Cell = string | (() => Promise<void>);

const wrong = new Error("the callback's own error");
const fail = (): never => {
  throw wrong;
};
const never = <T>(): Promise<T> => new Promise<T>(() => {});
const later = async (): Promise<number> => 5;
const isWrong = (error: unknown): boolean => error === wrong;
const numbers = (n: number): number => n;

/** The callback never returns: it holds up its thread, which is ended from outside. */
const hangs = (name: string) => async (): Promise<void> => {
  const begun = new Event();
  const thread = Thread.start(hangIn, name, begun);
  await Promise.race([begun.wait({ timeout: timeLimit(20_000) }), thread.join()]);
  assert.equal(thread.isAlive, true);
  thread.terminate();
  await assert.rejects(thread.join(), { code: "ERR_ALLCORES_WORKER_DIED" });
};

/** What a listener throws, or rejects with, is an uncaught error of its thread: that ends with it. */
const uncaught = (name: string, kind: "throws" | "rejects") => async (): Promise<void> => {
  await assert.rejects(Thread.start(uncaughtIn, name, kind).join(), (error: Error & { cause?: Error }) =>
    /the callback's own/.test(error.cause?.message ?? error.message),
  );
};

/** A promise that is still pending after everything else has had its turn. */
async function isPending(promise: Promise<unknown>): Promise<void> {
  assert.equal(await Promise.race([promise, sleep(5).then(() => "pending")]), "pending");
}

const selected = async (map: (value: number) => unknown): Promise<unknown> => {
  const queue = new Queue<number>();
  queue.putSync(1);
  const mapped: Selectable<unknown> = { [selectable]: () => queue[selectable]().map(map) };
  return (await select({ mapped })).value;
};

/** The other hooks of the worker run, and are awaited, whatever one of them does. */
const exitHooks = (kind: "throws" | "rejects" | "submits") => async (): Promise<void> => {
  const others = new Value("int32", 0);
  {
    await using thread = Thread.start(leaveHooks, kind, others);
    await thread.join();
  }
  assert.equal(others.value, 2);
};

class Hooked {
  readonly x = 1;
  static give: () => unknown = () => 1;
  static [Symbol.for("allcores.encode")](): unknown {
    return Hooked.give();
  }
  static [Symbol.for("allcores.decode")](): Hooked {
    return new Hooked();
  }
}
sendable(import.meta, Hooked);

export const cells: Readonly<Record<string, Readonly<Record<Column, Cell>>>> = {
  task: {
    throws: "an error arrives with its class's name, message, cause, own fields and stack",
    "gives a promise":
      "a result whose `then` is a getter that throws: the call fails with that error, and its place is free again",
    "re-enters": "PoolHandle.submit gives a future that calls its task off",
    "never ends": "one that does not hear is ended after killGrace; what waits behind it is done by another worker",
  },
  "AsyncPool.map(fn)": {
    throws: "settled: each item's outcome, in one chunk as in many",
    "gives a promise": async () => assert.deepEqual(await new AsyncPool().map(later, [1, 2]), [5, 5]),
    "re-enters": async () => {
      const pool = new AsyncPool({ concurrency: 2 });
      assert.deepEqual(await pool.map((n: number) => pool.submit(numbers, n + 1), [1]), [2]);
    },
    "never ends": async () => {
      const pool = new AsyncPool();
      const run = pool.map(() => never<number>(), [1]);
      const ended = assert.rejects(Promise.resolve(run), isWrong);
      await sleep(1);
      run.cancel(wrong);
      await ended;
      assert.equal(await pool.submit(numbers, 1), 1);
    },
  },
  "AsyncPoolOptions.initializer": {
    throws: "an initializer that fails fails the pool, once and for all",
    "gives a promise": async () => {
      let isReady = false;
      const pool = new AsyncPool({
        initializer: async () => {
          await sleep(1);
          isReady = true;
        },
      });
      assert.equal(await pool.submit(() => isReady), true);
    },
    "re-enters": async () => {
      let nested: Promise<number> | undefined;
      const pool: AsyncPool = new AsyncPool({
        initializer: () => {
          nested = pool.submit(numbers, 7);
        },
      });
      assert.deepEqual([await pool.submit(numbers, 1), await nested], [1, 7]);
    },
    "never ends": async () => {
      let begun = 0;
      const pool = new AsyncPool({ initializer: () => never<void>() });
      const call = pool.submit(() => begun++);
      await isPending(call);
      pool.terminate();
      await assert.rejects(call);
      assert.equal(begun, 0);
    },
  },
  "AdviceOptions.announce": {
    throws: async () => assert.rejects(advise(square, [1], { announce: fail }), isWrong),
    "gives a promise": async () => assert.rejects(advise(square, [1], { announce: async () => fail() }), isWrong),
    "re-enters": async () => {
      let inner: Promise<unknown> | undefined;
      const announce = () => {
        inner ??= advise(square, [1], { once: true, budget: 100 });
      };
      assert.equal((await advise(square, [1], { once: true, budget: 100, announce })).task, "square");
      await inner;
    },
    "never ends": async () => isPending(advise(square, [1], { announce: () => never<void>() })),
  },
  "advise(inputs)": {
    throws: async () => assert.rejects(advise(square, { [Symbol.iterator]: () => ({ next: fail }) }), isWrong),
    "gives a promise": async () => {
      const inputs = { [Symbol.iterator]: () => ({ next: later }) } as never;
      await assert.rejects(advise(square, inputs), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /gave a promise/ });
    },
    "re-enters": async () => {
      let inner: Promise<unknown> | undefined;
      function* inputs() {
        inner = advise(square, [1], { once: true, budget: 100 });
        yield 1;
      }
      assert.equal((await advise(square, inputs(), { once: true, budget: 100 })).items, 1);
      await inner;
    },
    "never ends": hangs("advise(inputs)"),
  },
  "RetryOptions.when": {
    throws: "that throws: the call fails with the task's error, and its own is told once",
    "gives a promise": "that gives a promise is refused, and no rejection is left unhandled",
    "re-enters": "that calls the very call off: it is not tried again",
    "never ends": hangs("RetryOptions.when"),
  },
  "Future.onProgress(fn)": {
    throws: uncaught("Future.onProgress(fn)", "throws"),
    "gives a promise": uncaught("Future.onProgress(fn)", "rejects"),
    "re-enters": "that calls its own call off, submits, or gives a rejected promise hurts nobody else",
    "never ends": hangs("Future.onProgress(fn)"),
  },
  "MapRun.onProgress(fn)": {
    throws: uncaught("MapRun.onProgress(fn)", "throws"),
    "gives a promise": uncaught("MapRun.onProgress(fn)", "rejects"),
    "re-enters": "a listener that cancels its map: the map ends, and nothing more is told",
    "never ends": hangs("MapRun.onProgress(fn)"),
  },
  "AsyncPool.map(items)": {
    throws: "a sync input that throws ends the map with its error, and whatever was begun is let go of",
    "gives a promise": "a sync iterator whose next() gives promises is refused",
    "re-enters": "an input that cancels its own map, or submits to its pool, while it is asked",
    "never ends": "an asynchronous input that never gives its next item: the map can be called off",
  },
  "MapRun.then(onValue)": {
    throws: async () => assert.rejects(new AsyncPool().map(numbers, [1]).then(fail), isWrong),
    "gives a promise": async () => assert.equal(await new AsyncPool().map(numbers, [1]).then(later), 5),
    "re-enters": async () => {
      const pool = new AsyncPool();
      assert.deepEqual(await pool.map(numbers, [1]).then((values) => pool.map(numbers, [...values, 2])), [1, 2]);
    },
    "never ends": async () => {
      const pool = new AsyncPool({ concurrency: 1 });
      await isPending(pool.map(numbers, [1]).then(() => never()));
      assert.equal(await pool.submit(numbers, 1), 1);
    },
  },
  "AsyncPool.run(fn)": {
    throws: "what runs with a pool: its error ends the pool and reaches the caller",
    "gives a promise": "run: the scope form waits for the work, and terminates when it fails",
    "re-enters": async () =>
      assert.equal(await AsyncPool.run({}, () => AsyncPool.run({}, (inner) => inner.submit(numbers, 3))), 3),
    "never ends": async () => {
      let own!: AsyncPool;
      const run = AsyncPool.run({}, (pool) => {
        own = pool;
        return never();
      });
      await isPending(run);
      assert.equal(await own.submit(numbers, 4), 4);
    },
  },
  "PoolOptions.worker": {
    throws: async () => {
      const pool = new ThreadPool({ workers: 1, worker: fail });
      await assert.rejects(pool.submit(square, 2), (error: Error) => isWrong(error) || isWrong(error.cause));
      await pool.terminate();
    },
    "gives a promise": async () => {
      const pool = new ThreadPool({ workers: 1, worker: (async () => fail()) as never });
      // Its rejection is nobody's then, and so must not be left unhandled.
      await assert.rejects(pool.submit(square, 2));
      pool.terminate();
      await pool.join();
    },
    "re-enters": async () => {
      const other = new AsyncPool();
      let nested: Promise<number> | undefined;
      const pool = new ThreadPool({
        workers: 1,
        worker: () => {
          nested = other.submit(numbers, 1);
          return fail();
        },
      });
      await assert.rejects(pool.submit(square, 2));
      assert.equal(await nested, 1);
      pool.terminate();
      await pool.join();
    },
    "never ends": hangs("PoolOptions.worker"),
  },
  "UnresponsiveOptions.report": {
    throws: uncaught("UnresponsiveOptions.report", "throws"),
    "gives a promise": uncaught("UnresponsiveOptions.report", "rejects"),
    "re-enters": "kill: who waits for an object of this library is told of, and left alone",
    "never ends": hangs("UnresponsiveOptions.report"),
  },
  "serve(object)": {
    throws:
      "errors without an owner: a served.call that fails and that nobody awaits is told to the uncaught hook, once; one that is awaited or called off is not",
    "gives a promise": "a task calls an object of its submitter, awaiting and blocking",
    "re-enters": async () => {
      using inner = serve({ double: (n: number) => 2 * n });
      using outer = serve({ twice: async (n: number) => await inner.call("double", await inner.call("double", n)) });
      assert.equal(await outer.call("twice", 3), 12);
    },
    "never ends":
      "served.call gives a future, as run_coroutine_threadsafe of Python's asyncio does: the caller can end a call of a method that never ends",
  },
  "Lock.run(fn)": {
    throws:
      "what run() runs: its error reaches the caller as it is, and what was held is free; of a promise what comes of it",
    "gives a promise":
      "what run() runs: its error reaches the caller as it is, and what was held is free; of a promise what comes of it",
    "re-enters": async () => {
      const lock = new RLock();
      assert.equal(
        lock.runSync(() => lock.runSync(() => 3)),
        3,
      );
      const plain = new Lock();
      await plain.run(() => assert.equal(plain.tryAcquire(), undefined));
    },
    "never ends": async () => {
      const lock = new Lock();
      void lock.run(() => never());
      await assert.rejects(lock.acquire({ timeout: 1 }), { code: "ERR_ALLCORES_TIMEOUT" });
      await hangs("Lock.run(fn)")();
    },
  },
  "Condition.waitFor(predicate)": {
    throws:
      "a predicate of waitFor that throws: its error reaches the caller, and the condition's lock is still the caller's",
    "gives a promise": async () => {
      const condition = new Condition();
      assert.equal(await condition.run(() => condition.waitFor(later as never)), 5);
    },
    "re-enters": async () => {
      const condition = new Condition();
      assert.equal(
        condition.runSync(() =>
          condition.waitForSync(() => {
            condition.notifyAll();
            return 6;
          }),
        ),
        6,
      );
    },
    "never ends": hangs("Condition.waitFor(predicate)"),
  },
  "Value.update(fn)": {
    throws: "what update() calls: where it throws, or gives a promise, nothing has changed, and others can go on",
    "gives a promise":
      "what update() calls: where it throws, or gives a promise, nothing has changed, and others can go on",
    "re-enters": async () => {
      const value = new Value("int32", 0);
      // Somebody has changed it meanwhile: it is asked again.
      let asked = 0;
      assert.equal(
        value.update((n) => {
          if (asked++ === 0) value.add(10);
          return n + 1;
        }),
        11,
      );
      const map = new SharedMap<number>();
      asked = 0;
      map.update("a", (n) => {
        if (asked++ === 0) map.set("a", 10);
        return (n ?? 0) + 1;
      });
      assert.equal(map.get("a"), 11);
    },
    "never ends": async () => {
      const struct = new Struct({ x: "int32" });
      void struct.update(() => never());
      await assert.rejects(struct.read({ timeout: 1 }), { code: "ERR_ALLCORES_TIMEOUT" });
      await hangs("Value.update(fn)")();
    },
  },
  "BarrierAction.action": {
    throws: "an action of a Barrier that throws breaks it: its error is that of the party that completed the round",
    "gives a promise": async () => {
      const barrier = new Barrier(1);
      await barrier.wait({ action: () => void later() });
      assert.equal(await barrier.wait({ action: later as never }), 0);
      assert.equal(barrier.isBroken, false);
    },
    "re-enters": async () => {
      const event = new Event();
      await new Barrier(1).wait({ action: () => event.set() });
      assert.equal(event.isSet, true);
    },
    "never ends": hangs("BarrierAction.action"),
  },
  "PriorityQueueOptions.priority": {
    throws: "a priority function that throws, or gives a promise: put fails and changes nothing",
    "gives a promise": "a priority function that throws, or gives a promise: put fails and changes nothing",
    "re-enters": async () => {
      const queue: PriorityQueue<number> = new PriorityQueue({
        priority: (item: number) => {
          if (item === 1) queue.putSync(2);
          return item;
        },
      });
      queue.putSync(1);
      assert.deepEqual([queue.getSync(), queue.getSync()], [1, 2]);
    },
    "never ends": hangs("PriorityQueueOptions.priority"),
  },
  "TaskGroup.run(fn)": {
    throws:
      "functions of groups, timeout, waitFor and gather: their error is the outcome, whether they throw or reject",
    "gives a promise":
      "functions of groups, timeout, waitFor and gather: their error is the outcome, whether they throw or reject",
    "re-enters": async () => {
      const seen: number[] = [];
      await TaskGroup.run((group) => void group.spawn(() => void group.spawn(() => void seen.push(1))));
      assert.deepEqual(seen, [1]);
    },
    "never ends": async () => {
      let isEnded = false;
      await TaskGroup.run((group) => {
        void group.spawn(
          (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
        );
        group.cancel(wrong);
      });
      await TaskGroup.run(async (group) => {
        void group.spawn(
          async (signal) =>
            await new Promise<void>((resolve) =>
              signal.addEventListener("abort", () => resolve((isEnded = true) as never)),
            ),
        );
        await sleep(1);
        group.cancel(wrong);
      });
      assert.equal(isEnded, true);
      await hangs("TaskGroup.run(fn)")();
    },
  },
  "asCompleted(futures)": {
    throws: async () => {
      const futures = { [Symbol.iterator]: () => ({ next: fail }) };
      await assert.rejects(async () => await wait(futures), isWrong);
    },
    "gives a promise": async () => {
      const futures = { [Symbol.iterator]: () => ({ next: later }) } as never;
      await assert.rejects(
        async () => await wait(futures),
        (error: Error) => error instanceof ArgumentTypeError || error instanceof TypeError,
      );
    },
    "re-enters": async () => {
      function* futures() {
        void wait([Promise.resolve(1)]);
        yield Promise.resolve(2);
      }
      assert.equal((await wait(futures())).done.length, 1);
    },
    "never ends": hangs("asCompleted(futures)"),
  },
  "WorkerLocal.constructor(make)": {
    throws: "a WorkerLocal whose function throws is made at the next use",
    "gives a promise": async () => assert.equal(await new WorkerLocal(later).value, 5),
    "re-enters": async () => {
      const inner = new WorkerLocal(() => 3);
      assert.equal(new WorkerLocal(() => inner.value + 1).value, 4);
    },
    "never ends": hangs("WorkerLocal.constructor(make)"),
  },
  "Choice.map(fn)": {
    throws: "a mapping that throws ends the select, and what was taken is gone",
    "gives a promise": async () => assert.equal(await await selected(later), 5),
    "re-enters": async () => assert.equal(await await selected((n) => selected((m) => n + m)), 2),
    "never ends": hangs("Choice.map(fn)"),
  },
  "onDeadlock(listener)": {
    throws: uncaught("onDeadlock(listener)", "throws"),
    "gives a promise": uncaught("onDeadlock(listener)", "rejects"),
    "re-enters": "two that take two RLocks crosswise: one gets an error that names both, the other goes on",
    "never ends": hangs("onDeadlock(listener)"),
  },
  "onWorkerExit(fn)": {
    throws: exitHooks("throws"),
    "gives a promise": exitHooks("rejects"),
    "re-enters": exitHooks("submits"),
    "never ends": "a worker in its exit hook counts",
  },
  "setUncaughtHook(fn)": {
    throws: "an uncaught hook that throws: its error and the one that it was told of are printed",
    "gives a promise": uncaught("setUncaughtHook(fn)", "rejects"),
    "re-enters": async () => {
      const told: unknown[] = [];
      const before = setUncaughtHook(() => setUncaughtHook((error) => told.push(error)));
      for (const error of [1, 2]) reportUncaught(error, { name: "a test" });
      setUncaughtHook(before);
      assert.deepEqual(told, [2]);
    },
    "never ends": hangs("setUncaughtHook(fn)"),
  },
  "a getter or Proxy that the codec meets": {
    throws: "what a getter or a Proxy throws is the cause",
    "gives a promise": async () =>
      assert.throws(
        () =>
          pack({
            get inner() {
              return later();
            },
          }),
        { code: "ERR_ALLCORES_UNSENDABLE", message: /inner/ },
      ),
    "re-enters": async () => {
      let packed: unknown;
      pack({
        get inner() {
          packed = pack([1]);
          return 1;
        },
      });
      assert.ok(packed);
    },
    "never ends": hangs("a getter or Proxy that the codec meets"),
  },
  "the hooks of sendable": {
    throws: "what an encode hook throws names the instance",
    "gives a promise": async () => {
      Hooked.give = later;
      assert.throws(() => pack(new Hooked()), { code: "ERR_ALLCORES_UNSENDABLE" });
    },
    "re-enters": async () => {
      let packed: unknown;
      Hooked.give = () => {
        packed = pack([1]);
        return 1;
      };
      assert.ok(unpack(pack(new Hooked())) instanceof Hooked);
      assert.ok(packed);
    },
    "never ends": hangs("the hooks of sendable"),
  },
  "ExploreOptions.onProgress": {
    throws: async () => {
      await assert.rejects(
        explore(
          { setup: counter, workers: [incrementByRetry, incrementByRetry] },
          { schedules: 500, onProgress: fail },
        ),
        isWrong,
      );
    },
    "gives a promise": "progress is told",
    "re-enters": async () => {
      let asked = 0;
      await explore(
        { setup: counter, workers: [incrementByRetry, incrementByRetry] },
        { schedules: 500, onProgress: () => void (asked += new Lock().locked ? 0 : 1) },
      );
      assert.ok(asked > 0);
    },
    "never ends": hangs("ExploreOptions.onProgress"),
  },
};
