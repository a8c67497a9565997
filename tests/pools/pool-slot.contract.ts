/** What a pool promises about the numbers of its workers. */
import assert from "node:assert/strict";
import { afterEach, describe } from "node:test";
import { currentWorker, Event, type Pool, Queue, WorkerDiedError } from "allcores";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

export function poolSlotContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  /** For those of them whose tasks run elsewhere. */
  const apartSharing = isShareless || model === "async" ? test.skip : test;
  const using = withPool(make);
  // Before any test: where tasks of an AsyncPool are under way that never end, nobody can tell who asks.
  const outside = currentWorker().slot;
  const gates: Event[] = [];
  afterEach(() => {
    for (const gate of gates.splice(0)) gate.set();
  });
  /** Occupies so many workers until `go`. Gives their numbers. */
  const hold = async (pool: Pool, workers: number) => {
    const [started, go] = [new Queue<number>({ across }), new Event({ across })];
    gates.push(go);
    const futures = Array.from({ length: workers }, () => pool.submit(tasks.holdSlot, started, go));
    const slots: number[] = [];
    for (const _ of futures) slots.push(await started.get());
    const release = async () => {
      go.set();
      await Promise.all(futures);
    };
    return { slots: slots.sort(), release };
  };

  describe(`${title}: slots`, { timeout: timeLimit(60_000) }, () => {
    test("one worker has the first, and who is in no pool has none", () =>
      using({ workers: 1 }, async (pool) => {
        assert.equal(await pool.submit(tasks.tellSlot), 1);
        assert.deepEqual(await pool.map(tasks.tellSlot as never, [1, 2, 3]), [1, 1, 1]);
        assert.equal(outside, undefined);
      }));

    sharing("each of those that work has its own, from 1 to `workers`, again and again", () =>
      using({ workers: 3 }, async (pool) => {
        for (const workers of [3, 2, 3]) {
          const { slots, release } = await hold(pool, workers);
          assert.equal(new Set(slots).size, workers);
          assert.ok(
            slots.every((slot) => slot >= 1 && slot <= 3),
            String(slots),
          );
          await release();
        }
      }),
    );

    apartSharing("who takes the place of a worker that died takes over its number", () =>
      using({ workers: 2 }, async (pool) => {
        const { slots: held, release } = await hold(pool, 1);
        const freed = new Queue<number>({ across });
        for (let time = 0; time < 2; time++) {
          await assert.rejects(Promise.resolve(pool.submit(tasks.exitFromSlot, freed)), WorkerDiedError);
          const slot = await freed.get();
          assert.deepEqual([...held, slot].sort(), [1, 2]);
          assert.equal(await pool.submit(tasks.tellSlot), slot);
        }
        await release();
      }),
    );

    apartSharing("and so does the next after maxTasksPerWorker", () =>
      using({ workers: 1, maxTasksPerWorker: 1 }, async (pool) => {
        for (let time = 0; time < 3; time++) assert.equal(await pool.submit(tasks.tellSlot), 1);
      }),
    );
  });
}
