import assert from "node:assert/strict";
import { Condition, Event, Lock, RLock, sleep, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  condition: Condition;
  /** Protected by the lock: what is waited for. */
  items: Value<number>;
  /** How many waits were notified. */
  notified: Value<number>;
  /** How many waits were given up. */
  given: Value<number>;
}

function shared(lock: Lock | RLock): Shared {
  return {
    condition: new Condition(lock),
    items: new Value("int32"),
    notified: new Value("int32"),
    given: new Value("int32"),
  };
}
const setup = task(import.meta, "setup", () => shared(new Lock()));
const setupRLock = task(import.meta, "setupRLock", () => shared(new RLock()));

const adding = task(import.meta, "adding", ({ condition, items }: Shared) => {
  condition.runSync(() => {
    items.value += 1;
    condition.notify();
  });
});
const awaitingAdding = task(import.meta, "awaitingAdding", async ({ condition, items }: Shared) => {
  await condition.run(() => {
    items.value += 1;
    condition.notify();
  });
});
const addingTwo = task(import.meta, "addingTwo", ({ condition, items }: Shared) => {
  condition.runSync(() => {
    items.value += 2;
    condition.notify(2);
  });
});
const addingForAll = task(import.meta, "addingForAll", ({ condition, items }: Shared) => {
  condition.runSync(() => {
    items.value += 2;
    condition.notifyAll();
  });
});
const taking = task(import.meta, "taking", ({ condition, items }: Shared) => {
  condition.runSync(() => {
    condition.waitForSync(() => items.value > 0);
    items.value -= 1;
  });
});
const awaitingTaking = task(import.meta, "awaitingTaking", async ({ condition, items }: Shared) => {
  await condition.run(async () => {
    await condition.waitFor(() => items.value > 0);
    items.value -= 1;
  });
});
/** Waits at two levels of the lock, and has both afterwards. */
const takingDeep = task(import.meta, "takingDeep", ({ condition, items }: Shared) => {
  condition.runSync(() => {
    condition.runSync(() => {
      condition.waitForSync(() => items.value > 0);
      items.value -= 1;
    });
    assert.ok(condition.lock.isOwned, "one level is left");
    items.value += 0;
  });
});
const awaitingTakingDeep = task(import.meta, "awaitingTakingDeep", async ({ condition, items }: Shared) => {
  const lock = condition.lock as RLock;
  await lock.run(async (held) => {
    {
      using _ = held.acquire();
      await condition.waitFor(() => items.value > 0);
      items.value -= 1;
    }
    assert.ok(lock.isOwned, "one level is left");
    items.value += 0;
  });
});
const takingTwice = task(import.meta, "takingTwice", async (shared: Shared) => {
  await Promise.all([awaitingTaking(shared), awaitingTaking(shared)]);
});
/** Gives up, holding the lock. Without a predicate: whether it was notified is all that counts. */
const impatient = task(import.meta, "impatient", ({ condition, notified, given }: Shared) => {
  condition.runSync(() => {
    try {
      condition.waitSync({ timeout: 10 });
      notified.value += 1;
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      given.value += 1;
    }
  });
});
/** Who was notified leaves the item to the other, and tells it. */
const awaitingImpatient = task(import.meta, "awaitingImpatient", async ({ condition, notified, given }: Shared) => {
  await condition.run(async () => {
    try {
      await condition.wait({ timeout: 10 });
      notified.value += 1;
      condition.notify();
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      given.value += 1;
    }
  });
});
const aborted = task(import.meta, "aborted", async ({ condition, notified, given }: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  await condition.run(async () => {
    try {
      await condition.wait({ signal: controller.signal });
      notified.value += 1;
      condition.notify();
    } catch (error) {
      if (error !== controller.signal.reason) throw error;
      given.value += 1;
    }
  });
});
const impatientRelay = task(import.meta, "impatientRelay", ({ condition }: Shared) => {
  condition.runSync(() => {
    try {
      condition.waitSync({ timeout: 10 });
      condition.notify();
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
  });
});
/** Notifies in the moment in which a waiter gives up; another task of its own is the next in line. */
const addingLate = task(import.meta, "addingLate", async (shared: Shared) => {
  await sleep(5);
  const waiting = awaitingTaking(shared);
  await sleep(5);
  await awaitingAdding(shared);
  await waiting;
});
/** One that may give up, and one that takes the item, in one loop. */
const impatientAndTaking = task(import.meta, "impatientAndTaking", async (shared: Shared) => {
  await Promise.all([awaitingImpatient(shared), awaitingTaking(shared)]);
});
const abortedAndTaking = task(import.meta, "abortedAndTaking", async (shared: Shared) => {
  await Promise.all([aborted(shared), awaitingTaking(shared)]);
});
/**
 * A single notification, once both that it may be meant for wait; the one that it was not for is let go by the next.
 */
const notifyingOnce = task(import.meta, "notifyingOnce", ({ condition, notified, given }: Shared) => {
  condition.runSync(() => condition.notify());
  condition.runSync(() => assert.ok(notified.value + given.value <= 2));
});
/** Two that wait for nothing but a notification. */
const waiting = task(import.meta, "waiting", async ({ condition, notified, items }: Shared) => {
  await condition.run(async () => {
    items.value += 1;
    await condition.wait();
    notified.value += 1;
  });
});
const waitingTwice = task(import.meta, "waitingTwice", async (shared: Shared) => {
  await Promise.all([waiting(shared), waiting(shared)]);
});
/** Notifies one when both wait, and the other later. */
const counting = task(import.meta, "counting", async ({ condition, notified, items }: Shared) => {
  for (let ready = false; !ready; ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    condition.runSync(() => {
      ready = items.value === 2;
      if (ready) condition.notify();
    });
  }
  condition.runSync(() => {
    assert.ok(notified.value <= 1, "more were woken than notified");
    condition.notify();
  });
});
/** Dies, or not, anywhere in its wait. */
const mortal = task(import.meta, "mortal", ({ condition, items }: Shared) => {
  condition.runSync(() => {
    condition.waitForSync(() => items.value > 0);
    condition.notify();
  });
});
/**
 * What a notification says is in the data, so one that died with its receiver costs no more than the limit of a wait.
 */
const careful = task(import.meta, "careful", async ({ condition, items }: Shared) => {
  await condition.run(async () => {
    while (items.value === 0) {
      try {
        await condition.wait({ timeout: 500 });
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
    }
    condition.notify();
  });
});
const carefulAndAdding = task(import.meta, "carefulAndAdding", async (shared: Shared) => {
  await Promise.all([careful(shared), awaitingAdding(shared)]);
});
/**
 * Two that wait for nothing but a notification, and pass it on; the first one may die. `items`: 1 once there was one.
 */
interface Relay extends Shared {
  done: Event;
}
const setupRelay = task(import.meta, "setupRelay", (): Relay => ({ ...setup(), done: new Event() }));
const relaying = task(import.meta, "relaying", ({ condition, items }: Relay) => {
  condition.runSync(() => {
    if (items.value === 1) return;
    condition.waitSync();
    condition.notify();
  });
});
const awaitingRelaying = task(import.meta, "awaitingRelaying", async ({ condition, items }: Relay) => {
  await condition.run(async () => {
    if (items.value === 1) return;
    await condition.wait();
    condition.notify();
  });
});
async function patient({ condition, notified, done }: Relay, waits: () => void): Promise<void> {
  await condition.run(async () => {
    waits();
    await condition.wait();
    notified.value += 1;
    condition.notify();
  });
  done.set();
}
/** Notifies one, once the patient one waits too; then looks after what a dead owner left undone, and only that. */
const relayed = task(import.meta, "relayed", async (shared: Relay) => {
  const { condition, items, done } = shared;
  let over: Promise<void> | undefined;
  await new Promise<void>((resolve) => {
    over = patient(shared, resolve);
  });
  await condition.run(({ ownerDied }) => {
    items.value = 1;
    condition.notify(ownerDied ? 2 : 1);
  });
  for (let looks = 0; looks < 4 && !done.isSet; looks++) {
    await done.wait({ timeout: 300 }).catch(() => {});
    await condition.run(({ ownerDied }) => {
      if (ownerDied) condition.notifyAll();
    });
  }
  await over;
});
const patientNotified = task(import.meta, "patientNotified", ({ condition, notified }: Relay) => {
  assert.equal(notified.value, 1);
  assert.notEqual(condition.tryAcquire(), undefined, "the lock is free in the end");
});

const free = task(import.meta, "free", ({ condition }: Shared) => {
  assert.notEqual(condition.tryAcquire(), undefined, "the lock is free in the end");
});
const allTaken = task(import.meta, "allTaken", (shared: Shared) => {
  assert.equal(shared.items.value, 0);
  free(shared);
});
const bothNotified = task(import.meta, "bothNotified", (shared: Shared) => {
  assert.equal(shared.notified.value, 2);
  free(shared);
});

export const models: Model[] = [
  { name: "a notification wakes a blocking caller", program: { setup, workers: [taking, adding], check: allTaken } },
  {
    name: "a notification wakes an awaiting caller",
    program: { setup, workers: [awaitingTaking, awaitingAdding], check: allTaken },
  },
  {
    name: "a notification wakes an awaiting caller over an RLock",
    program: { setup: setupRLock, workers: [awaitingTaking, adding], check: allTaken },
  },
  {
    name: "a blocking caller gives up all levels of an RLock and has them back",
    program: { setup: setupRLock, workers: [takingDeep, adding], check: allTaken },
  },
  {
    name: "an awaiting caller gives up all levels of an RLock and has them back",
    program: { setup: setupRLock, workers: [awaitingTakingDeep, adding], check: allTaken },
  },
  {
    name: "notify(2) wakes two tasks of a loop",
    program: { setup, workers: [takingTwice, addingTwo], check: allTaken },
  },
  { name: "notifyAll wakes everybody", program: { setup, workers: [takingTwice, addingForAll], check: allTaken } },
  {
    name: "exactly as many are woken as were notified",
    program: { setup, workers: [waitingTwice, counting], check: bothNotified },
  },
  {
    name: "a notification that comes as time runs out goes to who waits on",
    program: { setup, workers: [impatientAndTaking, adding], check: allTaken },
  },
  {
    name: "a notification that comes as a signal aborts goes to who waits on",
    program: { setup, workers: [abortedAndTaking, adding], check: allTaken },
  },
  {
    name: "a notification that a blocking caller does not need any more goes to the next one",
    program: { setup, workers: [addingLate, impatientRelay], check: allTaken },
  },
  {
    name: "a notification that an aborted caller does not need any more goes to the next one",
    program: { setup, workers: [addingLate, aborted], check: allTaken },
  },
  { name: "who gives up has the lock", program: { setup, workers: [impatient, notifyingOnce], check: free } },
  {
    name: "a waiter dies, and leaves the lock to the others",
    program: { setup, workers: [mortal, adding], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a notification outlives a blocking caller that dies before its wait is over",
    program: { setup: setupRelay, workers: [relaying, relayed], check: patientNotified },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a notification outlives an awaiting caller that dies before its wait is over",
    program: { setup: setupRelay, workers: [awaitingRelaying, relayed], check: patientNotified },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a notification that died with its waiter costs the others no more than their limit",
    program: { setup, workers: [mortal, carefulAndAdding], check: free },
    options: { deaths: 1, mortal: [0] },
  },
];
