/** What a pool promises about the replacement of its workers. */
import assert from "node:assert/strict";
import { afterEach, describe } from "node:test";
import { Event, Queue, type ThreadPool } from "allcores";
import { until } from "../fixtures/pool-processes.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import { casesOf } from "./case-in-turn.js";
import type { PoolKind } from "./pool.contract.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

export function poolRecycleContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose tasks run elsewhere. */
  const apart = model === "async" ? test.skip : test;
  const apartSharing = isShareless ? test.skip : apart;
  const using = withPool(make);
  const gates: Event[] = [];
  afterEach(() => {
    for (const gate of gates.splice(0)) gate.set();
  });

  describe(`${title}: recycle`, { timeout: timeLimit(60_000) }, () => {
    test("what was submitted before and after is done, and nobody has died", () =>
      using({ workers: 2 }, async (pool) => {
        pool.recycle();
        const before = count(20).map((n) => pool.submit(tasks.square, n));
        const run = pool.map(tasks.square, count(50)).then((values) => values.length);
        pool.recycle();
        pool.recycle();
        const after = count(20).map((n) => pool.submit(tasks.square, n));
        assert.deepEqual(
          await Promise.all([...before, ...after]),
          [...count(20), ...count(20)].map((n) => n * n),
        );
        assert.equal(await run, 50);
        const { died, retried, failed } = pool.stats();
        assert.deepEqual({ died, retried, failed }, { died: 0, retried: 0, failed: 0 });
      }));

    apart("another worker takes the next call, with the same number, and runs the initializer", () =>
      using({ workers: 1, initializer: tasks.prepare, initArgs: ["all"] }, async (pool) => {
        const served = async () => (await pool.submit(tasks.countServed))[2];
        assert.deepEqual([await served(), await served()], [1, 2]);
        const slot = await pool.submit(tasks.tellSlot);
        pool.recycle();
        assert.equal(await served(), 1);
        assert.equal(await pool.submit(tasks.tellPrepared), "all");
        assert.equal(await pool.submit(tasks.tellSlot), slot);
        pool.recycle();
        await until(() => pool.stats().workers === 0);
      }),
    );

    apartSharing("what runs goes on to its end; what stands behind it goes to others, in its turn", () =>
      using({ workers: 1 }, async (pool) => {
        const [started, go, order] = [
          new Queue<number>({ across }),
          new Event({ across }),
          new Queue<number>({ across }),
        ];
        gates.push(go);
        const running = pool.submit(tasks.block, started, go, 5);
        const pid = await started.get();
        const waiting = [1, 2, 3].map((n) => pool.submit(tasks.note, order, n));
        pool.recycle();
        assert.equal(pool.stats().running, 1);
        go.set();
        assert.equal(await running, 5);
        await Promise.all(waiting);
        assert.deepEqual(
          count(3).map(() => order.tryGet()?.value),
          [1, 2, 3],
        );
        const [next, , served] = await pool.submit(tasks.countServed);
        assert.equal(served, 1);
        assert.equal(next === pid, model === "thread");
        assert.equal(pool.stats().died, 0);
      }),
    );

    apart("while it is paused: others begin after start", () =>
      using({ workers: 1 }, async (pool) => {
        await pool.submit(tasks.countServed);
        pool.pause();
        const future = pool.submit(tasks.countServed);
        pool.recycle();
        await until(() => pool.stats().workers === 0);
        assert.equal(future.state, "pending");
        pool.start();
        assert.equal((await future)[2], 1);
      }),
    );

    test("after close what was submitted is done, and after terminate it does nothing", async () => {
      const pool = make({ workers: 1 });
      const futures = count(5).map((n) => pool.submit(tasks.square, n));
      pool.close();
      pool.recycle();
      await pool.join();
      assert.deepEqual(await Promise.all(futures), [0, 1, 4, 9, 16]);
      const other = make({ workers: 1 });
      other.terminate();
      other.recycle();
      await other.join();
    });

    if (model !== "async" && !isShareless)
      test("joinSync does what others have to begin", async () => {
        const pool = make({ workers: 1 }) as ThreadPool;
        const futures = count(5).map((n) => pool.submit(tasks.square, n));
        pool.recycle();
        pool.close();
        pool.joinSync();
        assert.deepEqual(
          futures.map(({ state }) => state),
          count(5).map(() => "done"),
        );
      });
  });
}
