import assert from "node:assert/strict";
import {
  BoundedSemaphore,
  ReleasedTooOftenError,
  Semaphore,
  sleep,
  task,
  TimeoutError,
  Value,
} from "../../src/index.js";
import { RECORD, threadHeap } from "../../src/memory/index.js";
import { markEnded } from "../../src/parking/index.js";
import { settleAllPermits, watchTaskPermits } from "../../src/sync/task-permits.js";
import type { Model } from "./model.js";

interface Shared {
  semaphore: Semaphore;
  permits: number;
  /** How many hold a permit. */
  inside: Value<number>;
  /** With a single permit: ordered by the semaphore alone. */
  count: Value<number>;
}

function shared(semaphore: Semaphore, permits = semaphore.value): Shared {
  return { semaphore, permits, inside: new Value("int32"), count: new Value("int32") };
}

const setupNone = task(import.meta, "setupNone", () => shared(new Semaphore(0), 1));
const setupOne = task(import.meta, "setupOne", () => shared(new Semaphore(1)));
const setupTwo = task(import.meta, "setupTwo", () => shared(new Semaphore(2)));
const setupBounded = task(import.meta, "setupBounded", () => shared(new BoundedSemaphore(1)));

function within({ inside, permits }: Shared): void {
  assert.ok(inside.add(1) <= permits, "more are inside than there are permits");
  inside.sub(1);
}

const plain = task(import.meta, "plain", ({ semaphore, count }: Shared) => {
  semaphore.runSync(() => {
    count.value += 1;
  });
});
const plainAwaiting = task(import.meta, "plainAwaiting", async ({ semaphore, count }: Shared) => {
  await semaphore.run(() => {
    count.value += 1;
  });
});
const blocking = task(import.meta, "blocking", (shared: Shared) => {
  shared.semaphore.runSync(() => within(shared));
});
const awaiting = task(import.meta, "awaiting", async (shared: Shared) => {
  await shared.semaphore.run(() => within(shared));
});
const impatient = task(import.meta, "impatient", (shared: Shared) => {
  try {
    shared.semaphore.runSync(() => within(shared), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const awaitingImpatient = task(import.meta, "awaitingImpatient", async (shared: Shared) => {
  try {
    await shared.semaphore.run(() => within(shared), { timeout: 10 });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
});
const aborted = task(import.meta, "aborted", async (shared: Shared) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 10);
  try {
    await shared.semaphore.run(() => within(shared), { signal: controller.signal });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
  }
});
/** Two tasks of one loop: one that waits on beside one that gives up. */
const oneImpatient = task(import.meta, "oneImpatient", async (shared: Shared) => {
  await Promise.all([awaitingImpatient(shared), awaiting(shared)]);
});
const oneAborted = task(import.meta, "oneAborted", async (shared: Shared) => {
  await Promise.all([aborted(shared), awaiting(shared)]);
});
const awaitingPair = task(import.meta, "awaitingPair", async (shared: Shared) => {
  await Promise.all([awaiting(shared), awaiting(shared)]);
});
const trying = task(import.meta, "trying", (shared: Shared) => {
  using permit = shared.semaphore.tryAcquire();
  if (permit !== undefined) within(shared);
});
/** Both permits at once. */
const pair = task(import.meta, "pair", (shared: Shared) => {
  using first = shared.semaphore.tryAcquire();
  using second = shared.semaphore.tryAcquire();
  if (first !== undefined || second !== undefined) within(shared);
});
/** Holds no permit: adds them. */
const signalling = task(import.meta, "signalling", ({ semaphore, count }: Shared) => {
  count.value = 1;
  semaphore.release();
});
const signallingTwo = task(import.meta, "signallingTwo", ({ semaphore, count }: Shared) => {
  count.value = 1;
  semaphore.release(2);
});
const signallingTwice = task(import.meta, "signallingTwice", ({ semaphore, count }: Shared) => {
  count.value = 1;
  semaphore.release();
  semaphore.release();
});
const taking = task(import.meta, "taking", ({ semaphore, count }: Shared) => {
  semaphore.acquireSync();
  assert.equal(count.value, 1, "a permit before there was one");
});
const takingAwaiting = task(import.meta, "takingAwaiting", async ({ semaphore, count }: Shared) => {
  await semaphore.acquire();
  assert.equal(count.value, 1, "a permit before there was one");
});
/** Adds a permit in the moment in which a waiter gives up; another task of its own is the next in line. */
const signallingLate = task(import.meta, "signallingLate", async (shared: Shared) => {
  await sleep(5);
  const waiting = awaiting(shared);
  await sleep(5);
  shared.semaphore.release();
  await waiting;
});
const takingTwo = task(import.meta, "takingTwo", async ({ semaphore, count }: Shared) => {
  await Promise.all([semaphore.acquire(), semaphore.acquire()]);
  assert.equal(count.value, 1, "a permit before there was one");
});
/** Releases a permit and disposes it all the same. */
const twice = task(import.meta, "twice", (shared: Shared) => {
  using _ = shared.semaphore.acquireSync();
  within(shared);
  shared.semaphore.release();
});
/** Releases in the stead of another, if that is within the bound. */
const meddling = task(import.meta, "meddling", ({ semaphore }: Shared) => {
  try {
    semaphore.release();
  } catch (error) {
    if (!(error instanceof ReleasedTooOftenError)) throw error;
  }
});
const lone = task(import.meta, "lone", ({ semaphore }: Shared) => {
  using _ = semaphore.acquireSync();
});
/** Waits in line, and gives what is waited for. */
const loneAndSignalling = task(import.meta, "loneAndSignalling", async (shared: Shared) => {
  const waiting = awaitingLone(shared);
  await sleep(5);
  shared.semaphore.release();
  await waiting;
});
/** Half done once 1, done once 2. */
const halfAndWhole = task(import.meta, "halfAndWhole", ({ semaphore, count }: Shared) => {
  semaphore.runSync(() => {
    count.value = 1;
    count.value = 2;
  });
});
const careless = task(import.meta, "careless", ({ semaphore, count }: Shared) => {
  semaphore.runSync(({ ownerDied }) => {
    if (count.value === 1) assert.ok(ownerDied, "a holder died inside");
  });
});
const told = task(import.meta, "told", ({ semaphore, count }: Shared) => {
  using held = semaphore.tryAcquire();
  assert.ok(held !== undefined, "the permit is there in the end");
  if (count.value === 1) assert.ok(held.ownerDied, "a holder died inside");
});
const awaitingLone = task(import.meta, "awaitingLone", async ({ semaphore }: Shared) => {
  using _ = await semaphore.acquire();
});

/** Ends normally while it holds the permit: 1 before it says so, 2 once it has. */
const ending = task(import.meta, "ending", ({ semaphore, count }: Shared) => {
  semaphore.acquireSync();
  count.value = 1;
  markEnded(true);
  count.value = 2;
});
/** Whoever is dead has ended, and is swept. */
const reapAndTry = task(import.meta, "reapAndTry", ({ semaphore, count }: Shared) => {
  threadHeap().registry.reap(true);
  using permit = semaphore.tryAcquire();
  if (permit !== undefined) assert.notEqual(count.value, 2, "what was used up came back");
});
/** Used up since it said so, there since it died before. */
const usedUpOrBack = task(import.meta, "usedUpOrBack", (shared: Shared) => {
  const { count, semaphore } = shared;
  if (count.value !== 1) return left(shared, count.value === 2 ? 0 : 1);
  semaphore.tryAcquire();
  assert.equal(semaphore.tryAcquire(), undefined, "there is none too many");
});

interface Two {
  first: Semaphore;
  second: Semaphore;
  /** 1 when the task has both, 2 once it is settled. */
  count: Value<number>;
}
const setupTwoSemaphores = task(
  import.meta,
  "setupTwoSemaphores",
  (): Two => ({ first: new Semaphore(1), second: new BoundedSemaphore(2), count: new Value("int32") }),
);
/** A pool's task that gives nothing back. */
const settling = task(import.meta, "settling", ({ first, second, count }: Two) => {
  watchTaskPermits();
  first.acquireSync();
  second.acquireSync();
  second.acquireSync();
  count.value = 1;
  settleAllPermits();
  count.value = 2;
});
const tryBoth = task(import.meta, "tryBoth", ({ first, second, count }: Two) => {
  for (const semaphore of [first, second]) {
    using permit = semaphore.tryAcquire();
    if (permit !== undefined) assert.notEqual(count.value, 2, "what was used up came back");
  }
});
/** All or nothing. */
const bothOrNone = task(import.meta, "bothOrNone", ({ first, second, count }: Two) => {
  threadHeap().registry.reap(true);
  let permits = 0;
  for (const semaphore of [first, second]) while (semaphore.tryAcquire() !== undefined) permits++;
  if (count.value === 1) assert.ok(permits === 0 || permits === 3, `${permits} of 3 came back`);
  else assert.equal(permits, count.value === 2 ? 0 : 3);
});

interface Ghostly {
  semaphore: Semaphore;
  /** A dead worker that ended normally while it held the one permit. */
  ghost: number;
}
const setupGhost = task(import.meta, "setupGhost", (): Ghostly => {
  const semaphore = new Semaphore(1);
  const { registry, words } = threadHeap();
  const ghost = registry.join();
  semaphore.tryAcquire()!.handOff(ghost);
  words[registry.recordOf(ghost) + RECORD.ended] = 1;
  registry.markDead(ghost);
  return { semaphore, ghost };
});
const sweepGhost = task(import.meta, "sweepGhost", () => threadHeap().registry.reap(true));
const tryGhost = task(import.meta, "tryGhost", ({ semaphore }: Ghostly) => {
  assert.equal(semaphore.tryAcquire(), undefined, "what was used up came back");
});
/** In its slot or in another one. */
const joinAndTry = task(import.meta, "joinAndTry", ({ semaphore }: Ghostly) => {
  threadHeap().registry.join();
  assert.equal(semaphore.tryAcquire(), undefined, "what was used up came back");
});
/** Enters the semaphore, and looks for no dead. */
const signalGhost = task(import.meta, "signalGhost", ({ semaphore }: Ghostly) => semaphore.release());
const oneSignal = task(import.meta, "oneSignal", ({ semaphore }: Ghostly) => {
  const { registry } = threadHeap();
  for (let look = 0; look < 2; look++) registry.reap(true);
  // In its slot.
  registry.join();
  assert.notEqual(semaphore.tryAcquire(), undefined);
  assert.equal(semaphore.tryAcquire(), undefined, "what was used up came back");
});
const ghostIsGone = task(import.meta, "ghostIsGone", ({ semaphore, ghost }: Ghostly) => {
  const { registry, words } = threadHeap();
  // The first look finds that a sweeper died inside the semaphore, the second goes on in its stead.
  registry.reap(true);
  registry.reap(true);
  const state = words[registry.recordOf(ghost) + RECORD.state]!;
  assert.ok(state >>> 3 !== ghost || (state & 7) === 0, "its slot is vacant, or another's");
  assert.equal(semaphore.tryAcquire(), undefined, "what was used up came back");
  semaphore.release();
  assert.notEqual(semaphore.tryAcquire(), undefined);
});

/** So many permits can be had in the end, no more and no fewer. */
function left({ semaphore }: Shared, permits: number): void {
  for (let permit = 0; permit < permits; permit++)
    assert.notEqual(semaphore.tryAcquire(), undefined, `permit ${permit} is there in the end`);
  assert.equal(semaphore.tryAcquire(), undefined, "there is none too many");
}
const none = task(import.meta, "none", (shared: Shared) => left(shared, 0));
const one = task(import.meta, "one", (shared: Shared) => left(shared, 1));
const both = task(import.meta, "both", (shared: Shared) => left(shared, 2));
const oneAndCounted = task(import.meta, "oneAndCounted", (shared: Shared) => {
  assert.equal(shared.count.value, 2);
  left(shared, 1);
});
const threeCounted = task(import.meta, "threeCounted", (shared: Shared) => {
  assert.equal(shared.count.value, 3);
  left(shared, 1);
});

export const models: Model[] = [
  {
    name: "with one permit, blocking callers see what was done before",
    program: { setup: setupOne, workers: [plain, plain], check: oneAndCounted },
  },
  {
    name: "with one permit, callers of both kinds see what was done before",
    program: { setup: setupOne, workers: [plainAwaiting, plain], check: oneAndCounted },
  },
  {
    name: "with one permit, awaiting callers see what was done before",
    program: { setup: setupOne, workers: [plainAwaiting, plainAwaiting], check: oneAndCounted },
  },
  {
    name: "three callers share two permits",
    program: { setup: setupTwo, workers: [awaitingPair, blocking], check: both },
  },
  {
    name: "three blocking callers of one permit: each release reaches one that sleeps",
    program: { setup: setupOne, workers: [plain, plain, plain], check: threeCounted },
  },
  {
    name: "two signals, of which the first wakes one that has not come yet, let two through",
    program: { setup: setupNone, workers: [signallingTwice, taking, taking], check: none },
  },
  {
    name: "who only tries gets a permit that is free",
    program: { setup: setupTwo, workers: [pair, trying], check: both },
  },
  {
    name: "a caller whose time runs out loses no permit",
    program: { setup: setupOne, workers: [impatient, blocking], check: one },
  },
  {
    name: "a wake-up that comes as time runs out goes to the next one",
    program: { setup: setupNone, workers: [signallingLate, impatient], check: one },
  },
  {
    name: "a wake-up that comes as a signal aborts goes to the next one",
    program: { setup: setupNone, workers: [signallingLate, aborted], check: one },
  },
  {
    name: "an awaiting caller whose time runs out loses no permit",
    program: { setup: setupOne, workers: [oneImpatient, blocking], check: one },
  },
  {
    name: "a caller whose signal aborts loses no permit",
    program: { setup: setupOne, workers: [oneAborted, blocking], check: one },
  },
  {
    name: "a signal from a worker that holds none lets one through",
    program: { setup: setupNone, workers: [signalling, taking], check: none },
  },
  {
    name: "a signal lets an awaiting caller through",
    program: { setup: setupNone, workers: [signalling, takingAwaiting], check: none },
  },
  {
    name: "two permits at once let two through",
    program: { setup: setupNone, workers: [signallingTwo, takingTwo], check: none },
  },
  {
    name: "a permit that was released is not given back again",
    program: { setup: setupOne, workers: [twice, blocking], check: one },
  },
  {
    name: "a bounded semaphore never has more permits than its bound",
    program: { setup: setupBounded, workers: [lone, meddling], check: one },
  },
  {
    name: "the permit of a dead holder comes back to a blocking caller",
    program: { setup: setupOne, workers: [lone, lone], check: one },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "the permit of a dead holder comes back to an awaiting caller",
    program: { setup: setupOne, workers: [lone, awaitingLone], check: one },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a permit that a dying waiter was about to take goes to the next",
    program: { setup: setupNone, workers: [lone, loneAndSignalling], check: one },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a permit that a dying loop was about to take goes to the next",
    program: { setup: setupNone, workers: [awaitingLone, loneAndSignalling], check: one },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a dead holder's mark outlives an heir that overlooks it, or dies too",
    program: { setup: setupOne, workers: [halfAndWhole, careless], check: told },
    options: { deaths: 2 },
  },
  {
    name: "a normal end that death cuts off: the permit is used up once it was said, and comes back before",
    program: { setup: setupOne, workers: [ending, reapAndTry], check: usedUpOrBack },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a bounded semaphore, and a normal end that death cuts off",
    program: { setup: setupBounded, workers: [ending, reapAndTry], check: usedUpOrBack },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a task that settles, and a death at any step of that: all that it took is used up, or all comes back",
    program: { setup: setupTwoSemaphores, workers: [settling, tryBoth], check: bothOrNone },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a sweeper of one that ended normally dies: what was used up never comes back",
    program: { setup: setupGhost, workers: [sweepGhost, tryGhost], check: ghostIsGone },
    options: { deaths: 1 },
  },
  {
    name: "one that ended normally is swept while its semaphore is busy",
    program: { setup: setupGhost, workers: [sweepGhost, signalGhost], check: oneSignal },
  },
  {
    name: "one that ended normally, and a newcomer while it is swept",
    program: { setup: setupGhost, workers: [sweepGhost, joinAndTry], check: ghostIsGone },
  },
  {
    name: "a bounded semaphore has its permit, no matter which worker died",
    program: { setup: setupBounded, workers: [lone, meddling], check: one },
    options: { deaths: 1, mortal: [0] },
  },
];
