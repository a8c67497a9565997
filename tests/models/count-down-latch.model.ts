import assert from "node:assert/strict";
import { CountDownLatch, selectSync, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  latch: CountDownLatch;
  /** Added to before each count, read by who was let through: ordered by the latch alone. */
  news: Value<number>;
  /** How many were let through. */
  through: Value<number>;
}

function made(count: number): Shared {
  return { latch: new CountDownLatch(count), news: new Value("int32"), through: new Value("int32") };
}
const one = task(import.meta, "one", () => made(1));
const two = task(import.meta, "two", () => made(2));
const three = task(import.meta, "three", () => made(3));

function arrived({ latch, through }: Shared): void {
  assert.equal(latch.count, 0, "let through before the count was 0");
  through.add(1);
}
function unlessOutOfTime(error: unknown): void {
  if (!(error instanceof TimeoutError)) throw error;
}

const counting = task(import.meta, "counting", ({ latch, news }: Shared) => {
  news.add(1);
  latch.countDown();
});
const countingTwo = task(import.meta, "countingTwo", ({ latch }: Shared) => latch.countDown(2));
const blocking = task(import.meta, "blocking", (shared: Shared) => {
  shared.latch.waitSync();
  arrived(shared);
});
const awaiting = task(import.meta, "awaiting", async (shared: Shared) => {
  await shared.latch.wait();
  arrived(shared);
});
const informed = task(import.meta, "informed", async (shared: Shared) => {
  await shared.latch.wait();
  assert.equal(shared.news.value, 2, "let through before both had done their work");
  arrived(shared);
});
const selecting = task(import.meta, "selecting", (shared: Shared) => {
  selectSync({ latch: shared.latch });
  arrived(shared);
});
/** Two tasks of one loop: both in one node. */
const awaitingTwice = task(import.meta, "awaitingTwice", async (shared: Shared) => {
  await Promise.all([awaiting(shared), awaiting(shared)]);
});
const impatient = task(import.meta, "impatient", (shared: Shared) => {
  try {
    shared.latch.waitSync({ timeout: 10 });
  } catch (error) {
    return unlessOutOfTime(error);
  }
  arrived(shared);
});
const impatientBeside = task(import.meta, "impatientBeside", async (shared: Shared) => {
  const patient = awaiting(shared);
  await shared.latch.wait({ timeout: 10 }).then(() => arrived(shared), unlessOutOfTime);
  await patient;
});
const abortedBeside = task(import.meta, "abortedBeside", async (shared: Shared) => {
  const patient = awaiting(shared);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  await shared.latch.wait({ signal: controller.signal }).then(
    () => arrived(shared),
    (error) => assert.equal(error, controller.signal.reason),
  );
  await patient;
});
/** Wakes nobody where the count is 0 already: those whom a dead worker was to wake look again by themselves. */
const countingUnlessOpen = task(import.meta, "countingUnlessOpen", ({ latch }: Shared) => {
  if (!latch.tryWait()) latch.countDown();
});

const passed = task(import.meta, "passed", (count: number, { latch, through }: Shared) => {
  assert.equal(latch.count, 0);
  assert.ok(latch.tryWait());
  assert.equal(through.value, count);
});
const open = task(import.meta, "open", ({ latch }: Shared) => assert.equal(latch.count, 0));
const left = task(import.meta, "left", (count: number, { latch }: Shared) => assert.equal(latch.count, count));

export const models: Model[] = [
  {
    name: "the last count lets a blocking caller through",
    preemptions: 3,
    program: { setup: one, workers: [counting, blocking], check: passed.partial(1) },
  },
  {
    name: "the last count lets an awaiting caller through",
    preemptions: 3,
    program: { setup: one, workers: [counting, awaiting], check: passed.partial(1) },
  },
  {
    name: "who is let through sees what was done before each count",
    program: { setup: two, workers: [counting, informed, counting], check: passed.partial(1) },
  },
  {
    name: "the last count lets everybody through, of both kinds",
    program: { setup: one, workers: [blocking, counting, awaiting], check: passed.partial(2) },
  },
  {
    name: "the last count lets all tasks of a loop through",
    program: { setup: one, workers: [counting, awaitingTwice], check: passed.partial(2) },
  },
  {
    name: "the last count lets a select through",
    program: { setup: one, workers: [counting, selecting], check: passed.partial(1) },
  },
  {
    name: "two that count at once lose no count",
    program: { setup: three, workers: [counting, counting], check: left.partial(1) },
  },
  {
    name: "the count stays at 0, whoever counts further",
    program: { setup: three, workers: [countingTwo, countingTwo], check: open },
  },
  {
    name: "time runs out for one and not for the other",
    program: { setup: one, workers: [impatient, counting, blocking], check: open },
  },
  {
    name: "time runs out for an awaiting caller and not for the other",
    program: { setup: one, workers: [impatientBeside, counting], check: open },
  },
  {
    name: "a signal aborts one and not the other",
    program: { setup: one, workers: [abortedBeside, counting], check: open },
  },
  {
    name: "a waiter dies, and the one who counts goes on",
    program: { setup: one, workers: [awaiting, counting], check: open },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "one that counts dies, the other's count lets through",
    program: { setup: one, workers: [counting, awaiting, counting], check: passed.partial(1) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "one that counts dies before it wakes: who waits looks again",
    program: { setup: one, workers: [counting, awaiting, countingUnlessOpen], check: passed.partial(1) },
    options: { deaths: 1, mortal: [0] },
  },
];
