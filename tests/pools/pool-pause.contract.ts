/** What a pool promises about a pause, and about what waits when it is cleared. */
import assert from "node:assert/strict";
import { after, afterEach, describe } from "node:test";
import { CancelledError, Event, type Pool, Queue, type ThreadPool } from "allcores";
import { until } from "../fixtures/pool-processes.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

export function poolPauseContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false, isAuto = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  const using = withPool(make);
  const gates: Event[] = [];
  afterEach(() => {
    for (const gate of gates.splice(0)) gate.set();
  });
  const gate = () => {
    const go = new Event({ across });
    gates.push(go);
    return { started: new Queue<number>({ across }), go };
  };
  /** Keeps every worker busy until `go`. */
  const occupy = async (pool: Pool) => {
    const { started, go } = gate();
    const futures = count(pool.workers).map((index) => pool.submit(tasks.block, started, go, index));
    for (const _ of futures) await started.get();
    return { go, futures };
  };
  let other: Pool | undefined;
  after(() => other?.[Symbol.asyncDispose]());
  /** Another pool of this kind has begun and ended a call that was submitted later. */
  const othersGoOn = async () => assert.equal(await (other ??= make({ workers: 1 })).submit(tasks.add, 1, 1), 2);

  describe(`${title}: pause`, { timeout: timeLimit(60_000) }, () => {
    test("nothing that is submitted begins before start", () =>
      using({ workers: 2 }, async (pool) => {
        assert.equal(pool.isPaused, false);
        pool.pause();
        pool.pause();
        assert.equal(pool.isPaused, true);
        const futures = count(5).map((n) => pool.with({ priority: n }).submit(tasks.square, n));
        await othersGoOn();
        assert.deepEqual(
          futures.map(({ state }) => state),
          count(5).map(() => "pending"),
        );
        const { running, queued } = pool.stats();
        assert.deepEqual({ running, queued }, { running: 0, queued: 5 });
        pool.start();
        assert.equal(pool.isPaused, false);
        assert.deepEqual(await Promise.all(futures), [0, 1, 4, 9, 16]);
        pool.start();
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
      }));

    test("what was handed out in this turn comes back", () =>
      using({ workers: 1 }, async (pool) => {
        const first = pool.submit(tasks.square, 3);
        const second = pool.submit(tasks.square, 4);
        // Where a call has its place at once it counts as running from there on.
        assert.equal(first.state, model === "async" ? "running" : "pending");
        pool.pause();
        await othersGoOn();
        assert.deepEqual([first.state, second.state, pool.stats().queued], ["pending", "pending", 2]);
        pool.start();
        assert.deepEqual(await Promise.all([first, second]), [9, 16]);
      }));

    sharing("what stands behind others comes back and keeps its turn; what runs goes on", () =>
      using({ workers: 1 }, async (pool) => {
        const order = new Queue<number>({ across });
        const { go, futures } = await occupy(pool);
        const waiting = [3, 4, 5].map((n) => pool.submit(tasks.note, order, n));
        pool.pause();
        const late = [6, 7].map((n) => pool.submit(tasks.note, order, n));
        const urgent = [1, 2].map((n) => pool.with({ priority: 1 }).submit(tasks.note, order, n));
        go.set();
        assert.deepEqual(await Promise.all(futures), [0]);
        const { running, queued, idle } = pool.stats();
        assert.deepEqual({ running, queued, idle }, { running: 0, queued: 7, idle: 1 });
        await othersGoOn();
        assert.equal(order.tryGet(), undefined);
        pool.start();
        await Promise.all([...waiting, ...late, ...urgent]);
        assert.deepEqual(
          count(7).map(() => order.tryGet()?.value),
          [1, 2, 3, 4, 5, 6, 7],
        );
      }),
    );

    test("what waits leaves no timer", () =>
      using({ workers: 1, ...(model === "async" ? { rate: { limit: 1, interval: 5 } } : {}) }, async (pool) => {
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        await until(() => pool.stats().running === 0);
        const before = timers();
        pool.pause();
        const future = pool.submit(tasks.add, 1, 2);
        await othersGoOn();
        await until(() => timers() <= before);
        pool.start();
        assert.equal(await future, 3);
      }));

    test("a map takes nothing from its input, and goes on after start", () =>
      using({ workers: 2 }, async (pool) => {
        let taken = 0;
        const input = function* () {
          for (; taken < 50; ) yield taken++;
        };
        pool.pause();
        const run = pool.map(tasks.square, input()).then((values) => values.length);
        await othersGoOn();
        assert.equal(taken, 0);
        pool.start();
        assert.equal(await run, 50);
      }));

    test("a map that has begun takes no more, and gives all results in the end", () =>
      using({ workers: 2 }, async (pool) => {
        let taken = 0;
        const input = async function* () {
          for (; taken < 50; ) yield taken++;
        };
        const results = pool.map(tasks.square, input())[Symbol.asyncIterator]();
        assert.equal((await results.next()).value, 0);
        pool.pause();
        await until(() => pool.stats().running === 0);
        const before = taken;
        await othersGoOn();
        assert.equal(taken, before);
        assert.ok(before < 50);
        const next = results.next();
        pool.start();
        const values = [0, (await next).value];
        for await (const value of results) values.push(value);
        assert.deepEqual(
          values,
          count(50).map((n) => n * n),
        );
      }));

    test("maxQueue counts all that waits", () =>
      using({ workers: 2, maxQueue: 2 }, async (pool) => {
        pool.pause();
        const futures = [pool.trySubmit(tasks.square, 1), pool.trySubmit(tasks.square, 2)];
        assert.equal(pool.trySubmit(tasks.square, 3), undefined);
        assert.throws(() => pool.submit(tasks.square, 3), { code: "ERR_ALLCORES_POOL_FULL" });
        pool.start();
        assert.deepEqual(await Promise.all(futures), [1, 4]);
      }));

    sharing("what a task asks of its own pool waits too", () =>
      using({ workers: model === "async" ? 1 : 2 }, async (pool) => {
        const { started, go } = gate();
        const futures = [1].map((n) => pool.submit(tasks.addByHandle, pool.handle(), started, go, n, n));
        await started.get();
        pool.pause();
        go.set();
        await until(() => pool.stats().queued === 1);
        await othersGoOn();
        assert.equal(pool.stats().queued, 1);
        pool.start();
        assert.deepEqual(await Promise.all(futures), [2]);
      }),
    );

    test("close and await using end it: what waits is done", async () => {
      for (const end of ["close", "dispose"] as const) {
        const pool = make({ workers: 1 });
        pool.pause();
        const future = pool.submit(tasks.square, 3);
        if (end === "close") {
          pool.close();
          assert.equal(pool.isPaused, false);
          await pool.join();
        } else await pool[Symbol.asyncDispose]();
        assert.equal(await future, 9);
        assert.throws(() => pool.pause(), { code: "ERR_ALLCORES_STATE" });
        pool.start();
      }
    });

    test("terminate ends it: calls and maps that wait fail", async () => {
      const pool = make({ workers: 1 });
      pool.pause();
      const future = pool.submit(tasks.square, 3);
      const run = pool.map(tasks.square, count(3)).then();
      pool.terminate();
      assert.equal(pool.isPaused, false);
      await assert.rejects(Promise.resolve(future), CancelledError);
      await assert.rejects(run, CancelledError);
      await pool.join();
    });

    if (model !== "async" && !isAuto)
      sharing("joinSync after close does what waited", async () => {
        const pool = make({ workers: 1 }) as ThreadPool;
        pool.pause();
        const future = pool.submit(tasks.square, 3);
        pool.close();
        pool.joinSync();
        assert.equal(future.state, "done");
      });
  });

  describe(`${title}: clear`, { timeout: timeLimit(60_000) }, () => {
    test("rejects what waits, once and for all", () =>
      using({ workers: 2, retries: 3 }, async (pool) => {
        pool.pause();
        const futures = count(4).map((n) => pool.submit(tasks.square, n));
        pool.clear();
        for (const future of futures) {
          assert.equal(future.state, "cancelled");
          await assert.rejects(Promise.resolve(future), CancelledError);
        }
        const { queued, cancelled, retried } = pool.stats();
        assert.deepEqual({ queued, cancelled, retried }, { queued: 0, cancelled: 4, retried: 0 });
        assert.equal(pool.isPaused, true);
        pool.start();
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
      }));

    sharing("what runs goes on, and what stands behind it does not", () =>
      using({ workers: 1 }, async (pool) => {
        const order = new Queue<number>({ across });
        const { go, futures } = await occupy(pool);
        const waiting = count(3).map((n) => pool.submit(tasks.note, order, n));
        pool.clear();
        for (const future of waiting) await assert.rejects(Promise.resolve(future), CancelledError);
        go.set();
        assert.deepEqual(await Promise.all(futures), [0]);
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        assert.equal(order.tryGet(), undefined);
      }),
    );

    test("what waits for another attempt is rejected, in a map too", () =>
      using({ workers: 1 }, async (pool) => {
        const patient = pool.with({ retries: { limit: 1, delay: 10_000_000, maxDelay: 10_000_000 } });
        const call = patient.submit(tasks.attempt, 2);
        const settled = patient.map(tasks.attempt, [1, 2]).settled().then();
        await until(() => pool.stats().retried === 2);
        pool.clear();
        await assert.rejects(Promise.resolve(call), CancelledError);
        assert.deepEqual(
          (await settled).map((one) => (one.status === "fulfilled" ? one.value : one.reason instanceof CancelledError)),
          [1, true],
        );
      }));

    test("a map whose items wait fails; one that is settled goes on", () =>
      using({ workers: 1 }, async (pool) => {
        let isAsked = false;
        const input = function* () {
          for (const n of count(20)) {
            // Its first items are on their way, and none has begun.
            if (n === 1 && !isAsked) {
              isAsked = true;
              pool.pause();
            }
            yield n;
          }
        };
        const failing = pool.map(tasks.square, input(), { chunkSize: 1 }).then();
        assert.equal(pool.isPaused, true);
        pool.clear();
        await assert.rejects(failing, CancelledError);
        pool.start();
        isAsked = false;
        const settled = pool.map(tasks.square, input(), { chunkSize: 1 }).settled().then();
        pool.clear();
        pool.start();
        const outcomes = await settled;
        assert.equal(outcomes.length, 20);
        const cancelled = outcomes.filter((one) => one.status === "rejected" && one.reason instanceof CancelledError);
        assert.ok(cancelled.length >= 1 && cancelled.length < 20, String(cancelled.length));
        for (const one of outcomes) if (one.status === "fulfilled") assert.equal(one.value, one.item * one.item);
      }));

    test("after close it ends what was not begun", async () => {
      const pool = make({ workers: 1 });
      const futures = count(3).map((n) => pool.submit(tasks.square, n));
      pool.close();
      pool.clear();
      await pool.join();
      for (const future of futures) assert.ok(["done", "cancelled"].includes(future.state), future.state);
      await Promise.allSettled(futures);
    });
  });
}
