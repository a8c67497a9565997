/**
 * The words of a Semaphore: how permits are taken out, come back, and are counted anew. Its functions are for a caller
 * inside the mutex, but for the last.
 *
 * `permits` and the hold table are the truth; `free` is derived.
 */
import { ArgumentRangeError, ReleasedTooOftenError } from "../errors/index.js";
import { MONITOR, MONITOR_WORDS } from "../objects/index.js";
import { atomics, type Heap, leave, tryEnter } from "../memory/index.js";
import { HOLD_TABLE_WORDS, HoldTable } from "./hold-table.js";

const { store } = atomics;

export const SEMAPHORE = {
  /** All permits there are, free or held. With the hold table, the truth. */
  permits: MONITOR_WORDS,
  /** Free permits: permits - what the table holds. Derived. */
  free: MONITOR_WORDS + 1,
  /** The most free permits there may ever be, inverted, so that a bound of 0 is one; 0 for no bound. Set once. */
  bound: MONITOR_WORDS + 2,
  /** 1 while a waiter was beaten for too long: newcomers queue up. */
  reserved: MONITOR_WORDS + 3,
  holds: MONITOR_WORDS + 4,
  /** 1 once a holder died, until a holder says that it is consistent. */
  inconsistent: MONITOR_WORDS + 4 + HOLD_TABLE_WORDS,
  /** KEEPS where the permits of the dead stay away, FAIR where the line is kept in order. Set once. */
  policy: MONITOR_WORDS + 5 + HOLD_TABLE_WORDS,
  /** While used-up permits are taken out of `permits`: what that comes to, inverted; else 0. */
  remaining: MONITOR_WORDS + 6 + HOLD_TABLE_WORDS,
  /** A monitor's flag for those who wait for several permits; its offset is their key. */
  severalWait: MONITOR_WORDS + 7 + HOLD_TABLE_WORDS,
  /** For how many permits what comes free is kept, 0 for none. A hint. */
  claimed: MONITOR_WORDS + 8 + HOLD_TABLE_WORDS,
  /** Worker id of whom it is kept for. */
  claimant: MONITOR_WORDS + 9 + HOLD_TABLE_WORDS,
  /** 1 after a claim for which requests for one permit waited, until one of them has its permit. A hint. */
  turn: MONITOR_WORDS + 10 + HOLD_TABLE_WORDS,
  /** Who waits until a permit is free: see unlock-watch.ts. */
  watch: MONITOR_WORDS + 11 + HOLD_TABLE_WORDS,
  /** How often those who waited were told to end: see cancels.ts. */
  cancels: MONITOR_WORDS + 12 + HOLD_TABLE_WORDS,
} as const;
export const SEMAPHORE_WORDS = SEMAPHORE.cancels + 1;
/** Where those wait who want permits, or a look. */
export const SEMAPHORE_WAITS = {
  watch: SEMAPHORE.watch,
  cancels: SEMAPHORE.cancels,
  keys: [0, SEMAPHORE.severalWait],
} as const;
export const KEEPS = 1;
export const FAIR = 2;
export const MOST_PERMITS = 0x7fffffff;
/** Who holds more does not guard anything: permits are signals there, which it has taken and nobody gives back. */
export const MOST_HELD = 2 ** 30;

/** The most free permits of a semaphore; undefined where there may be any number. */
export function boundAt(words: Int32Array, at: number): number | undefined {
  const word = words[at + SEMAPHORE.bound]!;
  return word === 0 ? undefined : ~word;
}

/** Derives what can be derived, after a worker died inside the mutex. */
export function rebuild(heap: Heap, at: number, holds: HoldTable): void {
  const { words } = heap;
  if (words[at + SEMAPHORE.remaining] !== 0 || holds.usedUp > 0) takeOutUsedUp(heap, at, holds);
  const { total } = holds;
  const bound = boundAt(words, at);
  if (bound !== undefined) words[at + SEMAPHORE.permits] = Math.min(words[at + SEMAPHORE.permits]!, bound + total);
  words[at + SEMAPHORE.free] = words[at + SEMAPHORE.permits]! - total;
}

/**
 * Permits that are used up are no more. The store of USED_UP in a cell has decided it; `free` stays the same. `permits`
 * and the cells are two truths: `remaining` says what comes of them while they change, and `rebuild` does it again.
 */
export function takeOutUsedUp({ words }: Heap, at: number, holds: HoldTable): void {
  if (words[at + SEMAPHORE.remaining] === 0)
    store(words, at + SEMAPHORE.remaining, ~Math.max(0, words[at + SEMAPHORE.permits]! - holds.usedUp));
  store(words, at + SEMAPHORE.permits, ~words[at + SEMAPHORE.remaining]!);
  holds.strikeOutUsedUp();
  store(words, at + SEMAPHORE.remaining, 0);
}

/** What dead workers held comes back, or is used up. Whether any came back. */
export function reclaim(heap: Heap, at: number, holds: HoldTable): boolean {
  const { words, registry } = heap;
  const keeps = (words[at + SEMAPHORE.policy]! & KEEPS) !== 0;
  let usedUp = false;
  const reclaimed = holds.reclaim(
    () => {
      words[at + SEMAPHORE.inconsistent] = 1;
    },
    (worker) => {
      const is = keeps || registry.endedNormally(worker);
      usedUp ||= is;
      return is;
    },
  );
  if (usedUp) takeOutUsedUp(heap, at, holds);
  if (reclaimed > 0) {
    dropSurplus(words, at, reclaimed);
    rebuild(heap, at, holds);
  }
  return reclaimed > 0;
}

/**
 * Of `n` held permits that come back, how many others had released in their holder's stead: those were added then, and
 * must not count twice now.
 */
function dropSurplus(words: Int32Array, at: number, n: number): number {
  const bound = boundAt(words, at);
  if (bound === undefined) return 0;
  const surplus = Math.max(0, Math.min(n, words[at + SEMAPHORE.permits]! - bound));
  words[at + SEMAPHORE.permits] = words[at + SEMAPHORE.permits]! - surplus;
  return surplus;
}

/** `count` permits that the worker `self` holds come back, or as many as it holds. Returns how many come free. */
export function comeBack(words: Int32Array, at: number, holds: HoldTable, self: number, count: number): number {
  const own = Math.min(count, holds.mine);
  if (own === 0) return 0;
  const surplus = dropSurplus(words, at, own);
  holds.add(self, -own);
  words[at + SEMAPHORE.free]! += own - surplus;
  return own - surplus;
}

/**
 * Permits that were used up when their holder's task settled come back after all, as a stranger's: as new ones, up to
 * the bound. Returns how many.
 */
export function addLate(words: Int32Array, at: number, late: number): number {
  const bound = boundAt(words, at) ?? Number.POSITIVE_INFINITY;
  const room = Math.min(late, Math.max(0, bound - words[at + SEMAPHORE.free]!));
  words[at + SEMAPHORE.permits]! += room;
  words[at + SEMAPHORE.free]! += room;
  return room;
}

/**
 * `n` permits come free: those that the caller holds come back, and what it does not hold is added.
 * @throws ReleasedTooOftenError, ArgumentRangeError: nothing has changed then
 */
export function release(heap: Heap, at: number, holds: HoldTable, n: number, title: string): void {
  const { words } = heap;
  const bound = boundAt(words, at);
  const free = words[at + SEMAPHORE.free]!;
  if (bound !== undefined && free + n > bound)
    throw new ReleasedTooOftenError(
      `${title} was released more often than acquired: ${n} more would make ${free + n} free of ${bound}`,
    );
  const own = Math.min(n, holds.mine);
  if (words[at + SEMAPHORE.permits]! + n - own > MOST_PERMITS) {
    holds.useUpBeyond(MOST_HELD);
    takeOutUsedUp(heap, at, holds);
  }
  if (words[at + SEMAPHORE.permits]! + n - own > MOST_PERMITS)
    throw new ArgumentRangeError(`release(${n}) would make more than ${MOST_PERMITS} permits`);
  if (own > 0) holds.add(heap.self, -own);
  words[at + SEMAPHORE.permits] = words[at + SEMAPHORE.permits]! + n - own;
  words[at + SEMAPHORE.free] = free + n;
}

/** Runs `section` inside the mutex, if that can be had now. */
export function insideAtOnce<R>(heap: Heap, at: number, section: (holds: HoldTable) => R): R | undefined {
  const died = tryEnter(heap, at + MONITOR.mutex);
  if (died === undefined) return undefined;
  try {
    const holds = new HoldTable(heap, at + SEMAPHORE.holds);
    if (died) rebuild(heap, at, holds);
    return section(holds);
  } finally {
    leave(heap, at + MONITOR.mutex);
  }
}
