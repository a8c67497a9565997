import assert from "node:assert/strict";
import { Lock, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  lock: Lock;
  /** Protected by the lock: changed in two steps. */
  count: Value<number>;
  /** How many are inside: never more than one. */
  inside: Value<number>;
}

const setup = task(import.meta, "setup", (): Shared => ({ lock: new Lock(), count: new Value("int32"), inside: new Value("int32") }));

function critical({ count, inside }: Shared): void {
  assert.equal(inside.add(1), 1, "two workers are inside");
  count.value += 1;
  inside.sub(1);
}

const blocking = task(import.meta, "blocking", (shared: Shared) => {
  shared.lock.runSync(() => critical(shared));
});
const awaiting = task(import.meta, "awaiting", async (shared: Shared) => {
  await shared.lock.run(() => critical(shared));
});
const impatient = task(import.meta, "impatient", (shared: Shared) => {
  try {
    shared.lock.runSync(() => critical(shared), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const aborted = task(import.meta, "aborted", async (shared: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    await shared.lock.run(() => critical(shared), { signal: controller.signal });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
/** Holds the lock for a step that others can see, so that it may die in between. */
const mortal = task(import.meta, "mortal", ({ lock, inside }: Shared) => {
  lock.runSync(() => {
    inside.value = 1;
  });
});
const heir = task(import.meta, "heir", ({ lock }: Shared) => {
  lock.runSync(() => undefined);
});
const awaitingHeir = task(import.meta, "awaitingHeir", async ({ lock }: Shared) => {
  await lock.run(() => undefined);
});
const free = task(import.meta, "free", ({ lock }: Shared) => {
  assert.notEqual(lock.tryAcquire(), undefined, "the lock is free in the end");
});
const two = task(import.meta, "two", (shared: Shared) => {
  assert.equal(shared.count.value, 2);
  free(shared);
});
const three = task(import.meta, "three", (shared: Shared) => {
  assert.equal(shared.count.value, 3);
  free(shared);
});

export const models: Model[] = [
  { name: "two blocking callers exclude each other", preemptions: 3, program: { setup, workers: [blocking, blocking], check: two } },
  { name: "two awaiting callers exclude each other", preemptions: 3, program: { setup, workers: [awaiting, awaiting], check: two } },
  { name: "a blocking and an awaiting caller exclude each other", preemptions: 3, program: { setup, workers: [blocking, awaiting], check: two } },
  { name: "three callers of both kinds", program: { setup, workers: [blocking, awaiting, blocking], check: three } },
  { name: "a caller whose time runs out loses nobody's wake-up", program: { setup, workers: [impatient, blocking, blocking], check: free } },
  { name: "a caller whose signal aborts loses nobody's wake-up", program: { setup, workers: [aborted, blocking, awaiting], check: free } },
  {
    name: "the lock of a dead owner passes on to a blocking caller",
    program: { setup, workers: [mortal, heir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "the lock of a dead owner passes on to an awaiting caller",
    program: { setup, workers: [mortal, awaitingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  { name: "a waiter dies, a wake-up for it does not", program: { setup, workers: [heir, heir, mortal], check: free }, options: { deaths: 1, mortal: [0] } },
];
