/**
 * Requests for permits of a semaphore whose line is kept in order: only the first in line takes, however many it wants.
 * So a first that wants more than there are holds up those behind it, and what comes free is kept for it.
 *
 * Nothing is handed over. A wake-up says that it is time to look, and gives no right: one of a higher priority may have
 * come. A waiter that finds something free and is not the first sees to it that the first is woken, since the one that
 * gave it back may have died before it woke anybody.
 */
import { DeadlockError } from "../errors/index.js";
import { AT_ONCE, atomics, within } from "../memory/index.js";
import { MONITOR, type MonitorInside } from "../objects/index.js";
import type { Attempt } from "../parking/index.js";
import { cancelCheck } from "./cancels.js";
import type { HoldTable } from "./hold-table.js";
import { FAIR, reclaim, SEMAPHORE } from "./semaphore-words.js";

const { load, store } = atomics;

/** Whether the line of a semaphore is kept in order. */
export function isFairAt(words: Int32Array, at: number): boolean {
  return (words[at + SEMAPHORE.policy]! & FAIR) !== 0;
}

/** What this thread's loop awaits comes first, and cannot while the thread blocks. @throws DeadlockError */
export function refuseBehindOwn({ heap, words, at, title }: MonitorInside, priority: number): void {
  if (isFairAt(words, at) && heap.parker.isAwaitedBefore(at, priority))
    throw new DeadlockError(
      `${title} keeps its line in order, and awaiting code of this very thread comes first: it gets no permit while this call blocks the thread: await acquire()`,
    );
}

/** Something is free: the first in line is woken. Outside the mutex. */
export function offerToFirst(semaphore: MonitorInside): void {
  const { heap, words, at } = semaphore;
  const flag = at + MONITOR.waiters;
  if (load(words, flag) === 0 || heap.waitQueue.wakeFirst(at) > 0) return;
  // As of every monitor: down inside the mutex only, and when no node is armed.
  within(AT_ONCE, () =>
    semaphore.inside(() => {
      if (heap.waitQueue.countWaiters(at, 1) === 0) store(words, flag, 0);
    }),
  );
}

/** One wait for permits. */
export class FairPermitWait<P> {
  readonly #semaphore: MonitorInside;
  readonly #holds: HoldTable;
  readonly #count: number;
  readonly #take: (count: number) => P | undefined;
  readonly #check: () => void;

  /** `take`: takes so many permits if they are free, inside the mutex. */
  constructor(semaphore: MonitorInside, holds: HoldTable, count: number, take: (count: number) => P | undefined) {
    this.#semaphore = semaphore;
    this.#holds = holds;
    this.#count = count;
    this.#take = take;
    this.#check = cancelCheck(semaphore.heap, semaphore.at + SEMAPHORE.cancels, semaphore.title);
  }

  /** All of them wait in one line. */
  get key(): number {
    return this.#semaphore.at;
  }

  readonly attempt: Attempt<P> = (_granted, node) => {
    const semaphore = this.#semaphore;
    const { heap, words, at } = semaphore;
    let free = 0;
    let isFirst = false;
    const permit = semaphore.inside(() => {
      this.#check();
      if (words[at + SEMAPHORE.free]! < this.#count) reclaim(heap, at, this.#holds);
      isFirst = !heap.waitQueue.isBehind(at, node);
      const permit = isFirst ? this.#take(this.#count) : undefined;
      if (permit === undefined) semaphore.expectWake(MONITOR.waiters);
      free = words[at + SEMAPHORE.free]!;
      return permit;
    });
    // What is left is for the next. The node of this one stands in the line until its wait is over: a wake-up that it
    // is given once more is passed on then.
    if (free > 0 && (permit !== undefined || !isFirst)) offerToFirst(semaphore);
    return permit;
  };

  /** It is over without a permit: the next may want fewer. */
  left(): void {
    const semaphore = this.#semaphore;
    if (semaphore.at !== 0 && semaphore.words[semaphore.at + SEMAPHORE.free]! > 0) offerToFirst(semaphore);
  }
}
