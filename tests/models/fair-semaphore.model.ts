/**
 * A semaphore whose line is kept in order: who waits is not overtaken, whatever it wants, and whoever dies or gives up.
 */
import assert from "node:assert/strict";
import { Semaphore, SharedArray, task, TimeoutError, Value } from "../../src/index.js";
import { atomics, threadHeap } from "../../src/memory/index.js";
import { MONITOR, placeOf } from "../../src/objects/index.js";
import type { Model } from "./model.js";

interface Shared {
  semaphore: Semaphore;
  /** How many permits are held. */
  held: Value<number>;
  /** How often each worker had its permits. */
  turns: SharedArray<number>;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({
    semaphore: new Semaphore(2, { fair: true }),
    held: new Value("int32"),
    turns: new SharedArray("int32", 4),
  }),
);

/** Whether somebody stands in line who has found too few: whoever comes now comes later. */
function somebodyWaits({ semaphore }: Shared): boolean {
  const { words, waitQueue } = threadHeap();
  const at = placeOf(semaphore);
  return atomics.load(words, at + MONITOR.waiters) !== 0 && waitQueue.countWaiters(at, 1) > 0;
}

function within({ held, turns }: Shared, count: number, index: number): void {
  assert.ok(held.add(count) <= 2, "more permits are held than there are");
  turns.add(index, 1);
  held.sub(count);
}

const one = task(import.meta, "one", (shared: Shared, index: number) =>
  shared.semaphore.runSync(() => within(shared, 1, index)),
);
const oneAwaiting = task(import.meta, "oneAwaiting", (shared: Shared, index: number) =>
  shared.semaphore.run(() => within(shared, 1, index)),
);
/** The one who waits, if anybody does, is worker 1. */
const both = task(import.meta, "both", (shared: Shared, index: number) =>
  shared.semaphore.runSync(() => within(shared, 2, index), { permits: 2 }),
);
const bothAwaiting = task(import.meta, "bothAwaiting", (shared: Shared, index: number) =>
  shared.semaphore.run(() => within(shared, 2, index), { permits: 2 }),
);
function checkOrder(shared: Shared, waited: boolean): void {
  if (waited) assert.equal(shared.turns.get(1), 1, "a newcomer overtook one that waited");
}
const later = task(import.meta, "later", (shared: Shared, index: number) => {
  const waited = somebodyWaits(shared);
  shared.semaphore.runSync(() => {
    checkOrder(shared, waited);
    within(shared, 1, index);
  });
});
const laterAwaiting = task(import.meta, "laterAwaiting", async (shared: Shared, index: number) => {
  const waited = somebodyWaits(shared);
  await shared.semaphore.run(() => {
    checkOrder(shared, waited);
    within(shared, 1, index);
  });
});
const laterTrying = task(import.meta, "laterTrying", (shared: Shared, index: number) => {
  const waited = somebodyWaits(shared);
  using held = shared.semaphore.tryAcquire();
  if (held === undefined) return;
  checkOrder(shared, waited);
  within(shared, 1, index);
});
const bothShortly = task(import.meta, "bothShortly", (shared: Shared, index: number) => {
  try {
    shared.semaphore.runSync(() => within(shared, 2, index), { permits: 2, timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
/** They may die inside, and are not counted there. */
const mortalBoth = task(import.meta, "mortalBoth", ({ semaphore }: Shared) =>
  semaphore.runSync(() => undefined, { permits: 2 }),
);
const mortalBothAwaiting = task(import.meta, "mortalBothAwaiting", ({ semaphore }: Shared) =>
  semaphore.run(() => undefined, { permits: 2 }),
);
const heir = task(import.meta, "heir", ({ semaphore }: Shared) => semaphore.runSync(() => undefined));
const two = task(import.meta, "two", ({ semaphore }: Shared) => {
  assert.notEqual(semaphore.tryAcquire({ permits: 2 }), undefined, "both permits are free in the end");
});

export const models: Model[] = [
  {
    name: "who wants one does not overtake one that blocks for both",
    program: { setup, workers: [one, both, later], check: two },
  },
  {
    name: "who wants one does not overtake one that awaits both",
    program: { setup, workers: [one, bothAwaiting, later], check: two },
  },
  { name: "who awaits one does not overtake", program: { setup, workers: [one, both, laterAwaiting], check: two } },
  { name: "who only tries does not overtake", program: { setup, workers: [one, both, laterTrying], check: two } },
  {
    name: "what one of them leaves is for the next",
    program: { setup, workers: [both, one, oneAwaiting], check: two },
  },
  {
    name: "a first that gives up makes room for the next",
    program: { setup, workers: [one, bothShortly, one], check: two },
  },
  {
    name: "a first that dies at any step is skipped",
    program: { setup, workers: [mortalBoth, heir, heir], check: two },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "an awaiting first that dies at any step is skipped",
    program: { setup, workers: [mortalBothAwaiting, heir, heir], check: two },
    options: { deaths: 1, mortal: [0] },
  },
];
