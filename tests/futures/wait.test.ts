/** Waiting for futures and other promises, of which nothing stays behind. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it, mock } from "node:test";
import {
  asCompleted,
  AsyncPool,
  type Completed,
  Event,
  gather,
  Lock,
  Queue,
  shield,
  sleep,
  TimeoutError,
  wait,
  waitFor,
} from "allcores";

const DAY_MS = 86_400_000;

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of from) found.push(one);
  return found;
}

/** Counts how often `then` is called: that begins the work of a query. */
function query<T>(value: T): PromiseLike<T> & { asked: number } {
  return {
    asked: 0,
    then(onValue, onError) {
      this.asked++;
      return Promise.resolve(value).then(onValue, onError);
    },
  };
}

describe("waiting for futures", () => {
  it("counts one that is given twice once", async () => {
    const one = Promise.resolve(1);
    assert.deepEqual(await wait([one, one]), { done: [one], pending: [] });
    assert.equal((await all(asCompleted([one, one]))).length, 1);
  });

  it("gives what has ended already, also without any time", async () => {
    const [ended, endless] = [Promise.resolve(1), new Promise<number>(() => {})];
    const seen: Completed<number, Promise<number>>[] = [];
    await assert.rejects(async () => {
      for await (const one of asCompleted([endless, ended], { timeout: 0 })) seen.push(one);
    }, TimeoutError);
    assert.deepEqual(seen, [{ future: ended, status: "fulfilled", value: 1 }]);
    assert.deepEqual(await wait([endless, ended], { timeout: 0 }), { done: [ended], pending: [endless] });
  });

  it("ends with a TimeoutError when its time has run out", async () => {
    await assert.rejects(all(asCompleted([new Promise(() => {})], { timeout: 5 })), { code: "ERR_ALLCORES_TIMEOUT" });
  });

  it("takes one that was cancelled for no failure", async () => {
    const pool = new AsyncPool();
    const cancelled = pool.submit((signal: number) => sleep(60_000).then(() => signal), 1);
    const endless = new Promise<number>(() => {});
    cancelled.cancel();
    const { done, pending } = await wait([cancelled, endless], { returnWhen: "firstError", timeout: 20 });
    assert.deepEqual([done, pending], [[cancelled], [endless]]);
    const failed = Promise.reject(new Error("no"));
    assert.deepEqual((await wait([endless, failed], { returnWhen: "firstError" })).done, [failed]);
    pool.terminate();
  });

  it("takes any promise and thenable, and asks each once", async () => {
    const row = query("row");
    assert.deepEqual(await all(asCompleted([row])), [{ future: row, status: "fulfilled", value: "row" }]);
    assert.equal(row.asked, 1);
    const other = query("other");
    assert.deepEqual(await gather([other]), ["other"]);
    assert.equal(other.asked, 1);
    assert.equal(await waitFor(query(7)), 7);
    assert.equal(await shield(query(8), { signal: new AbortController().signal }), 8);
    await assert.rejects(wait([5 as never]), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  });

  it("leaves nothing on a signal, and one listener while many wait", async () => {
    const { signal } = new AbortController();
    const controller = new AbortController();
    const [queue, lock, event, endless] = [new Queue<number>(), new Lock(), new Event(), new Promise<never>(() => {})];
    const held = lock.acquireSync();
    const waits = Array.from({ length: 20 }, () => [
      queue.get({ signal: controller.signal }),
      lock.acquire({ signal: controller.signal }),
      event.wait({ signal: controller.signal }),
      sleep(60_000, { signal: controller.signal }),
      waitFor(endless, { signal: controller.signal }),
      shield(endless, { signal: controller.signal }),
      all(asCompleted([endless], { signal: controller.signal })),
      wait([endless], { signal: controller.signal }),
      gather([endless], { signal: controller.signal }),
    ]).flat();
    assert.equal(getEventListeners(controller.signal, "abort").length, 1);
    controller.abort(new Error("enough"));
    for (const outcome of await Promise.allSettled(waits))
      assert.equal(outcome.status === "rejected" && (outcome.reason as Error).message, "enough");
    assert.equal(getEventListeners(controller.signal, "abort").length, 0);
    queue.putSync(1);
    assert.equal(await queue.get({ signal }), 1);
    await waitFor(Promise.resolve(), { signal });
    assert.equal(getEventListeners(signal, "abort").length, 0);
    held[Symbol.dispose]();
  });

  it("has those end together that one signal ends, whatever another of them does meanwhile", async () => {
    const controller = new AbortController();
    const first = sleep(60_000, { signal: controller.signal }).catch(() => controller.signal.aborted);
    assert.equal(getEventListeners(controller.signal, "abort").length, 1);
    controller.abort();
    assert.equal(await first, true);
    await assert.rejects(sleep(1, { signal: controller.signal }));
  });

  it("keeps a limit of 30 days, which no timer of the platform can", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      let outcome = "waits";
      const told = (error: unknown) => {
        outcome = (error as Error).name;
      };
      const turns = async () => {
        for (let turn = 0; turn < 20; turn++) await null;
      };
      waitFor(new Promise(() => {}), { timeout: 30 * DAY_MS }).catch(told);
      mock.timers.tick(25 * DAY_MS);
      await turns();
      assert.equal(outcome, "waits");
      const event = new Event();
      event.wait({ timeout: 30 * DAY_MS }).catch(told);
      mock.timers.tick(25 * DAY_MS);
      await turns();
      assert.equal(outcome, "waits", "the event's time has not run out");
      mock.timers.tick(6 * DAY_MS);
      await turns();
      assert.equal(outcome, "TimeoutError");
    } finally {
      mock.timers.reset();
    }
  });
});
