/**
 * What a pool promises while a test has put fake timers in the place of the platform's: what it does itself takes real
 * time, and the timeout of a call goes by the fake one.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, type Pool, type PoolOptions, Queue, TimeoutError } from "allcores";
import { fakes, loopTurned, type TestTime } from "../fixtures/fake-time.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import { inForm } from "../form.js";
import type { PoolKind } from "./pool.contract.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

export function poolTimeContract(title: string, { model, across, make, tasks = blockingTasks }: PoolKind): void {
  const using = withPool(make);
  // In the short form the pools whose workers have to start take the fakes by turns: the core of all pools is one, and
  // AsyncPool takes them all.
  const nth = model === "thread" ? 0 : 1;
  const taken = inForm({ short: fakes.filter((_, index) => model === "async" || index % 2 === nth), whole: fakes });
  for (const { title: whose, turnOn } of taken) {
    describe(`${title}: under the fake timers of ${whose}`, { timeout: timeLimit(300_000) }, () => {
      const faked = (options: PoolOptions, body: (pool: Pool, time: TestTime) => Promise<void>) => async () => {
        const time = turnOn();
        try {
          await using(options, (pool) => body(pool, time));
        } finally {
          time[Symbol.dispose]();
        }
      };
      /** Begun, and not to end before `go`. */
      const gate = () => ({ started: new Queue<number>({ across }), go: new Event({ across }) });

      test(
        "results come, and it ends",
        faked({ workers: 2 }, async (pool) => {
          assert.equal(await pool.submit(tasks.add, 1, 2), 3);
          assert.deepEqual(
            await pool.map(tasks.square, count(50)),
            count(50).map((n) => n * n),
          );
          pool.close();
          await pool.join();
        }),
      );

      test(
        "taskTimeout and killGrace are real time",
        faked({ workers: 1, taskTimeout: timeLimit(50), killGrace: 50 }, async (pool) => {
          const { started } = gate();
          await assert.rejects(pool.submit(tasks.spin, started), TimeoutError);
          // Its place is free once it was killed, or given up.
          assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        }),
      );

      test(
        "retries are tried after real time",
        faked({ workers: 1 }, async (pool) => {
          const again = pool.with({ retries: { limit: 1, delay: 20 } });
          assert.equal(await again.submit(tasks.attempt, 2), 2);
          assert.deepEqual(await again.map(tasks.attempt, [2, 1]), [2, 1]);
        }),
      );

      test(
        "the timeout of a call runs out when it is advanced by that, and not before",
        faked({ workers: 1 }, async (pool, time) => {
          const { started, go } = gate();
          const call = pool.with({ timeout: 1000 }).submit(tasks.block, started, go, 1);
          const ended = assert.rejects(call, TimeoutError);
          await started.get();
          time.tick(999);
          await loopTurned();
          assert.equal(call.state, "running");
          time.tick(1);
          await ended;
          go.set();
          assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        }),
      );

      test(
        "the timeout of a map likewise",
        faked({ workers: 1 }, async (pool, time) => {
          const { started, go } = gate();
          const ends: unknown[] = [];
          const run = pool.with({ timeout: 1000 }).starmap(tasks.block, [[started, go, 1]]);
          const ended = run.then(
            (value) => ends.push(value),
            (error: unknown) => ends.push(error),
          );
          await started.get();
          time.tick(999);
          await loopTurned();
          assert.equal(ends.length, 0);
          time.tick(1);
          await ended;
          assert.ok(ends[0] instanceof TimeoutError);
          go.set();
        }),
      );

      if (model === "async") {
        test(
          "the rate is real time",
          faked({ rate: { limit: 1, interval: 20 } } as PoolOptions, async (pool) => {
            assert.deepEqual(await Promise.all(count(3).map((n) => pool.submit(tasks.square, n))), [0, 1, 4]);
          }),
        );
      } else {
        test(
          "idle workers go after real time",
          faked({ workers: 1, idleTimeout: 20 }, async (pool) => {
            assert.equal(await pool.submit(tasks.add, 1, 2), 3);
            while (pool.stats().workers > 0) await loopTurned();
          }),
        );
      }
    });
  }
}
