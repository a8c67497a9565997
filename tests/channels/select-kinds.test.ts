/** What can be waited for besides what stands in shared memory, and across both reaches at once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  after,
  BoundedSemaphore,
  type Choice,
  createPipe,
  Event,
  Future,
  LifoQueue,
  PriorityQueue,
  Process,
  Queue,
  RLock,
  select,
  selectable,
  selectSync,
  setUncaughtHook,
  Thread,
  ThreadPool,
  trySelect,
  WorkerDiedError,
} from "allcores";
import { Point } from "../fixtures/point.js";
import { collectGarbage } from "../fixtures/pool-processes.js";
import { runIn } from "../fixtures/run-in.js";
import { answer, classOf } from "../fixtures/select-tasks.js";
import { add, exit, fail, failWith, waitFor } from "../fixtures/worker-tasks.js";
import { timeLimit } from "../time-limit.js";

const nothing = () => new Event();

describe("select and promises", () => {
  test("the first that is settled ends it, with its value", async () => {
    const settled = Promise.resolve(5);
    const never = new Promise<string>(() => {});
    const chosen = await select({ never, settled, event: nothing() });
    assert.deepEqual(chosen, { key: "settled", value: 5 });
    const later = new Promise<undefined>((resolve) => setTimeout(resolve, 5, undefined));
    assert.deepEqual(await select({ event: nothing(), later }), { key: "later", value: undefined });
  });

  test("one that is rejected ends it with its error, unchanged", async () => {
    const error = new Error("of its own");
    await assert.rejects(select({ failed: Promise.reject(error), event: nothing() }), (thrown) => thrown === error);
    assert.equal("key" in error, false);
  });

  test("one that is rejected and not chosen does no harm", async () => {
    let reject = (_error: Error) => {};
    const late = new Promise((_, no) => {
      reject = no;
    });
    const queue = new Queue<number>();
    queue.putSync(1);
    assert.equal((await select({ late, queue })).key, "queue");
    reject(new Error("nobody asks for it"));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("a promise that is waited for in a loop is subscribed to once", async () => {
    let subscriptions = 0;
    const stop: PromiseLike<string> = {
      then: (onValue, onError) => {
        subscriptions++;
        return new Promise<string>((resolve) => setTimeout(resolve, 20, "enough")).then(onValue, onError);
      },
    };
    const queue = new Queue<number>();
    for (let item = 0; item < 50; item++) {
      queue.putSync(item);
      await select({ queue, stop });
    }
    const { key, value } = await select({ queue: new Queue<string>(), stop });
    assert.deepEqual([key, value, subscriptions], ["stop", "enough", 1]);
  });

  test("a queue that always has something does not starve a promise", async () => {
    const queue = new Queue<number>();
    const done = Promise.resolve();
    let turns = 0;
    do queue.putSync(turns);
    while ((await select({ queue, done })).key === "queue" && ++turns < 1000);
    assert.ok(turns < 1000);
  });

  test("blocking callers are refused one that their own loop would have to settle", async () => {
    const queue = new Queue<number>();
    queue.putSync(1);
    const deadlock = { code: "ERR_ALLCORES_DEADLOCK", message: /"later"/ };
    const later = new Promise(() => {});
    assert.throws(() => selectSync({ queue, later }), deadlock);
    assert.equal(queue.size, 1);
    assert.equal(trySelect({ later }), undefined);
    const settled = Promise.resolve(7);
    assert.equal(trySelect({ settled }), undefined);
    await settled;
    assert.deepEqual(trySelect({ settled }), { key: "settled", value: 7 });
    assert.deepEqual(selectSync({ settled, event: nothing() }), { key: "settled", value: 7 });
  });
});

describe("select and futures", () => {
  test("a value, an error, and one that was called off", async () => {
    await using pool = new ThreadPool({ workers: 1 });
    const sum = pool.submit(add, 1, 2);
    assert.deepEqual(await select({ sum, event: nothing() }), { key: "sum", value: 3 });
    // It is known to have ended: nobody's loop has to turn.
    assert.deepEqual(selectSync({ sum, event: nothing() }), { key: "sum", value: 3 });
    assert.deepEqual(trySelect({ sum }), { key: "sum", value: 3 });
    await assert.rejects(select({ failing: pool.submit(fail), event: nothing() }), { message: /./ });
    const go = new Event();
    const waits = pool.submit(waitFor, go);
    assert.equal(trySelect({ waits }), undefined);
    assert.throws(() => selectSync({ waits, event: nothing() }), { code: "ERR_ALLCORES_DEADLOCK" });
    const behind = pool.submit(add, 1, 1);
    const selected = assert.rejects(select({ behind, event: nothing() }), { message: "not needed" });
    assert.equal(behind.cancel(new Error("not needed")), true);
    await selected;
    assert.throws(() => trySelect({ behind }), { message: "not needed" });
    go.set();
    assert.equal((await select({ waits })).key, "waits");
    assert.ok(waits instanceof Future);
  });
});

test("errors without an owner: a future that fails while it is only watched is still told of, when it is collected", async () => {
  const told: string[] = [];
  const before = setUncaughtHook((error) => told.push((error as Error).message));
  const watch = async () => {
    const pool = new ThreadPool({ workers: 1 });
    const go = new Event();
    const blocked = pool.submit(waitFor, go);
    const failing = pool.submit(failWith, new Error("nobody listens"));
    const queue = new Queue<number>();
    const chosen = select({ failing, queue });
    queue.putSync(1);
    assert.equal((await chosen).key, "queue");
    go.set();
    await blocked;
    pool.close();
    await pool.join();
  };
  try {
    await watch();
    while (told.length === 0) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(told, ["nobody listens"]);
  } finally {
    setUncaughtHook(before);
  }
});

for (const across of ["threads", "processes"] as const) {
  test(`select takes what the other queues would give out first, across ${across}`, async () => {
    const [lifo, priority] = [new LifoQueue<number>({ across }), new PriorityQueue<number>({ across })];
    for (const item of [2, 1, 3]) {
      lifo.putSync(item);
      priority.putSync(item);
    }
    assert.deepEqual(await select({ lifo, event: nothing() }), { key: "lifo", value: 3 });
    assert.deepEqual(selectSync({ priority, event: nothing() }), { key: "priority", value: 1 });
    assert.deepEqual([lifo.size, priority.size], [2, 2]);
  });

  test(`select and a connection, across ${across}`, async () => {
    const [here, there] = createPipe<string>({ across });
    assert.equal(trySelect({ here }), undefined);
    const chosen = select({ here, event: nothing() });
    there.sendSync("one");
    there.sendSync("two");
    assert.deepEqual(await chosen, { key: "here", value: "one" });
    const full = new Queue<number>({ across });
    full.putSync(0);
    // Whichever is chosen, the other keeps what it has.
    const either = selectSync({ here, full });
    assert.equal(either.key === "here" ? full.size : Number(here.tryRecv() !== undefined), 1);
    const end = assert.rejects(select({ here, event: nothing() }), {
      code: "ERR_ALLCORES_CONNECTION_CLOSED",
      key: "here",
    });
    there.close();
    await end;
    assert.throws(() => trySelect({ here }), { code: "ERR_ALLCORES_CONNECTION_CLOSED" });
    here.close();
    assert.throws(() => trySelect({ here }), { code: "ERR_ALLCORES_STATE" });
  });
}

for (const [across, Worker] of [
  ["threads", Thread],
  ["processes", Process],
] as const) {
  describe(`select and a worker across ${across}`, () => {
    test("its end, with its value, its error or its death", async () => {
      const go = new Event({ across });
      const worker = new Worker(waitFor, { args: [go] }).start();
      const chosen = select({ worker, stop: new Event({ across }) });
      assert.equal(trySelect({ worker }), undefined);
      go.set();
      assert.equal((await chosen).key, "worker");
      const sum = new Worker(add, { args: [1, 2] }).start();
      assert.deepEqual(selectSync({ sum, stop: new Event() }), { key: "sum", value: 3 });
      assert.deepEqual(trySelect({ sum }), { key: "sum", value: 3 });
      await assert.rejects(select({ worker: new Worker(fail).start(), stop: new Event() }), Error);
      await assert.rejects(
        select({ worker: new Worker(exit, { args: [3] }).start() }),
        (error) => error instanceof WorkerDiedError && error.exitCode === 3,
      );
    });

    test("one that was not started cannot be waited for", async () => {
      await assert.rejects(select({ worker: new Worker(add, { args: [1, 2] }) }), { code: "ERR_ALLCORES_STATE" });
    });

    test("an item of a class whose module was not loaded yet", async () => {
      const queue = new Queue<object>({ across });
      const name = runIn(across, classOf, queue);
      queue.putSync(new Point(1, 2));
      assert.equal(await name, "Point");
    });
  });
}

describe("select across both reaches at once", () => {
  for (const blocks of [true, false]) {
    test(`${blocks ? "a blocking" : "an awaiting"} caller is woken through either, at once`, async () => {
      const near = new Queue<number>();
      const far = new Queue<number>({ across: "processes" });
      const stop = new Event({ across: "processes" });
      const answers = new Queue<number>();
      const thread = Thread.start(answer, near, far, stop, answers, blocks);
      near.putSync(-1);
      await answers.get();
      const began = performance.now();
      for (let item = 0; item < 60; item++) {
        // It sleeps, or is about to.
        await new Promise((resolve) => setTimeout(resolve, 1));
        (item % 2 === 0 ? near : far).putSync(item);
        assert.equal(await answers.get({ timeout: timeLimit(8_000) }), item);
      }
      const took = performance.now() - began;
      stop.set();
      await thread.join();
      // At the ends of slices it would have been noticed after 100 ms each, on the average.
      assert.ok(took < timeLimit(3_000), `${took} ms`);
    });
  }

  test("on the same loop as getters, with nothing lost in either", async () => {
    const near = new Queue<number>();
    const far = new Queue<number>({ across: "processes" });
    for (let round = 0; round < 50; round++) {
      const chosen = select({ near, far });
      const got = [near.get(), far.get()];
      for (const queue of round % 2 === 0 ? [near, far, near, far] : [far, near, far, near]) queue.putSync(round);
      const { key, value } = await chosen;
      const rest = (key === "near" ? far : near).get();
      assert.deepEqual([value, ...(await Promise.all([...got, rest]))], [round, round, round, round]);
      assert.equal(near.size + far.size, 0);
    }
  });
});

describe("what takes part", () => {
  class Doubled {
    readonly numbers = new Queue<number>();
    [selectable](): Choice<string> {
      return this.numbers[selectable]()
        .map((number) => 2 * number)
        .map(String);
    }
  }

  test("an object of one's own, by the choice of another, mapped", async () => {
    assert.equal(selectable, Symbol.for("allcores.selectable"));
    const doubled = new Doubled();
    for (const number of [1, 2, 3]) doubled.numbers.putSync(number);
    assert.deepEqual(await select({ doubled }), { key: "doubled", value: "2" });
    assert.deepEqual(selectSync({ doubled }), { key: "doubled", value: "4" });
    assert.deepEqual(trySelect({ doubled, event: nothing() }), { key: "doubled", value: "6" });
    assert.equal(trySelect({ doubled }), undefined);
    const worker = Thread.start(add, 1, 2);
    assert.deepEqual(await select({ sum: { [selectable]: () => worker[selectable]().map((sum) => sum + 1) } }), {
      key: "sum",
      value: 4,
    });
    const later = {
      [selectable]: () =>
        after(1)
          [selectable]()
          .map(() => "later"),
    };
    assert.deepEqual(selectSync({ later, event: nothing() }), { key: "later", value: "later" });
  });

  test("a mapping that throws ends the select, and what was taken is gone", async () => {
    const queue = new Queue<number>();
    queue.putSync(1);
    const broken = {
      [selectable]: () =>
        queue[selectable]().map((): never => {
          throw new RangeError("no");
        }),
    };
    await assert.rejects(select({ broken }), RangeError);
    assert.equal(queue.size, 0);
  });

  test("a method that returns something else is refused", async () => {
    const wrong = { [selectable]: () => 5 };
    await assert.rejects(select({ wrong } as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /wrong/ });
    assert.throws(() => new Queue()[selectable]().map(5 as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  });

  test("a bounded semaphore, as a semaphore", () => {
    const permits = new BoundedSemaphore(1);
    using held = selectSync({ permits }).value;
    assert.equal(permits.value, 0);
    assert.equal(held.ownerDied, false);
  });

  test("an RLock is entered again by blocking code, not by awaiting code", async () => {
    const lock = new RLock();
    {
      using _ = lock.acquireSync();
      using _again = selectSync({ lock, event: nothing() }).value;
      await assert.rejects(select({ lock }, { timeout: 5 }), { code: "ERR_ALLCORES_TIMEOUT" });
    }
    assert.equal(lock.isLocked, false);
    using _ = (await select({ lock })).value;
    assert.throws(() => selectSync({ lock, tick: after(5) }), { code: "ERR_ALLCORES_DEADLOCK" });
    assert.equal(trySelect({ lock }), undefined);
  });

  test("a wrong time is refused", () => {
    assert.throws(() => after(-1), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    assert.throws(() => after(Number.NaN), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    assert.throws(() => after("5" as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  });

  test("the clock alone blocks as long as it says", () => {
    const began = performance.now();
    assert.equal(selectSync({ tick: after(20), never: after(Number.POSITIVE_INFINITY) }).key, "tick");
    assert.ok(performance.now() - began >= 20);
  });
});
