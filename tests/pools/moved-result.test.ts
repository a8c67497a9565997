/**
 * The death of a thread while it sends a result that moves: the record is committed in its lane first, what moves goes
 * through its port second.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Worker } from "node:worker_threads";
import { Event, type Pool, ThreadPool, WorkerDiedError } from "allcores";
import { sizeOf } from "../fixtures/pool-tasks.js";
import { moveAndStand, type Plan } from "../fixtures/standing-tasks.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const using = withPool((options) => new ThreadPool(options));
const again = { limit: 1, delay: 1 };
const sizes = [4, 5, 6, 7, 8];

describe("a thread that ends while it sends what moves", { timeout: timeLimit(60_000) }, () => {
  /** Those of the test's pool, in the order in which they began. */
  let threads: Worker[] = [];
  const note = (worker: Worker) => threads.push(worker);
  before(() => process.on("worker", note));
  after(() => process.off("worker", note));
  const inPool = (body: (pool: Pool) => Promise<void>) => {
    threads = [];
    return using({ workers: 1 }, body);
  };
  /** Has the only thread ended as soon as it stands. */
  const endAt = async (reached: Event, end: Plan["end"]) => {
    await reached.wait({ timeout: timeLimit(20_000) });
    if (end === "terminate") await threads[0]!.terminate();
  };

  for (const end of ["terminate", "exit"] as const) {
    const at = 3;

    test(`${end}, before it is posted: the call hears of the death`, () =>
      inPool(async (pool) => {
        const reached = new Event();
        const result = pool.submit(moveAndStand, { at, stand: "committed", end, reached }, at);
        const behind = pool.submit(sizeOf, new Uint8Array(9));
        const [[outcome]] = await Promise.all([Promise.allSettled([result]), endAt(reached, end)]);
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof WorkerDiedError);
        assert.match(outcome.reason.message, /while it ran the task "moveAndStand"/);
        assert.equal(await behind, 9, "what stood behind it runs elsewhere");
        assert.equal(threads.length, 2);
      }));

    test(`${end}, before it is posted: a retry runs it again`, () =>
      inPool(async (pool) => {
        const reached = new Event();
        const result = pool.with({ retries: again }).submit(moveAndStand, { at, stand: "committed", end, reached }, at);
        await endAt(reached, end);
        assert.deepEqual(await result, new Uint8Array(at));
        assert.equal(threads.length, 2);
      }));

    for (const retries of [undefined, again]) {
      test(`${end}, before values of a chunk are posted: they are ${retries === undefined ? "lost" : "made again"}`, () =>
        inPool(async (pool) => {
          const reached = new Event();
          const plan = { at: sizes.at(-1)!, stand: "committed", end, reached } as const;
          const caller = retries === undefined ? pool : pool.with({ retries });
          const outcomes = caller.map(moveAndStand.partial(plan), sizes, { chunkSize: sizes.length }).settled();
          const [found] = await Promise.all([outcomes, endAt(reached, end)]);
          assert.equal(found.length, sizes.length);
          let lost = 0;
          for (const { index, ...outcome } of found) {
            if (outcome.status === "fulfilled") assert.equal(outcome.value.length, sizes[index]);
            else if (outcome.reason instanceof WorkerDiedError) lost++;
          }
          // What went before them in a message of its own has arrived.
          assert.ok(retries === undefined ? lost > 0 : lost === 0, `${lost} are lost`);
        }));
    }

    test(`${end}, once it is posted: it arrives, though nobody has looked meanwhile`, () =>
      inPool(async (pool) => {
        await pool.submit(sizeOf, new Uint8Array(1));
        const reached = new Event();
        const result = pool.submit(moveAndStand, { at, stand: "posted", end, reached }, at);
        reached.waitSync({ timeout: timeLimit(20_000) });
        if (end === "terminate") void threads[0]!.terminate();
        assert.deepEqual(await result, new Uint8Array(at));
        assert.equal(await pool.submit(sizeOf, new Uint8Array(9)), 9);
      }));
  }
});
