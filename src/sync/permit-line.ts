/**
 * Requests for several permits at once, and what keeps them from starving: what comes free is kept for one of them at a
 * time, until it has all that it asked for.
 *
 * Such a request claims when it has to wait, if nobody else claims. From then on others take only what the claim leaves
 * over. A claim is a hint in shared memory: the claimant's death, known from the registry, ends it. While requests for
 * one permit wait too, one of them has its turn between two of these, so that neither kind starves.
 */
import { atomics, type Heap, realNow } from "../memory/index.js";
import { MONITOR, type MonitorInside } from "../objects/index.js";
import type { Attempt } from "../parking/index.js";
import { cancelCheck } from "./cancels.js";
import type { HoldTable } from "./hold-table.js";
import { Patience } from "./patience.js";
import { isFairAt, offerToFirst } from "./fair-permit-wait.js";
import { reclaim, SEMAPHORE } from "./semaphore-words.js";
import { tellFree } from "./unlock-watch.js";

const { load } = atomics;

/** A waiter beaten this long keeps newcomers out. */
const STARVING_MS = 5;
const EVERYBODY = 0x7fffffff;

/** For how many permits what comes free is kept, 0 for none. Inside the mutex. */
function claimed({ words, registry }: Heap, at: number): number {
  const count = words[at + SEMAPHORE.claimed]!;
  if (count === 0 || registry.isAlive(words[at + SEMAPHORE.claimant]!)) return count;
  words[at + SEMAPHORE.claimed] = 0;
  return 0;
}

/**
 * Whether so many permits for one request would leave none for those who want one and have their turn. Inside the
 * mutex.
 */
function takesTheirTurn({ words, waitQueue }: Heap, at: number, count: number): boolean {
  return (
    count > 1 &&
    words[at + SEMAPHORE.turn] !== 0 &&
    words[at + SEMAPHORE.free]! <= count &&
    waitQueue.countWaiters(at, 1) > 0
  );
}

/** Whether a newcomer may take so many of the free permits, which are as many or more. Inside the mutex. */
export function mayTakeNow(heap: Heap, at: number, count: number): boolean {
  const { words } = heap;
  if (isFairAt(words, at)) return heap.waitQueue.countWaiters(at, 1) === 0;
  if (words[at + SEMAPHORE.free]! - count < claimed(heap, at) || takesTheirTurn(heap, at, count)) return false;
  return words[at + SEMAPHORE.reserved] === 0 || heap.waitQueue.countWaiters(at, 1) === 0;
}

/** `count` permits came free: those are woken who may have what is free now. Outside the mutex. */
export function offer(semaphore: MonitorInside, count: number): void {
  const { words, at } = semaphore;
  const free = words[at + SEMAPHORE.free]!;
  if (load(words, at + SEMAPHORE.watch) !== 0) tellFree(semaphore.heap, at + SEMAPHORE.watch);
  if (isFairAt(words, at)) {
    offerToFirst(semaphore);
    return;
  }
  if (load(words, at + SEMAPHORE.severalWait) === 0) {
    if (count === 1) semaphore.wakeFor(at, free);
    else semaphore.wake(at, count);
    return;
  }
  const kept = words[at + SEMAPHORE.claimed]!;
  // Without a claim the first of them makes one. The waiter that has the claim may not be the first, so all are woken.
  if (kept === 0) semaphore.wake(at + SEMAPHORE.severalWait, 1, SEMAPHORE.severalWait);
  else if (free >= kept) semaphore.wake(at + SEMAPHORE.severalWait, EVERYBODY, SEMAPHORE.severalWait);
  if (free > kept) semaphore.wake(at, free - kept);
}

/** A request for one permit has left the line: those who want several, and left it its turn, may have what is free. */
export function leftLine(semaphore: MonitorInside): void {
  const { words, at } = semaphore;
  if (
    at !== 0 &&
    (isFairAt(words, at) || load(words, at + SEMAPHORE.severalWait) !== 0) &&
    words[at + SEMAPHORE.free]! > 0
  )
    offer(semaphore, 1);
}

/** A wait for permits, in whatever line. */
interface Wait<P> {
  readonly key: number;
  readonly attempt: Attempt<P>;
  /** It is over without a permit. */
  left(): void;
}

/** Blocks this thread until it has its permits; undefined when the time is over. */
export function blockForPermits<P>({ parker }: Heap, wait: Wait<P>, deadline: number, priority: number): P | undefined {
  let permit: P | undefined;
  try {
    permit = parker.blockUntil(wait.key, wait.attempt, deadline, false, true, priority);
  } finally {
    if (permit === undefined) wait.left();
  }
  return permit;
}

/** The same for awaiting callers. `priority`: undefined where the line is in no order. */
export async function awaitPermits<P>(
  { parker }: Heap,
  wait: Wait<P>,
  deadline: number,
  signal: AbortSignal | undefined,
  priority: number | undefined,
): Promise<P | undefined> {
  let permit: P | undefined;
  try {
    permit = await parker.waitUntil(wait.key, wait.attempt, deadline, signal, false, priority);
  } finally {
    if (permit === undefined) wait.left();
  }
  return permit;
}

/** One wait for permits. */
export class PermitWait<P> implements Wait<P> {
  readonly #semaphore: MonitorInside;
  readonly #holds: HoldTable;
  readonly #count: number;
  readonly #take: (count: number) => P | undefined;
  /** Of the line in which it stands. */
  readonly #flag: number;
  readonly #patience = new Patience();
  readonly #check: () => void;
  /** When it was first beaten. */
  #since = 0;
  #claims = false;

  /** `take`: takes so many permits if they are free, inside the mutex. */
  constructor(semaphore: MonitorInside, holds: HoldTable, count: number, take: (count: number) => P | undefined) {
    this.#semaphore = semaphore;
    this.#holds = holds;
    this.#count = count;
    this.#take = take;
    this.#check = cancelCheck(semaphore.heap, semaphore.at + SEMAPHORE.cancels, semaphore.title);
    this.#flag = count === 1 ? MONITOR.waiters : SEMAPHORE.severalWait;
  }

  /** Where it waits: requests for several have a line of their own. */
  get key(): number {
    return this.#semaphore.at + (this.#count === 1 ? 0 : SEMAPHORE.severalWait);
  }

  readonly attempt: Attempt<P> = (granted) => {
    const semaphore = this.#semaphore;
    if (granted) semaphore.arrive(this.#flag);
    let reclaimed = false;
    const permit = semaphore.inside(() => {
      this.#check();
      const { heap, words, at } = semaphore;
      if (words[at + SEMAPHORE.free]! < this.#count) reclaimed = reclaim(heap, at, this.#holds);
      const permit = this.#mayTake(granted) ? this.#take(this.#count) : undefined;
      if (permit !== undefined) this.#took();
      else this.#stay(granted);
      return permit;
    });
    if (reclaimed || (permit !== undefined && (granted || this.#count > 1))) {
      const { words, at } = semaphore;
      if (words[at + SEMAPHORE.free]! > 0) offer(semaphore, reclaimed ? words[at + SEMAPHORE.free]! : 1);
    }
    return permit;
  };

  /** It is over without a permit: others may have what was kept for it. */
  left(): void {
    const semaphore = this.#semaphore;
    if (this.#count === 1) leftLine(semaphore);
    if (!this.#claims || semaphore.at === 0) return;
    this.#claims = false;
    semaphore.inside(() => {
      semaphore.words[semaphore.at + SEMAPHORE.claimed] = 0;
    });
    offer(semaphore, Math.max(1, semaphore.words[semaphore.at + SEMAPHORE.free]!));
  }

  #mayTake(granted: boolean): boolean {
    const { heap, words, at } = this.#semaphore;
    const free = words[at + SEMAPHORE.free]!;
    const kept = this.#claims ? 0 : claimed(heap, at);
    // Only where the claimant could come and does not, patience is tried.
    if (free - this.#count < kept && !(free >= kept && this.#patience.isOver)) return false;
    if (!this.#claims && free >= this.#count && takesTheirTurn(heap, at, this.#count) && !this.#patience.isOver)
      return false;
    const reserved = this.#count === 1 && words[at + SEMAPHORE.reserved] === 1 && !granted;
    return !(reserved && heap.waitQueue.countWaiters(at, 2) > 1 && !this.#patience.isOver);
  }

  #took(): void {
    const { heap, words, at } = this.#semaphore;
    if (this.#count === 1) {
      words[at + SEMAPHORE.reserved] = 0;
      words[at + SEMAPHORE.turn] = 0;
    } else {
      if (this.#claims) words[at + SEMAPHORE.claimed] = 0;
      this.#claims = false;
      words[at + SEMAPHORE.turn] = heap.waitQueue.countWaiters(at, 1);
    }
  }

  #stay(granted: boolean): void {
    const { heap, words, at, self } = this.#semaphore;
    this.#semaphore.expectWake(this.#flag);
    if (this.#count === 1) {
      if (!granted) return;
      const now = realNow();
      if (this.#since === 0) this.#since = now;
      else if (now - this.#since > STARVING_MS) words[at + SEMAPHORE.reserved] = 1;
      return;
    }
    if (this.#claims || claimed(heap, at) !== 0) return;
    if (words[at + SEMAPHORE.turn] !== 0 && heap.waitQueue.countWaiters(at, 1) > 0) return;
    // The claimant first: a death in between leaves no claim.
    words[at + SEMAPHORE.claimant] = self;
    words[at + SEMAPHORE.claimed] = this.#count;
    this.#claims = true;
  }
}
