/**
 * A mutual exclusion lock in one word, three states as in Drepper's "Futexes are tricky" (mutex 3), with the owner's id
 * in it and Go's starvation rule on top.
 *
 * The word is owner << 3 | flags:
 *
 *   owner  flag          meaning
 *   0      -             free
 *   id     -             held by that worker, nobody waits
 *   id     CONTENDED     held; somebody may wait, so release must wake
 *   0      RESERVED      free, for those who wait already: newcomers queue up behind them
 *   any    INCONSISTENT  an owner died: what the lock guards may be half changed, until an owner says that it is not
 *
 * CONTENDED is set by a waiter after it armed its node and cleared only by the exchange that frees the lock; the woken
 * waiter sets it again when it takes the lock, since others may wait still. An owner whose id is no longer its slot's
 * is dead; the next one who tries takes the lock over and is told. Who takes it over sets INCONSISTENT in the same CAS,
 * and freeing keeps it: so it outlives an heir that dies too, or overlooks it. No fast path takes or frees such a word.
 */
import type { Facts } from "../codec/portrait.js";
import { Handle, type Hold, type Insight, SharedObject, type Strike } from "../objects/index.js";
import { NotHeldError, NotOwnerError, OwnerDiedError, TimeoutError } from "../errors/index.js";
import { atomics, type Heap, realNow } from "../memory/index.js";
import type { Attempt, SyncWait } from "../parking/index.js";
import { failsOnOwnerDeath, type LockOptions, LOCK_OPTIONS } from "./owner-death.js";
import { Patience } from "./patience.js";
import { type Choice, choiceOf } from "./selectable.js";

const { compareExchange, load } = atomics;

export const CONTENDED = 1;
export const RESERVED = 2;
export const INCONSISTENT = 4;
const FLAGS = 7;
export const OWNER_SHIFT = 3;
/** The word after the owner's: 1 where owner death is an error. Set once. */
const FAILS = 1;
const SIZE = 4;
const EVERYBODY = 0x7fffffff;

/** Attempts before a blocking caller parks. */
const SPINS = atomics.spins(40);
/** A waiter beaten this long has the lock reserved for those who wait. As Go's sync.Mutex, whose bound is 1 ms. */
const STARVING_MS = 5;

/** How a lock was taken. */
export const TAKEN = 1;
export const TAKEN_INCONSISTENT = 2;
export type TakenWord = typeof TAKEN | typeof TAKEN_INCONSISTENT;

/** What Lock and RLock share: the word, and how to take and free it. */
export abstract class OwnerWord extends SharedObject {
  readonly #owned: number;

  /** @internal */
  constructor(kind: number, options: LockOptions | Handle | undefined) {
    const fails = failsOnOwnerDeath(options);
    super(kind, SIZE, options, LOCK_OPTIONS);
    this.#owned = this.self << OWNER_SHIFT;
    if (!(options instanceof Handle)) this.words[this.at + FAILS] = fails ? 1 : 0;
  }

  /** @internal */
  protected override facts(): Facts {
    return { isLocked: this.isLocked };
  }

  /**
   * Whether anybody holds it now. By the time the caller looks at the answer, it may be otherwise.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isLocked(): boolean {
    this.checkUsable();
    return load(this.words, this.at) >>> OWNER_SHIFT !== 0;
  }

  /**
   * The former name of `isLocked`.
   * @deprecated Use `isLocked`.
   */
  get locked(): boolean {
    return this.isLocked;
  }

  /**
   * Whether this worker holds it now.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isOwned(): boolean {
    this.checkUsable();
    return load(this.words, this.at) >>> OWNER_SHIFT === this.self;
  }

  /**
   * The former name of `isOwned`.
   * @deprecated Use `isOwned`.
   */
  get owned(): boolean {
    return this.isOwned;
  }

  /**
   * What a dead owner left half changed is whole again: later holders are no longer told. A holder says it, having
   * repaired that. Of a lock made with `{ onOwnerDeath: "error" }`, which nobody gets meanwhile, any worker says it;
   * see to it that one repairs. Without a death it does nothing.
   *
   * @throws `ERR_ALLCORES_NOT_OWNER` when another worker holds it, `ERR_ALLCORES_NOT_HELD` when nobody does,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange.
   *
   * @example
   * ```ts
   * import { Lock, SharedArray } from "allcores";
   * const accounts = new SharedArray("int32", [60, 40]); // always 100 in all
   * const lock = new Lock();
   * using held = lock.acquireSync();
   * if (held.ownerDied) {
   *   accounts.view[1] = 100 - accounts.view[0]!;
   *   lock.consistent();
   * }
   * accounts.view[0]! -= 10;
   * accounts.view[1]! += 10;
   * ```
   */
  consistent(): void {
    this.checkUsable();
    for (;;) {
      const word = load(this.words, this.at);
      const owner = word >>> OWNER_SHIFT;
      if (owner === this.self) {
        if (compareExchange(this.words, this.at, word, word & ~INCONSISTENT) === word) return;
        continue;
      }
      if (owner !== 0 && this.heap.registry.confirmAlive(owner))
        throw new NotOwnerError(`${this.title} is held by another worker: consistent() is for who holds it`);
      if (this.words[this.at + FAILS] === 0)
        throw new NotHeldError(`${this.title} is not held by anybody: acquire it, repair what it guards, and call consistent() before you release it`);
      if (owner === 0 && (word & INCONSISTENT) === 0) return;
      if (this.#freeFrom(word, 0)) return;
    }
  }

  /** @internal Whether what it guards is marked as half changed. For its owner, to whom nobody else changes it. */
  protected get isInconsistent(): boolean {
    return (load(this.words, this.at) & INCONSISTENT) !== 0;
  }

  /** @internal The uncontended case: one CAS. */
  protected takeFast(): boolean {
    return compareExchange(this.words, this.at, 0, this.#owned) === 0;
  }

  /** @internal The uncontended way back: one CAS. */
  protected freeFast(): boolean {
    return compareExchange(this.words, this.at, this.#owned, 0) === this.#owned;
  }

  /** @internal */
  protected tryTake(): TakenWord | undefined {
    if (this.takeFast()) return TAKEN;
    this.checkUsable();
    this.heap.registry.reap();
    const word = load(this.words, this.at);
    if (word & RESERVED && this.heap.waitQueue.countWaiters(this.at, 1) > 0) return undefined;
    return this.#take(word, 0);
  }

  /** @internal `refusable`: it may end with a `DeadlockError`. */
  protected takeSync(deadline: number, refusable = true): TakenWord | undefined {
    this.checkUsable();
    for (let spin = 0; spin < SPINS; spin++) {
      const word = load(this.words, this.at);
      const taken = (word & ~INCONSISTENT) === 0 ? this.#take(word, 0) : undefined;
      if (taken !== undefined) return taken;
    }
    return deadline === 0 ? this.tryTake() : this.heap.parker.blockUntil(this.at, this.#attempt(), deadline, false, refusable);
  }

  /**
   * `begin` is called in the very step that takes it, not when the promise has told its caller: what else this thread's
   * loop runs in between must not find the word its own and the hold still the one before.
   * @internal
   */
  protected async take<H>(deadline: number, signal: AbortSignal | undefined, begin: (taken: TakenWord) => H): Promise<H | undefined> {
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

  /**
   * @internal What `select` waits for: `poll` takes it if it is free, `begin` as for `take`; `check` throws where
   *   waiting would be in vain.
   */
  protected choice<H>(
    poll: (awaiting: boolean) => H | undefined,
    begin: (taken: TakenWord, awaiting: boolean) => H,
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

  /** @internal Frees it if this worker still holds it. */
  protected freeOwned(): void {
    if (this.freeFast()) return;
    for (let word = load(this.words, this.at); word >>> OWNER_SHIFT === this.self; word = load(this.words, this.at)) {
      if (this.#freeFrom(word)) return;
    }
  }

  /** @internal Frees it, whoever holds it. @throws NotHeldError */
  protected freeAnyones(): void {
    this.checkUsable();
    for (;;) {
      const word = load(this.words, this.at);
      const owner = word >>> OWNER_SHIFT;
      if (owner === 0) throw new NotHeldError(`${this.title} is not held by anybody: release() must follow an acquire`);
      // In a dead owner's stead: what that one left half changed is not whole because somebody else let go.
      if (this.#freeFrom(word, this.heap.registry.isAlive(owner) ? word & INCONSISTENT : INCONSISTENT)) return;
    }
  }

  /**
   * @internal Makes another worker the owner. @throws NotOwnerError when that worker is not alive, or this one does not
   *   own it
   */
  protected giveTo(worker: number): void {
    this.checkUsable();
    if (!this.heap.registry.isAlive(worker))
      throw new NotOwnerError(`${this.title} cannot be handed to worker ${worker}: no such worker is alive in its reach`);
    for (let word = load(this.words, this.at); word >>> OWNER_SHIFT === this.self; word = load(this.words, this.at)) {
      if (compareExchange(this.words, this.at, word, (worker << OWNER_SHIFT) | (word & FLAGS)) === word) return;
    }
    throw new NotOwnerError(`${this.title} is not held by this worker any more`);
  }

  /** @internal */
  protected timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not free${options?.timeout === undefined ? " in time" : ` within ${options.timeout} ms`}`);
  }

  /**
   * Frees the lock if its word is still `word`. RESERVED stays until one of those who wait has taken it, `mark` until
   * somebody says that it is consistent.
   */
  #freeFrom(word: number, mark = word & INCONSISTENT): boolean {
    if (compareExchange(this.words, this.at, word, (word & RESERVED) | mark) !== word) return false;
    if ((word & CONTENDED) === 0) return true;
    // Pairs with the arming in the parker: a waiter that set CONTENDED had armed its node before, so this scan sees it.
    while (this.heap.waitQueue.wake(this.at, 1) === 0) {
      // Nobody waits any more. A reservation must not outlive them; a newcomer that queued behind it meanwhile has said
      // so by CONTENDED.
      const now = load(this.words, this.at);
      if ((now & RESERVED) === 0 || now >>> OWNER_SHIFT !== 0) break;
      if (compareExchange(this.words, this.at, now, now & INCONSISTENT) === now && (now & CONTENDED) === 0) break;
    }
    return true;
  }

  /** One try from a word just read: takes it when it is free or its owner is known dead. */
  #take(word: number, contended: number): TakenWord | undefined {
    const owner = word >>> OWNER_SHIFT;
    if (owner !== 0 && this.heap.registry.isAlive(owner)) return undefined;
    const mark = owner === 0 ? word & INCONSISTENT : INCONSISTENT;
    if (mark !== 0 && this.words[this.at + FAILS] === 1) this.#fail(word);
    if (compareExchange(this.words, this.at, word, this.#owned | contended | (word & CONTENDED) | mark) !== word) return undefined;
    return mark === 0 ? TAKEN : TAKEN_INCONSISTENT;
  }

  /**
   * Nobody gets it, and those who wait are told at once. From here on it is free and marked, so that `consistent()`
   * finds no dead worker in it.
   */
  #fail(word: number): never {
    if (word !== INCONSISTENT && compareExchange(this.words, this.at, word, INCONSISTENT) === word) this.heap.waitQueue.wake(this.at, EVERYBODY);
    throw new OwnerDiedError(
      `the worker that held ${this.title} ended without releasing it: repair what it guards, which nobody can enter meanwhile, then call consistent()`,
    );
  }

  #attempt(): Attempt<TakenWord> {
    let since = 0;
    const patience = new Patience();
    return (granted) => {
      this.checkUsable();
      for (;;) {
        const word = load(this.words, this.at);
        const owner = word >>> OWNER_SHIFT;
        const keepOut = owner === 0 && (word & RESERVED) !== 0 && !granted && this.heap.waitQueue.countWaiters(this.at, 2) > 1 && !patience.isOver;
        if (!keepOut && (owner === 0 || !this.heap.registry.isAlive(owner))) {
          const taken = this.#take(word, CONTENDED);
          if (taken !== undefined) return taken;
          continue;
        }
        let wanted = word | CONTENDED;
        if (granted) {
          const now = realNow();
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

/** The one word that names a worker. */
export function ownerNames(_heap: Heap, at: number, strike: Strike): void {
  strike(at, OWNER_SHIFT);
}
