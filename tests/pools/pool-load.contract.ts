/** What a pool promises to those who wait until it has less to do. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, describe } from "node:test";
import { Event, type Pool, Queue, TimeoutError } from "allcores";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

export function poolLoadContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  const using = withPool(make);
  const gates: Event[] = [];
  afterEach(() => {
    for (const gate of gates.splice(0)) gate.set();
  });
  /** A call that runs until `go`. */
  const occupy = async (pool: Pool) => {
    const started = new Queue<number>({ across });
    const go = new Event({ across });
    gates.push(go);
    const future = pool.submit(tasks.block, started, go, 1);
    await started.get();
    return { started, go, future };
  };
  /** Whether a wait has ended. */
  const watched = (wait: Promise<void>) => {
    const seen = { isOver: false, wait };
    void wait.then(() => {
      seen.isOver = true;
    });
    return seen;
  };

  describe(`${title}: waits for less work`, { timeout: timeLimit(60_000) }, () => {
    test("waitForIdle: once all that was submitted has ended, and all maps", () =>
      using({ workers: 2 }, async (pool) => {
        await pool.waitForIdle();
        await pool.waitForEmpty();
        await pool.waitForSizeLessThan(1);
        const futures = count(20).map((n) => pool.submit(tasks.squareLater, n));
        const slowly = async function* () {
          for (const n of count(5)) {
            await new Promise((resolve) => setTimeout(resolve, 2));
            yield n;
          }
        };
        let values: readonly number[] = [];
        void pool.map(tasks.square, slowly()).then((all) => {
          values = all;
        });
        await pool.waitForIdle({ timeout: timeLimit(20_000) });
        assert.ok(futures.every(({ state }) => state === "done"));
        await new Promise(setImmediate);
        assert.deepEqual(values, [0, 1, 4, 9, 16]);
      }));

    test("waitForIdle: what fails and what is called off has ended too", () =>
      using({ workers: 1 }, async (pool) => {
        const failed = pool.submit(tasks.fail, "on purpose");
        const cancelled = pool.submit(tasks.square, 1);
        cancelled.cancel();
        await pool.waitForIdle();
        assert.deepEqual([failed.state, cancelled.state], ["failed", "cancelled"]);
        await Promise.allSettled([failed, cancelled]);
        pool.pause();
        const cleared = pool.submit(tasks.square, 1);
        const idle = watched(pool.waitForIdle());
        await assert.rejects(pool.waitForIdle({ timeout: 0 }), TimeoutError);
        assert.equal(idle.isOver, false);
        pool.clear();
        await idle.wait;
        assert.equal(cleared.state, "cancelled");
        await Promise.allSettled([cleared]);
      }));

    sharing("waitForEmpty: once nothing waits, though a call runs; waitForIdle not before that has ended", () =>
      using({ workers: 1 }, async (pool) => {
        const { go, future } = await occupy(pool);
        await pool.waitForEmpty();
        const second = await (async () => {
          const started = new Queue<number>({ across });
          const end = new Event({ across });
          gates.push(end);
          return { future: pool.submit(tasks.block, started, end, 2), started, end };
        })();
        const [empty, idle] = [watched(pool.waitForEmpty()), watched(pool.waitForIdle())];
        await assert.rejects(pool.waitForEmpty({ timeout: 5 }), {
          code: "ERR_ALLCORES_TIMEOUT",
          message: /without anything that waits within 5 ms/,
        });
        go.set();
        await future;
        await second.started.get();
        // Nobody tells the pool that its worker has begun the call: it looks.
        await empty.wait;
        assert.deepEqual([pool.stats().running, idle.isOver], [1, false]);
        second.end.set();
        await idle.wait;
        assert.equal(second.future.state, "done");
      }),
    );

    sharing("waitForSizeLessThan: once fewer wait", () =>
      using({ workers: 1 }, async (pool) => {
        const { go, future } = await occupy(pool);
        const waiting = count(3).map((n) => pool.submit(tasks.square, n));
        await pool.waitForSizeLessThan(4);
        const three = watched(pool.waitForSizeLessThan(3));
        await assert.rejects(pool.waitForSizeLessThan(3, { timeout: 0 }), TimeoutError);
        assert.equal(three.isOver, false);
        waiting[1]?.cancel();
        await three.wait;
        assert.equal(pool.stats().queued, 2);
        go.set();
        await Promise.allSettled([future, ...waiting]);
      }),
    );

    test("a pool that is closed or terminated becomes idle", async () => {
      for (const end of ["close", "terminate"] as const) {
        const pool = make({ workers: 1 });
        const futures = count(3).map((n) => pool.submit(tasks.square, n));
        const idle = pool.waitForIdle();
        pool[end]();
        await idle;
        assert.ok(futures.every(({ state }) => state === (end === "close" ? "done" : "cancelled")));
        await Promise.allSettled(futures);
        await pool.join();
        await pool.waitForIdle();
      }
    });

    test("timeout and signal end the wait, and leave nothing", () =>
      using({ workers: 1 }, async (pool) => {
        pool.pause();
        const future = pool.submit(tasks.square, 2);
        await assert.rejects(pool.waitForIdle({ timeout: 5 }), {
          code: "ERR_ALLCORES_TIMEOUT",
          message: /was not idle within 5 ms/,
        });
        const controller = new AbortController();
        const { signal } = controller;
        const reason = new Error("enough");
        const waits = [
          pool.waitForIdle({ signal }),
          pool.waitForEmpty({ signal }),
          pool.waitForSizeLessThan(1, { signal }),
        ];
        controller.abort(reason);
        for (const wait of waits) await assert.rejects(wait, (error) => error === reason);
        assert.equal(getEventListeners(signal, "abort").length, 0);
        await assert.rejects(pool.waitForIdle({ signal }), (error) => error === reason);
        pool.start();
        assert.equal(await future, 4);
        await pool.waitForIdle();
      }));

    test("what makes no sense is refused", () =>
      using({ workers: 1 }, async (pool) => {
        for (const size of [0, -1, 1.5, Number.NaN])
          await assert.rejects(pool.waitForSizeLessThan(size), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
        await assert.rejects(pool.waitForSizeLessThan("1" as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
        await assert.rejects(pool.waitForIdle({ timeout: -1 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
        await assert.rejects(pool.waitForEmpty({ signal: 5 as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
        await assert.rejects(pool.waitForEmpty({ until: 5 } as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      }));
  });
}
