/** What a queue gives back. No other worker runs here, so the heap's words in use are exactly this test's. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, LifoQueue, Lock, PriorityQueue, Queue, type QueueOptions, QueueShutDownError } from "allcores";
import { brkBeside, usedWordsBeside } from "../fixtures/queue-insides.js";
import type { SomeQueue } from "../fixtures/queue-tasks.js";
import { inForm } from "../form.js";

const MANY = inForm({ short: 1000, whole: 10_000 });

const kinds: Record<string, <T>(options: QueueOptions) => SomeQueue<T>> = {
  Queue: (options) => new Queue(options),
  LifoQueue: (options) => new LifoQueue(options),
  PriorityQueue: (options) => new PriorityQueue({ priority: () => 0, ...options }),
};

for (const [kind, make] of Object.entries(kinds)) {
  for (const across of ["threads", "processes"] as const) {
    describe(`memory of a ${kind} across ${across}`, () => {
      const witness = new Event({ across });
      const used = () => usedWordsBeside(witness);
      /** What `work` leaves in use when it is done for the second time: the first warms up what stays. */
      const leftBy = (work: () => void) => {
        work();
        const before = used();
        work();
        return used() - before;
      };

      test("many queues created and freed give back everything", () => {
        const openAndFree = () => {
          for (let index = 0; index < MANY; index++) {
            const queue = make<number>({ across });
            queue.putSync(index);
            queue.free();
          }
        };
        openAndFree();
        const [before, brk] = [used(), brkBeside(witness)];
        openAndFree();
        assert.equal(used() - before, 0);
        assert.equal(brkBeside(witness) - brk, 0);
      });

      test("many queues open at a time give back everything", () => {
        const open = () => {
          const queues = Array.from({ length: MANY }, () => make<number>({ across }));
          for (const queue of queues) queue.free();
        };
        open();
        const [before, brk] = [used(), brkBeside(witness)];
        open();
        // The ledger of what this worker holds has grown, and stays.
        assert.equal(used() - before, 0);
        assert.equal(brkBeside(witness) - brk, 0);
      });

      test("an unbounded queue that has grown and was drained holds no more than a chunk, time and again", () => {
        const queue = make<number>({ across });
        const [small, brk] = [used(), [] as number[]];
        for (let round = 0; round < 3; round++) {
          for (let index = 0; index < 20_000; index++) queue.putSync(index);
          for (let index = 0; index < 20_000; index++) queue.getSync();
          assert.ok(used() - small <= 1536, `${used() - small} words more, which is more than a chunk`);
          brk.push(brkBeside(witness));
        }
        assert.equal(brk[2], brk[1]);
        queue.free();
      });

      test("a queue freed with small and large items in it gives back everything", () => {
        const left = leftBy(() => {
          const queue = make<string>({ across });
          for (let index = 0; index < 500; index++) queue.putSync("x".repeat(index * 20));
          for (let index = 0; index < 250; index++) queue.getSync();
          queue.free();
        });
        assert.equal(left, 0);
      });

      test("what has gone through a queue leaves nothing behind", () => {
        const queue = make<string>({ across });
        const left = leftBy(() => {
          for (let round = 0; round < 20; round++) {
            for (let index = 0; index < 100; index++) queue.putSync("x".repeat(index * 100));
            while (!queue.isEmpty) queue.getSync();
          }
        });
        assert.equal(left, 0);
        queue.free();
      });

      test("an unbounded queue that is never quite empty does not grow", () => {
        const queue = make<string>({ across });
        queue.putSync("the one that stays");
        const left = leftBy(() => {
          for (let index = 0; index < 5_000; index++) {
            queue.putSync("x".repeat(index % 900));
            queue.getSync();
          }
        });
        assert.ok(left <= 1536, `${left} words more, which is more than a chunk`);
        queue.free();
      });

      test("items that were refused leave nothing behind: too large, unsendable, no room, timed out, shut down", () => {
        const queue = make<unknown>({ across, maxSize: 1, capacity: 10_000 });
        const closed = make<unknown>({ across });
        closed.shutdown();
        queue.putSync(1);
        const event = new Event({ across });
        const item = (bytes: number, more?: unknown) => ({ event, bytes: new Uint8Array(bytes), more });
        const left = leftBy(() => {
          for (const bytes of [10, 2_000, 6_000]) {
            assert.equal(queue.tryPut(item(bytes)), false);
            assert.throws(() => queue.putSync(item(bytes), { timeout: 1 }), { code: "ERR_ALLCORES_TIMEOUT" });
            assert.throws(() => queue.putSync(item(bytes), { timeout: 0 }), { code: "ERR_ALLCORES_TIMEOUT" });
            assert.throws(() => queue.putSync(item(bytes, () => 1)), { code: "ERR_ALLCORES_UNSENDABLE" });
            assert.throws(() => queue.putSync(item(20_000)), { code: "ERR_ALLCORES_TOO_LARGE" });
            assert.throws(() => closed.putSync(item(bytes)), QueueShutDownError);
          }
        });
        assert.equal(left, 0);
        const before = used();
        event.free();
        assert.ok(used() < before, "the event was held by a refused item");
        queue.free();
        closed.free();
      });

      test("shared objects in items are let go of: taken, dropped by shutdown, or freed with their queue", () => {
        const laden = () => {
          const queue = make<unknown>({ across });
          const locks = [new Lock({ across }), new Lock({ across })];
          for (const lock of locks) queue.putSync({ lock, bytes: new Uint8Array(lock === locks[0] ? 10 : 5_000) });
          for (const lock of locks) lock.free();
          return queue;
        };
        const taken = leftBy(() => {
          const queue = laden();
          for (const _ of [1, 2]) (queue.getSync() as { lock: Lock }).lock.free();
          queue.free();
        });
        assert.equal(taken, 0);
        const dropped = leftBy(() => {
          const queue = laden();
          queue.shutdown({ immediate: true });
          queue.free();
        });
        const droppedByPuts = leftBy(() => {
          if (kind !== "Queue") return;
          const queue = make<unknown>({ across, maxSize: 2, whenFull: "dropOldest" });
          for (let index = 0; index < 20; index++) {
            const lock = new Lock({ across });
            assert.equal(queue.putSync({ lock, bytes: new Uint8Array(index % 2 === 0 ? 10 : 5_000) }), true);
            lock.free();
          }
          queue.shutdown({ immediate: true });
          queue.free();
        });
        assert.ok(droppedByPuts <= 640, `${droppedByPuts} words`);
        const notPut = leftBy(() => {
          const queue = make<unknown>({ across, maxSize: 1, whenFull: "dropNewest" });
          queue.putSync(0);
          for (const size of [10, 5_000]) {
            const lock = new Lock({ across });
            assert.equal(queue.putSync({ lock, bytes: new Uint8Array(size) }), false);
            lock.free();
          }
          queue.free();
        });
        assert.equal(notPut, 0);
        const looked = leftBy(() => {
          const queue = laden();
          const { lock } = queue.peek()!.value as { lock: Lock };
          assert.equal((queue.peek()!.value as { lock: Lock }).lock, lock);
          for (const _ of [1, 2]) (queue.getSync() as { lock: Lock }).lock.free();
          queue.free();
        });
        assert.equal(looked, 0);
        // The wrappers that dropping made go with the garbage collector, or are given back at once.
        assert.ok(dropped <= 64, `${dropped} words`);
      });
    });
  }
}
