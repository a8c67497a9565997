/**
 * A mutual exclusion lock in one word, three states as in Drepper's "Futexes are tricky" (mutex 3), with the owner's id in it and Go's starvation rule on top.
 *
 * The word is owner << 2 | flags:
 *
 *   owner  flag       meaning
 *   0      -          free
 *   id     -          held by that worker, nobody waits
 *   id     CONTENDED  held; somebody may wait, so release must wake
 *   0      RESERVED   free, for those who wait already: newcomers queue up behind them
 *
 * CONTENDED is set by a waiter after it armed its node and cleared only by the exchange that frees the lock; the woken waiter sets it again when it
 * takes the lock, since others may wait still. An owner whose id is no longer its slot's is dead; the next one who tries takes the lock over and is told.
 */
import type { Handle, Reach } from "../codec/shared-object.js";
import { SharedObject } from "../codec/shared-object.js";
import { NotHeldError, NotOwnerError, TimeoutError } from "../errors/index.js";
import { type Attempt, atomics, type Hold, type Insight, type SyncWait } from "../memory/index.js";
import { Patience } from "./patience.js";
import { type Choice, choiceOf } from "./selectable.js";

const { compareExchange, load } = atomics;

export const CONTENDED = 1;
export const RESERVED = 2;
const FLAGS = 3;
export const OWNER_SHIFT = 2;
const SIZE = 4;

/** Attempts before a blocking caller parks. */
const SPINS = atomics.spins(40);
/** A waiter beaten this long has the lock reserved for those who wait. As Go's sync.Mutex, whose bound is 1 ms. */
const STARVING_MS = 5;

/** How a lock was taken. */
export const TAKEN = 1;
export const TAKEN_FROM_THE_DEAD = 2;
export type Taken = typeof TAKEN | typeof TAKEN_FROM_THE_DEAD;

/** What Lock and RLock share: the word, and how to take and free it. */
export abstract class OwnerWord extends SharedObject {
  readonly #owned: number;

  constructor(kind: number, reach: Reach | Handle | undefined) {
    super(kind, SIZE, reach);
    this.#owned = this.self << OWNER_SHIFT;
  }

  /** Whether anybody holds it now. */
  get locked(): boolean {
    this.checkUsable();
    return load(this.words, this.at) >>> OWNER_SHIFT !== 0;
  }

  /** Whether this worker holds it now. */
  get owned(): boolean {
    this.checkUsable();
    return load(this.words, this.at) >>> OWNER_SHIFT === this.self;
  }

  /** The uncontended case: one CAS. */
  protected takeFast(): boolean {
    return compareExchange(this.words, this.at, 0, this.#owned) === 0;
  }

  /** The uncontended way back: one CAS. */
  protected freeFast(): boolean {
    return compareExchange(this.words, this.at, this.#owned, 0) === this.#owned;
  }

  protected tryTake(): Taken | undefined {
    if (this.takeFast()) return TAKEN;
    this.checkUsable();
    this.heap.registry.reap();
    const word = load(this.words, this.at);
    if (word & RESERVED && this.heap.waitQueue.countWaiters(this.at) > 0) return undefined;
    return this.#take(word, 0);
  }

  /** `refusable`: it may end with a `DeadlockError`. */
  protected takeSync(deadline: number, refusable = true): Taken | undefined {
    this.checkUsable();
    for (let spin = 0; spin < SPINS; spin++) {
      if (load(this.words, this.at) === 0 && this.takeFast()) return TAKEN;
    }
    return deadline === 0 ? this.tryTake() : this.heap.parker.blockUntil(this.at, this.#attempt(), deadline, false, refusable);
  }

  /**
   * `begin` is called in the very step that takes it, not when the promise has told its caller: what else this thread's loop runs in between must not find the
   * word its own and the hold still the one before.
   */
  protected async take<H>(deadline: number, signal: AbortSignal | undefined, begin: (taken: Taken) => H): Promise<H | undefined> {
    const taken = this.tryTake();
    if (taken !== undefined) return begin(taken);
    if (deadline === 0) return undefined;
    const attempt = this.#attempt();
    const beginning: Attempt<{ hold: H }> = (granted) => {
      const won = attempt(granted);
      return won && { hold: begin(won) };
    };
    return (await this.heap.parker.waitUntil(this.at, beginning, deadline, signal))?.hold;
  }

  /** What `select` waits for: `poll` takes it if it is free, `begin` as for `take`; `check` throws where waiting would be in vain. */
  protected choice<H>(
    poll: (awaiting: boolean) => H | undefined,
    begin: (taken: Taken, awaiting: boolean) => H,
    check: (awaiting: boolean) => void = () => {},
  ): Choice<H> {
    return choiceOf<H, H>({
      heap: this.heap,
      key: this.at,
      poll,
      begin: (awaiting) => {
        check(awaiting);
        const attempt = this.#attempt();
        return (granted) => {
          const taken = attempt(granted);
          return taken && begin(taken, awaiting);
        };
      },
      open: (held) => held,
    });
  }

  /** Frees it if this worker still holds it. */
  protected freeOwned(): void {
    if (this.freeFast()) return;
    for (let word = load(this.words, this.at); word >>> OWNER_SHIFT === this.self; word = load(this.words, this.at)) {
      if (this.#freeFrom(word)) return;
    }
  }

  /** Frees it, whoever holds it. @throws NotHeldError */
  protected freeAnyones(): void {
    this.checkUsable();
    for (;;) {
      const word = load(this.words, this.at);
      if (word >>> OWNER_SHIFT === 0) throw new NotHeldError(`${this.title} is not held by anybody: release() must follow an acquire`);
      if (this.#freeFrom(word)) return;
    }
  }

  /** Makes another worker the owner. @throws NotOwnerError when that worker is not alive, or this one does not own it */
  protected giveTo(worker: number): void {
    this.checkUsable();
    if (!this.heap.registry.isAlive(worker))
      throw new NotOwnerError(`${this.title} cannot be handed to worker ${worker}: no such worker is alive in its reach`);
    for (let word = load(this.words, this.at); word >>> OWNER_SHIFT === this.self; word = load(this.words, this.at)) {
      if (compareExchange(this.words, this.at, word, (worker << OWNER_SHIFT) | (word & FLAGS)) === word) return;
    }
    throw new NotOwnerError(`${this.title} is not held by this worker any more`);
  }

  protected timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not free${options?.timeout === undefined ? " in time" : ` within ${options.timeout} ms`}`);
  }

  /** Frees the lock if its word is still `word`. RESERVED stays until one of those who wait has taken it. */
  #freeFrom(word: number): boolean {
    if (compareExchange(this.words, this.at, word, word & RESERVED) !== word) return false;
    if ((word & CONTENDED) === 0) return true;
    // Pairs with the arming in the parker: a waiter that set CONTENDED had armed its node before, so this scan sees it.
    while (this.heap.waitQueue.wake(this.at, 1) === 0) {
      // Nobody waits any more. A reservation must not outlive them; a newcomer that queued behind it meanwhile has said so by CONTENDED.
      const now = load(this.words, this.at);
      if ((now & RESERVED) === 0 || now >>> OWNER_SHIFT !== 0) break;
      if (compareExchange(this.words, this.at, now, 0) === now && (now & CONTENDED) === 0) break;
    }
    return true;
  }

  /** One try from a word just read: takes it when it is free or its owner is known dead. */
  #take(word: number, contended: number): Taken | undefined {
    const owner = word >>> OWNER_SHIFT;
    if (owner !== 0 && this.heap.registry.isAlive(owner)) return undefined;
    if (compareExchange(this.words, this.at, word, this.#owned | contended | (word & CONTENDED)) !== word) return undefined;
    return owner === 0 ? TAKEN : TAKEN_FROM_THE_DEAD;
  }

  #attempt(): Attempt<Taken> {
    let since = 0;
    const patience = new Patience();
    return (granted) => {
      this.checkUsable();
      for (;;) {
        const word = load(this.words, this.at);
        const owner = word >>> OWNER_SHIFT;
        const keepOut = owner === 0 && (word & RESERVED) !== 0 && !granted && this.heap.waitQueue.countWaiters(this.at) > 1 && !patience.isOver;
        if (!keepOut && (owner === 0 || !this.heap.registry.isAlive(owner))) {
          const taken = this.#take(word, CONTENDED);
          if (taken !== undefined) return taken;
          continue;
        }
        let wanted = word | CONTENDED;
        if (granted) {
          const now = performance.now();
          if (since === 0) since = now;
          else if (now - since > STARVING_MS) wanted |= RESERVED;
        }
        if (word === wanted || compareExchange(this.words, this.at, word, wanted) === word) return undefined;
      }
    };
  }
}

/** What a lock tells of itself. `firm`: nobody but its owner may release it. */
export function ownerInsight(name: string, firm: boolean): Insight {
  const held: NonNullable<Insight["held"]> = (heap, at): Hold[] => {
    const worker = load(heap.words, at) >>> OWNER_SHIFT;
    return worker === 0 ? [] : [{ worker, count: 1 }];
  };
  return { name, held, holders: (heap, at) => ({ workers: held(heap, at).map(({ worker }) => worker), firm }) };
}
