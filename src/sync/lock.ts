import { portray } from "../codec/portrait.js";
import { type Handle, onInspect, onNames, registerShared } from "../objects/index.js";
import { checkFunction, NotOwnerError } from "../errors/index.js";
import { awaitDeadlineOf, deadlineOf, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import type { Held } from "./held.js";
import type { FairLockOptions } from "./owner-death.js";
import { ownerInsight, ownerNames } from "./owner-insight.js";
import { TAKEN_INCONSISTENT, type TakenWord } from "./lock-word.js";
import { OwnerWord } from "./owner-word.js";
import { type Choice, type Selectable, selectable } from "./selectable.js";
import { checkReturn, reacquire, reacquireSync, suspend } from "./suspendable.js";
import { TURN, TURN_SYNC, type TurnOptions } from "./turn-options.js";
import { KIND } from "./kinds.js";

const dispose = Symbol("dispose");
const handOff = Symbol("handOff");

class LockHeld implements Held {
  readonly #lock: Lock;
  /** Changed only by a condition's wait that gave the lock up meanwhile. */
  ownerDied: boolean;
  constructor(lock: Lock, ownerDied: boolean) {
    this.#lock = lock;
    this.ownerDied = ownerDied;
  }
  handOff(worker: number): void {
    this.#lock[handOff](this, worker);
  }
  [Symbol.dispose](): void {
    this.#lock[dispose](this);
  }
}
portray(
  LockHeld,
  ({ ownerDied }) => ({ ownerDied }),
  "a hold stays with its worker: give it on by held.handOff(worker), or send the object and acquire it there",
);

/**
 * Mutual exclusion between blocking and awaiting callers of any thread and, `{ across: "processes" }`, any process. Not
 * re-entrant: see `RLock`.
 *
 * **Fairness:** barging, with a bound. A released lock goes to the caller that asks first; a waiter that was beaten for
 * 5 ms has it reserved for those who wait. With `{ fair: true }` it goes to those who wait in the order of their
 * `priority`, the higher first, and of their coming. A head of the line that is dead, aborted or out of time is
 * skipped; one that awaits while its event loop is busy holds up the line. A blocking acquire behind an awaiting one of
 * its own thread is a `DeadlockError`.
 * **Death:** when the owner ends in any way without releasing, the next one gets the lock within a second, with
 * `held.ownerDied`; so does everybody after it, until a holder calls `consistent()`. With `{ onOwnerDeath: "error" }`
 * they get an `OwnerDiedError` instead.
 * **Cancel:** a wait that is aborted or runs out neither keeps the lock nor loses another's wake-up.
 *
 * @example
 * ```ts
 * import { Lock } from "allcores";
 * const lock = new Lock();
 * {
 *   using _ = lock.acquireSync();
 *   console.log(lock.isLocked); // true
 * }
 * console.log(lock.isLocked); // false
 * await lock.run(() => console.log(lock.tryAcquire())); // undefined
 * console.log(lock.runSync(({ ownerDied }) => ownerDied)); // false
 * const held = await lock.acquire({ timeout: 1000 });
 * if (held.ownerDied) lock.consistent(); // once what it guards is in order
 * lock.release();
 * lock.free();
 * ```
 */
export class Lock extends OwnerWord implements Selectable<Held> {
  /** The hold that this worker has now: an earlier one no longer releases anything. */
  #current: LockHeld | undefined;

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
    super(KIND.lock, options);
  }

  /** @internal */
  static attach(handle: Handle): Lock {
    return new Lock(handle as never);
  }

  /**
   * Takes the lock, blocking this thread and its event loop until it is free.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `priority`: of a fair lock,
   * higher
   *   comes first
   * @returns the hold; disposing it releases
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` where the death of its owner is
   *   an error, `ERR_ALLCORES_DEADLOCK` where the wait could never end, `ERR_ALLCORES_FREED`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic exchange where it is free; else
   *   some looks, then it sleeps.
   */
  acquireSync(options?: SyncWait & TurnOptions): Held {
    if (options === undefined && this.takeFast()) return (this.#current = new LockHeld(this, false));
    return (
      this.#held(this.takeSync(deadlineOf(options, TURN_SYNC), true, this.priorityIn(options))) ??
      this.timedOut(options)
    );
  }

  /**
   * Takes the lock without blocking the event loop.
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
  async acquire(options?: WaitOptions & TurnOptions): Promise<Held> {
    const deadline = awaitDeadlineOf(options, TURN);
    const priority = this.priorityIn(options);
    return (
      (await this.take(deadline, signalOf(options), (taken) => this.#begin(taken), true, priority)) ??
      this.timedOut(options)
    );
  }

  /**
   * Takes the lock if it is free now; never waits.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` where the death of its owner is an error, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange where it is free.
   */
  tryAcquire(): Held | undefined {
    return this.#held(this.tryTake());
  }

  /**
   * Runs `fn` holding the lock, which is released when the promise of `fn` settles.
   *
   * @param fn what to run; it is given the hold
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws as `acquire`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, the reason of `signal`; what `fn`
   *   throws
   * @remarks **Fairness, death, cancel:** as the class says. Once `fn` runs nothing cancels it. **Cost:** that of
   *   `acquire`, and a promise.
   */
  async run<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions & TurnOptions): Promise<R> {
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
   * @throws as `acquireSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** that of `acquireSync`.
   */
  runSync<R>(fn: (held: Held) => R, options?: SyncWait & TurnOptions): R {
    checkFunction("runSync(fn)", fn);
    using held = this.acquireSync(options);
    return fn(held);
  }

  /**
   * Frees the lock, no matter which worker holds it, as in Python. The hold that it ends releases nothing any more.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when nobody holds it, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange; a wake-up where somebody waits.
   */
  release(): void {
    if (this.#current !== undefined && this.freeFast()) this.#current = undefined;
    else this.freeAnyones();
  }

  /**
   * What `select` waits for: that it is free. It is acquired if it is chosen.
   *
   * @returns the choice, whose value is the hold
   * @remarks **Cost:** one small object.
   */
  [selectable](): Choice<Held> {
    return this.choice<Held>(
      () => this.tryAcquire(),
      (taken) => this.#begin(taken),
    );
  }

  #held(taken: TakenWord | undefined): LockHeld | undefined {
    return taken && this.#begin(taken);
  }

  #begin(taken: TakenWord): LockHeld {
    return (this.#current = new LockHeld(this, taken === TAKEN_INCONSISTENT));
  }

  /** @internal */
  [dispose](held: LockHeld): void {
    if (this.#current !== held) return;
    this.#current = undefined;
    if (!this.freeFast()) this.freeOwned();
  }

  /** @internal */
  [handOff](held: LockHeld, worker: number): void {
    if (this.#current !== held) throw new NotOwnerError(`${this.title} is no longer held by this hold`);
    this.giveTo(worker);
    this.#current = undefined;
  }

  /** @internal */
  [suspend](): LockHeld | undefined {
    const held = this.#current;
    this.#current = undefined;
    this.freeOwned();
    return held;
  }

  /** @internal */
  [checkReturn](): void {
    this.refuseBehindOwn(0);
  }

  /** @internal */
  [reacquireSync](held: LockHeld | undefined): void {
    this.#resume(held, this.takeSync(Number.POSITIVE_INFINITY, false));
  }

  /** @internal */
  async [reacquire](held: LockHeld | undefined): Promise<void> {
    await this.take(Number.POSITIVE_INFINITY, undefined, (taken) => this.#resume(held, taken), false);
  }

  #resume(held: LockHeld | undefined, taken: TakenWord | undefined): void {
    this.#current = held;
    if (held !== undefined && taken === TAKEN_INCONSISTENT) held.ownerDied = true;
  }
}
onInspect(KIND.lock, ownerInsight("Lock", false));
onNames(KIND.lock, ownerNames);
registerShared(KIND.lock, Lock);
