import { portray } from "../codec/portrait.js";
import { type Handle, onInspect, onNames, registerShared } from "../objects/index.js";
import { checkFunction, DeadlockError, NotHeldError, NotOwnerError } from "../errors/index.js";
import { awaitDeadlineOf, deadlineOf, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import type { Held } from "./held.js";
import type { FairLockOptions } from "./owner-death.js";
import { ownerInsight, ownerNames } from "./owner-insight.js";
import { TAKEN, TAKEN_INCONSISTENT, type TakenWord } from "./lock-word.js";
import { OwnerWord } from "./owner-word.js";
import { type Choice, type Selectable, selectable } from "./selectable.js";
import { checkReturn, reacquire, reacquireSync, suspend } from "./suspendable.js";
import { TURN, TURN_SYNC, type TurnOptions } from "./turn-options.js";
import { KIND } from "./kinds.js";

/** A hold of an RLock: re-entered explicitly by awaiting code. */
export interface RHeld extends Held {
  /**
   * Enters once more, at once: the way for awaiting code, which has no thread to be known by.
   *
   * @returns one more hold, which is to be disposed too
   * @throws `ERR_ALLCORES_NOT_HELD` when this hold is over
   * @remarks **Cost:** no atomic operation.
   *
   * @example
   * ```ts
   * import { RLock } from "allcores";
   * const lock = new RLock();
   * using outer = await lock.acquire();
   * using inner = outer.acquire();
   * ```
   */
  acquire(): RHeld;
}

const leave = Symbol("leave");
const enterAgain = Symbol("enterAgain");
const handOff = Symbol("handOff");

/**
 * From the outermost acquire to the last release. Its depth is nobody else's business, so it is not in shared memory.
 */
interface Tenure {
  depth: number;
  /** Taken by awaiting code: blocking code on this thread must not re-enter it, and cannot wait for it either. */
  readonly awaited: boolean;
  /**
   * Whether what the lock guards is marked as half changed: the word says so too, and only its owner changes it there.
   */
  marked: boolean;
  /** How often a condition's wait that had given the lock up came back to what an owner had left when it died. */
  deaths: number;
}

class RLockHeld implements RHeld {
  readonly #lock: RLock;
  readonly #tenure: Tenure;
  /** Deaths of the tenure that it was not told of. */
  readonly #deaths: number;
  #over = false;
  constructor(lock: RLock, tenure: Tenure) {
    this.#lock = lock;
    this.#tenure = tenure;
    this.#deaths = tenure.marked ? -1 : tenure.deaths;
  }
  get ownerDied(): boolean {
    return this.#tenure.deaths > this.#deaths;
  }
  acquire(): RHeld {
    if (this.#over) throw new NotHeldError("this hold of an RLock is over: acquire() on a hold that is still open");
    return this.#lock[enterAgain](this.#tenure);
  }
  handOff(worker: number): void {
    if (this.#over) throw new NotOwnerError("this hold of an RLock is over");
    this.#lock[handOff](this.#tenure, worker);
    this.#over = true;
  }
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#lock[leave](this.#tenure);
  }
}
portray(
  RLockHeld,
  ({ ownerDied }) => ({ ownerDied }),
  "a hold stays with its worker: give it on by held.handOff(worker), or send the object and acquire it there",
);

/**
 * A lock that its owner may take again; free once it is released as often.
 *
 * Blocking code re-enters by thread. Awaiting code re-enters only through its hold, `held.acquire()`: two tasks of one
 * event loop are told apart by nothing else. A blocking acquire of a lock that this thread's own loop holds could never
 * succeed and throws `DeadlockError`.
 * **Fairness, death, cancel:** as `Lock`. Unlike a Lock it is released by its owner only.
 *
 * @example
 * ```ts
 * import { RLock } from "allcores";
 * const lock = new RLock();
 * {
 *   using outer = lock.acquireSync();
 *   using inner = lock.acquireSync();
 *   console.log(lock.isLocked); // true
 * }
 * console.log(lock.isLocked); // false
 * {
 *   using outer = await lock.acquire({ timeout: 1000 });
 *   using inner = outer.acquire(); // awaiting code enters again by its hold
 *   if (outer.ownerDied) lock.consistent(); // once what it guards is in order
 * }
 * await lock.run((held) => held.acquire()[Symbol.dispose]());
 * console.log(lock.runSync(() => lock.tryAcquire() !== undefined && lock.isOwned)); // true
 * lock.release();
 * ```
 */
export class RLock extends OwnerWord implements Selectable<RHeld> {
  #tenure: Tenure | undefined;

  /**
   * Makes a lock that nobody holds.
   *
   * @param options `across`: how far it reaches; `label`: its name in errors and reports; `onOwnerDeath`: what those
   *   get who come after an owner that died; `fair`: whether those who wait get it in their order
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(options?: FairLockOptions);
  constructor(options?: FairLockOptions | Handle) {
    super(KIND.rlock, options);
  }

  /** @internal */
  static attach(handle: Handle): RLock {
    return new RLock(handle as never);
  }

  /**
   * Takes the lock, blocking this thread and its event loop until it is free; enters again if this thread's blocking
   * code has it.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `priority`: of a fair lock,
   * higher
   *   comes first
   * @returns the hold; disposing it releases
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` where the death of its owner is
   *   an error, `ERR_ALLCORES_DEADLOCK` when awaiting code of this thread has it or the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic exchange where it is free, none
   *   where it enters again; else some looks, then it sleeps.
   */
  acquireSync(options?: SyncWait & TurnOptions): RHeld {
    const tenure = this.#tenure;
    if (tenure === undefined && options === undefined && this.takeFast()) return this.#begin(false, TAKEN);
    const deadline = deadlineOf(options, TURN_SYNC);
    const priority = this.priorityIn(options);
    const own = this.#ownTenure();
    if (own !== undefined) {
      if (!own.awaited) return this[enterAgain](own);
      this.#throwDeadlock();
    }
    return this.#held(this.takeSync(deadline, true, priority), false) ?? this.timedOut(options);
  }

  /**
   * Takes the lock without blocking the event loop; never enters again by itself: see `held.acquire()`.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason. `priority`: of a fair lock, higher comes first
   * @returns the hold; disposing it releases
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` where the death of its owner is
   *   an error, `ERR_ALLCORES_DEADLOCK` where the wait could never end, `ERR_ALLCORES_FREED`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; the reason of
   *   `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic exchange and a promise where it is
   *   free; else its event loop is woken.
   */
  async acquire(options?: WaitOptions & TurnOptions): Promise<RHeld> {
    const deadline = awaitDeadlineOf(options, TURN);
    const priority = this.priorityIn(options);
    return (
      (await this.take(deadline, signalOf(options), (taken) => this.#begin(true, taken), true, priority)) ??
      this.timedOut(options)
    );
  }

  /**
   * Takes the lock if it is free now, or enters again if this thread's blocking code has it. Such a hold counts as
   * blocking code's: awaiting code that keeps one over an `await` lets its siblings of this thread in, so there use
   * `acquire({ timeout: 0 })`.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` where the death of its owner is an error, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange where it is free.
   */
  tryAcquire(): RHeld | undefined {
    const own = this.#ownTenure();
    if (own !== undefined && !own.awaited) return this[enterAgain](own);
    return this.#held(this.tryTake(), false);
  }

  /**
   * Runs `fn` holding the lock, which is released when the promise of `fn` settles.
   *
   * @param fn what to run; it is given the hold
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws as `acquire`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, `ERR_ALLCORES_DEADLOCK`, the reason of
   *   `signal`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. Once `fn` runs nothing cancels it. **Cost:** that of
   *   `acquire`, and a promise.
   */
  async run<R>(fn: (held: RHeld) => R | PromiseLike<R>, options?: WaitOptions & TurnOptions): Promise<R> {
    checkFunction("run(fn)", fn);
    using held = await this.acquire(options);
    return await fn(held);
  }

  /**
   * Runs `fn` holding the lock, for code that cannot say `using`.
   *
   * @param fn what to run, synchronous; it is given the hold
   * @param options as of `acquireSync`
   * @returns what `fn` gives
   * @throws as `acquireSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, `ERR_ALLCORES_DEADLOCK`; what `fn`
   *   throws
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** that of `acquireSync`.
   */
  runSync<R>(fn: (held: RHeld) => R, options?: SyncWait & TurnOptions): R {
    checkFunction("runSync(fn)", fn);
    using held = this.acquireSync(options);
    return fn(held);
  }

  /**
   * As `Lock.consistent`: what a dead owner left half changed is whole again, and later holders are no longer told.
   *
   * @throws `ERR_ALLCORES_NOT_OWNER` when another worker holds it, `ERR_ALLCORES_NOT_HELD` when nobody does,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange.
   */
  override consistent(): void {
    super.consistent();
    if (this.#tenure !== undefined) this.#tenure.marked = false;
  }

  /**
   * Releases one level; the lock is free after the outermost. Disposing a hold does the same.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when nobody holds it, `ERR_ALLCORES_NOT_OWNER` when another worker does,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange for the outermost level; a wake-up where somebody waits.
   */
  release(): void {
    const own = this.#ownTenure();
    if (own === undefined) {
      if (!this.isLocked)
        throw new NotHeldError(`${this.title} is not held by anybody: release() must follow an acquire`);
      throw new NotOwnerError(`${this.title} is held by another worker: only its owner may release an RLock`);
    }
    this[leave](own);
  }

  /**
   * What `select` waits for: that it is free; `selectSync` and `trySelect` also enter again, as `tryAcquire` does. It
   * is acquired if it is chosen.
   */
  [selectable](): Choice<RHeld> {
    return this.choice<RHeld>(
      (awaiting) => (awaiting ? this.#held(this.tryTake(), true) : this.tryAcquire()),
      (taken, awaiting) => this.#begin(awaiting, taken),
      (awaiting) => {
        if (!awaiting && this.#ownTenure() !== undefined) this.#throwDeadlock();
      },
    );
  }

  #throwDeadlock(): never {
    throw new DeadlockError(
      `${this.title} is held by awaiting code of this very thread, which cannot release it while this call blocks the thread: await lock.acquire(), or held.acquire()`,
    );
  }

  #held(taken: TakenWord | undefined, awaited: boolean): RHeld | undefined {
    return taken && this.#begin(awaited, taken);
  }

  #begin(awaited: boolean, taken: TakenWord): RHeld {
    this.#tenure = { depth: 1, awaited, marked: taken === TAKEN_INCONSISTENT, deaths: 0 };
    return new RLockHeld(this, this.#tenure);
  }

  /** The tenure of this worker; one that another handed to it begins here, as blocking code's. */
  #ownTenure(): Tenure | undefined {
    if (!this.isOwned) return undefined;
    return (this.#tenure ??= { depth: 1, awaited: false, marked: this.isInconsistent, deaths: 0 });
  }

  /** @internal */
  [enterAgain](tenure: Tenure): RHeld {
    if (this.#tenure !== tenure) throw new NotHeldError(`${this.title} was released meanwhile`);
    tenure.depth++;
    return new RLockHeld(this, tenure);
  }

  /** @internal */
  [leave](tenure: Tenure): void {
    if (this.#tenure !== tenure || --tenure.depth > 0) return;
    this.#tenure = undefined;
    if (!this.freeFast()) this.freeOwned();
  }

  /** @internal */
  [handOff](tenure: Tenure, worker: number): void {
    if (this.#tenure !== tenure || tenure.depth !== 1)
      throw new NotOwnerError(`${this.title} can be handed off only from its outermost hold`);
    this.giveTo(worker);
    this.#tenure = undefined;
  }

  /** @internal */
  [suspend](): Tenure | undefined {
    const tenure = this.#tenure;
    this.#tenure = undefined;
    this.freeOwned();
    return tenure;
  }

  /** @internal */
  [checkReturn](): void {
    this.refuseBehindOwn(0);
  }

  /** @internal */
  [reacquireSync](tenure: Tenure | undefined): void {
    this.#resume(tenure, this.takeSync(Number.POSITIVE_INFINITY, false));
  }

  /** @internal */
  async [reacquire](tenure: Tenure | undefined): Promise<void> {
    await this.take(Number.POSITIVE_INFINITY, undefined, (taken) => this.#resume(tenure, taken), false);
  }

  #resume(tenure: Tenure | undefined, taken: TakenWord | undefined): void {
    this.#tenure = tenure;
    if (tenure === undefined) return;
    tenure.marked = taken === TAKEN_INCONSISTENT;
    if (tenure.marked) tenure.deaths++;
  }
}
onInspect(KIND.rlock, ownerInsight("RLock", true));
onNames(KIND.rlock, ownerNames);
registerShared(KIND.rlock, RLock);
