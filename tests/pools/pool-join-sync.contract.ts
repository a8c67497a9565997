/**
 * What `joinSync` promises of a pool whose workers have threads of their own: while it blocks this thread the pool goes
 * on, or it says why not.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe } from "node:test";
import {
  CancelledError,
  DeadlockError,
  Event,
  type Future,
  InitializerError,
  MemoryLimitError,
  type PoolOptions,
  type ProcessPool,
  Queue,
  serve,
  StateError,
  Thread,
  type ThreadPool,
  TimeoutError,
  WorkerDiedError,
} from "allcores";
import * as own from "../fixtures/join-sync-tasks.js";
import { isRunning } from "../fixtures/pool-processes.js";
import * as tasks from "../fixtures/pool-tasks.js";
import { casesOf } from "./case-in-turn.js";
import { timeLimit } from "../time-limit.js";

type BlockingPool = ThreadPool | ProcessPool;

export interface BlockingPoolKind {
  readonly model: "thread" | "process";
  readonly across: "threads" | "processes";
  make(options?: PoolOptions): BlockingPool;
}

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
/** What the task behind one that computes for ever must do with. */
const TASK_MS = timeLimit(60);
/** A test that hangs would hang its file. */
const LIMIT = { timeout: timeLimit(60_000) };

export function poolJoinSyncContract(title: string, { model, across, make }: BlockingPoolKind): void {
  const test = casesOf({ model });
  const event = () => new Event({ across });
  const queue = <T>() => new Queue<T>({ across });
  const using =
    (options: PoolOptions, body: (pool: BlockingPool) => Promise<void> | void): (() => Promise<void>) =>
    async () => {
      const pool = make({ workers: 2, ...options });
      try {
        await body(pool);
      } finally {
        pool.terminate();
        await pool.join();
      }
    };
  const joined = (pool: BlockingPool) => {
    pool.close();
    pool.joinSync(LIMIT);
  };
  const outcomes = <T>(futures: readonly Future<T>[]) => Promise.all(futures);
  /** What a call fails of that had failed when the pool was joined. */
  const errorOf = async <E>(future: Future<unknown>): Promise<E> => {
    assert.equal(future.state, "failed");
    const [end] = await Promise.allSettled([future]);
    return (end as PromiseRejectedResult).reason as E;
  };

  describe(`${title}: joinSync`, { timeout: timeLimit(120_000) }, () => {
    describe("does the work", () => {
      test(
        "futures are settled when it returns, and what was chained to them runs afterwards",
        using({}, async (pool) => {
          const futures = count(300).map((n) => pool.submit(tasks.squareLater, n));
          let reactions = 0;
          for (const future of futures) void future.then(() => reactions++);
          joined(pool);
          assert.deepEqual(new Set(futures.map(({ state }) => state)), new Set(["done"]));
          assert.equal(reactions, 0);
          assert.deepEqual(pool.stats().workers, 0);
          assert.equal(pool.stats().completed, 300);
          assert.deepEqual(
            await outcomes(futures),
            count(300).map((n) => n * n),
          );
          assert.equal(reactions, 300);
        }),
      );

      test(
        "what is large, and what is moved",
        using({}, async (pool) => {
          const moved = count(20).map(() => pool.submit(tasks.giveMoved, 50_000));
          const large = pool.submit(tasks.giveBuffer, 4_000_000);
          const sent = pool.submit(tasks.sizeOf, new Uint8Array(4_000_000));
          joined(pool);
          for (const bytes of await outcomes(moved))
            assert.ok(bytes.length === 50_000 && bytes.every((byte) => byte === 5));
          assert.equal((await large).length, 4_000_000);
          assert.equal(await sent, 4_000_000);
        }),
      );

      test(
        "of a pool that has worked in the event loop before",
        using({}, async (pool) => {
          assert.deepEqual(
            await outcomes(count(50).map((n) => pool.submit(tasks.square, n))),
            await Promise.all(count(50).map((n) => n * n)),
          );
          // Its loop sleeps by now.
          await new Promise((resolve) => setTimeout(resolve, 20));
          const futures = count(50).map((n) => pool.submit(tasks.squareLater, n));
          await new Promise((resolve) => setTimeout(resolve, 2));
          joined(pool);
          assert.deepEqual(
            await outcomes(futures),
            count(50).map((n) => n * n),
          );
        }),
      );

      test(
        "errors are their calls' own",
        using({}, async (pool) => {
          const failed = pool.submit(tasks.fail, "on purpose");
          const done = pool.submit(tasks.add, 1, 2);
          joined(pool);
          const error = await errorOf<tasks.CodedError>(failed);
          assert.ok(error instanceof RangeError);
          assert.deepEqual([error.message, error.code], ["on purpose", "E_CODED"]);
          assert.equal(await done, 3);
        }),
      );

      test(
        "a map that is awaited, of an array or a generator",
        using({}, async (pool) => {
          function* items() {
            yield* [1, 2, 3];
          }
          const runs = [pool.map(tasks.squareLater, [1, 2, 3]), pool.map(tasks.squareLater, items())].map((run) =>
            run.then(),
          );
          joined(pool);
          assert.deepEqual(await Promise.all(runs), [
            [1, 4, 9],
            [1, 4, 9],
          ]);
        }),
      );

      test(
        "news come before their call is settled",
        using({}, async (pool) => {
          const news: unknown[] = [];
          const future = pool
            .submit(tasks.report, 3)
            .onProgress((value) => news.push([value, future.state === "done"]));
          joined(pool);
          assert.equal(future.state, "done");
          assert.equal(news.length, 3);
          for (const [n, entry] of news.entries()) assert.deepEqual(entry, [{ n }, false]);
          assert.equal(await future, 3);
        }),
      );

      test(
        "the initializer comes first in each worker",
        using({ initializer: tasks.prepare, initArgs: ["blocked"], maxTasksPerWorker: 2 }, async (pool) => {
          const told = count(6).map(() => pool.submit(tasks.tellPrepared));
          joined(pool);
          assert.deepEqual(new Set(await outcomes(told)), new Set(["blocked"]));
        }),
      );

      test(
        "an initializer that throws fails the pool",
        using({ initializer: tasks.prepare, initArgs: ["broken"] }, async (pool) => {
          const calls = count(4).map((n) => pool.submit(tasks.square, n));
          joined(pool);
          for (const call of calls) assert.ok((await errorOf(call)) instanceof InitializerError);
        }),
      );

      test(
        "workers that have had their number of tasks are replaced, and leave no descriptors behind",
        using({ workers: 1, maxTasksPerWorker: 1 }, async (pool) => {
          assert.equal(await pool.submit(tasks.square, 2), 4);
          const open = () => readdirSync("/proc/self/fd").length;
          const before = open();
          const served = count(4).map(() => pool.submit(tasks.countServed));
          joined(pool);
          const after = open();
          const values = await outcomes(served);
          assert.equal(new Set(values.map(([, name]) => name)).size, 4);
          for (const [, , tasksServed] of values) assert.equal(tasksServed, 1);
          assert.ok(after <= before + 2, `${before} descriptors became ${after}`);
        }),
      );

      test(
        "idle workers are let go meanwhile",
        using({ idleTimeout: 20 }, async (pool) => {
          const [started, go] = [queue<number>(), event()];
          const long = pool.submit(tasks.block, started, go, 1);
          const short = pool.submit(tasks.block, started, go, 2);
          await started.get();
          await started.get();
          go.set();
          await Promise.all([long, short]);
          const slow = pool.submit(tasks.sleepFor, 300);
          pool.close();
          pool.joinSync(LIMIT);
          assert.equal(slow.state, "done");
        }),
      );

      test("in a worker that a task of a pool has made it in, and in a thread", async () => {
        const outer = make({ workers: 1 });
        const nested = outer.submit(own.joinNested, model, [1, 2, 3]);
        outer.close();
        outer.joinSync(LIMIT);
        assert.deepEqual(await nested, ["done", "done", "done"]);
        assert.deepEqual(await Thread.start(own.joinNested, model, [1, 2]).join(), ["done", "done"]);
      });
    });

    describe("ends", () => {
      test("at once, of a pool that was never used; and again, of one that is done", async () => {
        for (const end of ["close", "terminate"] as const) {
          const pool = make();
          pool[end]();
          pool.joinSync();
          pool.joinSync({ timeout: 0 });
          await pool.join();
        }
        const pool = make({ workers: 2 });
        const future = pool.submit(tasks.square, 3);
        joined(pool);
        pool.joinSync();
        await pool.join();
        assert.equal(await future, 9);
        assert.throws(() => pool.submit(tasks.square, 3), StateError);
      });

      test(
        "before close it would not: it is refused as join is",
        using({}, async (pool) => {
          assert.throws(() => pool.joinSync(), {
            code: "ERR_ALLCORES_STATE",
            message: /joinSync\(\) of a \w+ would wait for ever: call close\(\) or terminate\(\)/,
          });
          assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        }),
      );

      test("with its time: the pool goes on, in the event loop or in the next one", async () => {
        for (const next of ["join", "joinSync"] as const) {
          const pool = make({ workers: 2 });
          const [started, go] = [queue<number>(), event()];
          const held = pool.submit(tasks.block, started, go, 5);
          const others = count(20).map((n) => pool.submit(tasks.square, n));
          await started.get();
          pool.close();
          const before = performance.now();
          assert.throws(() => pool.joinSync({ timeout: 80 }), {
            name: "TimeoutError",
            code: "ERR_ALLCORES_TIMEOUT",
            message: /within 80 ms; it goes on/,
          });
          assert.ok(performance.now() - before >= 79);
          assert.throws(() => pool.joinSync({ timeout: 0 }), TimeoutError);
          assert.equal(held.state, "running");
          go.set();
          if (next === "join") await pool.join();
          else pool.joinSync(LIMIT);
          assert.equal(held.state, "done");
          assert.deepEqual(
            await outcomes(others),
            count(20).map((n) => n * n),
          );
        }
      });

      test("a pool that is terminated: what computes for ever too", async () => {
        const pool = make({ workers: 2 });
        const started = queue<number>();
        const spinning = count(2).map(() => pool.submit(tasks.spin, started));
        const pids = [await started.get(), await started.get()];
        const waiting = pool.submit(tasks.square, 1);
        pool.terminate();
        pool.joinSync(LIMIT);
        for (const end of await Promise.allSettled([...spinning, waiting]))
          assert.ok(end.status === "rejected" && end.reason instanceof CancelledError);
        if (model === "process") assert.deepEqual(pids.filter(isRunning), []);
      });
    });

    describe("when workers die", () => {
      test(
        "the running task fails, the worker is replaced, and all else is done",
        using({}, async (pool) => {
          const exits = count(3).map((n) => pool.submit(tasks.exit, 7 + n));
          const others = count(40).map((n) => pool.submit(tasks.squareLater, n));
          joined(pool);
          for (const [n, exit] of exits.entries()) {
            const error = await errorOf<WorkerDiedError>(exit);
            assert.ok(error instanceof WorkerDiedError);
            assert.deepEqual([error.exitCode, error.signal, error.deaths.length], [7 + n, undefined, 1]);
          }
          assert.deepEqual(
            await outcomes(others),
            count(40).map((n) => n * n),
          );
        }),
      );

      test(
        "of an error that nobody catches: it is the cause",
        using({}, async (pool) => {
          const crashed = pool.submit(tasks.failMeanwhile, "beside the task");
          joined(pool);
          const error = await errorOf<WorkerDiedError>(crashed);
          assert.ok(error instanceof WorkerDiedError);
          assert.equal(error.exitCode, 1);
          assert.equal((error.cause as Error).message, "beside the task");
        }),
      );

      test(
        "with retries each task is tried again, after its delay",
        using({}, async (pool) => {
          const again = pool.with({ retries: { limit: 3, delay: 20, factor: 1 } });
          const calls = [again.submit(tasks.attempt, 3), again.submit(tasks.dieUntil, 2)];
          const hopeless = again.submit(tasks.fail, "always");
          const before = performance.now();
          joined(pool);
          assert.ok(performance.now() - before >= 55);
          assert.deepEqual(await outcomes(calls), [3, 2]);
          assert.equal((await errorOf<Error>(hopeless)).message, "always");
          assert.equal(pool.stats().retried, 2 + 1 + 3);
        }),
      );

      if (model === "process") {
        test(
          "by a signal",
          using({}, async (pool) => {
            const started = queue<number>();
            const spinning = pool.submit(tasks.spin, started);
            process.kill(await started.get(), "SIGKILL");
            const other = pool.submit(tasks.square, 4);
            joined(pool);
            const error = await errorOf<WorkerDiedError>(spinning);
            assert.deepEqual([error.exitCode, error.signal], [-9, "SIGKILL"]);
            assert.equal(await other, 16);
          }),
        );

        test(
          "of too much memory: it is looked at meanwhile",
          using({ workers: 1, resourceLimits: { rss: 300 } }, async (pool) => {
            const eater = pool.submit(tasks.allocateBytes);
            joined(pool);
            assert.ok((await errorOf(eater)) instanceof MemoryLimitError);
          }),
        );

        test(
          "which do not respond: they are found meanwhile, and killed",
          using({ unresponsive: { after: 100, action: "kill" } }, async (pool) => {
            const stopped = pool.submit(own.stop);
            const other = pool.submit(tasks.square, 5);
            joined(pool);
            assert.equal((await errorOf<WorkerDiedError>(stopped)).deaths[0]?.reason, "unresponsive");
            assert.equal(await other, 25);
          }),
        );

        test(
          "before they begin: all that waits fails",
          using({ worker: "/nowhere/worker.js" }, async (pool) => {
            const calls = count(3).map((n) => pool.submit(tasks.square, n));
            joined(pool);
            for (const call of calls) assert.ok((await errorOf(call)) instanceof WorkerDiedError);
          }),
        );
      } else {
        test(
          "of too much memory",
          using({ workers: 1, resourceLimits: { heap: 30 } }, async (pool) => {
            const eater = pool.submit(tasks.allocate);
            const other = pool.submit(tasks.square, 5);
            joined(pool);
            assert.ok((await errorOf(eater)) instanceof MemoryLimitError);
            assert.equal(await other, 25);
          }),
        );
      }
    });

    describe("keeps times", () => {
      test(
        "taskTimeout, and then killGrace",
        using({ workers: 1, taskTimeout: TASK_MS, killGrace: 40 }, async (pool) => {
          const started = queue<number>();
          const spinning = pool.submit(tasks.spin, started);
          const next = pool.submit(tasks.square, 6);
          joined(pool);
          assert.match((await errorOf<TimeoutError>(spinning)).message, new RegExp(`taskTimeout of ${TASK_MS} ms`));
          assert.equal(await next, 36);
        }),
      );

      test(
        "the timeout of a call",
        using({ workers: 1, killGrace: 20 }, async (pool) => {
          const started = queue<number>();
          const hurried = pool.with({ timeout: 50 });
          const calls = [hurried.submit(tasks.spin, started), hurried.submit(tasks.square, 1)];
          const patient = pool.submit(tasks.square, 7);
          joined(pool);
          for (const call of calls) assert.ok((await errorOf(call)) instanceof TimeoutError);
          assert.equal(await patient, 49);
        }),
      );

      test(
        "the timeout of a map",
        using({ workers: 1, killGrace: 20 }, async (pool) => {
          const run = pool.with({ timeout: 100 }).map(tasks.spinIf, [0, 1]).then();
          const failed = assert.rejects(run, TimeoutError);
          joined(pool);
          await failed;
        }),
      );
    });

    describe("refuses what would need the loop of this thread", () => {
      test("a map of an async iterable", async () => {
        const pool = make({ workers: 2 });
        let go = () => {};
        const gone = new Promise<void>((resolve) => {
          go = resolve;
        });
        async function* items() {
          yield 1;
          await gone;
        }
        const run = pool.map(tasks.square, items()).then();
        pool.close();
        assert.throws(
          () => pool.joinSync(LIMIT),
          (error) =>
            error instanceof DeadlockError &&
            /map of "square" takes its items from an async iterable/.test(error.message),
        );
        go();
        // The pool was closed before all of its items were taken.
        await assert.rejects(run, StateError);
        pool.joinSync(LIMIT);
      });

      test("no map of a pool that was terminated", async () => {
        const pool = make({ workers: 2 });
        async function* never() {
          await new Promise(() => {});
        }
        void pool.map(tasks.square, never()).then();
        pool.terminate();
        pool.joinSync(LIMIT);
        await pool.join();
      });

      test("a map whose results are iterated", async () => {
        const pool = make({ workers: 2 });
        const values: number[] = [];
        for await (const value of pool.map(tasks.square, [1, 2, 3])) {
          pool.close();
          assert.throws(
            () => pool.joinSync(LIMIT),
            (error) =>
              error instanceof DeadlockError && /results of the map of "square" are iterated/.test(error.message),
          );
          values.push(value);
        }
        assert.deepEqual(values, [1, 4, 9]);
        pool.joinSync(LIMIT);
      });

      test("a task that waits for an object that is served here: it gets its answer once the loop turns", async () => {
        for (const ask of [own.noteAndWait, own.noteAndBlock]) {
          const pool = make({ workers: 2 });
          const notes = serve({ note: (n: number) => 2 * n }, { across });
          const asked = pool.submit(ask, notes, 4);
          pool.close();
          for (const _ of [1, 2])
            assert.throws(
              () => pool.joinSync(LIMIT),
              (error) =>
                error instanceof DeadlockError &&
                new RegExp(
                  `task "${ask.name}" in PoolWorker-\\d+ waits for "note" of an object that this thread serves`,
                ).test(error.message),
            );
          await pool.join();
          assert.equal(await asked, 8);
          notes[Symbol.dispose]();
        }
      });

      test("not one that only tells, and comes back", async () => {
        const pool = make({ workers: 2 });
        const noted: number[] = [];
        const notes = serve({ note: (n: number) => noted.push(n) }, { across });
        const told = count(20).map((n) => pool.submit(own.noteAndGoOn, notes, n));
        joined(pool);
        assert.deepEqual(noted, []);
        assert.deepEqual(await outcomes(told), count(20));
        notes[Symbol.dispose]();
      });

      test("a task that waits for another of its pool, by a handle", async () => {
        const pool = make({ workers: 2 });
        const nested = pool.submit(own.squareByPool, pool.handle(), 4);
        pool.close();
        assert.throws(() => pool.joinSync(LIMIT), DeadlockError);
        // It comes too late, as it would have without: the pool is closed.
        const failed = assert.rejects(nested, StateError);
        await pool.join();
        await failed;
      });

      test("a call from within what the pool itself calls", async () => {
        const pool = make({ workers: 1 });
        const errors: unknown[] = [];
        const when = () => {
          try {
            pool.joinSync(LIMIT);
          } catch (error) {
            errors.push(error);
          }
          return false;
        };
        const failing = pool.with({ retries: { limit: 1, when } }).submit(tasks.fail, "x");
        joined(pool);
        assert.equal((await errorOf<Error>(failing)).message, "x");
        assert.equal(errors.length, 1);
        assert.ok(errors[0] instanceof DeadlockError);
      });
    });
  });
}
