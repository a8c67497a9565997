import assert from "node:assert/strict";
import { Lock, RWLock, Semaphore, task } from "../../src/index.js";
import { atomics, BLOCK, BLOCK_HEADER_WORDS, DRAFT, RECORD, threadHeap } from "../../src/memory/index.js";
import { KIND } from "../../src/shared/kinds.js";
import { GHOST } from "../../src/memory/layout.js";
import { placeOf } from "../../src/objects/index.js";
import { OWNER_SHIFT } from "../../src/sync/lock-word.js";
import type { Model } from "./model.js";

interface Shared {
  /** A worker that is dead. */
  ghost: number;
  /** An object that it held, as does `setup`. */
  object: number;
  /** A block: each worker's newcomer, by the worker's index. */
  newcomers: number;
  /** Words in use once nothing is left of the dead. */
  used: number;
}

/** A worker's ledger: a link, then what it holds. */
const LEDGER_WORDS = 64;

/** Enters a worker that holds `object`; nothing but the registry knows it. */
function joinHolding(object: number): number {
  const heap = threadHeap();
  const worker = heap.registry.join();
  const ledger = heap.allocator.allocate(LEDGER_WORDS, KIND.plain);
  heap.allocator.retain(object);
  heap.words[ledger + 1] = object;
  heap.words[heap.registry.recordOf(worker) + RECORD.references] = ledger;
  return worker;
}

const setup = task(import.meta, "setup", (): Shared => {
  const heap = threadHeap();
  const object = heap.allocator.allocate(4, KIND.value);
  const newcomers = heap.allocator.allocate(4, KIND.plain);
  const used = heap.allocator.usedWords();
  const ghost = joinHolding(object);
  const draft = heap.allocator.allocate(4, KIND.plain, DRAFT);
  heap.words[draft - BLOCK_HEADER_WORDS + BLOCK.owner] = ghost;
  heap.registry.markDead(ghost);
  return { ghost, object, newcomers, used };
});

const reap = task(import.meta, "reap", () => threadHeap().registry.reap(true));
const declareDead = task(import.meta, "declareDead", ({ ghost }: Shared) => threadHeap().registry.declareDead(ghost));
const join = task(import.meta, "join", ({ newcomers }: Shared, index: number) => {
  const heap = threadHeap();
  heap.words[newcomers + index] = heap.registry.join();
});
/** Once the dead one is swept, a newcomer gets its slot. */
const reapAndJoin = task(import.meta, "reapAndJoin", ({ object, newcomers }: Shared, index: number) => {
  const heap = threadHeap();
  heap.registry.reap(true);
  heap.words[newcomers + index] = joinHolding(object);
});

/** Of a thread that is no worker of the program. */
const GONE_TID = 6;

/**
 * A worker that the kernel knows no more and nobody has declared dead. For its death the others wait, by the key of
 * `newcomers`.
 */
const setupGone = task(import.meta, "setupGone", (): Shared => {
  const heap = threadHeap();
  const object = heap.allocator.allocate(4, KIND.value);
  const newcomers = heap.allocator.allocate(4, KIND.plain);
  const used = heap.allocator.usedWords();
  const ghost = joinHolding(object);
  heap.words[heap.registry.recordOf(ghost) + RECORD.tid] = GONE_TID;
  return { ghost, object, newcomers, used };
});
/** What a waiter does after a slice. */
const look = task(import.meta, "look", () => void threadHeap().registry.watch(false));
/** Waits for what only the death of that worker brings. */
const awaitDeath = task(import.meta, "awaitDeath", ({ ghost, newcomers }: Shared) => {
  const heap = threadHeap();
  heap.parker.blockUntil(newcomers, () => !heap.registry.isAlive(ghost) || undefined, Number.POSITIVE_INFINITY);
});
const awaitDeathInLoop = task(import.meta, "awaitDeathInLoop", async ({ ghost, newcomers }: Shared) => {
  const heap = threadHeap();
  await heap.parker.waitUntil(
    newcomers,
    () => !heap.registry.isAlive(ghost) || undefined,
    Number.POSITIVE_INFINITY,
    undefined,
  );
});
/** The same, and it waits no longer. */
const lookAndLeave = task(import.meta, "lookAndLeave", () => {
  const { registry } = threadHeap();
  registry.watch(false);
  registry.endWatch();
});

function referencesOf(object: number): number {
  return threadHeap().words[object - BLOCK_HEADER_WORDS + BLOCK.references]!;
}

/** Nothing is left of the dead one. */
const swept = task(import.meta, "swept", ({ ghost, object, used }: Shared) => {
  const { registry, allocator } = threadHeap();
  assert.ok(!registry.isAlive(ghost));
  assert.equal(referencesOf(object), 1);
  assert.equal(allocator.usedWords(), used);
});
const sweptOnce = task(import.meta, "sweptOnce", (shared: Shared) => {
  threadHeap().registry.reap(true);
  swept(shared);
});
/** As far as a sweeper that died itself may leave it: a hold too many, or a ledger; never one too few. */
const sweptInTheEnd = task(import.meta, "sweptInTheEnd", ({ ghost, object, used }: Shared) => {
  const { registry, allocator, words } = threadHeap();
  registry.reap(true);
  assert.equal(words[registry.recordOf(ghost) + RECORD.state]! & 7, 0, "its slot is vacant");
  assert.ok(referencesOf(object) >= 1);
  assert.ok([used, used + LEDGER_WORDS].includes(allocator.usedWords()));
});
const joined = task(import.meta, "joined", ({ newcomers }: Shared) => {
  const { registry, words } = threadHeap();
  const first = words[newcomers]!;
  const second = words[newcomers + 1]!;
  assert.notEqual(registry.recordOf(first), registry.recordOf(second), "one slot for two");
  assert.ok(registry.isAlive(first) && registry.isAlive(second));
});
const newcomerLives = task(import.meta, "newcomerLives", ({ ghost, object, newcomers }: Shared) => {
  const { registry, words } = threadHeap();
  const newcomer = words[newcomers + 1]!;
  assert.notEqual(newcomer, ghost);
  assert.ok(registry.isAlive(newcomer));
  assert.equal(referencesOf(object), 2, "the newcomer still holds the object");
});

interface Worn {
  /** The newcomer of its slot, whose generations are used up, would be taken for it. */
  ghost: number;
  /** What it held when it died. */
  lock: Lock;
  rwlock: RWLock;
  semaphore: Semaphore;
}

/** A state of a slot that the registry leaves alone. */
const TAKEN = 5;
const setupWorn = task(import.meta, "setupWorn", (): Worn => {
  const heap = threadHeap();
  const ghost = heap.registry.join();
  const shared: Worn = { ghost, lock: new Lock(), rwlock: new RWLock(), semaphore: new Semaphore(1) };
  for (const held of [shared.lock.tryAcquire(), shared.rwlock.tryRead(), shared.semaphore.tryAcquire()])
    held!.handOff(ghost);
  heap.words[heap.registry.recordOf(ghost) + RECORD.state] = (ghost << 3) | TAKEN;
  return shared;
});
/**
 * It is dead, and so are all the other workers that its slot had since: what the slot says from the start of the model
 * on, but not while its workers join.
 */
function wear({ ghost }: Worn): void {
  const { registry, words } = threadHeap();
  atomics.compareExchange(words, registry.recordOf(ghost) + RECORD.state, (ghost << 3) | TAKEN, (ghost - 1024) << 3);
}
const joinWorn = task(import.meta, "joinWorn", (worn: Worn) => {
  wear(worn);
  const { registry } = threadHeap();
  registry.join();
  registry.renewSlots();
});
/** Whatever it is called: what the dead one held is not its own. */
const joinAndTake = task(import.meta, "joinAndTake", (worn: Worn) => {
  const { lock, rwlock, semaphore } = worn;
  joinWorn(worn);
  for (const held of [lock.tryAcquire(), rwlock.tryWrite(), semaphore.tryAcquire()])
    assert.ok(held !== undefined, "a dead worker keeps it");
});
const renew = task(import.meta, "renew", (worn: Worn) => {
  wear(worn);
  threadHeap().registry.reap(true);
});
/** Takes the lock by the id of a newcomer, which is that of the dead one once that has been struck out. */
const keepLock = task(import.meta, "keepLock", (worn: Worn) => {
  wear(worn);
  const { registry, words } = threadHeap();
  const lock = placeOf(worn.lock);
  const owned = registry.join() << OWNER_SHIFT;
  if (atomics.compareExchange(words, lock, GHOST << OWNER_SHIFT, owned) !== GHOST << OWNER_SHIFT) return;
  assert.equal(atomics.load(words, lock), owned, "it was struck out of what it holds");
});
const takeLock = task(import.meta, "takeLock", (worn: Worn) => {
  wear(worn);
  const [held, permit] = [worn.lock.acquireSync(), worn.semaphore.acquireSync()];
  assert.ok(held.ownerDied && permit.ownerDied);
  held[Symbol.dispose]();
  permit[Symbol.dispose]();
});

export const models: Model[] = [
  {
    name: "two newcomers, and a slot whose ids come again: a dead one's id names nobody",
    program: { setup: setupWorn, workers: [joinWorn, joinAndTake] },
  },
  {
    name: "who renews a slot whose ids come again dies: the next one goes on",
    program: { setup: setupWorn, workers: [joinWorn, joinAndTake] },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "what the dead held is taken while their slot is renewed",
    program: { setup: setupWorn, workers: [joinWorn, takeLock, joinWorn] },
  },
  {
    name: "who renews a slot late strikes nobody out of what it holds",
    program: { setup: setupWorn, workers: [renew, renew, keepLock] },
  },
  {
    name: "two newcomers get slots of their own",
    preemptions: 3,
    program: { setup, workers: [join, join], check: joined },
  },
  { name: "a newcomer joins while the dead are swept", program: { setup, workers: [join, join, reap], check: joined } },
  {
    name: "two sweepers, one sweep",
    preemptions: 3,
    program: { setup, workers: [reap, declareDead], check: sweptOnce },
  },
  { name: "a sweep is over when the only sweeper returns", program: { setup, workers: [reap], check: swept } },
  {
    name: "a newcomer in the slot of the dead is not swept",
    program: { setup, workers: [reap, reapAndJoin], check: newcomerLives },
  },
  {
    name: "a sweeper dies, the next one takes over",
    program: { setup, workers: [reap, reap], check: sweptInTheEnd },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a look finds a death, and a blocking waiter hears of it",
    program: { setup: setupGone, workers: [look, awaitDeath], check: sweptOnce },
  },
  {
    name: "a look finds a death, and an awaiting waiter hears of it",
    program: { setup: setupGone, workers: [look, awaitDeathInLoop], check: sweptOnce },
  },
  {
    name: "a looker dies at any step, a blocking waiter looks in its stead",
    program: { setup: setupGone, workers: [look, awaitDeath], check: sweptInTheEnd },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a looker dies at any step, an awaiting waiter looks in its stead",
    program: { setup: setupGone, workers: [look, awaitDeathInLoop], check: sweptInTheEnd },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "two lookers, one of which goes away: the death is found",
    program: { setup: setupGone, workers: [lookAndLeave, look], check: sweptOnce },
  },
];
