/**
 * Objects met by loggers: JSON.stringify, console.log, structuredClone, spread, list and compare, of every class that
 * is exported.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect, isDeepStrictEqual } from "node:util";
import * as worker_threads from "node:worker_threads";
import * as allcores from "allcores";
import { UnsendableError, isAllcoresError, pack, unpack } from "allcores";
import { sizeOf } from "../fixtures/pool-tasks.js";
import { timeLimit } from "../time-limit.js";

type Made = { readonly object: object; readonly end?: () => unknown };
interface Portrait {
  readonly make: (across: "threads" | "processes") => Made;
  /** What a log tells of it. */
  readonly tells: RegExp;
  /** It stays with its worker: what the refusal advises. */
  readonly stays?: RegExp;
}

const freed = (object: { free(): void }): Made => ({ object, end: () => object.free() });
const pool = (object: allcores.Pool): Made => ({ object, end: () => object[Symbol.asyncDispose]() });
const label = "of the log";

const portraits: Readonly<Record<string, Portrait>> = {
  Lock: { make: (across) => freed(new allcores.Lock({ across, label })), tells: /isLocked: ?false/ },
  RLock: { make: (across) => freed(new allcores.RLock({ across, label })), tells: /isLocked: ?false/ },
  Condition: {
    make: (across) => freed(new allcores.Condition(undefined, { across, label })),
    tells: /isLocked: ?false/,
  },
  Event: { make: (across) => freed(new allcores.Event({ across, label })), tells: /isSet: ?false/ },
  Semaphore: { make: (across) => freed(new allcores.Semaphore(3, { across, label })), tells: /value: ?3/ },
  BoundedSemaphore: {
    make: (across) => freed(new allcores.BoundedSemaphore(3, { across, label })),
    tells: /limit: ?3/,
  },
  Barrier: { make: (across) => freed(new allcores.Barrier(2, { across, label })), tells: /parties: ?2/ },
  CountDownLatch: { make: (across) => freed(new allcores.CountDownLatch(2, { across, label })), tells: /count: ?2/ },
  RWLock: { make: (across) => freed(new allcores.RWLock({ across, label })), tells: /readers: ?0/ },
  Value: { make: (across) => freed(new allcores.Value("bigint64", 41n, { across, label })), tells: /value: ?41/ },
  SharedArray: {
    make: (across) => freed(new allcores.SharedArray("int32", [7, 8], { across, label })),
    tells: /items: ?\[ ?7, ?8 ?\]/,
  },
  Struct: {
    make: (across) => freed(new allcores.Struct({ a: "int32", b: { c: "biguint64" } }, { a: 5 }, { across, label })),
    tells: /a: ?5/,
  },
  SharedMap: { make: (across) => freed(new allcores.SharedMap({ across, label })), tells: /size: ?0/ },
  SharedList: { make: (across) => freed(new allcores.SharedList({ across, label })), tells: /length: ?0/ },
  SharedMemory: { make: (across) => freed(new allcores.SharedMemory(64, { across, label })), tells: /size: ?64/ },
  Queue: { make: (across) => freed(new allcores.Queue({ across, label })), tells: /size: ?0/ },
  LifoQueue: { make: (across) => freed(new allcores.LifoQueue({ across, label })), tells: /size: ?0/ },
  PriorityQueue: { make: (across) => freed(new allcores.PriorityQueue({ across, label })), tells: /size: ?0/ },
  Connection: {
    make: (across) => {
      const [object, other] = allcores.createPipe({ across });
      const end = (): void => {
        object.close();
        other.close();
      };
      return { object, end };
    },
    tells: /isClosed: ?false/,
  },
  Future: {
    make: () => ({ object: allcores.TaskGroup.prototype.spawn.call(group, () => 1) }),
    tells: /state: ?(pending|running|done)/,
    stays: /await it/,
  },
  AsyncPool: {
    make: () => pool(new allcores.AsyncPool({ concurrency: 2 })),
    tells: /workers: ?2/,
    stays: /pool\.handle\(\)/,
  },
  AutoPool: {
    make: () => pool(new allcores.AutoPool({ workers: 2 })),
    tells: /model: ?'?undecided/,
    stays: /pool\.handle\(\)/,
  },
  ThreadPool: {
    make: () => pool(new allcores.ThreadPool({ workers: 2 })),
    tells: /workers: ?2/,
    stays: /pool\.handle\(\)/,
  },
  ProcessPool: {
    make: () => pool(new allcores.ProcessPool({ workers: 2 })),
    tells: /workers: ?2/,
    stays: /pool\.handle\(\)/,
  },
  Thread: {
    make: () => ({ object: new allcores.Thread(sizeOf, { name: label }) }),
    tells: /of the log/,
    stays: /only the worker that started it.*await handle\.join\(\)/,
  },
  Process: {
    make: () => ({ object: new allcores.Process(sizeOf, { name: label }) }),
    tells: /of the log/,
    stays: /only the worker that started it/,
  },
  TaskGroup: {
    make: () => ({ object: new allcores.TaskGroup() }),
    tells: /cancelled: ?false/,
    stays: /spawn a call of a pool/,
  },
  WorkerLocal: {
    make: () => ({ object: new allcores.WorkerLocal(() => 1) }),
    tells: /WorkerLocal/,
    stays: /worker\.value/,
  },
};

const group = new allcores.TaskGroup();
after(() => group[Symbol.asyncDispose]());
const canRefuse = "markAsUncloneable" in worker_threads;
const unquoted = (json: string): string => json.replaceAll('"', "");

for (const [name, { make, tells, stays }] of Object.entries(portraits)) {
  for (const across of stays === undefined ? (["threads", "processes"] as const) : (["threads"] as const)) {
    test(`${name} across ${across}: JSON.stringify and console.log show what it is; spread, list, compare and structuredClone are harmless`, async () => {
      const [one, two] = [make(across), make(across)];
      const { object } = one;
      try {
        const json = JSON.stringify({ object });
        assert.match(unquoted(json), new RegExp(`^{object:{class:${name}\\b`));
        assert.match(unquoted(json), tells);
        assert.ok(json.length < 1000, json.slice(0, 2000));
        assert.equal(
          (JSON.parse(json) as { object: { across?: string } }).object.across,
          stays === undefined ? across : undefined,
        );

        const shown = inspect(object);
        assert.match(shown, new RegExp(`^${name}\\b`));
        assert.match(shown.replaceAll("'", "").replaceAll('"', ""), tells);
        assert.ok(shown.length < 1000, shown);
        assert.equal(inspect({ a: { b: { c: { object } } } }).length < 200, true);

        // A handle of a worker has a few public fields.
        const listed = Object.keys(object).filter((key) => !["name", "model", "daemon", "killGrace"].includes(key));
        assert.deepEqual(listed, []);
        assert.ok(Object.keys({ ...object }).length <= 4);
        for (const key in object) assert.ok(["name", "model", "daemon", "killGrace"].includes(key), key);
        const start = performance.now();
        isDeepStrictEqual(object, two.object);
        assert.ok(performance.now() - start < timeLimit(1000));

        if (canRefuse || name === "Future")
          assert.throws(() => structuredClone({ object }), { name: "DataCloneError" });
        else
          assert.deepEqual(
            Object.keys(structuredClone(object)).filter(
              (key) => !["name", "model", "daemon", "killGrace"].includes(key),
            ),
            [],
          );

        if (stays === undefined) {
          if (name !== "Connection") assert.equal(unpack(pack(object)), object);
        } else {
          const queue = new allcores.Queue();
          assert.throws(
            () => queue.putSync({ object }),
            (error) =>
              error instanceof UnsendableError &&
              error.path === "value.object" &&
              stays.test(error.message) &&
              !/sendable\(/.test(error.message),
          );
          queue.free();
        }
      } finally {
        await one.end?.();
        await two.end?.();
      }
      if (stays === undefined && name !== "Connection") {
        assert.match(inspect(object), /freed: true/);
        assert.match(JSON.stringify(object), /"freed":true/);
      }
    });
  }
}

test("holds and runs of a map are refused with advice that helps, too", async () => {
  const [lock, rlock, rwlock, semaphore] = [
    new allcores.Lock(),
    new allcores.RLock(),
    new allcores.RWLock(),
    new allcores.Semaphore(),
  ];
  const queue = new allcores.Queue();
  await using workers = new allcores.AsyncPool({ concurrency: 1 });
  const stay: [object, RegExp][] = [
    [lock.acquireSync(), /held\.handOff/],
    [rlock.acquireSync(), /held\.handOff/],
    [rwlock.writeSync(), /held\.handOff/],
    [rwlock.reading, /send the RWLock itself/],
    [semaphore.acquireSync(), /send the semaphore/],
    [workers.map(async () => 1, [1]), /await it, or iterate/],
  ];
  for (const [object, message] of stay) {
    assert.throws(() => queue.putSync([object]), { code: "ERR_ALLCORES_UNSENDABLE", path: "value[0]", message });
    assert.ok(inspect(object).length < 100 && JSON.stringify(object).length < 100);
  }
});

test("the table has every exported class", () => {
  const isClass = (value: unknown): value is { prototype: object } =>
    typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
  const classes = Object.entries(allcores).filter(([, value]) => isClass(value) && !(value.prototype instanceof Error));
  assert.deepEqual(classes.map(([name]) => name).sort(), Object.keys(portraits).sort());
});

test("an error of this library is an object like other errors", () => {
  assert.ok(isAllcoresError(structuredClone(new Error("x"))) === false);
});

test("internals of a shared object are not enumerable, and readable for tests", () => {
  const lock = new allcores.Lock();
  const { heap, words, at, self } = lock as unknown as Record<string, unknown>;
  assert.ok(heap !== undefined && words instanceof Int32Array && typeof at === "number" && typeof self === "number");
  lock.free();
});

test("a look at a future is no interest in its value", async () => {
  const future = group.spawn(() => 1);
  inspect(future);
  JSON.stringify(future);
  assert.equal(await future, 1);
  assert.match(inspect(future), /state: 'done'/);
});

test('`new Value("int32", 0, lock)` is refused, and so is any object of the library in the place of options', () => {
  const lock = new allcores.Lock();
  const refusal = { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /got a Lock: .*"lock"/ };
  assert.throws(() => new allcores.Value("int32", 0, lock as never), refusal);
  assert.throws(() => new allcores.SharedArray("int32", 3, lock as never), refusal);
  assert.throws(() => new allcores.Struct({ a: "int32" }, {}, lock as never), refusal);
  assert.throws(() => new allcores.Queue(lock as never), refusal);
  assert.throws(() => new allcores.Event([] as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /got an array/ });
  lock.free();
});
