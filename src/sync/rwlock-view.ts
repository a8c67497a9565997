import { portray } from "../codec/portrait.js";
import { checkFunction } from "../errors/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import type { Held } from "./held.js";
import { RWLOCK } from "./rwlock-words.js";
import { type Choice, type Selectable, selectable } from "./selectable.js";
import { UnlockWatch } from "./unlock-watch.js";

/** The lock, of which a view is a side. */
interface WholeLock {
  cancelWaiters(): void;
}

/** One of the two ways in which a read-write lock can be held. */
export interface WayIn {
  acquire(options?: WaitOptions): Promise<Held>;
  acquireSync(options?: SyncWait): Held;
  tryAcquire(): Held | undefined;
  release(): void;
  consistent(): void;
  isLocked(): boolean;
  choice(): Choice<Held>;
}

/**
 * One side of an `RWLock`, with the verbs of a `Lock`: `rw.reading` or `rw.writing`. For code that is given a lock and
 * need not know which, and for `select`.
 *
 * It has no state of its own: a hold that it gives is one of the `RWLock`. It stays in its worker; send the `RWLock`
 * itself, and take its view there.
 *
 * **Fairness, death, cancel:** as `RWLock`. A select that waits for `rw.writing` holds newcomers among the readers
 * back, as `write()` does, until the select is over.
 *
 * @example
 * ```ts
 * import { Queue, RWLock, select } from "allcores";
 * const rw = new RWLock();
 * await rw.reading.run(() => console.log(rw.readers, rw.reading.isLocked)); // 1 true
 * rw.writing.runSync(() => console.log(rw.reading.tryAcquire())); // undefined
 * {
 *   using one = await rw.writing.acquire({ timeout: 1000 });
 *   if (one.ownerDied) rw.writing.consistent();
 * }
 * rw.reading.acquireSync();
 * rw.reading.release();
 * const { key } = await select({ exclusive: rw.writing, job: new Queue() });
 * console.log(key); // exclusive
 * ```
 */
export class RWLockView implements Selectable<Held> {
  readonly #way: WayIn;
  readonly #lock: WholeLock;
  readonly #watch: UnlockWatch;

  /** @internal Made by the read-write lock. `looksFree`: whether nobody keeps this side from being taken. */
  constructor(way: WayIn, lock: WholeLock, looksFree: () => boolean) {
    this.#way = way;
    this.#lock = lock;
    this.#watch = new UnlockWatch(lock, RWLOCK.watch, RWLOCK.cancels, looksFree);
  }

  /**
   * Takes this side without blocking the event loop: `read` or `write` of the `RWLock`.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @returns the hold; disposing it leaves
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` after a dead writer where that
   *   is an error; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as `RWLock`. **Cost:** as `RWLock.read` and `RWLock.write`.
   */
  acquire(options?: WaitOptions): Promise<Held> {
    return this.#way.acquire(options);
  }

  /**
   * Takes this side, blocking this thread and its event loop: `readSync` or `writeSync` of the `RWLock`.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @returns the hold; disposing it leaves
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_OWNER_DIED` after a dead writer where that
   *   is an error
   * @remarks **Fairness, death, cancel:** as `RWLock`. **Cost:** as `RWLock.read` and `RWLock.write`.
   */
  acquireSync(options?: SyncWait): Held {
    return this.#way.acquireSync(options);
  }

  /**
   * Takes this side if it can be had now; never waits: `tryRead` or `tryWrite` of the `RWLock`.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_OWNER_DIED` after a dead writer where that is an error
   * @remarks **Cost:** as `RWLock.tryRead` and `RWLock.tryWrite`.
   */
  tryAcquire(): Held | undefined {
    return this.#way.tryAcquire();
  }

  /**
   * Runs `fn` holding this side; it is left when the promise of `fn` settles.
   *
   * @param fn what to run; it is given the hold
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws as `acquire`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`, the reason of `signal`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as `RWLock`. Once `fn` runs nothing cancels it. **Cost:** that of
   *   `acquire`, and a promise.
   */
  async run<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction("run(fn)", fn);
    using held = await this.acquire(options);
    return await fn(held);
  }

  /**
   * Runs `fn` holding this side, for code that cannot say `using`.
   *
   * @param fn what to run, synchronous; it is given the hold
   * @param options as of `acquireSync`
   * @returns what `fn` gives
   * @throws as `acquireSync`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_OWNER_DIED`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as `RWLock`. **Cost:** that of `acquireSync`.
   */
  runSync<R>(fn: (held: Held) => R, options?: SyncWait): R {
    checkFunction("runSync(fn)", fn);
    using held = this.acquireSync(options);
    return fn(held);
  }

  /**
   * Gives back one hold of this side that this worker has, for a hold that another worker handed over. Disposing the
   * hold does the same.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker does not hold this side
   * @remarks **Cost:** as disposing the hold.
   */
  release(): void {
    this.#way.release();
  }

  /**
   * What a dead writer left half changed is whole again: `consistent()` of the `RWLock`, which says who may say it.
   *
   * @throws `ERR_ALLCORES_NOT_OWNER` when another worker writes, `ERR_ALLCORES_NOT_HELD` when nobody does
   * @remarks **Cost:** as `RWLock.consistent`.
   */
  consistent(): void {
    this.#way.consistent();
  }

  /**
   * Waits until nobody keeps this side from being taken, and takes nothing: of `reading` until nobody writes, of
   * `writing` until nobody reads or writes. By the time the caller goes on it may be otherwise; one that is free for a
   * moment ends the wait too.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one look. `signal`: ends the wait with its
   *   reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CANCELLED` when somebody called
   *   `cancelWaiters()`, `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for
   *   options that make no sense; the reason of `signal`
   * @remarks **Fairness:** all who wait so go on. **Death:** a holder that died counts as gone within a second.
   *   **Cancel:** leaves no trace. **Cost:** a look where it is free; else its event loop is woken.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * const rw = new RWLock();
   * using held = rw.readSync();
   * await rw.reading.waitForUnlock(); // at once: others may read too
   * ```
   */
  waitForUnlock(options?: WaitOptions): Promise<void> {
    return this.#watch.wait(options);
  }

  /**
   * As `waitForUnlock`, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one look
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_CANCELLED` when somebody called
   *   `cancelWaiters()`, `ERR_ALLCORES_DEADLOCK` where the wait could never end, `ERR_ALLCORES_FREED`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel:** as `waitForUnlock`. **Cost:** a look where it is free; else it sleeps.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * new RWLock().writing.waitForUnlockSync({ timeout: 1000 }); // at once: nobody has it
   * ```
   */
  waitForUnlockSync(options?: SyncWait): void {
    this.#watch.waitSync(options);
  }

  /**
   * `cancelWaiters()` of the `RWLock`: ends the waits for both of its sides, in every worker, with a `CancelledError`.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Death:** as there. **Cost:** one atomic operation, and a wake-up for each that waits.
   *
   * @example
   * ```ts
   * import { RWLock } from "allcores";
   * const rw = new RWLock();
   * using held = rw.writeSync();
   * const waiting = rw.reading.acquire().catch(({ code }) => code);
   * rw.reading.cancelWaiters();
   * console.log(await waiting); // ERR_ALLCORES_CANCELLED
   * ```
   */
  cancelWaiters(): void {
    this.#lock.cancelWaiters();
  }

  /**
   * Whether anybody holds this side now: a reader, or the writer.
   * @throws `ERR_ALLCORES_FREED`
   */
  get isLocked(): boolean {
    return this.#way.isLocked();
  }

  /**
   * What `select` waits for: that this side can be had. It is taken if it is chosen.
   *
   * @returns the choice, whose value is the hold
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one small object.
   */
  [selectable](): Choice<Held> {
    return this.#way.choice();
  }
}
portray(
  RWLockView,
  ({ isLocked }) => ({ isLocked }),
  "a view of an RWLock stays with its worker: send the RWLock itself, and take its reading or writing there",
);
