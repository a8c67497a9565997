/**
 * The pains of Python's locks, queues and shared memory, by their numbers: a worker that is killed at the worst moment,
 * and everybody else goes on.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Barrier, Condition, Event, Lock, Process, Queue, SharedMemory, Thread } from "allcores";
import * as tasks from "../fixtures/pain-tasks.js";
import { waitersOf } from "../fixtures/waiters.js";
import { until } from "../fixtures/pool-processes.js";
import { timeLimit } from "../time-limit.js";

const across = "processes";
const DIED = { code: "ERR_ALLCORES_WORKER_DIED" };

/** Kills a worker's process, and waits until it is gone. */
async function kill(worker: { readonly pid?: number | undefined; join(): Promise<unknown> }): Promise<void> {
  process.kill(worker.pid as number, "SIGKILL");
  await assert.rejects(worker.join(), DIED);
}

describe("pains of primitives", { concurrency: 2, timeout: timeLimit(60_000) }, () => {
  test("pain 4: a lock whose owner is killed goes to the next, who is told", async () => {
    const lock = new Lock({ across });
    const started = new Queue<number>({ across });
    const owner = Process.start(tasks.holdForEver, lock, started);
    await started.get();
    const next = lock.acquire({ timeout: timeLimit(20_000) });
    await kill(owner);
    {
      using held = await next;
      assert.equal(held.ownerDied, true);
      lock.consistent();
    }
    using again = lock.acquireSync();
    assert.equal(again.ownerDied, false);
  });

  test("pain 5: a reader killed in get and a writer killed in mid-message stop nobody", async () => {
    const queue = new Queue<unknown>({ across, maxSize: 4 });
    const started = new Queue<number>({ across });
    const reader = Process.start(tasks.getForEver, queue, started);
    await started.get();
    await until(() => waitersOf(queue, 2) > 0);
    await kill(reader);
    await queue.put("after the reader", { timeout: timeLimit(20_000) });
    assert.equal(await queue.get({ timeout: timeLimit(20_000) }), "after the reader");
    const writer = Process.start(tasks.putForEver, queue, started);
    await started.get();
    for (let taken = 0; taken < 20; taken++) await queue.get();
    await kill(writer);
    for (let item = queue.tryGet(); item !== undefined; item = queue.tryGet())
      assert.equal((item.value as { bytes: Uint8Array }).bytes.at(-1), 7);
    assert.equal(queue.tryGet(), undefined);
    queue.putSync("after the writer");
    assert.equal(queue.getSync(), "after the writer");
  });

  test("pain 6: notifyAll, set and a barrier do not wait for a waiter that was killed", async () => {
    const lock = new Lock({ across });
    const condition = new Condition(lock, { across });
    const event = new Event({ across });
    const barrier = new Barrier(2, { across });
    const started = new Queue<number>({ across });
    const dead = [
      Process.start(tasks.waitForCondition, condition, started),
      Process.start(tasks.waitForEvent, event, started),
    ];
    const living = [
      Process.start(tasks.waitForCondition, condition, started),
      Process.start(tasks.waitForEvent, event, started),
    ];
    const party = Process.start(tasks.waitAtBarrier, barrier, started);
    for (const _ of [...dead, ...living, party]) await started.get();
    await until(() => waitersOf(condition) === 2 && waitersOf(event) === 2 && barrier.waiting === 1);
    await Promise.all([...dead.map(kill), kill(party)]);
    {
      using _ = await condition.acquire();
      condition.notifyAll();
    }
    event.set();
    assert.deepEqual(await Promise.all(living.map((worker) => worker.join())), ["notified", "set"]);
    await assert.rejects(barrier.wait({ timeout: timeLimit(20_000) }), { code: "ERR_ALLCORES_BROKEN_BARRIER" });
  });

  test("pain 7: a producer ends although nobody has taken what it put", async () => {
    const queue = new Queue<{ index: number }>({ across });
    assert.equal(await Process.start(tasks.putMany, queue, 500, 4000).join(), 500);
    assert.equal(queue.size, 500);
    for (let index = 0; index < 500; index++) assert.equal((await queue.get()).index, index);
  });

  test("pain 8: what cannot be sent is refused by put, and the queue stays as it was", async () => {
    const queue = new Queue<unknown>({ across });
    for (const put of [() => queue.putSync({ list: [() => 1] }), () => queue.tryPut({ list: [() => 1] })])
      assert.throws(put, { code: "ERR_ALLCORES_UNSENDABLE", message: /value\.list\[0\]/ });
    await assert.rejects(queue.put({ list: [() => 1] }), { code: "ERR_ALLCORES_UNSENDABLE" });
    assert.equal(queue.size, 0);
  });

  test("pain 20: shared memory lives as long as anybody has it, however the others end", async () => {
    const memory = new SharedMemory(1 << 20, { across });
    memory.view("uint8")[123] = 45;
    assert.equal(await Process.start(tasks.readByte, memory, 123).join(), 45);
    const started = new Queue<number>({ across });
    const holder = Process.start(tasks.spin, started);
    await started.get();
    await kill(holder);
    assert.equal(await Process.start(tasks.readByte, memory, 123).join(), 45);
    assert.equal(memory.view("uint8")[123], 45);
  });

  test("pain 24: a queue between processes can be shut down", async () => {
    const queue = new Queue<number>({ across });
    const started = new Queue<number>({ across });
    const reader = Process.start(tasks.getForEver, queue, started);
    await started.get();
    queue.putSync(1);
    queue.shutdown();
    await assert.rejects(reader.join(), { code: "ERR_ALLCORES_QUEUE_SHUT_DOWN" });
    assert.throws(() => queue.putSync(2), { code: "ERR_ALLCORES_QUEUE_SHUT_DOWN" });
  });

  test("pain 25: join gives a thread's value, or its error", async () => {
    assert.equal(await Thread.start(tasks.echo, 5).join(), 5);
    await assert.rejects(Thread.start(tasks.failOddly).join(), { name: "NeedsThree", message: "1 and 2 and 3" });
  });
});
