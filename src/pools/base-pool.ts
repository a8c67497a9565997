import type { WaitOptions } from "../parking/index.js";
import type { PoolCalls } from "./pool-calls.js";
import type { Scheduler } from "./scheduler.js";

/** The verbs of a pool that say nothing of a task: all pools have them alike. */
export class BasePool {
  readonly #scheduler: Scheduler;

  /** @internal Pools are made by their classes. */
  protected constructor({ scheduler }: PoolCalls) {
    this.#scheduler = scheduler;
  }

  /** Whether `pause()` holds back what waits. */
  get isPaused(): boolean {
    return this.#scheduler.isPaused;
  }

  /**
   * Nothing more begins: neither what waits nor what is submitted from now on, and no map takes from its input. What
   * was handed to a worker and has not begun comes back. What has begun goes on to its end; so does a chunk of a map,
   * and a call whose arguments were moved to a thread. `start()` ends the pause, and so do `close()`, `await using`
   * and `terminate()`.
   *
   * A paused pool does not keep the program alive by what waits in it. It holds for all that share the pool by
   * `with()`. A second `pause()` does nothing.
   *
   * @throws `ERR_ALLCORES_STATE` after `close()` or `terminate()`
   * @remarks **Cost:** a look at each call that workers have.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool({ concurrency: 2 });
   * pool.pause();
   * const future = pool.submit(() => "done");
   * console.log(pool.isPaused, future.state); // true pending
   * pool.start();
   * console.log(await future); // done
   * ```
   */
  pause(): void {
    this.#scheduler.waiting.pause.begin();
  }

  /**
   * Ends a pause: what waits begins by its priority, and maps take from their inputs again. Does nothing where there
   * is no pause.
   *
   * @throws nothing
   * @remarks **Cost:** what handing out costs.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * pool.pause();
   * const sum = pool.submit((a: number, b: number) => a + b, 1, 2);
   * pool.start();
   * console.log(await sum); // 3
   * ```
   */
  start(): void {
    this.#scheduler.waiting.pause.end();
  }

  /**
   * Rejects with `CancelledError` all that waits: calls and items of maps that have not begun, and those that wait for
   * another attempt. What has begun goes on. A map fails by that, unless it is `settled()`.
   *
   * @throws nothing
   * @remarks **Cost:** a step for each that waits.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * pool.pause();
   * const future = pool.submit(() => 1);
   * pool.clear();
   * console.log(future.state); // cancelled
   * ```
   */
  clear(): void {
    this.#scheduler.waiting.clear();
  }

  /**
   * Replaces all workers as they come free: for tasks whose modules have changed, or whose memory has grown. A worker
   * without work ends now, and one that works ends after what it has begun. What it was handed and has not begun goes
   * to others. New ones start with the work that needs them, and run the initializer first. An `AsyncPool` has nothing
   * to replace: its tasks run on this event loop.
   *
   * @throws nothing
   * @remarks **Cost:** a look at each call that workers have; then the start of the workers.
   * @example
   * ```ts
   * import { isMain, task, ThreadPool } from "allcores";
   * let served = 0;
   * const serve = task(import.meta, function serve() {
   *   return ++served;
   * });
   * if (isMain(import.meta)) {
   *   await using pool = new ThreadPool({ workers: 1 });
   *   console.log(await pool.submit(serve), await pool.submit(serve)); // 1 2
   *   pool.recycle();
   *   console.log(await pool.submit(serve)); // 1
   * }
   * ```
   */
  recycle(): void {
    this.#scheduler.waiting.recycle();
  }

  /**
   * Waits until the pool has nothing to do: all that was submitted has ended, and so have all maps that were begun.
   * What waits in a paused pool counts. (p-queue's `onIdle`.)
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out; the reason of `signal`; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness:** all who wait are told together. **Death:** what a dead worker ran has ended, unless it is
   *   tried again. **Cancel:** the signal ends the wait; the pool's work goes on. **Cost:** a look at the pool's counts
   *   with each result, and every 1 to 50 ms.
   * @example
   * ```ts
   * import { AsyncPool, sleep } from "allcores";
   * await using pool = new AsyncPool();
   * const future = pool.submit(async () => await sleep(5));
   * await pool.waitForIdle();
   * console.log(future.state); // done
   * ```
   */
  async waitForIdle(options?: WaitOptions): Promise<void> {
    await this.#scheduler.loads.untilIdle(options);
  }

  /**
   * Waits until nothing waits for a worker; what runs may go on. Items of a map count once they were taken from its
   * input. (p-queue's `onEmpty`.)
   *
   * @param options as of `waitForIdle`: `timeout` in milliseconds, `signal`
   * @throws as `waitForIdle`: `ERR_ALLCORES_TIMEOUT` and the others
   * @remarks **Fairness, death, cancel:** as of `waitForIdle`. **Cost:** a look at what workers have begun with each
   *   result, and every 1 to 50 ms.
   * @example
   * ```ts
   * import { AsyncPool, sleep } from "allcores";
   * await using pool = new AsyncPool({ concurrency: 1 });
   * for (const ms of [5, 10]) void pool.submit(async () => await sleep(ms));
   * await pool.waitForEmpty();
   * console.log(pool.stats().queued); // 0
   * ```
   */
  async waitForEmpty(options?: WaitOptions): Promise<void> {
    await this.#scheduler.loads.untilShorter(1, "without anything that waits", options);
  }

  /**
   * Waits until fewer than `size` calls and items of maps wait for a worker. (p-queue's `onSizeLessThan`.)
   *
   * @param size a whole number from 1
   * @param options as of `waitForIdle`: `timeout` in milliseconds, `signal`
   * @throws as `waitForIdle`: `ERR_ALLCORES_TIMEOUT` and the others
   * @remarks **Fairness, death, cancel:** as of `waitForIdle`. **Cost:** as of `waitForEmpty`.
   * @example
   * ```ts
   * import { AsyncPool, sleep } from "allcores";
   * await using pool = new AsyncPool({ concurrency: 1 });
   * for (let n = 0; n < 10; n++) {
   *   await pool.waitForSizeLessThan(3);
   *   void pool.submit(async () => await sleep(1));
   * }
   * console.log(pool.stats().queued <= 3); // true
   * ```
   */
  async waitForSizeLessThan(size: number, options?: WaitOptions): Promise<void> {
    await this.#scheduler.loads.untilShorter(size, `below ${size} calls that wait`, options);
  }
}
