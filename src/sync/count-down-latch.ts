import type { Facts } from "../codec/portrait.js";
import { Handle, onInspect, type Reach, registerShared, SharedObject } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError, TimeoutError } from "../errors/index.js";
import { atomics } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "./selectable.js";
import { KIND } from "./kinds.js";

const { compareExchange, load } = atomics;

const SIZE = 4;
const HIGHEST_COUNT = 0x7fffffff;
const EVERYBODY = 0x7fffffff;

/**
 * A count that goes down to 0 once, and then lets everybody through who waits for it, for good.
 *
 * A count of 0 lets through from the beginning. It never goes up again: make another latch, or use a `Barrier`.
 * **Fairness:** all who wait go on. **Death:** a worker that dies before it counted down leaves the count as it is.
 * Nobody counts down in its stead, and who waits waits on: give `timeout` where that can happen.
 * One that dies in `countDown` has counted or has not; those whom it was to wake look again within a second.
 * **Cancel:** a wait that is aborted or runs out leaves no trace.
 *
 * @example
 * ```ts
 * import { CountDownLatch } from "allcores";
 * const loaded = new CountDownLatch(2);
 * const waiting = loaded.wait({ timeout: 1000 });
 * loaded.countDown();
 * console.log(loaded.count); // 1
 * console.log(loaded.tryWait()); // false
 * loaded.countDown();
 * await waiting;
 * loaded.waitSync(); // at once
 * ```
 */
export class CountDownLatch extends SharedObject implements Selectable<undefined> {
  /**
   * Makes a latch.
   *
   * @param count how often it is counted down before it lets through: a whole number from 0 to 2,147,483,647
   * @param reach `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(count: number, reach?: Reach);
  constructor(count: number, reach?: Reach | Handle) {
    if (typeof count !== "number")
      throw new ArgumentTypeError(`new CountDownLatch(count): count must be a number, got ${typeof count}`);
    if (!Number.isInteger(count) || count < 0 || count > HIGHEST_COUNT)
      throw new ArgumentRangeError(
        `new CountDownLatch(count): count must be a whole number from 0 to ${HIGHEST_COUNT}, got ${count}`,
      );
    super(KIND.countDownLatch, SIZE, reach);
    if (!(reach instanceof Handle)) this.words[this.at] = count;
  }

  /** @internal */
  static attach(handle: Handle): CountDownLatch {
    return new CountDownLatch(0, handle as never);
  }

  /**
   * Takes `n` from the count, which stays at 0 once it is there. At 0 everybody who waits goes on.
   *
   * @param n how many, a whole number from 1; 1 unless given. More than is left takes what is left
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange; at 0 also a wake-up for each that waits.
   */
  countDown(n = 1): void {
    if (typeof n !== "number") throw new ArgumentTypeError(`countDown(n): n must be a number, got ${typeof n}`);
    if (!Number.isInteger(n) || n < 1)
      throw new ArgumentRangeError(`countDown(n): n must be a whole number from 1, got ${n}`);
    let { count } = this;
    while (count > 0) {
      const seen = compareExchange(this.words, this.at, count, Math.max(0, count - n));
      if (seen === count) break;
      count = seen;
    }
    // Also at a count that was 0 before: the worker that brought it there may have died before it woke anybody.
    if (count <= n) this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  /**
   * How much is left to be counted down; 0 once it lets through.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get count(): number {
    this.checkUsable();
    return load(this.words, this.at);
  }

  /** @internal */
  protected override facts(): Facts {
    return { count: this.count };
  }

  /**
   * Waits until the count is 0, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic read where the count is 0; else it
   *   sleeps.
   */
  waitSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    if (this.tryWait()) return;
    if (deadline === 0 || this.heap.parker.blockUntil(this.at, this.#attempt(), deadline) === undefined)
      this.#timedOut(options);
  }

  /**
   * Waits until the count is 0, without blocking the event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic read and a promise where the count
   *   is 0.
   */
  async wait(options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (this.tryWait()) return;
    if (deadline === 0 || (await this.heap.parker.waitUntil(this.at, this.#attempt(), deadline, signal)) === undefined)
      this.#timedOut(options);
  }

  /**
   * Whether the count is 0; never waits.
   *
   * @returns true once it lets through
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic read.
   */
  tryWait(): boolean {
    return this.count === 0;
  }

  /**
   * What `select` waits for: that the count is 0.
   *
   * @returns the choice, whose value is undefined
   * @remarks **Cost:** one small object.
   */
  [selectable](): Choice<undefined> {
    return choiceOf({
      heap: this.heap,
      key: this.at,
      poll: () => this.tryWait() || undefined,
      begin: () => this.#attempt(),
      open: () => undefined,
    });
  }

  /** The count alone decides: it never goes up, so nobody misses that it was 0. */
  #attempt(): Attempt<true> {
    return () => this.tryWait() || undefined;
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not counted down within ${options?.timeout} ms: ${this.count} left`);
  }
}
onInspect(KIND.countDownLatch, { name: "CountDownLatch", state: ({ words }, at) => ({ count: load(words, at) }) });
registerShared(KIND.countDownLatch, CountDownLatch);
