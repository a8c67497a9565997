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
 *   0      RESERVED      free, for those who wait already: newcomers queue up behind them. A contended release of a
 * fair lock always leaves it so
 *   any    INCONSISTENT  an owner died: what the lock guards may be half changed, until an owner says that it is not
 *
 * CONTENDED is set by a waiter after it armed its node and cleared only by the exchange that frees the lock; the woken
 * waiter sets it again when it
 * takes the lock, since others may wait still. An owner whose id is no longer its slot's is dead; the next one who
 * tries takes the lock over and is told.
 * Who takes it over sets INCONSISTENT in the same CAS, and freeing keeps it: so it outlives an heir that dies too, or
 * overlooks it. No fast path takes or frees such a word.
 */
import { Handle, SharedObject } from "../objects/index.js";
import { DeadlockError, NotHeldError, NotOwnerError, OwnerDiedError, TimeoutError } from "../errors/index.js";
import { atomics, realNow } from "../memory/index.js";
import type { Attempt, SyncWait } from "../parking/index.js";
import { cancelCheck } from "./cancels.js";
import { FAIR_LOCK_OPTIONS, failsOnOwnerDeath, type FairLockOptions, isFairIn } from "./owner-death.js";
import { checkHeir } from "./heir.js";
import { Patience } from "./patience.js";
import { type Choice, choiceOf } from "./selectable.js";
import { priorityOf, type TurnOptions } from "./turn-options.js";
import { tellFree } from "./unlock-watch.js";

const { compareExchange, load } = atomics;

export const CONTENDED = 1;
export const RESERVED = 2;
export const INCONSISTENT = 4;
const FLAGS = 7;
export const OWNER_SHIFT = 3;
/** The word after the owner's: FAILS where owner death is an error, FAIR where the line is kept in order. Set once. */
export const POLICY = 1;
export const FAILS = 1;
const FAIR = 2;
/** Who waits until it is free: see unlock-watch.ts. */
export const WATCH = 2;
/** How often those who waited were told to end: see cancels.ts. */
export const CANCELS = 3;
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

/** The word of a Lock or an RLock, and how to take and free it. */
export abstract class LockWord extends SharedObject {
  readonly #owned: number;
  readonly #isFair: boolean;

  /** @internal */
  constructor(kind: number, options: FairLockOptions | Handle | undefined) {
    const policy = (failsOnOwnerDeath(options) ? FAILS : 0) | (isFairIn(options) ? FAIR : 0);
    super(kind, SIZE, options, FAIR_LOCK_OPTIONS);
    this.#owned = this.self << OWNER_SHIFT;
    if (!(options instanceof Handle)) this.words[this.at + POLICY] = policy;
    this.#isFair = (this.words[this.at + POLICY]! & FAIR) !== 0;
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
    if ((this.#isFair || (word & RESERVED) !== 0) && this.heap.waitQueue.countWaiters(this.at, 1) > 0) return undefined;
    return this.#take(word, 0);
  }

  /** @internal `refusable`: it may end with a `DeadlockError`, or be cancelled. */
  protected takeSync(deadline: number, refusable = true, priority = 0): TakenWord | undefined {
    this.checkUsable();
    for (let spin = 0; spin < SPINS; spin++) {
      const word = load(this.words, this.at);
      const taken = (word & ~INCONSISTENT) === 0 ? this.#take(word, 0) : undefined;
      if (taken !== undefined) return taken;
    }
    if (deadline === 0) return this.tryTake();
    if (refusable) this.refuseBehindOwn(priority);
    return this.heap.parker.blockUntil(this.at, this.#attempt(!refusable), deadline, false, refusable, priority);
  }

  /**
   * `begin` is called in the very step that takes it, not when the promise has told its caller: what else this thread's
   * loop runs in between must not find the
   * word its own and the hold still the one before.
   * @internal
   */
  protected async take<H>(
    deadline: number,
    signal: AbortSignal | undefined,
    begin: (taken: TakenWord) => H,
    refusable = true,
    priority = 0,
  ): Promise<H | undefined> {
    const taken = this.tryTake();
    if (taken !== undefined) return begin(taken);
    if (deadline === 0) return undefined;
    const attempt = this.#attempt(!refusable);
    const beginning: Attempt<{ hold: H }> = (granted, node) => {
      const won = attempt(granted, node);
      return won && { hold: begin(won) };
    };
    return (
      await this.heap.parker.waitUntil(this.at, beginning, deadline, signal, false, this.#isFair ? priority : undefined)
    )?.hold;
  }

  /**
   * @internal What `select` waits for: `poll` takes it if it is free, `begin` as for `take`; `check` throws where
   * waiting would be in vain.
   */
  protected choice<H>(
    poll: (awaiting: boolean) => H | undefined,
    begin: (taken: TakenWord, awaiting: boolean) => H,
    check: (awaiting: boolean) => void = () => {},
  ): Choice<H> {
    return choiceOf<H, H>({
      heap: this.heap,
      key: this.at,
      priority: this.#isFair ? 0 : undefined,
      poll,
      begin: (awaiting) => {
        check(awaiting);
        if (!awaiting) this.refuseBehindOwn(0);
        const attempt = this.#attempt();
        return (granted, node) => {
          const taken = attempt(granted, node);
          return taken && begin(taken, awaiting);
        };
      },
      open: (held) => held,
    });
  }

  /**
   * @internal Of a lock whose line is kept in order: what this thread's loop awaits comes first, and cannot while the
   * thread blocks. @throws DeadlockError
   */
  protected refuseBehindOwn(priority: number): void {
    if (this.#isFair && this.heap.parker.isAwaitedBefore(this.at, priority))
      throw new DeadlockError(
        `${this.title} keeps its line in order, and awaiting code of this very thread comes first: it cannot take it while this call blocks the thread: await lock.acquire()`,
      );
  }

  /** @internal */
  protected priorityIn(options: TurnOptions | undefined): number {
    return options === undefined ? 0 : priorityOf(options, this.#isFair);
  }

  /** @internal Frees it if this worker still holds it. */
  protected freeOwned(): void {
    if (this.freeFast()) return;
    for (let word = load(this.words, this.at); word >>> OWNER_SHIFT === this.self; word = load(this.words, this.at)) {
      if (this.freeFrom(word)) return;
    }
  }

  /** @internal Frees it, no matter which worker holds it. @throws NotHeldError */
  protected freeAnyones(): void {
    this.checkUsable();
    for (;;) {
      const word = load(this.words, this.at);
      const owner = word >>> OWNER_SHIFT;
      if (owner === 0) throw new NotHeldError(`${this.title} is not held by anybody: release() must follow an acquire`);
      // In a dead owner's stead: what that one left half changed is not whole because somebody else let go.
      if (this.freeFrom(word, this.heap.registry.isAlive(owner) ? word & INCONSISTENT : INCONSISTENT)) return;
    }
  }

  /**
   * @internal Makes another worker the owner. @throws NotOwnerError when that worker is not alive, or this one does not
   * own it
   */
  protected giveTo(worker: number): void {
    this.checkUsable();
    checkHeir(this.heap, worker, this.title);
    for (let word = load(this.words, this.at); word >>> OWNER_SHIFT === this.self; word = load(this.words, this.at)) {
      if (compareExchange(this.words, this.at, word, (worker << OWNER_SHIFT) | (word & FLAGS)) === word) return;
    }
    throw new NotOwnerError(`${this.title} is not held by this worker any more`);
  }

  /** @internal */
  protected timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(
      `${this.title} was not free${options?.timeout === undefined ? " in time" : ` within ${options.timeout} ms`}`,
    );
  }

  /**
   * @internal Frees the lock if its word is still `word`. RESERVED stays until one of those who wait has taken it,
   * `mark` until somebody says that it is consistent.
   */
  protected freeFrom(word: number, mark = word & INCONSISTENT): boolean {
    const kept = this.#isFair && (word & CONTENDED) !== 0 ? RESERVED : word & RESERVED;
    if (compareExchange(this.words, this.at, word, kept | mark) !== word) return false;
    if ((word & CONTENDED) === 0) return true;
    tellFree(this.heap, this.at + WATCH);
    // Pairs with the arming in the parker: a waiter that set CONTENDED had armed its node before, so this scan sees it.
    while (this.#wakeNext() === 0) {
      // Nobody waits any more. A reservation must not outlive them; a newcomer that queued behind it meanwhile has said
      // so by CONTENDED.
      const now = load(this.words, this.at);
      if ((now & RESERVED) === 0 || now >>> OWNER_SHIFT !== 0) break;
      if (compareExchange(this.words, this.at, now, now & INCONSISTENT) === now && (now & CONTENDED) === 0) break;
    }
    return true;
  }

  #wakeNext(): number {
    return this.#isFair ? this.heap.waitQueue.wakeFirst(this.at) : this.heap.waitQueue.wake(this.at, 1);
  }

  /** One try from a word just read: takes it when it is free or its owner is known dead. */
  #take(word: number, contended: number): TakenWord | undefined {
    const owner = word >>> OWNER_SHIFT;
    if (owner !== 0 && this.heap.registry.isAlive(owner)) return undefined;
    const mark = owner === 0 ? word & INCONSISTENT : INCONSISTENT;
    if (mark !== 0 && (this.words[this.at + POLICY]! & FAILS) !== 0) this.#fail(word);
    if (compareExchange(this.words, this.at, word, this.#owned | contended | (word & CONTENDED) | mark) !== word)
      return undefined;
    if (owner !== 0) tellFree(this.heap, this.at + WATCH);
    return mark === 0 ? TAKEN : TAKEN_INCONSISTENT;
  }

  /**
   * Nobody gets it, and those who wait are told at once. From here on it is free and marked, so that `consistent()`
   * finds no dead worker in it.
   */
  #fail(word: number): never {
    if (word !== INCONSISTENT && compareExchange(this.words, this.at, word, INCONSISTENT) === word) {
      tellFree(this.heap, this.at + WATCH);
      this.heap.waitQueue.wake(this.at, EVERYBODY);
    }
    throw new OwnerDiedError(
      `the worker that held ${this.title} ended without releasing it: repair what it guards, which nobody can enter meanwhile, then call consistent()`,
    );
  }

  /** `firm`: nobody else ends this wait. */
  #attempt(firm = false): Attempt<TakenWord> {
    let since = 0;
    const patience = new Patience();
    const check = firm ? undefined : cancelCheck(this.heap, this.at + CANCELS, this.title);
    return (granted, node) => {
      this.checkUsable();
      check?.();
      if (this.#isFair) return this.#attemptInTurn(node);
      for (;;) {
        const word = load(this.words, this.at);
        const owner = word >>> OWNER_SHIFT;
        const keepOut =
          owner === 0 &&
          (word & RESERVED) !== 0 &&
          !granted &&
          this.heap.waitQueue.countWaiters(this.at, 2) > 1 &&
          !patience.isOver;
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

  /**
   * Of a lock whose line is kept in order: only the first may take it, granted or not. A grant says that it is time to
   * look, and gives no right: one of a higher priority may have come. A waiter that finds it free and is not the first
   * sees to it that the first is woken: the worker that freed it may have died before it woke anybody.
   */
  #attemptInTurn(node: number): TakenWord | undefined {
    for (;;) {
      const word = load(this.words, this.at);
      const owner = word >>> OWNER_SHIFT;
      const isFree = owner === 0 || !this.heap.registry.isAlive(owner);
      // Where owner death is an error all are told at once, in no order.
      const isClosed = (this.words[this.at + POLICY]! & FAILS) !== 0 && (owner !== 0 || (word & INCONSISTENT) !== 0);
      if (isFree && (isClosed || !this.heap.waitQueue.isBehind(this.at, node))) {
        const inTurn = this.#take(word, CONTENDED);
        if (inTurn !== undefined) return inTurn;
        continue;
      }
      // RESERVED keeps newcomers from the fast path while it is free.
      const wanted = word | CONTENDED | (owner === 0 ? RESERVED : 0);
      if (word !== wanted && compareExchange(this.words, this.at, word, wanted) !== word) continue;
      if (isFree) this.heap.waitQueue.wakeFirst(this.at);
      return undefined;
    }
  }
}
