/**
 * The words of a Semaphore: how permits are taken out, come back, and are counted anew. Its functions are for a caller
 * inside the mutex, but for the last.
 *
 * `permits` and the hold table are the truth; `free` is derived.
 */
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
  /** 1 where the permits of the dead stay away. Set once. */
  keeps: MONITOR_WORDS + 5 + HOLD_TABLE_WORDS,
  /** While used-up permits are taken out of `permits`: what that comes to, inverted; else 0. */
  remaining: MONITOR_WORDS + 6 + HOLD_TABLE_WORDS,
} as const;
export const SEMAPHORE_WORDS = SEMAPHORE.remaining + 1;
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
  if (words[at + SEMAPHORE.remaining] === 0) store(words, at + SEMAPHORE.remaining, ~Math.max(0, words[at + SEMAPHORE.permits]! - holds.usedUp));
  store(words, at + SEMAPHORE.permits, ~words[at + SEMAPHORE.remaining]!);
  holds.strikeOutUsedUp();
  store(words, at + SEMAPHORE.remaining, 0);
}

/** What dead workers held comes back, or is used up. Whether any came back. */
export function reclaim(heap: Heap, at: number, holds: HoldTable): boolean {
  const { words, registry } = heap;
  const keeps = words[at + SEMAPHORE.keeps] === 1;
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
export function dropSurplus(words: Int32Array, at: number, n: number): number {
  const bound = boundAt(words, at);
  if (bound === undefined) return 0;
  const surplus = Math.max(0, Math.min(n, words[at + SEMAPHORE.permits]! - bound));
  words[at + SEMAPHORE.permits] = words[at + SEMAPHORE.permits]! - surplus;
  return surplus;
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
