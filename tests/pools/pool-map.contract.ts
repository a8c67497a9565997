/** What a pool promises about maps: order, outcomes, chunks, bounds, ends. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { createSecretKey } from "node:crypto";
import { after, before, describe } from "node:test";
import {
  CancelledError,
  type Pool,
  type PoolOptions,
  type Settled,
  type Task,
  sleepSync,
  taskModule,
  TimeoutError,
  WorkerDiedError,
} from "allcores";
import { until } from "../fixtures/pool-processes.js";
import { Gate } from "../fixtures/gate.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const WORKERS = 2;
const listed = async <T>(run: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const one of run) all.push(one);
  return all;
};
const count = (to: number) => Array.from({ length: to }, (_, index) => index);

export function poolMapContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose tasks run elsewhere: what crosses, and who dies. */
  const apart = model === "async" ? test.skip : test;
  /** For pools that know at a worker's death which outcomes it had: what it has told a socket may die with it. */
  const apartPrompt = isShareless ? test.skip : apart;
  const apartSharing = isShareless ? test.skip : apart;
  describe(`${title}: maps`, { timeout: timeLimit(60_000) }, () => {
    let pool: Pool;
    before(() => {
      pool = make({ workers: WORKERS });
    });
    after(async () => {
      pool.terminate();
      await pool.join();
    });
    const using = withPool(make);
    const works = async () => assert.equal(await pool.submit(tasks.add, 20, 22), 42);

    test("many trivial items travel in few chunks, and come back in order", async () => {
      const before = pool.stats().run.count;
      const results = await pool.map(tasks.square, count(100_000));
      assert.equal(results.length, 100_000);
      assert.ok(results.every((value, n) => value === n * n));
      if (model !== "async") assert.ok(pool.stats().run.count - before < 2000);
    });

    test("chunkSize: as asked", async () => {
      const before = pool.stats().run.count;
      assert.deepEqual(
        await pool.map(tasks.square, count(100), { chunkSize: 25 }),
        count(100).map((n) => n * n),
      );
      assert.equal(pool.stats().run.count - before, 4);
    });

    test("starmap spreads the arguments", async () => {
      assert.deepEqual(
        await pool.starmap(
          tasks.add,
          count(50).map((n) => [n, 1] as [number, number]),
        ),
        count(50).map((n) => n + 1),
      );
      assert.deepEqual(await pool.starmap(tasks.add.partial(10), [[1], [2]]), [11, 12]);
      await assert.rejects(pool.starmap(tasks.add, [[1, 2], 5 as never]), {
        code: "ERR_ALLCORES_ARGUMENT_TYPE",
        message: /item 1 is number/,
      });
    });

    test("unordered: results as they come", async () => {
      using gate = new Gate();
      const order: (number | string)[] = [];
      // Item 0 waits for the others.
      for await (const value of pool.map(tasks.holdIf.partial(gate.path), count(10), { chunkSize: 1 }).unordered()) {
        order.push(value);
        if (order.length === 9) gate.open();
      }
      assert.equal(order.length, 10);
      assert.equal(order.at(-1), 0);
      assert.deepEqual(new Set(order), new Set(count(10)));
    });

    test("settled: each item's outcome, in one chunk as in many", async () => {
      for (const chunkSize of [1, 4, 100]) {
        const outcomes: Settled<number, number>[] = await pool
          .map(tasks.failAt.partial(5), count(12), { chunkSize })
          .settled();
        assert.deepEqual(
          outcomes.map(({ index, item, status }) => [index, item, status]),
          count(12).map((n) => [n, n, n === 5 ? "rejected" : "fulfilled"]),
        );
        const failed = outcomes[5] as PromiseRejectedResult & Settled<number, number>;
        assert.equal((failed.reason as Error).message, "failed at 5");
        assert.deepEqual(
          outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : [])),
          count(12).filter((n) => n !== 5),
        );
      }
      const some: number[] = [];
      for await (const outcome of pool.map(tasks.failAt.partial(3), count(6)).settled().unordered())
        some.push(outcome.index);
      assert.deepEqual(new Set(some), new Set(count(6)));
    });

    apart("an item that cannot be sent fails alone, whichever way it goes", async () => {
      const items = count(10).map((n) => (n === 4 ? () => n : n));
      const there = await pool.map(tasks.echo as Task<(value: unknown) => unknown>, items, { chunkSize: 10 }).settled();
      assert.deepEqual(
        there.map(({ status }) => status),
        count(10).map((n) => (n === 4 ? "rejected" : "fulfilled")),
      );
      assert.equal(((there[4] as { reason?: unknown }).reason as { path: string }).path, "args[0]");
      const back = await pool.map(tasks.closureAt.partial(4), count(10), { chunkSize: 10 }).settled();
      assert.deepEqual(
        back.map(({ status }) => status),
        count(10).map((n) => (n === 4 ? "rejected" : "fulfilled")),
      );
      await assert.rejects(pool.map(tasks.closureAt.partial(4), count(10), { chunkSize: 10 }), {
        code: "ERR_ALLCORES_UNSENDABLE",
      });
    });

    apartPrompt(
      "a death in a chunk costs the current item; what was done and what was not begun comes all the same",
      async () => {
        const outcomes = await pool.map(tasks.exitAt.partial(20), count(50), { chunkSize: 50 }).settled();
        for (const { index, status } of outcomes)
          assert.equal(status, index === 20 ? "rejected" : "fulfilled", `item ${index}`);
        const [failed] = outcomes.filter((outcome) => outcome.status === "rejected");
        assert.ok(failed?.status === "rejected" && failed.reason instanceof WorkerDiedError);
        await works();
      },
    );

    for (const [what, thing, tell] of [
      ["Blobs", (n: number) => new Blob(["x".repeat(n)]), tasks.exitOnBlob],
      ["KeyObjects", (n: number) => createSecretKey(Buffer.alloc(n)), tasks.exitOnKey],
    ] as const) {
      if (across !== "threads") continue;
      apartSharing(
        `what travels beside the message, ${what}, goes on to another worker after one died in mid-chunk`,
        async () => {
          const items = count(10).map((n) => thing(n + 1));
          const outcomes = await pool
            .map(tell.partial(4) as unknown as Task<(item: unknown) => number>, items, { chunkSize: 10 })
            .settled();
          assert.deepEqual(
            outcomes.map((outcome) =>
              outcome.status === "fulfilled"
                ? outcome.value
                : outcome.reason instanceof WorkerDiedError
                  ? "died"
                  : outcome.reason,
            ),
            count(10).map((n) => (n === 3 ? "died" : n + 1)),
          );
          // The rest of a chunk, and another attempt, go the same way.
          const again = pool.with({ retries: { limit: 1, delay: 0 } });
          const retried = await again.map(
            tell.partial(4).partial(true as never) as unknown as Task<(item: unknown) => number>,
            items,
            { chunkSize: 10 },
          );
          assert.deepEqual(
            retried,
            count(10).map((n) => n + 1),
          );
          await works();
        },
      );
    }

    test("stats count a map's items: what was submitted is completed, failed, cancelled, queued, or running, at every moment", () =>
      using({ workers: 2 }, async (pool) => {
        const check = () => {
          const { submitted, completed, failed, cancelled, queued, running } = pool.stats();
          assert.equal(submitted, completed + failed + cancelled + queued + running);
          return { submitted, completed, failed, cancelled, queued, running };
        };
        const nothing = { completed: 0, failed: 0, cancelled: 0, queued: 0, running: 0 };
        await pool.map(tasks.square, count(100));
        assert.deepEqual(check(), { ...nothing, submitted: 100, completed: 100 });
        await pool.map(tasks.failAt.partial(7), count(20), { chunkSize: 5 }).settled();
        assert.deepEqual(check(), { ...nothing, submitted: 120, completed: 119, failed: 1 });
        for await (const _ of pool.map(tasks.squareLater, count(50), { buffer: 10 })) check();
        await assert.rejects(pool.map(tasks.failAt.partial(7), count(1000), { chunkSize: 4 }));
        assert.equal(check().failed, 2);
        for await (const _ of pool.map(tasks.squareLater, count(200))) if (check().completed > 200) break;
        assert.equal(check().queued + check().running, 0);
        const before = check();
        await pool.with({ retries: { limit: 2, delay: 0 } }).map(tasks.attempt, [1, 2, 3]);
        assert.deepEqual(check(), { ...before, submitted: before.submitted + 3, completed: before.completed + 3 });
        assert.equal(pool.stats().retried, 3);
        await assert.rejects(pool.with({ signal: AbortSignal.abort() }).submit(tasks.square, 1));
        assert.deepEqual(check(), {
          ...before,
          submitted: before.submitted + 4,
          completed: before.completed + 3,
          cancelled: before.cancelled + 1,
        });
        const run = pool.map(tasks.squareLater, count(1000));
        const failed = assert.rejects(run, { code: "ERR_ALLCORES_CANCELLED" });
        await until(() => check().running > 0);
        pool.terminate();
        await failed;
        await pool.join();
        assert.equal(check().queued + check().running, 0);
      }));

    test("retries: an item is tried again by itself", async () => {
      const again = pool.with({ retries: { limit: 2, delay: 1 } });
      if (model !== "async")
        assert.deepEqual(await again.map(tasks.dieOnceAt.partial(7), count(20), { chunkSize: 20 }), count(20));
      assert.deepEqual(await again.map(tasks.attempt, [1, 2, 3, 1], { chunkSize: 4 }), [1, 2, 3, 1]);
      await assert.rejects(again.map(tasks.attempt, [1, 9]), { message: "attempt 3" });
    });

    test("buffer: no more is taken ahead than that", async () => {
      let pulled = 0;
      function* endless() {
        for (;;) yield pulled++;
      }
      let taken = 0;
      for await (const value of pool.map(tasks.square, endless(), { buffer: 10 })) {
        assert.equal(value, taken * taken);
        taken++;
        assert.ok(pulled - taken <= 10, `${pulled} pulled for ${taken} taken`);
        if (taken === 3000) break;
      }
    });

    for (const buffer of [undefined, 50])
      test(`an item that takes long holds up no other worker: ${buffer === undefined ? "awaited" : "buffer"}`, async () => {
        using gate = new Gate();
        const before = pool.stats().completed;
        const run = pool.map(tasks.holdIf.partial(gate.path), count(60), { chunkSize: 1, buffer });
        const results = buffer === undefined ? run.then((all) => all) : listed(run);
        // Two chunks a worker are on their way: far more than these end behind the first item.
        await until(() => pool.stats().completed - before >= 40);
        gate.open();
        assert.deepEqual(await results, count(60));
      });

    test("whoever takes no results has no more items taken", async () => {
      let pulled = 0;
      function* endless() {
        for (;;) yield pulled++;
      }
      const run = pool.map(tasks.square, endless())[Symbol.asyncIterator]();
      for (let n = 0; n < 200; n++) assert.equal((await run.next()).value, n * n);
      const after = await (async () => {
        // Once all that was sent has come back, nothing moves any more.
        for (
          let last = -1;
          last !== pulled || pool.stats().running + pool.stats().queued > 0;
          await new Promise((resolve) => setTimeout(resolve, 20))
        )
          last = pulled;
        return pulled;
      })();
      assert.ok(after <= 200 + 2 * WORKERS * 16384);
      await run.return();
    });

    test("timeout and signal end the whole map, and its input", async () => {
      let returned = 0;
      function* endless() {
        try {
          for (;;) yield 1;
        } finally {
          returned++;
        }
      }
      await assert.rejects(pool.map(tasks.squareLater, endless(), { timeout: 30 }), TimeoutError);
      const controller = new AbortController();
      const run = pool.map(tasks.squareLater, endless(), { signal: controller.signal });
      const failed = assert.rejects(run, { message: "stop it" });
      await works();
      controller.abort(new Error("stop it"));
      await failed;
      assert.equal(returned, 2);
      await assert.rejects(pool.map(tasks.square, [1], { signal: AbortSignal.abort() }), { name: "AbortError" });
      await works();
    });

    test("an async input goes in chunks too, and waits for nobody", async () => {
      async function* quick() {
        for (let n = 0; n < 5000; n++) yield n;
      }
      assert.deepEqual(
        await pool.map(tasks.square, quick()),
        count(5000).map((n) => n * n),
      );
      async function* broken() {
        yield 1;
        throw new Error("no more items");
      }
      await assert.rejects(pool.map(tasks.square, broken()), { message: "no more items" });
    });

    test("the input is read in the context of who began the run", async () => {
      const context = new AsyncLocalStorage<string>();
      const seen = new Set<unknown>();
      function* items() {
        for (let n = 0; n < 500; n++) {
          seen.add(context.getStore());
          yield n;
        }
      }
      await context.run("mine", async () => await pool.map(tasks.square, items()));
      assert.deepEqual([...seen], ["mine"]);
    });

    test("only one form of a run can be consumed", async () => {
      const run = pool.map(tasks.square, [1, 2]);
      assert.deepEqual(new Set(await run.unordered()), new Set([1, 4]));
      await assert.rejects(run, { code: "ERR_ALLCORES_STATE" });
      const cancelled = pool.map(tasks.square, [1, 2]);
      cancelled.cancel();
      await assert.rejects(cancelled.settled(), CancelledError);
    });

    test("taskTimeout counts for each item", () =>
      // Where a worker shares no memory with the pool, the time of a task that it begins with has the load of its
      // module in it.
      using({ workers: 2, taskTimeout: timeLimit(isShareless ? 600 : 150), killGrace: 5 }, async (pool) => {
        const outcomes = await pool.map(tasks.spinIf, [1, 0, 2, 3], { chunkSize: 4 }).settled();
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ["fulfilled", "rejected", "fulfilled", "fulfilled"],
        );
      }));

    test("with({ taskTimeout }) counts for each item too", () =>
      using({ workers: 2, killGrace: 5 }, async (pool) => {
        const hasty = pool.with({ taskTimeout: timeLimit(isShareless ? 600 : 150) });
        const outcomes = await hasty.map(tasks.spinIf, [1, 0, 2, 3], { chunkSize: 4 }).settled();
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ["fulfilled", "rejected", "fulfilled", "fulfilled"],
        );
        await assert.rejects(async () => await pool.map(tasks.spinIf, [1], { taskTimeout: 5 } as never), {
          code: "ERR_ALLCORES_ARGUMENT_TYPE",
          message: /pool\.with\(\)/,
        });
      }));

    test("instances of a class whose module is not loaded here: it is loaded, and none is lost meanwhile", async () => {
      const { makeStar } = taskModule<typeof import("../fixtures/star.js")>(
        new URL("../fixtures/star.js", import.meta.url),
      );
      const outcomes = pool
        .map(makeStar, [1, 2, -1], { chunkSize: 3 })
        .settled()
        .then((all) => all);
      // This loop stands still, so that all records are there before the first is read, and the last, which has no
      // value, is not waited with.
      sleepSync(150);
      assert.deepEqual(
        (await outcomes).map((outcome) =>
          outcome.status === "fulfilled" ? outcome.value.double : (outcome.reason as Error).message,
        ),
        [2, 4, "no such star"],
      );
      const first = pool.submit(makeStar, 7);
      const stars = await pool.map(makeStar, count(20), { chunkSize: 20 });
      assert.deepEqual(
        stars.map((star) => star.double),
        count(20).map((n) => 2 * n),
      );
      assert.equal((await first).double, 14);
    });

    test("many maps and calls at a time", async () => {
      const runs = await Promise.all([
        pool.map(tasks.square, count(3000)),
        pool.map(tasks.squareLater, count(40)),
        Promise.all(count(500).map((n) => pool.submit(tasks.square, n))),
        pool.map(tasks.square, new Set(count(1000))).unordered(),
      ]);
      assert.deepEqual(
        runs.map(({ length }) => length),
        [3000, 40, 500, 1000],
      );
    });

    test("run: the scope form waits for the work, and terminates when it fails", async () => {
      const futures: Promise<number>[] = [];
      const Class = pool.constructor as unknown as {
        run<T>(options: PoolOptions, fn: (pool: Pool) => T | PromiseLike<T>): Promise<T>;
      };
      assert.equal(
        await Class.run({ workers: 1 }, (own) => {
          futures.push(own.submit(tasks.squareLater, 5));
          return "done";
        }),
        "done",
      );
      assert.equal(await futures[0], 25);
      using gate = new Gate();
      await assert.rejects(
        Class.run({ workers: 1 }, async (own) => {
          futures.push(own.submit(tasks.spinAt, gate.path) as never);
          await gate.next();
          throw new Error("the scope failed");
        }),
        { message: "the scope failed" },
      );
      await assert.rejects(futures[1] as Promise<number>, CancelledError);
    });

    test("options are checked", () => {
      for (const [options, code] of [
        [5, "TYPE"],
        [null, "TYPE"],
        [{ chunkSize: 0 }, "RANGE"],
        [{ chunkSize: "1" }, "TYPE"],
        [{ buffer: 0 }, "RANGE"],
        [{ timeout: -1 }, "RANGE"],
        [{ signal: 1 }, "TYPE"],
      ] as const)
        assert.throws(() => pool.map(tasks.square, [1], options as never), { code: `ERR_ALLCORES_ARGUMENT_${code}` });
    });
  });
}
