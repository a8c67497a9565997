/** Requests for several permits beside requests for one. */
import assert from "node:assert/strict";
import { Semaphore, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  semaphore: Semaphore;
  /** How many permits are held. */
  held: Value<number>;
}

const setup = task(import.meta, "setup", (): Shared => ({ semaphore: new Semaphore(2), held: new Value("int32") }));

function within({ held }: Shared, count: number): void {
  assert.ok(held.add(count) <= 2, "more permits are held than there are");
  held.sub(count);
}

const one = task(import.meta, "one", (shared: Shared) => shared.semaphore.runSync(() => within(shared, 1)));
const oneAwaiting = task(import.meta, "oneAwaiting", (shared: Shared) => shared.semaphore.run(() => within(shared, 1)));
const both = task(import.meta, "both", (shared: Shared) =>
  shared.semaphore.runSync(() => within(shared, 2), { permits: 2 }),
);
const bothAwaiting = task(import.meta, "bothAwaiting", (shared: Shared) =>
  shared.semaphore.run(() => within(shared, 2), { permits: 2 }),
);
const bothShortly = task(import.meta, "bothShortly", (shared: Shared) => {
  try {
    shared.semaphore.runSync(() => within(shared, 2), { permits: 2, timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const oneShortly = task(import.meta, "oneShortly", (shared: Shared) => {
  try {
    shared.semaphore.runSync(() => within(shared, 1), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const trying = task(import.meta, "trying", (shared: Shared) => {
  using held = shared.semaphore.tryAcquire({ permits: 2 });
  if (held !== undefined) within(shared, 2);
});
/** They may die inside, and are not counted there. */
const mortalOne = task(import.meta, "mortalOne", ({ semaphore }: Shared) => semaphore.runSync(() => undefined));
const mortalBoth = task(import.meta, "mortalBoth", ({ semaphore }: Shared) =>
  semaphore.runSync(() => undefined, { permits: 2 }),
);
const mortalBothAwaiting = task(import.meta, "mortalBothAwaiting", ({ semaphore }: Shared) =>
  semaphore.run(() => undefined, { permits: 2 }),
);
const two = task(import.meta, "two", ({ semaphore }: Shared) => {
  assert.notEqual(semaphore.tryAcquire({ permits: 2 }), undefined, "both permits are free in the end");
});

export const models: Model[] = [
  {
    name: "two who want both permits, and one who wants one",
    program: { setup, workers: [both, one, both], check: two },
  },
  { name: "awaiting ones", program: { setup, workers: [bothAwaiting, one, oneAwaiting], check: two } },
  {
    name: "one that gives up leaves what was kept for it",
    program: { setup, workers: [bothShortly, one, one], check: two },
  },
  {
    name: "one that gives up its turn leaves the permits to those who want both",
    program: { setup, workers: [both, oneShortly, both], check: two },
  },
  { name: "who only tries takes all or nothing", program: { setup, workers: [trying, one, both], check: two } },
  {
    name: "one for whom permits are kept dies, and others go on",
    program: { setup, workers: [mortalBoth, one, one], check: two },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "an awaiting one for whom permits are kept dies, and others go on",
    program: { setup, workers: [mortalBothAwaiting, both, one], check: two },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "the permits of a dead holder come back to one that wants all",
    program: { setup, workers: [mortalOne, both], check: two },
    options: { deaths: 1, mortal: [0] },
  },
];
