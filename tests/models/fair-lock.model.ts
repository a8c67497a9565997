/** A lock whose line is kept in order: who waits is not overtaken, whoever dies, gives up or runs out of time. */
import assert from "node:assert/strict";
import { DeadlockError, Lock, RLock, SharedArray, task, TimeoutError, Value } from "../../src/index.js";
import { atomics, threadHeap } from "../../src/memory/index.js";
import { placeOf } from "../../src/objects/index.js";
import { CONTENDED } from "../../src/sync/lock-word.js";
import type { Model } from "./model.js";

interface Shared {
  lock: Lock | RLock;
  inside: Value<number>;
  /** How often each worker was inside. */
  turns: SharedArray<number>;
}

const make = (lock: Lock | RLock): Shared => ({ lock, inside: new Value("int32"), turns: new SharedArray("int32", 4) });
const setup = task(import.meta, "setup", (): Shared => make(new Lock({ fair: true })));
const setupReentrant = task(import.meta, "setupReentrant", (): Shared => make(new RLock({ fair: true })));

/** Whether somebody stands in line who has found the lock held: whoever comes now comes later. */
function somebodyWaits({ lock }: Shared): boolean {
  const { words, waitQueue } = threadHeap();
  const at = placeOf(lock);
  return (atomics.load(words, at) & CONTENDED) !== 0 && waitQueue.countWaiters(at, 1) > 0;
}

function critical({ inside, turns }: Shared, index: number): void {
  assert.equal(inside.add(1), 1, "two workers are inside");
  turns.add(index, 1);
  inside.sub(1);
}

const holding = task(import.meta, "holding", (shared: Shared, index: number) =>
  shared.lock.runSync(() => critical(shared, index)),
);
/** The one who waits, if anybody does, is worker 1. */
const first = task(import.meta, "first", (shared: Shared, index: number) =>
  shared.lock.runSync(() => critical(shared, index)),
);
const firstAwaiting = task(import.meta, "firstAwaiting", (shared: Shared, index: number) =>
  shared.lock.run(() => critical(shared, index)),
);
const firstUrgent = task(import.meta, "firstUrgent", (shared: Shared, index: number) =>
  shared.lock.runSync(() => critical(shared, index), { priority: 1 } as object),
);
function checkOrder(shared: Shared, waited: boolean): void {
  if (waited) assert.equal(shared.turns.get(1), 1, "a newcomer overtook one that waited");
}
const later = task(import.meta, "later", (shared: Shared, index: number) => {
  const waited = somebodyWaits(shared);
  shared.lock.runSync(() => {
    checkOrder(shared, waited);
    critical(shared, index);
  });
});
const laterAwaiting = task(import.meta, "laterAwaiting", async (shared: Shared, index: number) => {
  const waited = somebodyWaits(shared);
  await shared.lock.run(() => {
    checkOrder(shared, waited);
    critical(shared, index);
  });
});
const laterTrying = task(import.meta, "laterTrying", (shared: Shared, index: number) => {
  const waited = somebodyWaits(shared);
  using held = shared.lock.tryAcquire();
  if (held === undefined) return;
  checkOrder(shared, waited);
  critical(shared, index);
});
const impatient = task(import.meta, "impatient", (shared: Shared, index: number) => {
  try {
    shared.lock.runSync(() => critical(shared, index), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const aborted = task(import.meta, "aborted", async (shared: Shared, index: number) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    await shared.lock.run(() => critical(shared, index), { signal: controller.signal });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
/** Two of one loop, in the order in which they came. */
const pair = task(import.meta, "pair", async ({ lock, inside }: Shared) => {
  const order: number[] = [];
  const enter = (who: number) =>
    lock.run(() => {
      assert.equal(inside.add(1), 1, "two are inside");
      order.push(who);
      inside.sub(1);
    });
  await Promise.all([enter(0), enter(1)]);
  assert.deepEqual(order, [0, 1]);
});
/** Two of one loop, between which another worker may have come. */
const firstAndThird = task(import.meta, "firstAndThird", async (shared: Shared, index: number) => {
  const held = await shared.lock.acquire();
  const one = shared.lock.run(() => critical(shared, index));
  const between = threadHeap().waitQueue.countWaiters(placeOf(shared.lock)) > 1;
  const third = shared.lock.run(() => {
    if (between) assert.equal(shared.turns.get(1), 1, "one that joined its loop's line overtook");
    critical(shared, index);
  });
  held[Symbol.dispose]();
  await Promise.all([one, third]);
});
/** Blocks behind itself, which it is told. */
const behindItself = task(import.meta, "behindItself", async (shared: Shared, index: number) => {
  const awaited = shared.lock.run(() => critical(shared, index));
  // It may have been free: then nobody stands in line.
  if (!shared.lock.isOwned) assert.throws(() => shared.lock.acquireSync(), DeadlockError);
  await awaited;
});
const mortal = task(import.meta, "mortal", ({ lock }: Shared) => lock.runSync(() => undefined));
const mortalAwaiting = task(import.meta, "mortalAwaiting", ({ lock }: Shared) => lock.run(() => undefined));
/** Comes after them. */
const heir = task(import.meta, "heir", ({ lock }: Shared) => lock.runSync(() => undefined));
const free = task(import.meta, "free", ({ lock }: Shared) => {
  assert.notEqual(lock.tryAcquire(), undefined, "the lock is free in the end");
});

export const models: Model[] = [
  {
    name: "who comes later does not overtake one that blocks",
    program: { setup, workers: [holding, first, later], check: free },
  },
  {
    name: "who comes later does not overtake one that awaits",
    program: { setup, workers: [holding, firstAwaiting, later], check: free },
  },
  {
    name: "who awaits later does not overtake one that blocks",
    program: { setup, workers: [holding, first, laterAwaiting], check: free },
  },
  {
    name: "who only tries does not overtake one that waits",
    program: { setup, workers: [holding, firstAwaiting, laterTrying], check: free },
  },
  {
    name: "a lower priority does not overtake",
    program: { setup, workers: [holding, firstUrgent, later], check: free },
  },
  {
    name: "an RLock keeps its line too",
    program: { setup: setupReentrant, workers: [holding, first, later], check: free },
  },
  { name: "two of one loop come in their order", program: { setup, workers: [pair, holding], check: free } },
  { name: "two of one loop and one beside", program: { setup, workers: [firstAndThird, first], check: free } },
  {
    name: "a head whose time runs out is skipped",
    program: { setup, workers: [holding, impatient, heir], check: free },
  },
  { name: "a head whose signal aborts is skipped", program: { setup, workers: [holding, aborted, heir], check: free } },
  { name: "who blocks behind its own loop is told", program: { setup, workers: [behindItself, holding], check: free } },
  {
    name: "a head that dies at any step is skipped",
    program: { setup, workers: [mortal, heir, heir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "an awaiting head that dies at any step is skipped",
    program: { setup, workers: [mortalAwaiting, heir, mortalAwaiting], check: free },
    options: { deaths: 1, mortal: [0] },
  },
];
