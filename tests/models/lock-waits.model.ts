/** Waits that take nothing, and waits that somebody else ends. */
import assert from "node:assert/strict";
import { CancelledError, Event, Lock, RWLock, Semaphore, task } from "../../src/index.js";
import type { Model } from "./model.js";

/** What all of them have in common here. */
interface Exclusive {
  take(): Disposable;
  await(): Promise<Disposable>;
  tryTake(): Disposable | undefined;
  readonly object: Lock | Semaphore | RWLock;
}

interface Shared {
  object: Lock | Semaphore | RWLock;
}

function of({ object }: Shared): Exclusive {
  if (object instanceof RWLock)
    return { object, take: () => object.writeSync(), await: () => object.write(), tryTake: () => object.tryWrite() };
  return {
    object,
    take: () => object.acquireSync(),
    await: () => object.acquire(),
    tryTake: () => object.tryAcquire(),
  };
}

const setupLock = task(import.meta, "setupLock", (): Shared => ({ object: new Lock() }));
const setupSemaphore = task(import.meta, "setupSemaphore", (): Shared => ({ object: new Semaphore(1) }));
const setupRWLock = task(import.meta, "setupRWLock", (): Shared => ({ object: new RWLock() }));

/** Somebody has it who never lets go: a wait for it ends by being told so. */
interface Held extends Shared {
  done: Event;
}
function held(object: Shared["object"]): Held {
  if (object instanceof RWLock) object.writeSync();
  else object.acquireSync();
  return { object, done: new Event() };
}
const heldLock = task(import.meta, "heldLock", () => held(new Lock()));
const heldFairLock = task(import.meta, "heldFairLock", () => held(new Lock({ fair: true })));
const heldSemaphore = task(import.meta, "heldSemaphore", () => held(new Semaphore(1)));
const heldRWLock = task(import.meta, "heldRWLock", () => held(new RWLock()));
const told = task(import.meta, "told", (shared: Held) => {
  assert.throws(() => of(shared).take(), CancelledError);
  shared.done.set();
});
const toldAwaiting = task(import.meta, "toldAwaiting", async (shared: Held) => {
  await assert.rejects(of(shared).await(), CancelledError);
  shared.done.set();
});
const cancellingUntilDone = task(import.meta, "cancellingUntilDone", ({ object, done }: Held) => {
  while (!done.isSet) {
    object.cancelWaiters();
    try {
      done.waitSync({ timeout: 10 });
    } catch {
      // The one who waits had not begun.
    }
  }
});
const stillHeld = task(import.meta, "stillHeld", (shared: Held) => assert.equal(of(shared).tryTake(), undefined));

const holding = task(import.meta, "holding", (shared: Shared) => of(shared).take()[Symbol.dispose]());
const watching = task(import.meta, "watching", ({ object }: Shared) => object.waitForUnlockSync());
const watchingAwaiting = task(import.meta, "watchingAwaiting", ({ object }: Shared) => object.waitForUnlock());
const watchingShortly = task(import.meta, "watchingShortly", ({ object }: Shared) =>
  object.waitForUnlock({ timeout: 10 }).catch(() => {}),
);

const cancelling = task(import.meta, "cancelling", ({ object }: Shared) => object.cancelWaiters());
/** Takes it, or is told to end. */
const cancellable = task(import.meta, "cancellable", (shared: Shared) => {
  try {
    of(shared).take()[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
  }
});
const cancellableAwaiting = task(import.meta, "cancellableAwaiting", async (shared: Shared) => {
  try {
    (await of(shared).await())[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
  }
});
/** Has it, and keeps it until the one who waits has been told: it gives it back only then. */
const cancellingHolder = task(import.meta, "cancellingHolder", (shared: Shared) => {
  using _ = of(shared).take();
  shared.object.cancelWaiters();
});
const free = task(import.meta, "free", (shared: Shared) => {
  shared.object.waitForUnlockSync({ timeout: 0 });
  assert.notEqual(of(shared).tryTake(), undefined, "it is free in the end");
});

const cancelled: Model[] = (
  [
    ["lock", heldLock],
    ["fair lock", heldFairLock],
    ["semaphore", heldSemaphore],
    ["rwlock", heldRWLock],
  ] as const
).flatMap(([what, setup]): Model[] => [
  {
    name: `${what}: a wait that nothing else would end`,
    program: { setup, workers: [told, cancellingUntilDone], check: stillHeld },
  },
  {
    name: `${what}: an awaiting one that nothing else would end`,
    program: { setup, workers: [toldAwaiting, cancellingUntilDone], check: stillHeld },
  },
]);

const waits: Model[] = (
  [
    ["lock", setupLock],
    ["semaphore", setupSemaphore],
    ["rwlock", setupRWLock],
  ] as const
).flatMap(([what, setup]): Model[] => [
  {
    name: `${what}: who waits until it is free goes on, and takes no wake-up from others`,
    program: { setup, workers: [holding, watching, holding], check: free },
  },
  {
    name: `${what}: an awaiting one too`,
    program: { setup, workers: [holding, watchingAwaiting, holding], check: free },
  },
  {
    name: `${what}: one that gives up leaves no trace`,
    program: { setup, workers: [holding, watchingShortly, watching], check: free },
  },
  {
    name: `${what}: a holder dies, and who waits until it is free goes on`,
    program: { setup, workers: [holding, watching], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: `${what}: a cancelled wait ends, and the wake-up that came for it goes on`,
    program: { setup, workers: [cancellable, cancellable, cancelling], check: free },
  },
  {
    name: `${what}: those who wait are told by the holder itself`,
    program: { setup, workers: [cancellingHolder, cancellable, cancellableAwaiting], check: free },
  },
  {
    name: `${what}: who cancels dies half-way, and nobody hangs`,
    program: { setup, workers: [cancellingHolder, cancellable, cancellableAwaiting], check: free },
    options: { deaths: 1, mortal: [0] },
  },
]);
export const models: Model[] = [...waits, ...cancelled];
