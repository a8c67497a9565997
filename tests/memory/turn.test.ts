/** Work that one does for all: who has the turn, and how the next one gets it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Barrier, Event, sleep, Thread } from "allcores";
import { atomics, HEADER, monotonicMs } from "../../src/memory/index.js";
import { threadHeap } from "../../src/memory/thread-heap.js";
import { Turn } from "../../src/parking/turn.js";
import { waitersOf } from "../fixtures/waiters.js";
import { meetAndWait } from "../fixtures/waiting-tasks.js";
import { timeLimit } from "../time-limit.js";

const EVERY_MS = 200;
const OVERDUE_MS = 10_000;

/** Two workers before one word. */
function scene() {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const [first, second] = [new Turn(1, EVERY_MS, OVERDUE_MS), new Turn(1, EVERY_MS, OVERDUE_MS)];
  /** As if so much time had passed since it was taken last. */
  const age = (ms: number) => atomics.store(words, 1, monotonicMs() - ms);
  return { words, first, second, age };
}

describe("a turn", () => {
  it("is taken by one of two", () => {
    const { words, first, second } = scene();
    assert.equal(first.take(words), true);
    assert.equal(second.take(words), false);
    assert.deepEqual([first.isMine(words), second.isMine(words)], [true, false]);
  });

  it("stays with who has it", () => {
    const { words, first, second } = scene();
    first.take(words);
    assert.equal(first.take(words), false, "not before its time");
    while (!first.take(words)) assert.equal(second.take(words), false);
  });

  it("goes on when it is overdue: who had it has died, or was stopped", () => {
    const { words, first, second, age } = scene();
    const began = monotonicMs();
    first.take(words);
    age(OVERDUE_MS);
    while (((monotonicMs() - began) | 0) < 2);
    assert.equal(second.take(words), true);
    assert.equal(first.isMine(words), false);
    first.leave(words);
    assert.equal(second.isMine(words), true, "nobody gives up what is another's");
  });

  it("goes on when it was given up, in its time and not sooner", () => {
    const { words, first, second } = scene();
    const began = monotonicMs();
    first.take(words);
    first.leave(words);
    while (!second.take(words));
    assert.ok(((monotonicMs() - began) | 0) >= EVERY_MS);
  });

  it("is taken although the word names a moment to come, as when it was written over", () => {
    const { words, second, age } = scene();
    age(-1_000_000);
    assert.equal(second.take(words), true);
  });
});

describe("workers that wait", () => {
  it("look at all workers one for all: eight of them no more often than one", {
    timeout: timeLimit(60_000),
  }, async () => {
    const event = new Event();
    const gate = new Barrier(9);
    const threads = Array.from({ length: 8 }, () => Thread.start(meetAndWait, gate, event));
    await gate.wait();
    // From here on nobody goes away, who would give the turn up.
    while (waitersOf(event) < threads.length) await sleep(1);
    const { words } = threadHeap();
    const looks: number[] = [];
    while (looks.length < 8) {
      const looked = atomics.load(words, HEADER.looked);
      if (looked !== 0 && looked !== looks.at(-1)) looks.push(looked);
      await sleep(1);
    }
    event.set();
    await Promise.all(threads.map((thread) => thread.join()));
    const between = looks.slice(1).map((looked, index) => (looked - looks[index]!) | 0);
    assert.ok(
      between.every((ms) => ms >= EVERY_MS),
      String(between),
    );
  });
});
