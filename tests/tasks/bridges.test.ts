import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Event,
  NotATaskError,
  Queue,
  runSync,
  Semaphore,
  sleep,
  type Task,
  TaskGroup,
  ThreadPool,
  TimeoutError,
  toProcess,
  toThread,
  waitFor,
} from "allcores";
import * as tasks from "../fixtures/bridge-tasks.js";
import { timeLimit } from "../time-limit.js";
import { runProgram } from "../workers/programs.js";

describe("bridges", { timeout: timeLimit(60_000) }, () => {
  test("toThread and toProcess run a task elsewhere while this loop goes on", async () => {
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    assert.deepEqual(await Promise.all([toThread(tasks.nap, 50), toProcess(tasks.nap, 50)]), ["thread", "process"]);
    clearInterval(ticking);
    assert.ok(turns > 2);
    await assert.rejects(
      toThread(tasks.failLater, "there"),
      (error) => error instanceof RangeError && error.message === "there",
    );
    assert.throws(() => toThread((() => 1) as Task<() => number>), NotATaskError);
  });

  test("toThread in a group: waitFor carries the cancellation over", async () => {
    const go = new Event();
    const error = await waitFor(toThread(tasks.deafUntilTimeout, go), { timeout: 20 }).catch(
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof TimeoutError);
    await TaskGroup.run(async (group) => {
      const future = group.spawn((signal) => waitFor(toThread(tasks.deafUntilTimeout, go), { signal }));
      future.cancel(new Error("not needed"));
      await assert.rejects(future, { message: "not needed" });
    });
    go.set();
  });

  test("awaiting and blocking callers on the same queue: nobody loses an item", async () => {
    const queue = new Queue<number>();
    const blocking = toThread(tasks.takeSync, queue, 500);
    const awaited: number[] = [];
    await TaskGroup.run(async (group) => {
      const getter = group.spawn(async (signal) => {
        for (;;) awaited.push(await queue.get({ signal }));
      });
      for (let n = 0; n < 1000; n++) {
        queue.putSync(1);
        if (n % 100 === 0) await sleep(0);
      }
      // The awaiting one leaves some for the blocking one.
      while (awaited.length < 400) await sleep(0);
      getter.cancel();
      for (let n = 0; n < 500; n++) queue.putSync(1);
      assert.equal(await blocking, 500);
    });
    let rest = 0;
    while (queue.tryGet() !== undefined) rest++;
    assert.equal(awaited.length + 500 + rest, 1500);
  });

  test("awaiting and blocking callers on the same semaphore: a cancelled waiter costs no permit", async () => {
    const semaphore = new Semaphore(1);
    const held = new Event();
    const go = new Event();
    const blocking = toThread(tasks.holdSync, semaphore, held, go);
    await held.wait();
    await TaskGroup.run(async (group) => {
      const waiter = group.spawn((signal) => semaphore.run(() => "in", { signal }));
      await sleep(1);
      waiter.cancel();
      await assert.rejects(waiter);
      go.set();
      await blocking;
      assert.equal(await semaphore.run(() => "in"), "in");
    });
  });

  describe("runSync", () => {
    test("blocks for the result of an asynchronous task, on the main thread and in workers", async () => {
      assert.equal(runSync(tasks.answerLater, 7), 7);
      assert.equal(runSync(tasks.answerLater.partial(8)), 8);
      await using pool = new ThreadPool({ workers: 2 });
      assert.deepEqual(await pool.map(tasks.blockingSum, [1, 2, 3]), [2, 3, 4]);
    });

    test("throws what the task throws, and is there for the next", () => {
      assert.throws(
        () => runSync(tasks.failLater, "over there"),
        (error) => error instanceof RangeError && error.message === "over there",
      );
      assert.throws(() => runSync((async () => 1) as Task<() => Promise<number>>), NotATaskError);
      assert.equal(runSync(tasks.answerLater, 3), 3);
    });

    test("errors without an owner: what ends the helper is told to the caller, and to nobody else", async () => {
      const { code, output, errors } = await runProgram("run-sync-ends");
      // The first by process.exit(3), the second by an error that nothing catches, which is the cause.
      const caught = ["ERR_ALLCORES_WORKER_DIED undefined", "ERR_ALLCORES_WORKER_DIED from a timer"];
      assert.deepEqual(
        { code, output: output.trim().split("\n"), errors },
        { code: 0, output: [...caught, "told 0 times"], errors: "" },
      );
    });

    test("a task that ends the helper fails its caller; the next call has another", () => {
      assert.throws(() => runSync(tasks.leave), { code: "ERR_ALLCORES_WORKER_DIED" });
      assert.equal(runSync(tasks.answerLater, 4), 4);
    });
  });
});
