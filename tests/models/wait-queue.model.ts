import assert from "node:assert/strict";
import { task } from "../../src/index.js";
import { atomics, KIND, RECORD, threadHeap } from "../../src/memory/index.js";
import type { Attempt } from "../../src/parking/index.js";
import type { Model } from "./model.js";

/** A block of plain memory, whose words are keys too. */
interface Shared {
  at: number;
}

/** Units that waiters take. */
const UNITS = 0;
/** 1 once the patient one waits. */
const ARMED = 1;

const setup = task(import.meta, "setup", (): Shared => ({ at: threadHeap().allocator.allocate(4, KIND.plain) }));

const takeUnit =
  (at: number): Attempt<true> =>
  () => {
    const { words } = threadHeap();
    for (let units = atomics.load(words, at + UNITS); units > 0; ) {
      const seen = atomics.compareExchange(words, at + UNITS, units, units - 1);
      if (seen === units) return true;
      units = seen;
    }
    return undefined;
  };
function giveUnits(at: number, count: number): void {
  const heap = threadHeap();
  atomics.add(heap.words, at + UNITS, count);
  heap.waitQueue.wake(at + UNITS, count);
}

const wait = task(import.meta, "wait", ({ at }: Shared) => {
  threadHeap().parker.blockUntil(at + UNITS, takeUnit(at), Number.POSITIVE_INFINITY);
});
const waitAwaiting = task(import.meta, "waitAwaiting", async ({ at }: Shared) => {
  await threadHeap().parker.waitUntil(at + UNITS, takeUnit(at), Number.POSITIVE_INFINITY, undefined);
});
/** Both wait at one node. */
const waitTwice = task(import.meta, "waitTwice", async (shared: Shared) => {
  await Promise.all([waitAwaiting(shared), waitAwaiting(shared)]);
});
/** Whoever gives up takes nothing; whoever does not gives back what it took. */
const waitImpatiently = task(import.meta, "waitImpatiently", ({ at }: Shared) => {
  if (threadHeap().parker.blockUntil(at + UNITS, takeUnit(at), performance.now() + 10) !== undefined) giveUnits(at, 1);
});
const awaitImpatiently = task(import.meta, "awaitImpatiently", async ({ at }: Shared) => {
  if ((await threadHeap().parker.waitUntil(at + UNITS, takeUnit(at), performance.now() + 10, undefined)) !== undefined)
    giveUnits(at, 1);
});
const waitUntilAborted = task(import.meta, "waitUntilAborted", async ({ at }: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    await threadHeap().parker.waitUntil(at + UNITS, takeUnit(at), Number.POSITIVE_INFINITY, controller.signal);
    giveUnits(at, 1);
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
const give = task(import.meta, "give", (count: number, { at }: Shared) => giveUnits(at, count));
const giveOneByOne = task(import.meta, "giveOneByOne", ({ at }: Shared) => {
  giveUnits(at, 1);
  giveUnits(at, 1);
});
const unitsLeft = task(import.meta, "unitsLeft", (count: number, { at }: Shared) => {
  assert.equal(threadHeap().words[at + UNITS], count);
  assert.equal(threadHeap().waitQueue.countWaiters(at + UNITS), 0, "nobody is left armed");
});

interface Haunted extends Shared {
  ghost: number;
}
/** Somebody waits who will be found dead. */
const haunted = task(import.meta, "haunted", (): Haunted => {
  const heap = threadHeap();
  const { at } = setup();
  const ghost = heap.registry.join();
  const record = heap.registry.recordOf(ghost);
  heap.words[record + RECORD.nodesHigh] = 1;
  heap.waitQueue.arm(record + RECORD.nodes, at + UNITS, 0);
  return { at, ghost };
});
/** Waits for a wake-up alone: nothing tells of one that was lost. */
const waitForGrant = task(import.meta, "waitForGrant", ({ at }: Haunted) => {
  const heap = threadHeap();
  const attempt: Attempt<true> = (granted) => {
    if (!granted) {
      atomics.store(heap.words, at + ARMED, 1);
      heap.waitQueue.wake(at + ARMED, 1);
    }
    return granted || undefined;
  };
  heap.parker.blockUntil(at + UNITS, attempt, Number.POSITIVE_INFINITY);
});
const wakeOnce = task(import.meta, "wakeOnce", ({ at }: Haunted) => {
  const heap = threadHeap();
  heap.parker.blockUntil(
    at + ARMED,
    () => atomics.load(heap.words, at + ARMED) === 1 || undefined,
    Number.POSITIVE_INFINITY,
  );
  assert.equal(heap.waitQueue.wake(at + UNITS, 1), 1);
});
/** 1 once the mortal one has used its wake-up. */
const USED = 2;
/** Whoever used it and did not pass it on is dead: then a slice is what it costs. */
const usingGrant =
  (at: number): Attempt<true> =>
  (granted) => {
    const { words } = threadHeap();
    if (granted) atomics.store(words, at + USED, 1);
    return atomics.load(words, at + USED) === 1 || undefined;
  };
/** Acts on its wake-up in the attempt, then passes it on; it may die before, in between, and after. */
const useGrant = task(import.meta, "useGrant", ({ at }: Shared) => {
  const heap = threadHeap();
  heap.parker.blockUntil(at + UNITS, usingGrant(at), Number.POSITIVE_INFINITY);
  heap.waitQueue.wake(at + UNITS, 1);
});
const useGrantAwaiting = task(import.meta, "useGrantAwaiting", async ({ at }: Shared) => {
  const heap = threadHeap();
  await heap.parker.waitUntil(at + UNITS, usingGrant(at), Number.POSITIVE_INFINITY, undefined);
  heap.waitQueue.wake(at + UNITS, 1);
});
/** Gives up, or passes its wake-up on as soon as it has it. */
const leaveGrant = task(import.meta, "leaveGrant", ({ at }: Shared) => {
  const heap = threadHeap();
  const attempt: Attempt<true> = (granted) => {
    if (granted) heap.waitQueue.wake(at + UNITS, 1);
    return granted || undefined;
  };
  heap.parker.blockUntil(at + UNITS, attempt, performance.now() + 10);
});
/** Waits for the wake-up that the mortal one passes on, or leaves behind. */
const patient = task(import.meta, "patient", ({ at }: Shared) => {
  const heap = threadHeap();
  const attempt: Attempt<true> = (granted, node) => {
    if (atomics.exchange(heap.words, at + ARMED, 1) === 0) heap.waitQueue.wake(at + ARMED, 1);
    return usingGrant(at)(granted, node);
  };
  heap.parker.blockUntil(at + UNITS, attempt, Number.POSITIVE_INFINITY);
  heap.waitQueue.wake(at + UNITS, 1);
});
/** Wakes one, once the patient one waits. Who comes later finds it used. */
const wakeOne = task(import.meta, "wakeOne", ({ at }: Shared) => {
  const heap = threadHeap();
  heap.parker.blockUntil(
    at + ARMED,
    () => atomics.load(heap.words, at + ARMED) === 1 || undefined,
    Number.POSITIVE_INFINITY,
  );
  assert.equal(heap.waitQueue.wake(at + UNITS, 1), 1);
});
const declareDead = task(import.meta, "declareDead", ({ ghost }: Haunted) => threadHeap().registry.declareDead(ghost));

export const models: Model[] = [
  {
    name: "a wake-up reaches a blocking caller",
    preemptions: 3,
    program: { setup, workers: [wait, give.partial(1)], check: unitsLeft.partial(0) },
  },
  {
    name: "a wake-up reaches an awaiting caller",
    preemptions: 3,
    program: { setup, workers: [waitAwaiting, give.partial(1)], check: unitsLeft.partial(0) },
  },
  {
    name: "two wake-ups reach two callers of one node",
    program: { setup, workers: [waitTwice, giveOneByOne], check: unitsLeft.partial(0) },
  },
  {
    name: "two wake-ups at once reach callers of both kinds",
    program: { setup, workers: [wait, waitAwaiting, give.partial(2)], check: unitsLeft.partial(0) },
  },
  {
    name: "wake-ups by two wakers",
    program: { setup, workers: [waitTwice, give.partial(1), give.partial(1)], check: unitsLeft.partial(0) },
  },
  {
    name: "a blocking caller gives up",
    program: { setup, workers: [waitImpatiently, wait, give.partial(1)], check: unitsLeft.partial(0) },
  },
  {
    name: "an awaiting caller gives up",
    program: { setup, workers: [awaitImpatiently, wait, give.partial(1)], check: unitsLeft.partial(0) },
  },
  {
    name: "an awaiting caller is aborted",
    program: { setup, workers: [waitUntilAborted, wait, give.partial(1)], check: unitsLeft.partial(0) },
  },
  {
    name: "a wake-up for a dead waiter passes on",
    program: { setup: haunted, workers: [waitForGrant, wakeOnce, declareDead] },
  },
  {
    name: "a wake-up that a dying caller has in its hands passes on",
    program: { setup, workers: [useGrant, patient, wakeOne] },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a wake-up that a dying loop has in its hands passes on",
    program: { setup, workers: [useGrantAwaiting, patient, wakeOne] },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a wake-up that a caller takes along as it gives up and dies passes on",
    program: { setup, workers: [leaveGrant, patient, wakeOne] },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiter dies while others wait",
    program: { setup, workers: [waitImpatiently, wait, give.partial(2)] },
    options: { deaths: 1, mortal: [0] },
  },
];
