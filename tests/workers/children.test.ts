/** Workers that a worker has started. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, Lock, Process, Queue, Thread } from "allcores";
import * as tasks from "../fixtures/children-tasks.js";
import { isRunning, until } from "../fixtures/pool-processes.js";
import { timeLimit } from "../time-limit.js";

const models = ["thread", "process"] as const;

for (const model of models)
  for (const child of models) {
    const Worker = (model === "thread" ? Thread : Process) as typeof Process;
    // A thread's processes share with it what processes share.
    const across = model === "thread" && child === "thread" ? "threads" : "processes";
    const start = () => ({ go: new Event({ across }), saved: new Queue<string>({ across }) });

    describe(`workers started by a worker are not cut off when their starter's task returns: a ${child} of a ${model}`, {
      timeout: timeLimit(60_000),
    }, () => {
      test("join settles with the task; isAlive, exitCode and await using wait for the children", async () => {
        const { go, saved } = start();
        const worker = Worker.start(tasks.parent, child, go, saved);
        assert.equal(await worker.join(), "parent is done");
        assert.deepEqual([worker.isAlive, worker.exitCode], [true, undefined]);
        const ended = worker[Symbol.asyncDispose]();
        go.set();
        await ended;
        assert.deepEqual([worker.isAlive, worker.exitCode], [false, 0]);
        assert.equal(saved.tryGet()?.value, "saved");
      });

      test("grandchildren too, blocking", async () => {
        const { go, saved } = start();
        const worker = Worker.start(tasks.grandparent, child, go, saved);
        assert.equal(worker.joinSync(), "grandparent is done");
        assert.deepEqual([worker.isAlive, worker.exitCode], [true, undefined]);
        go.set();
        assert.equal(saved.getSync(), "saved");
        await until(() => !worker.isAlive);
        assert.equal(worker.exitCode, 0);
      });

      test("where the task threw", async () => {
        const { go, saved } = start();
        const worker = Worker.start(tasks.parentThatThrows, child, go, saved);
        await assert.rejects(worker.join(), { message: "parent failed" });
        assert.deepEqual([worker.isAlive, worker.exitCode], [true, undefined]);
        go.set();
        await worker[Symbol.asyncDispose]();
        assert.equal(worker.exitCode, 1);
        assert.equal(saved.tryGet()?.value, "saved");
      });

      /** Its child held the lock, and has ended. */
      const isCutOff = async (lock: Lock, pid: number) => {
        if (child === "process") await until(() => !isRunning(pid));
        assert.equal((await lock.acquire({ timeout: timeLimit(20_000) })).ownerDied, true);
      };

      test("daemons are", async () => {
        const [lock, begun] = [new Lock({ across }), new Queue<number>({ across })];
        const worker = Worker.start(tasks.parentOfDaemon, child, lock, begun);
        const pid = await worker.join();
        await worker[Symbol.asyncDispose]();
        assert.equal(worker.exitCode, 0);
        await isCutOff(lock, pid);
      });

      test("process.exit() of the starter cuts them off", async () => {
        const [lock, begun] = [new Lock({ across }), new Queue<number>({ across })];
        const worker = Worker.start(tasks.parentThatExits, child, lock, begun);
        await assert.rejects(worker.join(), { code: "ERR_ALLCORES_WORKER_DIED", exitCode: 3 });
        assert.equal((await lock.acquire({ timeout: timeLimit(20_000) })).ownerDied, true);
      });

      test("terminate() of a worker that waits for its children ends them", async () => {
        const [lock, begun] = [new Lock({ across }), new Queue<number>({ across })];
        const worker = Worker.start(tasks.parentOfHolder, child, lock, begun);
        const pid = await worker.join();
        assert.equal(worker.isAlive, true);
        worker.terminate();
        await worker[Symbol.asyncDispose]();
        assert.deepEqual([worker.isAlive, worker.exitCode], [false, model === "thread" ? 1 : -15]);
        await isCutOff(lock, pid);
      });
    });
  }

describe("what a task leaves behind", { timeout: timeLimit(60_000) }, () => {
  test("a worker waits for the children of its pool's workers", async () => {
    const [go, saved] = [new Event(), new Queue<string>()];
    const worker = Thread.start(tasks.parentOfPool, go, saved);
    assert.equal(await worker.join(), "parent is done");
    assert.equal(worker.isAlive, true);
    go.set();
    await worker[Symbol.asyncDispose]();
    assert.equal(saved.tryGet()?.value, "saved");
  });
});
