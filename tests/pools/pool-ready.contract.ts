/** What `minWorkers` promises: workers that are there before the work, whatever ends some of them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe } from "node:test";
import { Barrier, Event, Queue, ThreadPool, Value } from "allcores";
import type { WorkerPool } from "../../src/pools/worker-pool.js";
import * as deadly from "../fixtures/deadly-tasks.js";
import { until } from "../fixtures/pool-processes.js";
import * as tasks from "../fixtures/pool-tasks.js";
import { timeLimit } from "../time-limit.js";
import { casesOf } from "./case-in-turn.js";
import type { PoolKind } from "./pool.contract.js";
import { withPool } from "./with-pool.js";

const RANGE = { code: "ERR_ALLCORES_ARGUMENT_RANGE" };

export function poolReadyContract(title: string, { model, across, make }: PoolKind): void {
  const test = casesOf({ model });
  const using = withPool(make);
  const names = (pool: { stats(): { perWorker: readonly { name: string }[] } }) =>
    pool.stats().perWorker.map(({ name }) => name);

  describe(`${title}: minWorkers`, { timeout: timeLimit(60_000) }, () => {
    test("start with the pool, and do its first work", () =>
      using({ workers: 3, minWorkers: 2, name: "Ready" }, async (pool) => {
        assert.deepEqual(names(pool), ["Ready-1", "Ready-2"]);
        await until(() => pool.stats().idle === 2 && pool.stats().perWorker.every(({ state }) => state === "idle"));
        const barrier = new Barrier(2, { across });
        assert.deepEqual(
          (await Promise.all([pool.submit(tasks.meet, barrier), pool.submit(tasks.meet, barrier)])).sort(),
          ["Ready-1", "Ready-2"],
        );
        assert.deepEqual(names(pool), ["Ready-1", "Ready-2"]);
      }));

    test("run the initializer ahead of the work", () => {
      const prepared = new Value("int32", 0, { across });
      return using(
        { workers: 2, minWorkers: 2, initializer: deadly.dieInitializing, initArgs: [prepared, 0, "exit"] },
        () => until(() => prepared.value === 2),
      );
    });

    test("a dead one is replaced though there is no work", () =>
      using({ workers: 2, minWorkers: 2 }, async (pool) => {
        await assert.rejects(Promise.resolve(pool.submit(deadly.poison, 7)), { code: "ERR_ALLCORES_WORKER_DIED" });
        await until(() => pool.stats().died === 1 && pool.stats().workers === 2 && pool.stats().idle === 2);
      }));

    test("one that is worn out is replaced", () =>
      using({ workers: 2, minWorkers: 2, maxTasksPerWorker: 1 }, async (pool) => {
        const before = names(pool);
        await pool.submit(tasks.add, 1, 2);
        await until(() => pool.stats().workers === 2 && names(pool).some((name) => !before.includes(name)));
        assert.equal(pool.stats().died, 0);
      }));

    test("idleTimeout ends those beyond them alone", () =>
      using({ workers: 3, minWorkers: 1, idleTimeout: 20 }, async (pool) => {
        const barrier = new Barrier(3, { across });
        const before = await Promise.all([1, 2, 3].map(() => pool.submit(tasks.meet, barrier)));
        await until(() => pool.stats().workers === 1);
        // As long again, by a pool that keeps none.
        await using({ workers: 1, idleTimeout: 40 }, async (clock) => {
          await clock.submit(tasks.add, 1, 2);
          await until(() => clock.stats().workers === 0);
        });
        const [left] = names(pool);
        assert.ok(before.includes(left!), `${left} is none of ${before.join()}`);
      }));

    test("resize bounds them, and gives them back", () =>
      using({ workers: 3, minWorkers: 3 }, async (pool) => {
        pool.resize(1);
        await until(() => pool.stats().workers === 1);
        pool.resize(2);
        assert.equal(pool.stats().workers, 2);
        pool.resize(5);
        assert.equal(pool.stats().workers, 3);
      }));

    test("in a paused pool too", () =>
      using({ workers: 2, minWorkers: 2 }, async (pool) => {
        const [started, go] = [new Queue<number>({ across }), new Event({ across })];
        const dies = pool.submit(deadly.dieOn, started, go);
        await started.get();
        pool.pause();
        go.set();
        await assert.rejects(Promise.resolve(dies), { code: "ERR_ALLCORES_WORKER_DIED" });
        await until(() => pool.stats().workers === 2 && pool.stats().idle === 2);
        assert.equal(pool.isPaused, true);
      }));

    test("end with the pool, and none comes after that", async () => {
      const pool = make({ workers: 2, minWorkers: 2 }) as WorkerPool;
      pool.close();
      pool.resize(3);
      await pool.join();
      assert.equal(pool.stats().workers, 0);
      const blocking = make({ workers: 2, minWorkers: 2 }) as WorkerPool;
      const future = blocking.submit(tasks.add, 1, 2);
      blocking.close();
      blocking.joinSync();
      assert.equal(future.state, "done");
      const ended = make({ workers: 2, minWorkers: 2 });
      ended.terminate();
      await ended.join();
      assert.equal(ended.stats().workers, 0);
    });

    test("an initializer that throws fails the pool before its first work", async () => {
      const pool = make({ workers: 2, minWorkers: 1, initializer: tasks.prepare, initArgs: ["broken"] });
      await until(() => {
        try {
          pool.pause();
          return false;
        } catch {
          return true;
        }
      });
      assert.throws(() => pool.submit(tasks.add, 1, 2), { code: "ERR_ALLCORES_INITIALIZER" });
      await pool.join();
    });

    test("an initializer's argument that cannot be sent fails the pool", async () => {
      const pool = make({ workers: 2, minWorkers: 1, initializer: tasks.prepare, initArgs: [() => 1] });
      assert.throws(() => pool.submit(tasks.add, 1, 2), { code: "ERR_ALLCORES_UNSENDABLE" });
      await pool.join();
    });

    test("eight that end in a row before any has done a task are not followed by a ninth, until there is work", () => {
      const isOver = new Event({ across });
      return using({ workers: 1, minWorkers: 1, initializer: deadly.dieSoon, initArgs: [isOver] }, async (pool) => {
        await until(() => pool.stats().died === 8 && pool.stats().workers === 0, 30_000);
        isOver.set();
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
      });
    });

    test("of a pool that a module makes are not started while a worker loads that module", () => {
      const program = join(import.meta.dirname, "../fixtures/programs/ready-at-top.js");
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, model], {
        encoding: "utf8",
        timeout: timeLimit(30_000),
      });
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "16 1\n", stderr: "" });
    });

    test("are workers of the pool: no more than `workers`, and a whole number", () => {
      assert.throws(() => make({ workers: 1, minWorkers: 2 }), {
        ...RANGE,
        message: /minWorkers must be at most options\.workers, 1, got 2/,
      });
      assert.throws(() => make({ minWorkers: -1 }), RANGE);
      assert.throws(() => make({ minWorkers: 1.5 }), RANGE);
      if (model === "thread") assert.throws(() => new ThreadPool({ minThreads: 1 } as never), /say minWorkers/);
    });

    test("may be more than there are processors", () =>
      using({ minWorkers: 3 }, async (pool) => {
        assert.ok(pool.workers >= 3);
        assert.equal(pool.stats().workers, 3);
      }));
  });
}
