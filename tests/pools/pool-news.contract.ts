/** What a pool promises about maps that tell of themselves, and about items that are left out. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, before, describe } from "node:test";
import { type MapProgress, type Pool, Queue, skip, type Task } from "allcores";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import { casesOf } from "./case-in-turn.js";
import type { PoolKind } from "./pool.contract.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
const FAR = 300;

export function poolNewsContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  /** For pools whose tasks run elsewhere. */
  const apart = model === "async" ? test.skip : test;
  const using = withPool(make);

  describe(`${title}: progress and news of maps`, { timeout: timeLimit(60_000) }, () => {
    let pool: Pool;
    before(() => {
      pool = make({ workers: 2 });
    });
    after(async () => {
      pool.terminate();
      await pool.join();
    });

    test("onProgress: how many have ended, of how many, up to all of them before the results", async () => {
      for (const chunkSize of [1, 7, undefined]) {
        const told: MapProgress[] = [];
        const run = pool.map(tasks.square, count(FAR), { chunkSize });
        assert.equal(
          run.onProgress((progress) => told.push(progress)),
          run,
        );
        assert.equal((await run).length, FAR);
        assert.deepEqual(told.at(-1), { done: FAR, total: FAR });
        for (const [index, { done, total }] of told.entries()) {
          assert.ok(done > (told[index - 1]?.done ?? 0), String(done));
          assert.equal(total, FAR);
        }
      }
    });

    test("onProgress: the total of another input is known once that has ended", async () => {
      const told: MapProgress[] = [];
      const listened = pool
        .map(tasks.square, count(5).values(), { buffer: 1 })
        .onProgress((progress) => told.push(progress));
      for await (const _ of listened);
      assert.deepEqual(told[0], { done: 1, total: undefined });
      assert.deepEqual(told.at(-1)!.done, 5);
      const asynchronous: MapProgress[] = [];
      const input = (async function* () {
        yield* count(5);
      })();
      await pool.map(tasks.square, input).onProgress((progress) => asynchronous.push(progress));
      assert.equal(asynchronous.at(-1)!.done, 5);
    });

    test("onProgress: no result is given before it is told", async () => {
      let last = 0;
      let given = 0;
      const run = pool.map(tasks.square, count(FAR)).onProgress(({ done }) => {
        last = done;
      });
      for await (const _ of run.unordered()) assert.ok(++given <= last, `${given} of ${last}`);
      assert.equal(last, FAR);
    });

    test("onProgress: items that fail have ended; after the first error of a map nothing is told", async () => {
      let last = 0;
      const all = pool.map(tasks.failAt.partial(3), count(10)).onProgress(({ done }) => {
        last = done;
      });
      const outcomes = await all.settled();
      assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 1);
      assert.equal(last, 10);
      let calls = 0;
      const failing = pool.map(tasks.failAt.partial(0), count(10), { chunkSize: 1 }).onProgress(() => calls++);
      await assert.rejects(failing);
      const before = calls;
      await pool.map(tasks.square, count(10));
      assert.equal(calls, before);
    });

    test("onNews: what each item tells, in its order, with the place of the item", async () => {
      for (const chunkSize of [1, 4, 10]) {
        const told: [number, unknown][] = [];
        const run = pool
          .map(tasks.report, count(10), { chunkSize })
          .onNews((index, value) => told.push([index, value]));
        assert.deepEqual(await run, count(10));
        const wanted = count(10).flatMap((to) => count(to).map((n) => [to, { n }]));
        assert.deepEqual(
          told.sort(([a], [b]) => a - b),
          wanted,
        );
      }
    });

    test("onNews: before the outcome of the item, in every form of the run", async () => {
      const told = new Map<number, number>();
      const run = pool.map(tasks.report, count(20)).onNews((index) => told.set(index, (told.get(index) ?? 0) + 1));
      for await (const { index, item } of run.unordered().settled()) assert.equal(told.get(index) ?? 0, item);
    });

    test("listeners are called in the order in which they came, each in its own AsyncLocalStorage context", async () => {
      const user = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      const run = pool.map(tasks.report, [1]);
      for (const name of ["a", "b"])
        user.run(name, () => run.onNews(() => seen.push(user.getStore())).onProgress(() => seen.push(user.getStore())));
      await run;
      assert.deepEqual(seen, ["a", "b", "a", "b"]);
    });

    test("a listener that throws, of progress or news, hurts neither the map nor the other listeners", async () => {
      const thrown: unknown[] = [];
      const before = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.on("uncaughtException", (error) => thrown.push((error as Error).message));
      try {
        let others = 0;
        const fail = (message: string) => () => {
          throw new Error(message);
        };
        const run = pool.map(tasks.report, [2]).onProgress(fail("progress")).onNews(fail("news"));
        run.onProgress(() => others++).onNews(() => others++);
        assert.deepEqual(await run, [2]);
        await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual(thrown, ["news", "news", "progress"]);
        assert.equal(others, 3);
      } finally {
        process.removeAllListeners("uncaughtException");
        for (const listener of before) process.on("uncaughtException", listener);
      }
    });

    test("what is no function is refused, and the run can be used all the same", async () => {
      const run = pool.map(tasks.square, [3]);
      for (const verb of ["onProgress", "onNews"] as const)
        assert.throws(() => run[verb](5 as never), {
          code: "ERR_ALLCORES_ARGUMENT_TYPE",
          message: /fn must be a function/,
        });
      assert.deepEqual(await run, [9]);
    });

    test("a listener that cancels its map: the map ends, and nothing more is told", async () => {
      let calls = 0;
      const wrong = new Error("enough");
      const run = pool.map(tasks.square, count(FAR), { chunkSize: 1 });
      run.onProgress(() => {
        calls++;
        run.cancel(wrong);
      });
      await assert.rejects(run, wrong);
      assert.equal(calls, 1);
      assert.deepEqual(await pool.map(tasks.square, [2]), [4]);
    });

    apart("what a worker told before it died is told", () =>
      using({ workers: 1 }, async (own) => {
        const told: unknown[] = [];
        const run = own.map(tasks.tellAndExit, [0], { chunkSize: 1 }).onNews((_, value) => told.push(value));
        await assert.rejects(run, { code: "ERR_ALLCORES_WORKER_DIED" });
        assert.deepEqual(told, ["last words"]);
      }),
    );

    test("skip: the item is left out, awaited, iterated, in any order, settled", async () => {
      const odd = count(FAR).filter((n) => n % 2 === 1);
      for (const chunkSize of [1, 13, undefined]) {
        const map = () => pool.map(tasks.skipEven, count(FAR), { chunkSize });
        assert.deepEqual(await map(), odd);
        const iterated: number[] = [];
        for await (const n of map()) iterated.push(n);
        assert.deepEqual(iterated, odd);
        assert.deepEqual(
          (await map().unordered()).sort((a, b) => a - b),
          odd,
        );
        const outcomes = await map().settled();
        assert.deepEqual(
          outcomes.map(({ index, item, status }) => [index, item, status]),
          odd.map((n) => [n, n, "fulfilled"]),
        );
      }
      assert.deepEqual(await pool.starmap(tasks.skipEven, [[1], [2]]), [1]);
      assert.deepEqual(await pool.map(tasks.skipEven, [0, 2]), []);
    });

    test("skip: an item that is left out has completed, and has ended for onProgress", () =>
      using({ workers: 1 }, async (own) => {
        let last: MapProgress | undefined;
        const run = own.map(tasks.skipEven, [1, 2, 3]).onProgress((progress) => {
          last = progress;
        });
        assert.deepEqual(await run, [1, 3]);
        assert.deepEqual(last, { done: 3, total: 3 });
        assert.equal(own.stats().completed, 3);
      }));

    test("skip: a bound on what is taken ahead counts no item for ever", async () => {
      let given = 0;
      for await (const _ of pool.map(tasks.skipEven, count(200), { buffer: 1 })) given++;
      assert.equal(given, 100);
    });

    test("skip: of a call it is the value itself, at any depth", async () => {
      assert.equal(await pool.submit(tasks.skipEven as Task<(n: number) => unknown>, 2), skip);
      assert.deepEqual(await pool.submit(tasks.echo, { list: [skip] }), { list: [skip] });
    });

    sharing("skip: through a queue it stays itself", async () => {
      const queue = new Queue<unknown>({ across });
      queue.putSync([skip]);
      assert.deepEqual(queue.getSync(), [skip]);
    });
  });
}
