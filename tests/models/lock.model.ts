import assert from "node:assert/strict";
import { Event, Lock, OwnerDiedError, sleep, task, TimeoutError, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  lock: Lock;
  /** Protected by the lock: changed in two steps. */
  count: Value<number>;
  /** How many are inside: never more than one. */
  inside: Value<number>;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({ lock: new Lock(), count: new Value("int32"), inside: new Value("int32") }),
);

/** Two workers that tell each other how far they are. */
interface Told extends Shared {
  /** The heir's worker id. */
  heir: Value<number>;
  first: Event;
  second: Event;
}

const setupTold = task(
  import.meta,
  "setupTold",
  (): Told => ({
    lock: new Lock(),
    count: new Value("int32"),
    inside: new Value("int32"),
    heir: new Value("int32"),
    first: new Event(),
    second: new Event(),
  }),
);

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
const trying = task(import.meta, "trying", (shared: Shared) => {
  using held = shared.lock.tryAcquire();
  if (held !== undefined) critical(shared);
});
/** Nothing but the lock orders what these do to the count. */
const plain = task(import.meta, "plain", ({ lock, count }: Shared) => {
  lock.runSync(() => {
    count.value += 1;
  });
});
const plainAwaiting = task(import.meta, "plainAwaiting", async ({ lock, count }: Shared) => {
  await lock.run(() => {
    count.value += 1;
  });
});
const disposingTwice = task(import.meta, "disposingTwice", ({ lock, count }: Shared) => {
  const held = lock.acquireSync();
  count.value += 1;
  held[Symbol.dispose]();
  held[Symbol.dispose]();
});
/** Takes the lock again and again, and keeps it for longer than a waiter is to be beaten. */
const greedy = task(import.meta, "greedy", async ({ lock }: Shared) => {
  for (let round = 0; round < 4; round++) await lock.run(() => sleep(6));
});
/** Frees the lock in the moment in which a waiter's time runs out; another task of its own is the next in line. */
const keeping = task(import.meta, "keeping", async ({ lock }: Shared) => {
  const kept = lock.run(() => sleep(10));
  await sleep(5);
  await lock.run(() => undefined);
  await kept;
});
/** Its hold is released by another; it asks again before it disposes the hold that is over. */
const bereft = task(import.meta, "bereft", async ({ lock, count, first, second }: Told) => {
  const old = await lock.acquire();
  count.value += 1;
  first.set();
  await second.wait();
  const next = lock.acquire();
  old[Symbol.dispose]();
  using _ = await next;
  count.value += 1;
});
const releasing = task(import.meta, "releasing", ({ lock, count, first, second }: Told) => {
  first.waitSync();
  lock.release();
  second.set();
  using _ = lock.acquireSync();
  count.value += 1;
});
const giver = task(import.meta, "giver", ({ lock, count, heir, first, second }: Told) => {
  first.waitSync();
  using held = lock.acquireSync();
  count.value += 1;
  held.handOff(heir.value);
  second.set();
  lock.runSync(() => {
    count.value += 1;
  });
});
const receiver = task(import.meta, "receiver", ({ lock, count, heir, first, second }: Told) => {
  heir.value = lock.workerId;
  first.set();
  second.waitSync();
  count.value += 1;
  lock.release();
});
const awaitingReceiver = task(import.meta, "awaitingReceiver", async ({ lock, count, heir, first, second }: Told) => {
  heir.value = lock.workerId;
  first.set();
  await second.wait();
  count.value += 1;
  lock.release();
});
/** Dies, or not, as the owner that another made it. */
const mortalReceiver = task(import.meta, "mortalReceiver", ({ lock, heir, first, second }: Told) => {
  heir.value = lock.workerId;
  first.set();
  second.waitSync();
  if (lock.isOwned) lock.release();
});
/** Goes on without the heir when that one died before it could be one. */
const carefulGiver = task(import.meta, "carefulGiver", ({ lock, heir, first, second }: Told) => {
  try {
    first.waitSync({ timeout: 1000 });
    lock.acquireSync().handOff(heir.value);
  } catch {
    if (lock.isOwned) lock.release();
  }
  second.set();
  lock.runSync(() => undefined);
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
/** Half done once 1, done once 2. */
const halfAndWhole = task(import.meta, "halfAndWhole", ({ lock, inside }: Shared) => {
  lock.runSync(() => {
    inside.value = 1;
    inside.value = 2;
  });
});
/** Overlooks what it is told: the next one must be told all the same. */
const careless = task(import.meta, "careless", ({ lock, inside }: Shared) => {
  lock.runSync(({ ownerDied }) => {
    if (inside.value === 1) assert.ok(ownerDied, "an owner died inside");
  });
});
const awaitingCareless = task(import.meta, "awaitingCareless", async ({ lock, inside }: Shared) => {
  await lock.run(({ ownerDied }) => {
    if (inside.value === 1) assert.ok(ownerDied, "an owner died inside");
  });
});
/** Repairs, and says so: from then on nobody is told. `count`: it has. */
const repairing = task(import.meta, "repairing", ({ lock, count, inside }: Shared) => {
  lock.runSync(({ ownerDied }) => {
    if (!ownerDied) return;
    inside.value = 2;
    lock.consistent();
    count.value = 1;
  });
});
const told = task(import.meta, "told", ({ lock, count, inside }: Shared) => {
  using held = lock.tryAcquire();
  assert.ok(held !== undefined, "the lock is free in the end");
  if (inside.value === 1) assert.ok(held.ownerDied, "an owner died inside");
  if (count.value === 1) assert.equal(held.ownerDied, false, "it was repaired");
});
const setupStrict = task(
  import.meta,
  "setupStrict",
  (): Shared => ({ lock: new Lock({ onOwnerDeath: "error" }), count: new Value("int32"), inside: new Value("int32") }),
);
/** Nobody gets the lock before it has repaired. */
const reopening = task(import.meta, "reopening", ({ lock, inside }: Shared) => {
  try {
    lock.runSync(() => assert.notEqual(inside.value, 1, "let in to what is half done"));
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    inside.value = 2;
    lock.consistent();
    lock.runSync(() => undefined);
  }
});
const awaitingReopening = task(import.meta, "awaitingReopening", async ({ lock, inside }: Shared) => {
  try {
    await lock.run(() => assert.notEqual(inside.value, 1, "let in to what is half done"));
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    inside.value = 2;
    lock.consistent();
    await lock.run(() => undefined);
  }
});
const closedOrWhole = task(import.meta, "closedOrWhole", ({ lock, inside }: Shared) => {
  try {
    using held = lock.tryAcquire();
    assert.equal(held?.ownerDied, false, "it is free and whole in the end");
    assert.notEqual(inside.value, 1);
  } catch (error) {
    if (!(error instanceof OwnerDiedError)) throw error;
    lock.consistent();
    assert.notEqual(lock.tryAcquire(), undefined);
  }
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
  {
    name: "blocking code sees what was done under the lock before",
    preemptions: 3,
    program: { setup, workers: [plain, plain], check: two },
  },
  {
    name: "awaiting code sees what was done under the lock before",
    preemptions: 3,
    program: { setup, workers: [plainAwaiting, plain], check: two },
  },
  {
    name: "a hold that is disposed twice frees the lock once",
    preemptions: 3,
    program: { setup, workers: [disposingTwice, disposingTwice], check: two },
  },
  {
    name: "who only tries gets a free lock and no other",
    program: { setup, workers: [trying, blocking, trying], check: free },
  },
  {
    name: "a waiter that was beaten for too long has it reserved",
    program: { setup, workers: [greedy, blocking], check: free },
  },
  {
    name: "a hold that another worker released frees nothing of the next one",
    program: { setup: setupTold, workers: [bereft, releasing], check: three },
  },
  {
    name: "a lock that was handed on is the heir's to release",
    program: { setup: setupTold, workers: [giver, receiver], check: three },
  },
  {
    name: "a lock is handed on to awaiting code",
    program: { setup: setupTold, workers: [giver, awaitingReceiver], check: three },
  },
  {
    name: "a lock whose heir died passes on",
    program: { setup: setupTold, workers: [carefulGiver, mortalReceiver], check: free },
    options: { deaths: 1, mortal: [1] },
  },
  {
    name: "two blocking callers exclude each other",
    preemptions: 3,
    program: { setup, workers: [blocking, blocking], check: two },
  },
  {
    name: "two awaiting callers exclude each other",
    preemptions: 3,
    program: { setup, workers: [awaiting, awaiting], check: two },
  },
  {
    name: "a blocking and an awaiting caller exclude each other",
    preemptions: 3,
    program: { setup, workers: [blocking, awaiting], check: two },
  },
  { name: "three callers of both kinds", program: { setup, workers: [blocking, awaiting, blocking], check: three } },
  {
    name: "a caller whose time runs out loses nobody's wake-up",
    program: { setup, workers: [impatient, blocking, blocking], check: free },
  },
  {
    name: "a wake-up that comes as time runs out goes to the next one",
    program: { setup, workers: [keeping, impatient], check: free },
  },
  {
    name: "a caller whose signal aborts loses nobody's wake-up",
    program: { setup, workers: [aborted, blocking, awaiting], check: free },
  },
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
  {
    name: "a dead owner's mark outlives an heir that overlooks it, or dies too",
    program: { setup, workers: [halfAndWhole, careless], check: told },
    options: { deaths: 2 },
  },
  {
    name: "a dead owner's mark outlives an awaiting heir",
    program: { setup, workers: [halfAndWhole, awaitingCareless], check: told },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "nobody is told of a dead owner any more once its heir has repaired",
    program: { setup, workers: [halfAndWhole, repairing], check: told },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "after the death of an owner that is an error, nobody enters before the repair",
    program: { setup: setupStrict, workers: [halfAndWhole, reopening], check: closedOrWhole },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "after the death of an owner that is an error, who awaits it is told",
    program: { setup: setupStrict, workers: [halfAndWhole, awaitingReopening], check: closedOrWhole },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiter dies, a wake-up for it does not",
    program: { setup, workers: [heir, heir, mortal], check: free },
    options: { deaths: 1, mortal: [0] },
  },
];
