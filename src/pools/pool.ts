import type { Future } from "../futures/future.js";
import type { WaitOptions } from "../parking/index.js";
import type { AnyFunction, Task } from "../workers/task.js";
import type { CallOptions } from "./call-options.js";
import type { MapOptions } from "./map-options.js";
import type { Kept, MapRun } from "./map-run.js";
import type { PipelineStage } from "./map-stream.js";
import type { PoolHandle } from "./pool-handle.js";
import type { PoolStats } from "./pool-stats.js";

/** What awaiting a call of the function gives. */
export type ResultOf<F extends AnyFunction> = Awaited<ReturnType<F>>;

/**
 * What every pool can do, whatever its tasks run on: a program changes the model by changing the word that makes the
 * pool.
 */
export interface Pool extends AsyncDisposable {
  /** Most workers: how many tasks run at a time. */
  readonly workers: number;

  /** Whether `pause()` holds back what waits. */
  readonly isPaused: boolean;

  /**
   * The same pool with other options for the calls that go through it.
   *
   * @param options `signal`: calls the work off when it aborts. `timeout`: milliseconds from the call to its end,
   *   waiting included; without end unless given.
   *   `taskTimeout`: milliseconds that the task may run. `priority`: higher goes first among what waits; 0 unless
   *   given.
   *   `retries`: as the pool's option. `transfer`: objects among the arguments that are moved to a thread
   * @returns a pool over the same workers
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense,
   *   `ERR_ALLCORES_STATE` for `transfer` where the workers are no threads
   * @remarks **Cost:** one small object; no worker is started.
   */
  with(options: CallOptions): Pool;

  /**
   * Has a worker run the task. The future gives its value or its error.
   *
   * @param task a function that was registered by `task()`; of an AsyncPool any function
   * @param args its arguments, which are copied; shared objects arrive as themselves
   * @returns the future, which can be cancelled
   * @throws `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for an argument that cannot cross,
   *   `ERR_ALLCORES_POOL_FULL` past `maxQueue`, `ERR_ALLCORES_STATE` after `close()`, `ERR_ALLCORES_NOT_A_TASK`,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`; what ended the pool, once it can do no work
   * @remarks **Fairness:** in the order of the calls, within one priority. **Death:** the future fails with
   *   `ERR_ALLCORES_WORKER_DIED`, or the task is tried again. **Cancel:** a task that waits never runs; one that runs
   *   is asked to stop. **Cost:** the encoding and a write into a worker's lane; a wake-up where the worker sleeps.
   */
  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>>;

  /**
   * Has a worker run the task, unless as many tasks wait as `maxQueue` allows; never throws for that.
   *
   * @param task as of `submit`
   * @param args its arguments
   * @returns the future; undefined where no more may wait
   * @throws as `submit`, but for `ERR_ALLCORES_POOL_FULL`
   * @remarks **Fairness, death, cancel, cost:** as `submit`. **Cost:** where no more may wait, a look at the workers.
   */
  trySubmit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> | undefined;

  /**
   * Runs the task for each item. Awaited, it gives all results in the order of the items; iterated, each as soon as
   * its turn comes. The first error ends it and calls the rest off. See `MapRun` for other orders, and for errors that
   * stop nothing.
   *
   * @param task a function of one item
   * @param items where the items come from; they are taken only as fast as results are
   * @param options `chunkSize`: items that travel together. `buffer`: most items whose results are not consumed.
   *   `timeout`: milliseconds for the whole map. `signal`: calls the rest off when it aborts
   * @returns the results, to be awaited or iterated
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for items or options that make no sense,
   *   `ERR_ALLCORES_STATE` after `close()`, `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness:** the calls of several maps take turns by priority. **Death:** items that were not begun go to
   *   other workers. **Cancel:** leaves no item behind. **Cost:** as `submit`, for each chunk.
   */
  map<A, R>(
    task: Task<(item: A) => R>,
    items: Iterable<A> | AsyncIterable<A>,
    options?: MapOptions,
  ): MapRun<A, Kept<R>>;

  /**
   * As `map`, with an array of arguments for each call.
   *
   * @param task a function of several arguments
   * @param tuples where the arguments of each call come from
   * @param options as of `map`
   * @returns the results, to be awaited or iterated
   * @throws as `map`: `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_STATE`,
   *   `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness, death, cancel:** as `map`. **Cost:** as `map`.
   */
  starmap<A extends readonly unknown[], R>(
    task: Task<(...args: [...A]) => R>,
    tuples: Iterable<A> | AsyncIterable<A>,
    options?: MapOptions,
  ): MapRun<A, Kept<R>>;

  /**
   * `map` as a stage between the source and the sink of a pipeline of Node. Results go on in the order of what comes
   * in, and no more is taken in than the sink takes. An error, or the end of the pipeline, calls the rest off.
   *
   * @param task a function of one item
   * @param options as of `map`
   * @returns the stage, for `pipeline` of `node:stream`
   * @throws nothing; the stage throws what `map` does, such as `ERR_ALLCORES_STATE`
   * @remarks **Fairness, death, cancel:** as `map`. **Cost:** as `map`.
   *
   * @example
   * ```ts
   * import { pipeline } from "node:stream/promises";
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * await pipeline([1], pool.stream(async (n: number) => n + 1), async (results) => {
   *   for await (const n of results) console.log(n); // 2
   * });
   * ```
   */
  stream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): PipelineStage<A, Kept<R>>;

  /**
   * `map` for web streams, with the same order and the same backpressure as `stream`.
   *
   * @param task a function of one item
   * @param options as of `map`
   * @returns the two ends of the stream, for `readable.pipeThrough`
   * @throws nothing; the stream fails with what `map` throws, such as `ERR_ALLCORES_STATE`
   * @remarks **Fairness, death, cancel:** as `map`. **Cost:** as `map`, and that of the streams.
   *
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * const { readable, writable } = pool.transformStream(async (n: number) => n + 1);
   * const writer = writable.getWriter();
   * void writer.write(41).then(() => writer.close());
   * for await (const n of readable) console.log(n); // 42
   * ```
   */
  transformStream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): TransformStream<A, Kept<R>>;

  /**
   * This pool for its own tasks, as an argument. While it is open, a pool that has given a handle keeps the program
   * alive. See `PoolHandle`.
   *
   * @returns the handle, which travels to the pool's tasks
   * @throws `ERR_ALLCORES_STATE` after `close()`, and where the workers have no shared memory
   * @remarks **Cost:** the first one serves an object to the workers; later ones are small objects.
   */
  handle(): PoolHandle;

  /**
   * Sets how many workers there may be. More come with the next work; too many end once they have done what they run.
   *
   * @param workers most workers, from 1
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` or `ERR_ALLCORES_ARGUMENT_RANGE` for what is no whole number from 1
   * @remarks **Cost:** what waits before workers that are to end goes to others.
   */
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
   * Replaces all workers as they come free. A worker without work ends now, and one that works ends after what it has
   * begun. New ones start with the work that needs them. An `AsyncPool` has nothing to replace.
   *
   * @throws nothing
   * @remarks **Cost:** a look at each call that workers have; then the start of the workers.
   * @example
   * ```ts
   * import { createPool, type Pool } from "allcores";
   * await using pool: Pool = createPool("async");
   * pool.recycle();
   * console.log(pool.stats().running); // 0
   * ```
   */
  recycle(): void;

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

  /**
   * What the pool has done, and does now.
   *
   * @returns counts of calls and of workers, and how long calls waited and ran in milliseconds
   * @throws nothing
   * @remarks **Cost:** a look at each worker.
   */
  stats(): PoolStats;

  /**
   * No more work is taken. What was submitted is done, then the workers end. A second call does nothing.
   *
   * @throws nothing
   * @remarks **Cost:** tells the workers that have nothing to do to end; waits for nothing.
   */
  close(): void;

  /**
   * Ends all workers now, and the workers that tasks have started. What was submitted and is not done fails with
   * `CancelledError`.
   *
   * @throws nothing
   * @remarks **Death:** what the workers hold passes on as from the dead. **Cost:** a signal to each worker, and a
   *   rejection for each call that was not done.
   */
  terminate(): void;

  /**
   * Waits until the workers have ended, and so the workers that tasks have started and that are no daemons.
   *
   * @throws `ERR_ALLCORES_STATE` before `close()` or `terminate()`: it would wait for ever
   * @remarks **Fairness, death, cancel:** all who join go on together; a worker that dies is replaced while there is
   *   work. **Cost:** one promise.
   */
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
