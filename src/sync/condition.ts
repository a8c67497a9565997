import { type Facts, hide } from "../codec/portrait.js";
import { type Boundary, crossing, type Parcel, registerKind } from "../codec/parcel.js";
import { attachShared, endShared, Handle, heapIn, type Reach, reachOf, SharedObject } from "../codec/shared-object.js";
import { ArgumentRangeError, ArgumentTypeError, CorruptError, NotHeldError, TimeoutError, ownOptions } from "../errors/index.js";
import { type Attempt, awaitDeadlineOf, deadlineOf, KIND, onInspect, signalOf, type SyncWait, type WaitOptions } from "../memory/index.js";
import type { Held } from "./held.js";
import { Lock } from "./lock.js";
import { RLock } from "./rlock.js";
import { reacquire, reacquireSync, suspend } from "./suspendable.js";

const SIZE = 4;
const EVERYBODY = 0x7fffffff;

/**
 * Waiting, under a lock, until another worker says that something changed.
 *
 * It has no state of its own: a notification goes to those who wait at that moment and is not remembered. Exactly `n` waiters are woken, the longest waiting first;
 * one that was aborted, timed out or died passes its wake-up on.
 * `wait` returns or throws holding the lock, after a timeout or an abort too.
 * **Death:** a waiter that dies before its wait has returned passes its wake-up on. If an owner died meanwhile, `held.ownerDied` of the hold that waits becomes true; with a lock
 * made with `{ onOwnerDeath: "error" }` the wait throws `OwnerDiedError`, and the lock is not held.
 *
 * @example
 * ```ts
 * import { Condition } from "allcores";
 * const condition = new Condition();
 * let ready = false;
 * const waiting = condition.run(() => condition.waitFor(() => ready));
 * await condition.run(() => {
 *   ready = true;
 *   condition.notifyAll();
 * });
 * console.log(await waiting); // true
 * ```
 */
export class Condition extends SharedObject {
  /** The lock that protects what is waited for. */
  declare readonly lock: Lock | RLock;

  /** Without a lock it makes an RLock of its own. A given lock decides the reach. */
  constructor(lock?: Lock | RLock, options?: Reach);
  constructor(lock?: Lock | RLock, options?: Reach | Handle) {
    if (lock !== undefined && !(lock instanceof Lock) && !(lock instanceof RLock))
      throw new ArgumentTypeError("new Condition(lock): the lock must be a Lock or an RLock, and of the same copy of allcores");
    options = ownOptions(options);
    const across = (options as Reach | undefined)?.across;
    if (lock !== undefined && across !== undefined && across !== lock.across) {
      throw new ArgumentRangeError(`a Condition reaches as far as its lock, which is across ${lock.across}: leave { across } out, or create the lock with it`);
    }
    const own = lock ?? new RLock(options as Reach | undefined);
    super(KIND.condition, SIZE, options instanceof Handle ? options : reachOf(heapIn(own), options?.label));
    hide(this, "lock", own);
  }

  /** As the lock's. */
  acquireSync(options?: SyncWait): Held {
    return this.lock.acquireSync(options);
  }
  /** As the lock's. */
  acquire(options?: WaitOptions): Promise<Held> {
    return this.lock.acquire(options);
  }
  /** As the lock's. */
  tryAcquire(): Held | undefined {
    return this.lock.tryAcquire();
  }
  /** As the lock's. */
  run<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    return this.lock.run(fn, options);
  }
  /** As the lock's. */
  runSync<R>(fn: (held: Held) => R, options?: SyncWait): R {
    return this.lock.runSync(fn, options);
  }
  /** As the lock's. */
  release(): void {
    this.lock.release();
  }
  /** As the lock's. */
  consistent(): void {
    this.lock.consistent();
  }
  /** @internal */
  protected override facts(): Facts {
    return { locked: this.locked };
  }

  /** As the lock's. */
  get locked(): boolean {
    return this.lock.locked;
  }

  /** Gives the lock up, blocks until notified, takes it back. @throws NotHeldError, TimeoutError (holding the lock) */
  waitSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    this.#checkHeld("waitSync");
    if (!this.#waitSync(deadline)) this.#timedOut(options);
  }

  /** Gives the lock up, waits until notified, takes it back. @throws NotHeldError, TimeoutError or the signal's reason (holding the lock) */
  async wait(options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    this.#checkHeld("wait");
    if (!(await this.#wait(deadline, signal))) this.#timedOut(options);
  }

  /** Waits until `predicate` is truthy, looking at first and after each notification, and returns its value. The timeout is for all of it. */
  waitForSync<T>(predicate: () => T, options?: SyncWait): Truthy<T> {
    const deadline = deadlineOf(options);
    this.#checkHeld("waitForSync");
    for (;;) {
      const value = predicate();
      if (value) return value as Truthy<T>;
      if (!this.#waitSync(deadline)) return (predicate() || this.#timedOut(options)) as Truthy<T>;
    }
  }

  /** Waits until `predicate` (synchronous, run holding the lock) is truthy, and resolves with its value. */
  async waitFor<T>(predicate: () => T, options?: WaitOptions): Promise<Truthy<T>> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    this.#checkHeld("waitFor");
    for (;;) {
      const value = predicate();
      if (value) return value as Truthy<T>;
      if (!(await this.#wait(deadline, signal))) return (predicate() || this.#timedOut(options)) as Truthy<T>;
    }
  }

  /** Wakes up to `n` of those who wait now. @throws NotHeldError when this worker does not hold the lock */
  notify(n = 1): void {
    if (!Number.isInteger(n)) throw new ArgumentTypeError(`notify(n): n must be a whole number, got ${n}`);
    if (n < 1) throw new ArgumentRangeError(`notify(n): n must be 1 or more, got ${n}`);
    this.#checkHeld("notify");
    this.heap.waitQueue.wake(this.at, n);
  }

  /** Wakes everybody who waits now. @throws NotHeldError when this worker does not hold the lock */
  notifyAll(): void {
    this.#checkHeld("notifyAll");
    this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  #checkHeld(verb: string): void {
    this.checkUsable();
    if (!this.lock.owned)
      throw new NotHeldError(`${verb}() needs the lock of ${this.title} to be held by this worker: call it inside run, runSync or after acquire`);
  }

  #waitSync(deadline: number): boolean {
    const suspension = this.#suspension();
    try {
      return this.heap.parker.blockUntil(this.at, suspension.attempt, deadline) ?? false;
    } finally {
      try {
        if (suspension.begun) this.lock[reacquireSync](suspension.tenure as never);
      } finally {
        this.#putDown(suspension);
      }
    }
  }

  async #wait(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    signal?.throwIfAborted();
    const suspension = this.#suspension();
    try {
      return (await this.heap.parker.waitUntil(this.at, suspension.attempt, deadline, signal)) ?? false;
    } finally {
      try {
        if (suspension.begun) await this.lock[reacquire](suspension.tenure as never);
      } finally {
        this.#putDown(suspension);
      }
    }
  }

  #putDown({ hand, carries }: { readonly hand: number; readonly carries: boolean }): void {
    if (hand === 0) return;
    const { waitQueue } = this.heap;
    if (carries) waitQueue.putDown(hand);
    waitQueue.putNode(hand);
  }

  /**
   * The attempt of one wait. Its first call gives the lock up: the node is armed by then, so a notify() by the next holder finds this waiter. A notification stays in hand
   * until the lock is taken back: whoever dies before that has not acted on it, and the sweep passes it on. The node for that is taken before anything is changed, since
   * taking one may need the allocator.
   */
  #suspension(): { attempt: Attempt<true>; begun: boolean; tenure: unknown; hand: number; carries: boolean } {
    const suspension = {
      begun: false,
      tenure: undefined as unknown,
      hand: 0,
      carries: false,
      attempt: (granted: boolean): true | undefined => {
        if (!suspension.begun) {
          suspension.hand = this.heap.waitQueue.takeNode();
          suspension.begun = true;
          suspension.tenure = this.lock[suspend]();
        }
        if (!granted) return undefined;
        this.heap.waitQueue.carry(this.at, suspension.hand);
        suspension.carries = true;
        return true;
      },
    };
    return suspension;
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not notified within ${options?.timeout} ms`);
  }

  /** @internal */
  override [crossing](to: Boundary, path: string): Parcel {
    const parcel = super[crossing](to, path);
    return { ...parcel, payload: [parcel.payload, this.lock] };
  }
}

type Truthy<T> = Exclude<T, false | 0 | 0n | "" | null | undefined>;

onInspect(KIND.condition, { name: "Condition" });
registerKind(
  "Condition",
  (payload: unknown) => {
    const [handle, lock] = Array.isArray(payload) ? payload : [];
    if (!(lock instanceof Lock) && !(lock instanceof RLock)) throw new CorruptError("a handle of a Condition arrived without its lock");
    return attachShared(KIND.condition, "Condition", handle, (at) => new Condition(lock, at as never));
  },
  // Its lock is a parcel of its own.
  (payload: unknown, end) => endShared(KIND.condition, "Condition", Array.isArray(payload) ? payload[0] : undefined, end),
);
