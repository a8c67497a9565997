import { type Facts, hide } from "../codec/portrait.js";
import { type Boundary, crossing, type Marshalled, registerKind } from "../codec/marshalled.js";
import {
  attachShared,
  endShared,
  Handle,
  heapIn,
  holdSharedAgain,
  onInspect,
  type Reach,
  reachOf,
  SharedObject,
} from "../objects/index.js";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  checkFunction,
  CorruptError,
  NotHeldError,
  TimeoutError,
  ownOptions,
} from "../errors/index.js";
import { awaitDeadlineOf, deadlineOf, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import { ConditionWait } from "./condition-wait.js";
import type { Held } from "./held.js";
import { Lock } from "./lock.js";
import { RLock } from "./rlock.js";
import { checkReturn } from "./suspendable.js";
import { KIND } from "./kinds.js";

const SIZE = 4;
const EVERYBODY = 0x7fffffff;

/**
 * Waiting, under a lock, until another worker says that something changed.
 *
 * It has no state of its own: a notification goes to those who wait at that moment and is not remembered. Exactly `n`
 * waiters are woken, the longest waiting first; one that was aborted, timed out or died passes its wake-up on.
 * `wait` returns or throws holding the lock, after a timeout or an abort too.
 * **Death:** a waiter that dies before its wait has returned passes its wake-up on. If an owner died meanwhile,
 * `held.ownerDied` of the hold that waits becomes true; with a lock made with `{ onOwnerDeath: "error" }` the wait
 * throws `OwnerDiedError`, and the lock is not held.
 * **Fairness:** waiters are woken in the order in which they came; they take the lock as its other callers do.
 * **Cancel:** a wait that is aborted or runs out ends once it has the lock back, and loses nobody's notification.
 *
 * @example
 * ```ts
 * import { Condition, TimeoutError } from "allcores";
 * const condition = new Condition();
 * let ready = false;
 * const waiting = condition.run(() => condition.waitFor(() => ready));
 * await condition.run(() => {
 *   ready = true;
 *   condition.notifyAll();
 * });
 * console.log(await waiting); // true
 * {
 *   using held = await condition.acquire({ timeout: 1000 });
 *   console.log(condition.isLocked, condition.waitForSync(() => ready)); // true true
 *   const late = await condition.wait({ timeout: 5 }).catch(({ code }) => code);
 *   console.log(late); // ERR_ALLCORES_TIMEOUT
 *   if (held.ownerDied) condition.consistent();
 *   condition.notify(); // nobody waits: forgotten
 * }
 * condition.runSync(() => {
 *   try {
 *     condition.waitSync({ timeout: 5 });
 *   } catch (error) {
 *     console.log(error instanceof TimeoutError); // true
 *   }
 * });
 * console.log(condition.tryAcquire() !== undefined); // true
 * condition.release();
 * condition.acquireSync()[Symbol.dispose]();
 * ```
 */
export class Condition extends SharedObject {
  /** The lock that protects what is waited for. */
  declare readonly lock: Lock | RLock;

  /**
   * Makes a condition of a lock, or of an RLock of its own.
   *
   * @param lock a `Lock` or `RLock`, which decides the reach
   * @param options `across`: how far its own lock reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE` for a reach that is not the lock's,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory, and that of its lock.
   */
  constructor(lock?: Lock | RLock, options?: Reach);
  constructor(lock?: Lock | RLock, options?: Reach | Handle) {
    if (lock !== undefined && !(lock instanceof Lock) && !(lock instanceof RLock))
      throw new ArgumentTypeError(
        "new Condition(lock): the lock must be a Lock or an RLock, and of the same copy of allcores",
      );
    options = ownOptions(options);
    const across = (options as Reach | undefined)?.across;
    if (lock !== undefined && across !== undefined && across !== lock.across) {
      throw new ArgumentRangeError(
        `a Condition reaches as far as its lock, which is across ${lock.across}: leave { across } out, or create the lock with it`,
      );
    }
    const own = lock ?? new RLock(options as Reach | undefined);
    super(KIND.condition, SIZE, options instanceof Handle ? options : reachOf(heapIn(own), options?.label));
    hide(this, "lock", own);
  }

  /**
   * Takes the lock of the condition, blocking this thread: its `acquireSync`.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the hold; disposing it releases
   * @throws `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, `ERR_ALLCORES_DEADLOCK`, `ERR_ALLCORES_FREED`
   * @remarks **Fairness, death, cancel:** as the lock's. **Cost:** as the lock's.
   */
  acquireSync(options?: SyncWait): Held {
    return this.lock.acquireSync(options);
  }

  /**
   * Takes the lock of the condition without blocking the event loop: its `acquire`.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the hold; disposing it releases
   * @throws `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, `ERR_ALLCORES_DEADLOCK`, `ERR_ALLCORES_FREED`; the
   *   reason of `signal`
   * @remarks **Fairness, death, cancel:** as the lock's. **Cost:** as the lock's.
   */
  acquire(options?: WaitOptions): Promise<Held> {
    return this.lock.acquire(options);
  }

  /**
   * Takes the lock of the condition if it is free now; never waits: its `tryAcquire`.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as the lock's.
   */
  tryAcquire(): Held | undefined {
    return this.lock.tryAcquire();
  }

  /**
   * Runs `fn` holding the lock of the condition: its `run`.
   *
   * @param fn what to run; it is given the hold
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws as `acquire`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, the reason of `signal`; what `fn`
   *   throws
   * @remarks **Fairness, death, cancel:** as the lock's. **Cost:** as the lock's.
   */
  run<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    return this.lock.run(fn, options);
  }

  /**
   * Runs `fn` holding the lock of the condition, blocking this thread: its `runSync`.
   *
   * @param fn what to run, synchronous; it is given the hold
   * @param options as of `acquireSync`
   * @returns what `fn` gives
   * @throws as `acquireSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the lock's. **Cost:** as the lock's.
   */
  runSync<R>(fn: (held: Held) => R, options?: SyncWait): R {
    return this.lock.runSync(fn, options);
  }

  /**
   * Releases the lock of the condition: its `release`.
   *
   * @throws `ERR_ALLCORES_NOT_HELD`, `ERR_ALLCORES_NOT_OWNER`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as the lock's.
   */
  release(): void {
    this.lock.release();
  }

  /**
   * What a dead owner left half changed is whole again: `consistent` of the lock.
   *
   * @throws `ERR_ALLCORES_NOT_HELD`, `ERR_ALLCORES_NOT_OWNER`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as the lock's.
   */
  consistent(): void {
    this.lock.consistent();
  }
  /** @internal */
  protected override facts(): Facts {
    return { isLocked: this.isLocked };
  }

  /**
   * Whether anybody holds the lock now.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isLocked(): boolean {
    return this.lock.isLocked;
  }

  /**
   * The former name of `isLocked`.
   * @deprecated Use `isLocked`.
   */
  get locked(): boolean {
    return this.isLocked;
  }

  /**
   * Gives the lock up, blocks this thread and its event loop until notified, and takes the lock back.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold the lock; holding it, `ERR_ALLCORES_TIMEOUT` when
   *   the time ran out; not holding it, `ERR_ALLCORES_OWNER_DIED` where the death of an owner is an error;
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** a node in the line, a release and an acquire
   *   of the lock; it sleeps.
   */
  waitSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    this.#checkHeld("waitSync");
    if (!this.#waitSync(deadline)) this.#timedOut(options);
  }

  /**
   * Gives the lock up, waits until notified without blocking the event loop, and takes the lock back.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold the lock; holding it, `ERR_ALLCORES_TIMEOUT` when
   *   the time ran out; not holding it, `ERR_ALLCORES_OWNER_DIED` where the death of an owner is an error;
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; holding the lock, the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** a node in the line, a release and an acquire
   *   of the lock; it sleeps.
   */
  async wait(options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    this.#checkHeld("wait");
    if (!(await this.#wait(deadline, signal))) this.#timedOut(options);
  }

  /**
   * Waits until `predicate` is truthy, looking at first and after each notification. Blocks this thread and its
   * event loop.
   *
   * @param predicate what is waited for; synchronous, run holding the lock
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. It is for all of the wait
   * @returns the value of `predicate`
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold the lock; holding it, `ERR_ALLCORES_TIMEOUT` when
   *   the time ran out; not holding it, `ERR_ALLCORES_OWNER_DIED` where the death of an owner is an error;
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; what `predicate` throws, holding the lock
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** as `waitSync`, for each notification.
   */
  waitForSync<T>(predicate: () => T, options?: SyncWait): Truthy<T> {
    checkFunction("waitForSync(predicate)", predicate, "predicate");
    const deadline = deadlineOf(options);
    this.#checkHeld("waitForSync");
    for (;;) {
      const value = predicate();
      if (value) return value as Truthy<T>;
      if (!this.#waitSync(deadline)) return (predicate() || this.#timedOut(options)) as Truthy<T>;
    }
  }

  /**
   * Waits until `predicate` is truthy, looking at first and after each notification. Does not block the event loop.
   *
   * @param predicate what is waited for; synchronous, run holding the lock
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason. They are for all of the wait
   * @returns the value of `predicate`
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold the lock; holding it, `ERR_ALLCORES_TIMEOUT` when
   *   the time ran out; not holding it, `ERR_ALLCORES_OWNER_DIED` where the death of an owner is an error;
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; holding the lock, the reason of `signal`; what `predicate` throws, holding the lock
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** as `wait`, for each notification.
   */
  async waitFor<T>(predicate: () => T, options?: WaitOptions): Promise<Truthy<T>> {
    checkFunction("waitFor(predicate)", predicate, "predicate");
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    this.#checkHeld("waitFor");
    for (;;) {
      const value = predicate();
      if (value) return value as Truthy<T>;
      if (!(await this.#wait(deadline, signal))) return (predicate() || this.#timedOut(options)) as Truthy<T>;
    }
  }

  /**
   * Wakes up to `n` of those who wait now, the longest waiting first. They go on once the lock is released.
   *
   * @param n how many, a whole number from 1; 1 unless given
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold the lock, `ERR_ALLCORES_ARGUMENT_TYPE`,
   *   `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** a scan of the line, and a wake-up for each.
   */
  notify(n = 1): void {
    if (!Number.isInteger(n)) throw new ArgumentTypeError(`notify(n): n must be a whole number, got ${n}`);
    if (n < 1) throw new ArgumentRangeError(`notify(n): n must be 1 or more, got ${n}`);
    this.#checkHeld("notify");
    this.heap.waitQueue.wake(this.at, n);
  }

  /**
   * Wakes everybody who waits now. They go on one after the other, as the lock is released.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold the lock, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** a scan of the line, and a wake-up for each.
   */
  notifyAll(): void {
    this.#checkHeld("notifyAll");
    this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  #checkHeld(verb: string): void {
    this.checkUsable();
    if (!this.lock.isOwned)
      throw new NotHeldError(
        `${verb}() needs the lock of ${this.title} to be held by this worker: call it inside run, runSync or after acquire`,
      );
  }

  #waitSync(deadline: number): boolean {
    this.lock[checkReturn]();
    return new ConditionWait(this.heap, this.at, this.lock).blockUntil(deadline);
  }

  #wait(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    return new ConditionWait(this.heap, this.at, this.lock).waitUntil(deadline, signal);
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not notified within ${options?.timeout} ms`);
  }

  /** @internal */
  override [crossing](to: Boundary, path: string): Marshalled {
    const marshalled = super[crossing](to, path);
    return { ...marshalled, payload: [marshalled.payload, this.lock] };
  }
}

type Truthy<T> = Exclude<T, false | 0 | 0n | "" | null | undefined>;

onInspect(KIND.condition, { name: "Condition" });
registerKind(
  "Condition",
  (payload: unknown) => {
    const [handle, lock] = Array.isArray(payload) ? payload : [];
    if (!(lock instanceof Lock) && !(lock instanceof RLock))
      throw new CorruptError("a handle of a Condition arrived without its lock");
    return attachShared(KIND.condition, "Condition", handle, (at) => new Condition(lock, at as never));
  },
  // Its lock is a marshalled object of its own.
  (payload: unknown, end) =>
    endShared(KIND.condition, "Condition", Array.isArray(payload) ? payload[0] : undefined, end),
  (payload: unknown) => holdSharedAgain(KIND.condition, "Condition", Array.isArray(payload) ? payload[0] : undefined),
);
