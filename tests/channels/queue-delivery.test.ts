/** Many producers and consumers, much and large data. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ErrorCode, LifoQueue, PriorityQueue, Process, Queue, type Reach, type Task, Thread } from "allcores";
import { inForm } from "../form.js";
import { consume, produce, putMany, type Tagged, takeWhenThere } from "../fixtures/queue-tasks.js";

const PER_PRODUCER = inForm({ short: 400, whole: 1_500 });
const FOUR = [0, 1, 2, 3];

for (const across of ["threads", "processes"] as const) {
  describe(`delivery by a Queue across ${across}`, () => {
    // biome-ignore lint/suspicious/noExplicitAny: any function at all.
    function start<F extends (...args: any[]) => unknown>(fn: Task<F>, ...args: Parameters<F>): Thread<F> | Process<F> {
      return across === "threads" ? Thread.start(fn, ...args) : Process.start(fn, ...args);
    }

    for (const Class of [Queue, LifoQueue, PriorityQueue])
      test(`4 producers and 4 consumers of a ${Class.name}, blocking and awaiting, bounded: every item once, in its order`, async () => {
        const queue = new Class<Tagged>({ across, maxSize: 50 });
        const consumers = FOUR.map((consumer) => start(consume, queue, consumer));
        await Promise.all(FOUR.map((producer) => start(produce, queue, producer, PER_PRODUCER).join()));
        await queue.join();
        queue.shutdown();
        const lists = await Promise.all(consumers.map((consumer) => consumer.join()));
        const seen = new Set<string>();
        for (const list of lists) {
          const last = FOUR.map(() => -1);
          for (const [producer, index] of list) {
            assert.ok(
              Class === LifoQueue || index > (last[producer] as number),
              `item ${index} of producer ${producer} came after ${last[producer]}`,
            );
            last[producer] = index;
            seen.add(`${producer}/${index}`);
          }
        }
        assert.equal(lists.flat().length, FOUR.length * PER_PRODUCER);
        assert.equal(seen.size, FOUR.length * PER_PRODUCER);
      });

    test("joining the producer before draining does not dead-lock, however much it has put", async () => {
      const queue = new Queue<{ index: number; bytes: Uint8Array }>({ across });
      const producer = start(putMany, queue, 400, 100_000);
      assert.equal(await producer.join(), 400);
      for (let index = 0; index < 400; index++) {
        const item = queue.getSync({ timeout: 0 });
        assert.equal(item.index, index);
        assert.equal(Buffer.compare(item.bytes, Buffer.alloc(100_000, index & 0xff)), 0);
      }
      assert.equal(queue.isEmpty, true);
      queue.free();
    });

    test("items in memory that was added since the taker last looked", async () => {
      const started = new Queue<number>({ across });
      const queue = new Queue<string>({ across, capacity: 10_000 });
      const taker = start(takeWhenThere, started, queue, 4);
      await started.get();
      const fillers = Array.from({ length: 5_000 }, () => new Queue({ across }));
      for (const length of [5, 2_000, 2_001, 3_000]) queue.putSync("x".repeat(length));
      assert.deepEqual(await taker.join(), [5, 2_000, 2_001, 3_000]);
      // Every byte was given back, and no more than that.
      assert.equal(queue.tryPut("x".repeat(9_900)), true);
      assert.equal(queue.tryPut("x".repeat(200)), false);
      for (const filler of fillers) filler.free();
      queue.free();
    });

    test("a value of 16 MB arrives whole from another worker", async () => {
      const queue = new Queue<{ index: number; bytes: Uint8Array }>({ across });
      const producer = start(putMany, queue, 2, 16_000_000);
      for (const index of [0, 1]) {
        const { bytes } = await queue.get();
        assert.equal(Buffer.compare(bytes, Buffer.alloc(16_000_000, index)), 0);
      }
      await producer.join();
      queue.free();
    });
  });
}

describe("making a Queue", () => {
  const fails = (options: unknown, code: ErrorCode) => assert.throws(() => new Queue(options as Reach), { code });

  test("bounds are whole numbers from 0, and 0 or Infinity is none", () => {
    for (const name of ["maxSize", "capacity"]) {
      for (const value of [-1, 1.5, Number.NaN, 2 ** 31]) fails({ [name]: value }, "ERR_ALLCORES_ARGUMENT_RANGE");
      for (const value of ["5", null, {}]) fails({ [name]: value }, "ERR_ALLCORES_ARGUMENT_TYPE");
      for (const value of [0, Number.POSITIVE_INFINITY, undefined]) {
        const queue = new Queue<number>({ [name]: value });
        for (let index = 0; index < 2_000; index++) assert.equal(queue.tryPut(index), true);
        assert.equal(queue.isFull, false);
        queue.free();
      }
    }
  });

  test("options of the wrong type are refused", () => {
    for (const options of [5, "threads", null, { across: "planets" }, { label: 5 }])
      fails(options, "ERR_ALLCORES_ARGUMENT_TYPE");
  });

  test("its label stands in its errors", () => {
    assert.throws(() => new Queue({ label: "orders" }).getSync({ timeout: 0 }), { message: /Queue "orders"/ });
  });

  test("shutdown with options of the wrong type is refused and shuts nothing", () => {
    const queue = new Queue();
    for (const options of [null, 5, "now", { immediate: "yes" }]) {
      assert.throws(() => queue.shutdown(options as unknown as { immediate: boolean }), {
        code: "ERR_ALLCORES_ARGUMENT_TYPE",
      });
      assert.equal(queue.isShutDown, false);
    }
    queue.free();
  });

  test("after free() every use is an error, and free() again does nothing", async () => {
    const queue = new Queue<number>();
    queue.putSync(1);
    queue.free();
    queue.free();
    const freed = { code: "ERR_ALLCORES_FREED" };
    for (const use of [
      () => queue.putSync(1),
      () => queue.getSync(),
      () => queue.tryGet(),
      () => queue.tryPut(1),
      () => queue.size,
      () => queue.isFull,
      () => queue.isShutDown,
      () => queue.taskDone(),
      () => queue.joinSync(),
      () => queue.shutdown(),
      () => queue[Symbol.iterator]().next(),
    ]) {
      assert.throws(use, freed, String(use));
    }
    await assert.rejects(queue.put(1), freed);
    await assert.rejects(queue.get(), freed);
    await assert.rejects(queue.join(), freed);
  });
});
