import type { Future } from "../futures/future.js";
import type { WaitOptions } from "../parking/index.js";
import type { AnyFunction, Task } from "../workers/task.js";
import type { CallOptions } from "./call-options.js";
import type { MapOptions } from "./map-options.js";
import type { MapRun } from "./map-run.js";
import type { PipelineStage } from "./map-stream.js";
import type { PoolHandle } from "./pool-handle.js";
import type { PoolStats } from "./pool-stats.js";

/** What awaiting a call of the function gives. */
export type ResultOf<F extends AnyFunction> = Awaited<ReturnType<F>>;

/** What every pool can do, whatever its tasks run on: a program changes the model by changing the word that makes the pool. */
export interface Pool extends AsyncDisposable {
  /** Most workers: how many tasks run at a time. */
  readonly workers: number;

  /** Whether `pause()` holds back what waits. */
  readonly isPaused: boolean;

  /** The same pool with other options for the calls that go through it. */
  with(options: CallOptions): Pool;

  /**
   * Has a worker run the task; the future gives its value or its error.
   * @throws UnsendableError or ReachError when an argument cannot cross, PoolFullError past `maxQueue`, StateError after close; NotATaskError
   */
  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>>;

  /** As `submit`; undefined when as many tasks wait as `maxQueue` allows. */
  trySubmit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> | undefined;

  /**
   * Runs the task for each item; awaited, it gives all results in the order of the items; iterated, each as soon as its turn comes.
   * The items are taken only as fast as results are; the first error ends it and calls the rest off. See `MapRun` for other orders and for errors that stop nothing.
   */
  map<A, R>(task: Task<(item: A) => R>, items: Iterable<A> | AsyncIterable<A>, options?: MapOptions): MapRun<A, Awaited<R>>;

  /** As `map`, with an array of arguments for each call. */
  starmap<A extends readonly unknown[], R>(
    task: Task<(...args: [...A]) => R>,
    tuples: Iterable<A> | AsyncIterable<A>,
    options?: MapOptions,
  ): MapRun<A, Awaited<R>>;

  /**
   * `map` as a stage of `stream.pipeline(source, pool.stream(task), sink)`: results go on in the order of what comes in, and no more is taken in than the sink takes.
   * An error, or the end of the pipeline, calls the rest off.
   */
  stream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): PipelineStage<A, Awaited<R>>;

  /** `map` for web streams: `readable.pipeThrough(pool.transformStream(task))`. The same order and the same backpressure. */
  transformStream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): TransformStream<A, Awaited<R>>;

  /** This pool for its own tasks, as an argument. While it is open, a pool that has given a handle keeps the program alive. */
  handle(): PoolHandle;

  /** Sets how many workers there may be. More come with the next work; too many end once they have done what they are at. */
  resize(workers: number): void;

  /**
   * Nothing more begins, and no map takes from its input. What was handed to a worker and has not begun comes back;
   * what has begun goes on. `start()`, `close()`, `await using` and `terminate()` end the pause.
   *
   * @throws `ERR_ALLCORES_STATE` after `close()` or `terminate()`
   * @remarks **Cost:** a look at each call that workers have.
   * @example
   * ```ts
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * pool.pause();
   * console.log(pool.isPaused); // true
   * ```
   */
  pause(): void;

  /**
   * Ends a pause: what waits begins by its priority, and maps take from their inputs again.
   *
   * @throws nothing
   * @remarks **Cost:** what handing out costs.
   * @example
   * ```ts
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * pool.pause();
   * pool.start();
   * console.log(pool.isPaused); // false
   * ```
   */
  start(): void;

  /**
   * Rejects with `CancelledError` all that waits. What has begun goes on. A map fails by that, unless it is
   * `settled()`.
   *
   * @throws nothing
   * @remarks **Cost:** a step for each that waits.
   * @example
   * ```ts
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * pool.clear();
   * console.log(pool.stats().queued); // 0
   * ```
   */
  clear(): void;

  /**
   * Waits until the pool has nothing to do: all that was submitted has ended, and so have all maps that were begun.
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
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * await pool.waitForIdle({ timeout: 1000 });
   * ```
   */
  waitForIdle(options?: WaitOptions): Promise<void>;

  /**
   * Waits until nothing waits for a worker; what runs may go on. Items of a map count once they were taken from its
   * input.
   *
   * @param options as of `waitForIdle`: `timeout` in milliseconds, `signal`
   * @throws as `waitForIdle`: `ERR_ALLCORES_TIMEOUT` and the others
   * @remarks **Fairness, death, cancel:** as of `waitForIdle`. **Cost:** a look at what workers have begun with each
   *   result, and every 1 to 50 ms.
   * @example
   * ```ts
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * await pool.waitForEmpty();
   * ```
   */
  waitForEmpty(options?: WaitOptions): Promise<void>;

  /**
   * Waits until fewer than `size` calls and items of maps wait for a worker.
   *
   * @param size a whole number from 1
   * @param options as of `waitForIdle`: `timeout` in milliseconds, `signal`
   * @throws as `waitForIdle`: `ERR_ALLCORES_TIMEOUT` and the others
   * @remarks **Fairness, death, cancel:** as of `waitForIdle`. **Cost:** as of `waitForEmpty`.
   * @example
   * ```ts
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * await pool.waitForSizeLessThan(100);
   * ```
   */
  waitForSizeLessThan(size: number, options?: WaitOptions): Promise<void>;

  /** What it has done and does. */
  stats(): PoolStats;

  /** No more work is taken; what was submitted is done, then the workers end. */
  close(): void;

  /** Ends all workers now, and the workers that tasks have started. What was submitted and is not done fails with `CancelledError`. */
  terminate(): void;

  /** Waits until the workers have ended, and so the workers that tasks have started and that are no daemons. @throws StateError before close() or terminate() */
  join(): Promise<void>;

  /** Closes it and waits for all that was submitted. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The scope form: gives `fn` a pool, waits for its work when `fn` is done, and terminates it when `fn` throws. */
export async function runPool<P extends Pool, T>(pool: P, fn: (pool: P) => T | PromiseLike<T>): Promise<T> {
  let value: T;
  try {
    value = await fn(pool);
  } catch (error) {
    pool.terminate();
    await pool.join();
    throw error;
  }
  pool.close();
  await pool.join();
  return value;
}
