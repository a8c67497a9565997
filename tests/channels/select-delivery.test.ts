/** Many that select from many queues, and give up, and die. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Process, Queue, type Task, Thread } from "allcores";
import { inForm } from "../form.js";
import { produce, type Tagged } from "../fixtures/queue-tasks.js";
import { consumeAny, takeAnyForEver } from "../fixtures/select-tasks.js";
import { timeLimit } from "../time-limit.js";

const PER_PRODUCER = inForm({ short: 250, whole: 800 });
const FOUR = [0, 1, 2, 3];

// biome-ignore lint/suspicious/noExplicitAny: any function at all.
type AnyFunction = (...args: any[]) => unknown;
function start<F extends AnyFunction>(across: string, fn: Task<F>, ...args: Parameters<F>): Thread<F> | Process<F> {
  return across === "processes" ? Process.start(fn, ...args) : Thread.start(fn, ...args);
}

for (const across of ["threads", "processes", "both"] as const) {
  describe(`selecting from queues across ${across}`, () => {
    const reachOf = (index: number) =>
      ({ across: across === "both" ? (index % 2 === 0 ? "threads" : "processes") : across }) as const;

    test("4 producers, 3 queues, 4 that select and often give up: every item once, in the order of its producer", {
      timeout: timeLimit(40_000),
    }, async () => {
      const queues = [0, 1, 2].map((index) => new Queue<Tagged>({ ...reachOf(index), maxSize: 20 * (index % 2) }));
      const consumers = FOUR.map((consumer) => start(across, consumeAny, queues, consumer));
      await Promise.all(
        FOUR.map((producer) =>
          start(across, produce, queues[producer % 3] as Queue<Tagged>, producer, PER_PRODUCER).join(),
        ),
      );
      for (const queue of queues) queue.shutdown();
      const lists = await Promise.all(consumers.map((consumer) => consumer.join()));
      const seen = new Set<string>();
      for (const list of lists) {
        const last = FOUR.map(() => -1);
        for (const [producer, index] of list) {
          assert.ok(
            index > (last[producer] as number),
            `item ${index} of producer ${producer} came after ${last[producer]}`,
          );
          last[producer] = index;
          seen.add(`${producer}/${index}`);
        }
      }
      assert.equal(lists.flat().length, FOUR.length * PER_PRODUCER);
      assert.equal(seen.size, FOUR.length * PER_PRODUCER);
      for (const queue of queues) queue.free();
    });
  });
}

for (const across of ["threads", "processes"] as const) {
  test(`killed across ${across} while they select: at most the item in their hands is gone, and nobody hangs`, {
    timeout: timeLimit(40_000),
  }, async () => {
    const left = new Queue<number>({ across, maxSize: 5 });
    const right = new Queue<number>({ across, maxSize: 5 });
    const taken = new Queue<number>({ across });
    const ITEMS = 600;
    const ROUNDS = 3;
    let put = 0;
    const seen = new Set<number>();
    for (let round = 1; round <= ROUNDS; round++) {
      const victims = [true, false].map(
        (blocks) =>
          new (across === "threads" ? Thread : Process)(takeAnyForEver, {
            args: [left, right, taken, blocks],
            daemon: true,
          }),
      );
      for (const victim of victims) victim.start();
      for (; put < (ITEMS / ROUNDS) * round; put++)
        await (put % 2 === 0 ? left : right).put(put, { timeout: timeLimit(8_000) });
      for (const victim of victims) victim.kill();
      await Promise.all(victims.map((victim) => victim.join().catch(() => {})));
    }
    for (const queue of [left, right, taken]) {
      queue.shutdown();
      for (const item of queue) {
        assert.equal(seen.has(item), false, `item ${item} came twice`);
        seen.add(item);
      }
    }
    assert.ok(seen.size >= ITEMS - 2 * ROUNDS, `${ITEMS - seen.size} of ${ITEMS} are gone`);
  });
}
