import assert from "node:assert/strict";
import {
  DeadlockError,
  Event,
  NotHeldError,
  NotOwnerError,
  RLock,
  task,
  TimeoutError,
  Value,
} from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  lock: RLock;
  /** Changed in two steps, ordered by the lock alone. */
  count: Value<number>;
  /** How many are inside: never more than one. */
  inside: Value<number>;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({ lock: new RLock(), count: new Value("int32"), inside: new Value("int32") }),
);

/** Two workers that tell each other how far they are. */
interface Told extends Shared {
  heir: Value<number>;
  first: Event;
  second: Event;
}

const setupTold = task(
  import.meta,
  "setupTold",
  (): Told => ({
    lock: new RLock(),
    count: new Value("int32"),
    inside: new Value("int32"),
    heir: new Value("int32"),
    first: new Event(),
    second: new Event(),
  }),
);

/** Inside twice, and once more after the inner hold is over. */
const reentering = task(import.meta, "reentering", ({ lock, count }: Shared) => {
  lock.runSync(() => {
    lock.runSync(() => {
      count.value += 1;
    });
    count.value += 1;
  });
});
const awaitingReentering = task(import.meta, "awaitingReentering", async ({ lock, count }: Shared) => {
  await lock.run(async (held) => {
    {
      using _ = held.acquire();
      await null;
      count.value += 1;
    }
    await null;
    count.value += 1;
  });
});
/** By calls instead of holds. */
const releasing = task(import.meta, "releasing", ({ lock, count }: Shared) => {
  lock.acquireSync();
  assert.notEqual(lock.tryAcquire(), undefined, "the owner enters again");
  lock.release();
  assert.equal(lock.isOwned, true, "released once of twice");
  count.value += 2;
  lock.release();
});
function twice({ lock, inside }: Shared): void {
  assert.equal(inside.add(1), 1, "two workers are inside");
  lock.runSync(() => assert.equal(inside.sub(1), 0));
}
const blocking = task(import.meta, "blocking", (shared: Shared) => {
  shared.lock.runSync(() => twice(shared));
});
const impatient = task(import.meta, "impatient", (shared: Shared) => {
  try {
    shared.lock.runSync(() => twice(shared), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const aborted = task(import.meta, "aborted", async ({ lock, inside }: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    using held = await lock.acquire({ signal: controller.signal });
    using _ = held.acquire();
    assert.equal(inside.add(1), 1, "two workers are inside");
    inside.sub(1);
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
const trying = task(import.meta, "trying", ({ lock, inside }: Shared) => {
  using held = lock.tryAcquire();
  if (held === undefined) return;
  using again = lock.tryAcquire();
  assert.notEqual(again, undefined, "the owner enters again");
  assert.equal(inside.add(1), 1, "two workers are inside");
  inside.sub(1);
});
/**
 * Asks with one task, and blocks with another: also between the step in which the loop takes the lock and the one in
 * which the first task hears of it.
 */
const entangled = task(import.meta, "entangled", async ({ lock, first }: Told) => {
  const block = () => {
    const mine = lock.isOwned;
    try {
      using _ = lock.acquireSync({ timeout: 10 });
    } catch (error) {
      assert.ok(
        error instanceof (mine ? DeadlockError : TimeoutError),
        `${error} although the lock is ${mine ? "this" : "another"} worker's`,
      );
      return;
    }
    assert.equal(mine, false);
  };
  const told = first.wait().then(block);
  const asked = lock.acquire();
  block();
  await told;
  using _ = await asked;
  block();
});
const teller = task(import.meta, "teller", ({ lock, first }: Told) => {
  using _ = lock.tryAcquire();
  first.set();
});
/** Releases what is not its own, and must be refused. */
const stranger = task(import.meta, "stranger", ({ lock }: Shared) => {
  assert.throws(
    () => lock.release(),
    (error) => error instanceof NotOwnerError || error instanceof NotHeldError,
  );
});
const giver = task(import.meta, "giver", ({ lock, count, heir, first, second }: Told) => {
  first.waitSync();
  const held = lock.acquireSync();
  count.value += 2;
  held.handOff(heir.value);
  held[Symbol.dispose]();
  second.set();
  lock.runSync(() => {
    count.value += 2;
  });
});
const receiver = task(import.meta, "receiver", ({ lock, count, heir, first, second }: Told) => {
  heir.value = lock.workerId;
  first.set();
  second.waitSync();
  count.value += 1;
  lock.runSync(() => {
    count.value += 1;
  });
  lock.release();
});
const awaitingReceiver = task(import.meta, "awaitingReceiver", async ({ lock, count, heir, first, second }: Told) => {
  heir.value = lock.workerId;
  first.set();
  await second.wait();
  count.value += 2;
  lock.release();
});
/** Dies, or not, at any depth. `inside` tells how far it came: 1 once it is in, 2 before it leaves. */
const mortal = task(import.meta, "mortal", ({ lock, inside }: Shared) => {
  lock.runSync(() => {
    inside.add(1);
    lock.runSync(() => inside.add(1));
    inside.add(1);
  });
});
const heir = task(import.meta, "heir", ({ lock, inside }: Shared) => {
  lock.runSync(({ ownerDied }) => {
    const depth = inside.value;
    if (depth === 1 || depth === 2) assert.ok(ownerDied, "the owner died inside");
    if (depth === 0) return;
    lock.runSync((held) => assert.equal(held.ownerDied, ownerDied, "told on every level"));
    if (!ownerDied) return;
    lock.consistent();
    lock.runSync((held) => assert.equal(held.ownerDied, false, "told until it is consistent"));
  });
});
const awaitingHeir = task(import.meta, "awaitingHeir", async ({ lock, inside }: Shared) => {
  await lock.run((held) => {
    const depth = inside.value;
    if (depth === 1 || depth === 2) assert.ok(held.ownerDied, "the owner died inside");
    using _ = held.acquire();
  });
});
/** Waits, gets it, and leaves no mark. */
const passing = task(import.meta, "passing", ({ lock }: Shared) => {
  lock.runSync(() => lock.runSync(() => undefined));
});
/** Two tasks of one loop: the second one gets what a dead waiter would have had. */
const awaitingTwice = task(import.meta, "awaitingTwice", async ({ lock }: Shared) => {
  await Promise.all([lock.run(() => null), lock.run(() => null)]);
});
const free = task(import.meta, "free", ({ lock }: Shared) => {
  assert.notEqual(lock.tryAcquire(), undefined, "the lock is free in the end");
});
const four = task(import.meta, "four", (shared: Shared) => {
  assert.equal(shared.count.value, 4);
  free(shared);
});
const six = task(import.meta, "six", (shared: Shared) => {
  assert.equal(shared.count.value, 6);
  free(shared);
});

export const models: Model[] = [
  {
    name: "blocking callers that re-enter exclude each other to the last release",
    preemptions: 3,
    program: { setup, workers: [reentering, releasing], check: four },
  },
  {
    name: "awaiting callers re-enter through their hold",
    preemptions: 3,
    program: { setup, workers: [awaitingReentering, awaitingReentering], check: four },
  },
  {
    name: "callers of both kinds re-enter",
    preemptions: 3,
    program: { setup, workers: [awaitingReentering, reentering], check: four },
  },
  {
    name: "three callers of both kinds re-enter",
    program: { setup, workers: [reentering, awaitingReentering, releasing], check: six },
  },
  {
    name: "who only tries enters again or not at all",
    program: { setup, workers: [trying, blocking, trying], check: free },
  },
  {
    name: "a caller whose time runs out loses nobody's wake-up",
    program: { setup, workers: [impatient, blocking, blocking], check: free },
  },
  {
    name: "a caller whose signal aborts loses nobody's wake-up",
    program: { setup, workers: [aborted, blocking, blocking], check: free },
  },
  { name: "only the owner releases", program: { setup, workers: [reentering, stranger, releasing], check: four } },
  {
    name: "blocking for what this thread's own loop has, or is about to hear that it has, is refused",
    program: { setup: setupTold, workers: [entangled, teller], check: free },
  },
  {
    name: "a lock that was handed on is the heir's, who re-enters and releases it",
    program: { setup: setupTold, workers: [giver, receiver], check: six },
  },
  {
    name: "a lock is handed on to awaiting code",
    program: { setup: setupTold, workers: [giver, awaitingReceiver], check: six },
  },
  {
    name: "the lock of an owner that died at any depth passes on to a blocking caller, who is told",
    program: { setup, workers: [mortal, heir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "the lock of an owner that died at any depth passes on to an awaiting caller, who is told",
    program: { setup, workers: [mortal, awaitingHeir], check: free },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a waiter dies, a wake-up for it does not",
    program: { setup, workers: [awaitingTwice, passing], check: free },
    options: { deaths: 1, mortal: [1] },
  },
];
