/** What a pool promises about its workers: how many there are, what ends them, and what their tasks leave behind. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import { Event, InitializerError, Lock, Queue, Value, WorkerDiedError } from "allcores";
import * as tasks from "../fixtures/children-tasks.js";
import * as deadly from "../fixtures/deadly-tasks.js";
import { isRunning, until } from "../fixtures/pool-processes.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import { inForm } from "../form.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

export function poolWorkersContract(title: string, { model, across, make, isAuto = false }: PoolKind): void {
  const test = casesOf({ model });
  const using = withPool(make);
  /** For pools whose tasks run elsewhere. */
  const apart = model === "async" ? test.skip : test;
  const event = () => new Event({ across });
  const queue = <T>() => new Queue<T>({ across });

  describe(`${title}: \`workers\` is a bound`, { timeout: timeLimit(60_000) }, () => {
    const bounded = (options: object) =>
      using({ workers: 2, ...options }, async (pool) => {
        const [running, most] = [new Value("int32", 0, { across }), new Value("int32", 0, { across })];
        let workers = 0;
        const all = Promise.all(
          count(inForm({ short: 5, whole: 8 })).map(() => pool.submit(tasks.countRunning, running, most)),
        );
        const look = setInterval(() => {
          workers = Math.max(workers, pool.stats().workers);
        }, 1);
        await all;
        clearInterval(look);
        assert.ok(most.value <= 2, `${most.value} ran at a time`);
        if (model !== "async") assert.ok(workers <= 2, `${workers} workers were alive`);
      });
    // Of an AutoPool it bounds workers; calls that wait on this loop have a bound of their own.
    (isAuto ? test.skip : test)("for what runs at a time", () => bounded({}));
    apart("with maxTasksPerWorker", () => bounded({ maxTasksPerWorker: 1 }));
    apart("with idleTimeout", () => bounded({ maxTasksPerWorker: 2, idleTimeout: 0 }));

    apart("with resize: a worker on the way out that still works counts", () =>
      using({ workers: 2 }, async (pool) => {
        const [started, go] = [queue<number>(), event()];
        const held = count(2).map((n) => pool.submit(blockingTasks.block, started, go, n));
        for (const _ of held) await started.get();
        pool.resize(1);
        pool.resize(2);
        const next = pool.submit(blockingTasks.block, started, go, 2);
        assert.equal(pool.stats().workers, 2);
        go.set();
        assert.deepEqual(await Promise.all([...held, next]), [0, 1, 2]);
      }),
    );

    apart("with killGrace: a task that was called off and goes on counts", () =>
      using({ workers: 1, killGrace: Number.POSITIVE_INFINITY }, async (pool) => {
        const [started, go] = [queue<number>(), event()];
        const first = pool.submit(blockingTasks.block, started, go, 1);
        await started.get();
        assert.equal(first.cancel(), true);
        await assert.rejects(Promise.resolve(first), { code: "ERR_ALLCORES_CANCELLED" });
        const second = pool.submit(blockingTasks.add, 1, 2);
        assert.equal(pool.stats().workers, 1);
        go.set();
        assert.equal(await second, 3);
      }),
    );

    apart("a worker in its exit hook counts", () =>
      using({ workers: 1, maxTasksPerWorker: 1 }, async (pool) => {
        const [leaving, go] = [queue<number>(), event()];
        await pool.submit(tasks.leaveSlowly, leaving, go);
        await leaving.get();
        const next = pool.submit(blockingTasks.add, 1, 2);
        assert.equal(pool.stats().workers, 1);
        go.set();
        assert.equal(await next, 3);
      }),
    );

    if (model === "thread")
      test("a thread that was killed and is blocked in a call of the system is given up after killGrace, and its place taken", async () => {
        const folder = mkdtempSync(join(tmpdir(), "allcores-test-"));
        const path = join(folder, "pipe");
        execFileSync("mkfifo", [path]);
        try {
          await using({ workers: 1, killGrace: 50 }, async (pool) => {
            const blocked = pool.submit(deadly.openPipe, path);
            await until(() => pool.stats().perWorker[0]?.state === "blocked");
            blocked.cancel();
            assert.equal(await pool.submit(blockingTasks.add, 1, 2), 3);
            assert.equal(pool.stats().workers, 1);
          });
        } finally {
          // Opened for both: that blocks nobody, and lets go whoever waits for the other end.
          closeSync(openSync(path, "r+"));
          rmSync(folder, { recursive: true });
        }
      });
  });

  if (model === "async") return;

  describe(`${title}: workers started by a worker are not cut off`, { timeout: timeLimit(60_000) }, () => {
    for (const child of ["thread", "process"] as const) {
      // Objects of a ThreadPool's threads reach a process where they are shared across processes.
      const reach = child === "process" ? "processes" : across;
      const start = () => ({ go: new Event({ across: reach }), saved: new Queue<string>({ across: reach }) });

      test(`when their starter's task returns, nor when its pool is closed: join waits for them (${child})`, async () => {
        const { go, saved } = start();
        const pool = make({ workers: 1 });
        assert.equal(await pool.submit(tasks.parent, child, go, saved), "parent is done");
        assert.equal(await pool.submit(blockingTasks.add, 1, 2), 3);
        pool.close();
        const joined = pool.join();
        assert.equal(saved.tryGet(), undefined);
        go.set();
        await joined;
        assert.equal(saved.tryGet()?.value, "saved");
      });
    }

    test("a worker that only waits for its children does not count towards workers", () =>
      using({ workers: 1, maxTasksPerWorker: 1 }, async (pool) => {
        const [go, saved] = [event(), queue<string>()];
        await pool.submit(tasks.parent, model, go, saved);
        await pool.submit(tasks.parent, model, go, saved);
        assert.equal(await pool.submit(blockingTasks.add, 1, 2), 3);
        assert.ok(pool.stats().workers >= 2);
        go.set();
        assert.deepEqual([await saved.get(), await saved.get()], ["saved", "saved"]);
        await until(() => pool.stats().workers <= 1);
        assert.equal(pool.stats().died, 0);
      }));

    test("terminate ends them", async () => {
      const [lock, begun] = [new Lock({ across }), queue<number>()];
      const pool = make({ workers: 1 });
      const pid = await pool.submit(tasks.parentOfHolder, model, lock, begun);
      pool.terminate();
      await pool.join();
      assert.equal((await lock.acquire({ timeout: timeLimit(20_000) })).ownerDied, true);
      if (model === "process") await until(() => !isRunning(pid));
    });
  });

  describe(`${title}: a worker that is killed while it runs the initializer`, { timeout: timeLimit(60_000) }, () => {
    for (const how of ["exit", "kill"] as const) {
      // A thread cannot be killed from outside but by what it does itself.
      if (how === "kill" && model === "thread") continue;

      test(`is a death like others: it is replaced, and the pool goes on (${how})`, () => {
        const deaths = new Value("int32", 0, { across });
        return using({ workers: 2, initializer: deadly.dieInitializing, initArgs: [deaths, 3, how] }, async (pool) => {
          assert.deepEqual(
            await pool.map(blockingTasks.square, count(6)),
            count(6).map((n) => n * n),
          );
          assert.equal(await pool.submit(blockingTasks.add, 1, 2), 3);
          assert.equal(pool.stats().failed, 0);
          // One worker may have done all of it before the other's successor came to the initializer.
          await until(() => pool.stats().died === 3);
        });
      });

      test(`each time fails the pool, after so many in a row (${how})`, async () => {
        const deaths = new Value("int32", 0, { across });
        const pool = make({
          workers: 2,
          initializer: deadly.dieInitializing,
          initArgs: [deaths, 1000, how],
          retries: 5,
        });
        const ends = await Promise.allSettled(count(5).map((n) => pool.submit(blockingTasks.square, n)));
        for (const end of ends) {
          assert.ok(end.status === "rejected" && end.reason instanceof InitializerError);
          assert.match(end.reason.message, /8 workers in a row ended while they ran it/);
          assert.ok(end.reason.cause instanceof WorkerDiedError && end.reason.cause.deaths.length === 8);
        }
        assert.throws(() => pool.submit(blockingTasks.add, 1, 2), InitializerError);
        await pool.join();
        assert.ok(deaths.value <= 10);
      });
    }

    test("only an initializer that throws fails the pool", async () => {
      const pool = make({ workers: 2, initializer: blockingTasks.prepare, initArgs: ["broken"] });
      await assert.rejects(Promise.resolve(pool.submit(blockingTasks.add, 1, 2)), {
        code: "ERR_ALLCORES_INITIALIZER",
        message: /cannot prepare/,
      });
      await pool.join();
    });
  });
}
