/** What a pool tells of the workers that a task took along, and of those that do not respond. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import { Worker } from "node:worker_threads";
import {
  Event,
  Lock,
  MemoryLimitError,
  type Pool,
  type PoolStats,
  type PoolWorker,
  Queue,
  type UnresponsiveWorker,
  WorkerDiedError,
} from "allcores";
import * as deadly from "../fixtures/deadly-tasks.js";
import { isRunning, until } from "../fixtures/pool-processes.js";
import * as tasks from "../fixtures/pool-tasks.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
const squares = (to: number) => count(to).map((n) => n * n);
const again = { limit: 2, delay: 1 };

export function poolDeathContract(title: string, { model, across, make }: PoolKind): void {
  const test = casesOf({ model });
  const ofProcesses = across === "processes";
  const apart = ofProcesses ? test : test.skip;
  const using = withPool(make);
  const failure = async <E extends Error>(promise: PromiseLike<unknown>): Promise<E> => {
    const [end] = await Promise.allSettled([promise]);
    assert.equal(end.status, "rejected");
    return (end as PromiseRejectedResult).reason as E;
  };
  /** While one of two workers is busy until `go`, a task on the other waits for one that gets that place. */
  const waitsForPlace = async (pool: Pool, go: Event) => {
    const outer = pool.submit(tasks.nest, pool.handle(), 1);
    const waits = ({ running, queued }: PoolStats) => running === 2 && queued === 1;
    await until(() => outer.state === "failed" || waits(pool.stats()));
    go.set();
    assert.equal(await outer, 1);
  };
  /** A named pipe: whoever opens it for reading blocks until the test ends. */
  const withPipe = async (body: (path: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "allcores-test-"));
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    // Opened for both: that blocks nobody, and lets go whoever waits for the other end.
    const open = () => closeSync(openSync(path, "r+"));
    try {
      await body(path);
    } finally {
      open();
      rmSync(folder, { recursive: true });
    }
  };

  describe(`${title}: deaths`, { timeout: timeLimit(60_000) }, () => {
    test("a task that died while it waited for one of its own pool no longer counts as waiting", () =>
      using({ workers: 2 }, async (pool) => {
        const [started, go] = [new Queue<number>({ across }), new Event({ across })];
        await failure(pool.submit(deadly.dieWaiting, pool.handle(), started, go));
        await waitsForPlace(pool, go);
      }));

    test("nor does one that ended without waiting", () =>
      using({ workers: 2 }, async (pool) => {
        const [started, go] = [new Queue<number>({ across }), new Event({ across })];
        const other = new Event({ across });
        const busy = pool.submit(tasks.block, started, other, 0);
        await started.get();
        await pool.submit(deadly.leaveBehind, pool.handle(), started, go);
        await started.get();
        other.set();
        await busy;
        await waitsForPlace(pool, go);
      }));

    test("what stands behind a long task is done by the successor of a worker that died", () =>
      using({ workers: 2 }, async (pool) => {
        const [started, go, end] = [new Queue<number>({ across }), new Event({ across }), new Event({ across })];
        const long = pool.submit(tasks.block, started, end, 0);
        await started.get();
        const dying = failure(pool.submit(deadly.dieOn, started, go));
        await started.get();
        const behind = pool.submit(tasks.square, 3);
        go.set();
        await dying;
        assert.equal(await behind, 9);
        assert.notEqual(long.state, "done");
        end.set();
        await long;
      }));

    for (const how of ofProcesses ? (["SIGKILL", "SIGSEGV", 7, 0] as const) : ([7, 0] as const)) {
      test(`a task that ends each worker by ${how} fails with the history, the others go on`, () =>
        using({ workers: 2 }, async (pool) => {
          const others = count(100).map((n) => pool.submit(tasks.square, n));
          const before = Date.now();
          const error = await failure<WorkerDiedError>(pool.with({ retries: again }).submit(deadly.poison, how));
          assert.ok(error instanceof WorkerDiedError);
          const { deaths } = error;
          const signal = typeof how === "string" ? how : undefined;
          const exitCode = typeof how === "number" ? how : error.exitCode;
          assert.deepEqual(
            deaths.map(({ attempt, reason, signal, exitCode, lastProgress }) => ({
              attempt,
              reason,
              signal,
              exitCode,
              lastProgress,
            })),
            [1, 2, 3].map((attempt) => ({
              attempt,
              reason: signal === undefined ? "exit" : "signal",
              signal,
              exitCode,
              lastProgress: { attempt },
            })),
          );
          assert.deepEqual([error.signal, error.exitCode], [signal, exitCode]);
          assert.equal(new Set(deaths.map(({ worker }) => worker)).size, 3);
          assert.equal(new Set(deaths.map(({ pid, threadId }) => `${pid}.${threadId}`)).size, 3);
          for (const { worker, pid, threadId, time, ranFor } of deaths) {
            assert.match(worker, /^PoolWorker-\d+$/);
            assert.equal(pid === process.pid, !ofProcesses);
            assert.equal(threadId > 0, !ofProcesses);
            assert.ok(time >= before && time <= Date.now());
            assert.ok(ranFor >= 0 && ranFor < 60_000);
          }
          const lines = error.message.split("\n");
          assert.match(
            lines[0] as string,
            /while it ran the task "poison"; the pool goes on with another worker\. The task has taken 3 workers along:$/,
          );
          assert.equal(lines.length, 4);
          assert.match(
            lines[1] as string,
            /^ {2}attempt 1: PoolWorker-\d+ \((process|thread) \d+\) .* after \d+ ms, last progress \{ attempt: 1 \}$/,
          );
          assert.deepEqual(await Promise.all(others), squares(100));
          assert.equal(await pool.submit(tasks.add, 20, 22), 42);
          assert.equal(pool.stats().died, 3);
        }));
    }

    test("memory: each death says so", () =>
      using({ workers: 2, resourceLimits: { heap: 24 }, retries: { limit: 1, delay: 1 } }, async (pool) => {
        const error = await failure<MemoryLimitError>(pool.submit(tasks.allocate));
        assert.ok(error instanceof MemoryLimitError);
        assert.deepEqual(
          error.deaths.map(({ attempt, reason }) => [attempt, reason]),
          [
            [1, "memory"],
            [2, "memory"],
          ],
        );
        assert.equal(await pool.submit(tasks.square, 4), 16);
      }));

    test("one death is told in one line, with what the task last told", () =>
      using({ workers: 1 }, async (pool) => {
        const error = await failure<WorkerDiedError>(pool.submit(deadly.poison, 3));
        assert.equal(error.deaths.length, 1);
        assert.match(
          error.message,
          /^PoolWorker-\d+ ended with exit code 3 while it ran the task "poison", which had last told \{ attempt: 1 \}; the pool goes on with another worker$/,
        );
      }));

    for (const how of ofProcesses ? (["SIGKILL", 9] as const) : ([9] as const)) {
      test(`map, ended by ${how}: of the chunk only the item that kills fails, after its retries`, () =>
        using({ workers: 2, retries: again }, async (pool) => {
          const outcomes = await pool
            .map(deadly.poisonAt.partial(20).partial(how), count(50), { chunkSize: 50 })
            .settled();
          assert.deepEqual(
            outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
            count(50).filter((n) => n !== 20),
          );
          const poisoned = outcomes[20];
          assert.ok(poisoned?.status === "rejected" && poisoned.reason instanceof WorkerDiedError);
          assert.deepEqual(
            poisoned.reason.deaths.map(({ attempt }) => attempt),
            [1, 2, 3],
          );
          assert.equal(pool.stats().died, 3);
          const error = await failure<WorkerDiedError>(
            pool.map(deadly.poisonAt.partial(20).partial(how), count(50), { chunkSize: 50 }),
          );
          assert.equal(error.deaths.length, 3);
          assert.deepEqual(await pool.map(tasks.square, count(1000)), squares(1000));
        }));
    }

    apart(
      "map without retries: what was done before is delivered or told to be lost, and never held against its item",
      () =>
        using({ workers: 2 }, async (pool) => {
          const outcomes = await pool
            .map(deadly.poisonAt.partial(20).partial("SIGKILL"), count(50), { chunkSize: 50 })
            .settled();
          for (const outcome of outcomes) {
            if (outcome.status === "fulfilled") assert.equal(outcome.value, outcome.index);
            else {
              assert.ok(outcome.index <= 20 && outcome.reason instanceof WorkerDiedError);
              assert.equal(outcome.reason.deaths.length, outcome.index === 20 ? 1 : 0);
              if (outcome.index < 20)
                assert.match(
                  outcome.reason.message,
                  /was done, but its outcome was lost with PoolWorker-\d+, which was killed by SIGKILL/,
                );
            }
          }
          const poisoned = outcomes[20];
          assert.ok(poisoned?.status === "rejected");
          assert.equal((poisoned.reason as WorkerDiedError).deaths[0]?.lastProgress, "at 20");
        }),
    );

    test("workers that end before they begin: all that waits fails, without a worker for each", async () => {
      const folder = mkdtempSync(join(tmpdir(), "allcores-test-"));
      const file = join(folder, "worker.mjs");
      writeFileSync(file, "process.exit(7);");
      try {
        const worker = ofProcesses ? file : (options: object) => new Worker(file, options);
        await using({ workers: 2, worker, retries: { limit: 1, delay: 1 } }, async (pool) => {
          const ends = await Promise.allSettled(count(50).map((n) => pool.submit(tasks.square, n)));
          for (const end of ends) {
            assert.ok(end.status === "rejected" && end.reason instanceof WorkerDiedError);
            assert.equal(end.reason.exitCode, 7);
            for (const { reason } of end.reason.deaths) assert.equal(reason, "start");
          }
          const { reason } = ends.at(-1) as PromiseRejectedResult;
          assert.match(
            (reason as Error).message,
            /^8 workers of this \w+Pool in a row ended before they could take a task/,
          );
          // Those that were starting by then had a task each, and each of these another try.
          assert.ok(pool.stats().died <= 8 + 2 * 2, `${pool.stats().died} workers`);
          // The pool is open: what is submitted later is tried anew.
          const later = await failure<WorkerDiedError>(pool.submit(tasks.square, 1));
          assert.match(later.message, /ended with exit code 7 before it could run the task "square"/);
          assert.deepEqual(
            later.deaths.map(({ reason }) => reason),
            ["start", "start"],
          );
        });
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });

  describe(`${title}: workers that do not respond`, { timeout: timeLimit(60_000) }, () => {
    const stateOf = (pool: Pool, task: string): PoolWorker | undefined =>
      pool.stats().perWorker.find((worker) => worker.task === task);

    test("stats tell what each worker does: idle, busy, awaiting, waiting, blocked", () =>
      withPipe((path) =>
        using({ workers: 5 }, async (pool) => {
          assert.deepEqual(pool.stats().perWorker, []);
          const go = new Event({ across });
          const lock = new Lock({ across, label: "accounts" });
          const held = lock.acquireSync();
          const futures = [
            pool.submit(deadly.computeUntil, go),
            pool.submit(deadly.awaitUntil, go),
            pool.submit(deadly.waitFor, lock),
            pool.submit(deadly.openPipe, path),
          ];
          const begun = Date.now();
          const shows = async (task: string, state: PoolWorker["state"]) => {
            await until(() => stateOf(pool, task)?.state === state, 30_000);
            return stateOf(pool, task) as PoolWorker;
          };
          await shows("computeUntil", "busy");
          const { name, pid, threadId, since } = await shows("awaitUntil", "awaiting");
          assert.match(name, /^PoolWorker-\d+$/);
          assert.equal(pid === process.pid, !ofProcesses);
          assert.equal(threadId > 0, !ofProcesses);
          assert.ok(Math.abs(since - begun) < 10_000);
          assert.deepEqual((await shows("waitFor", "waiting")).waitsFor, ['Lock "accounts"']);
          await shows("openPipe", "blocked");
          // Open until it has let go: whoever is not there yet does not wait either.
          const writer = openSync(path, "r+");
          held[Symbol.dispose]();
          go.set();
          assert.deepEqual(await Promise.all(futures), ["computed", "awaited", "acquired", "opened"]);
          closeSync(writer);
          const { perWorker } = pool.stats();
          assert.deepEqual(new Set(perWorker.map(({ state }) => state)), new Set(["idle"]));
          for (const worker of perWorker) assert.ok(!("task" in worker));
        }),
      ));

    test("report: who is blocked or waits is told of once, who computes or awaits is not", () =>
      withPipe(async (path) => {
        const told: UnresponsiveWorker[] = [];
        await using(
          { workers: 5, unresponsive: { after: 200, report: (worker) => told.push(worker) } },
          async (pool) => {
            const go = new Event({ across });
            const lock = new Lock({ across, label: "accounts" });
            const held = lock.acquireSync();
            const innocent = [
              pool.submit(deadly.computeUntil, go),
              pool.submit(deadly.awaitUntil, go),
              pool.submit(deadly.sleepUntil, go),
            ];
            const silent = [pool.submit(deadly.waitFor, lock), pool.submit(deadly.openPipe, path)];
            const named = (task: string) => told.filter((worker) => worker.task === task);
            await until(() => named("waitFor").length > 0 && named("openPipe").length > 0, 30_000);
            held[Symbol.dispose]();
            // Open until it has let go: whoever is not there yet does not wait either.
            const writer = openSync(path, "r+");
            assert.deepEqual(await Promise.all(silent), ["acquired", "opened"]);
            closeSync(writer);
            go.set();
            assert.deepEqual(await Promise.all(innocent), ["computed", "awaited", "slept"]);
            const [waiting] = named("waitFor");
            const [blocked] = named("openPipe");
            assert.equal(told.length, 2);
            assert.deepEqual(
              [waiting?.state, waiting?.killed, blocked?.state, blocked?.killed],
              ["waiting", false, "blocked", false],
            );
            assert.match(
              waiting?.text ?? "",
              /^allcores: PoolWorker-\d+ \(.*process \d+\) of this \w+Pool waits for Lock "accounts"; it has had the task "waitFor" for \d+\.\d s$/,
            );
            assert.match(blocked?.text ?? "", /is blocked( in \w+)?; it has had the task "openPipe"/);
          },
        );
      }));

    test("kill: who waits for an object of this library is told of, and left alone", () => {
      const told: UnresponsiveWorker[] = [];
      return using(
        { workers: 1, unresponsive: { after: 100, action: "kill", report: (worker) => told.push(worker) } },
        async (pool) => {
          const lock = new Lock({ across });
          const held = lock.acquireSync();
          const waiting = pool.submit(deadly.waitFor, lock);
          await until(() => told.length > 0, 30_000);
          assert.deepEqual([told[0]?.state, told[0]?.killed], ["waiting", false]);
          held[Symbol.dispose]();
          assert.equal(await waiting, "acquired");
          assert.equal(pool.stats().workers, 1);
        },
      );
    });

    test("kill: a blocked worker is replaced, and its task fails with the reason", () =>
      withPipe((path) =>
        // A process that was killed has so long until its end is told; a thread that cannot be ended is given up then.
        using({ workers: 2, killGrace: timeLimit(200), unresponsive: { after: 200, action: "kill" } }, async (pool) => {
          const blocked = pool.submit(deadly.openPipe, path);
          const others = count(20).map((n) => pool.submit(tasks.squareLater, n));
          const error = await failure<WorkerDiedError>(blocked);
          assert.ok(error instanceof WorkerDiedError);
          assert.deepEqual(
            error.deaths.map(({ reason }) => reason),
            ["unresponsive"],
          );
          assert.equal(error.signal, ofProcesses ? "SIGKILL" : undefined);
          assert.match(
            error.message,
            /^PoolWorker-\d+ was blocked and did not respond, and was killed while it ran the task "openPipe"/,
          );
          assert.deepEqual(await Promise.all(others), squares(20));
          // It ends on its own account once its call returns: a thread cannot be made to.
          // Open until it has let go: whoever is not there yet does not wait either.
          const writer = openSync(path, "r+");
          await until(() => !pool.stats().perWorker.some(({ state }) => state === "blocked"));
          closeSync(writer);
          assert.equal(pool.stats().died, 0);
        }),
      ));

    if (!ofProcesses) {
      test("kill: a thread in Atomics.wait is blocked, and ends at once", () =>
        using(
          { workers: 1, retries: { limit: 1, delay: 1 }, unresponsive: { after: 100, action: "kill" } },
          async (pool) => {
            const error = await failure<WorkerDiedError>(
              pool.submit(deadly.blockOn, new Int32Array(new SharedArrayBuffer(4))),
            );
            assert.deepEqual(
              error.deaths.map(({ attempt, reason }) => [attempt, reason]),
              [
                [1, "unresponsive"],
                [2, "unresponsive"],
              ],
            );
            assert.equal(await pool.submit(tasks.square, 4), 16);
          },
        ));
    }

    apart("SIGSTOP in a task: killed, and tried again", () =>
      using({ workers: 2, retries: again, unresponsive: { after: 100, action: "kill" } }, async (pool) => {
        assert.equal(await pool.submit(deadly.stopUntil, 3), 3);
        const error = await failure<WorkerDiedError>(pool.submit(deadly.stopUntil, 9));
        assert.deepEqual(
          error.deaths.map(({ attempt, reason, signal }) => [attempt, reason, signal]),
          [1, 2, 3].map((attempt) => [attempt, "unresponsive", "SIGKILL"]),
        );
        for (const { pid } of error.deaths) assert.ok(!isRunning(pid as number));
        assert.match(
          error.message,
          /was stopped and did not respond, and was killed while it ran the task "stopUntil"/,
        );
      }),
    );

    apart("SIGSTOP of an idle worker: the task that it was given goes to another, unharmed", () =>
      using({ workers: 1, unresponsive: { after: 100, action: "kill" } }, async (pool) => {
        const { pid } = await pool.submit(tasks.who);
        process.kill(pid, "SIGSTOP");
        await until(() => pool.stats().perWorker[0]?.state === "stopped");
        assert.deepEqual(await Promise.all([pool.submit(deadly.attemptNow), pool.submit(deadly.attemptNow)]), [1, 1]);
        await until(() => !isRunning(pid));
      }),
    );

    apart("SIGSTOP is reported, SIGCONT lets it go on as if nothing had been", () => {
      const told: UnresponsiveWorker[] = [];
      return using(
        { workers: 1, unresponsive: { after: 100, report: (worker) => told.push(worker) } },
        async (pool) => {
          const stopped = pool.submit(deadly.stopUntil, 2);
          await until(() => told.length > 0, 30_000);
          const [{ state, pid, killed, text }] = told as [UnresponsiveWorker];
          assert.deepEqual([state, killed], ["stopped", false]);
          assert.match(text, /is stopped; it has had the task "stopUntil"/);
          process.kill(pid as number, "SIGCONT");
          assert.equal(await stopped, 1);
          assert.equal(await pool.submit(tasks.square, 5), 25);
        },
      );
    });

    test("options of the wrong kind are refused", () => {
      for (const unresponsive of [5, null, {}, { after: "5" }, { after: 5, action: "ignore" }, { after: 5, report: 1 }])
        assert.throws(() => make({ unresponsive: unresponsive as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      for (const after of [-1, Number.NaN])
        assert.throws(() => make({ unresponsive: { after } }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    });
  });
}
