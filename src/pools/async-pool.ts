import { AsyncLocalStorage } from "node:async_hooks";
import { portray, refuseClones } from "../codec/portrait.js";
import type { Future } from "../futures/future.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import type { AnyFunction } from "../workers/task.js";
import { type AsyncPoolOptions, asyncSettingsOf } from "./async-pool-options.js";
import { type RunningJob, workerState } from "../workers/worker-state.js";
import { BasePool } from "./base-pool.js";
import type { CallOptions } from "./call-options.js";
import { localKind } from "./links/local-links.js";
import { localTask } from "./links/local-task.js";
import type { MapOptions } from "./map-options.js";
import type { Kept, MapRun } from "./map-run.js";
import { generatorOver, type PipelineStage, transformOver } from "./map-stream.js";
import { type Pool, type ResultOf, runPool } from "./pool.js";
import type { PoolHandle } from "./pool-handle.js";
import { registerPool } from "./pool-models.js";
import { wholeNumber } from "./option-values.js";
import type { PoolStats } from "./pool-stats.js";
import { PoolCalls } from "./pool-calls.js";
import { terminated } from "./closing.js";
import { Scheduler } from "./scheduler.js";

/**
 * A pool of places on this event loop: I/O-bound work, so many at a time and so often a second.
 *
 * It takes what the other pools take, and closures. Nothing is copied: arguments and results are the objects
 * themselves. A task begins after the call that submits it, in the asynchronous context (AsyncLocalStorage) of that
 * call. A task is a function that waits: one that computes holds up the loop, which is what threads are for.
 *
 * **Cancel:** as in every pool the future is rejected at once, and `currentWorker().signal` of the task aborts, with
 * the reason. The task keeps its place until it has ended, so that no more than `concurrency` are ever under way; but
 * nothing can end one that does not listen: after `killGrace` its place goes to others, and what comes of it is
 * dropped. `join` waits for no longer than that. Ask for `currentWorker()` before the first `await`, or make the pool
 * with `tracked`.
 *
 * @example
 * ```ts
 * import { AsyncPool, sleep } from "allcores";
 * const pool = new AsyncPool({ concurrency: 10, rate: { limit: 100, interval: 1000 } });
 * const load = async (n: number) => {
 *   await sleep(5);
 *   return `page ${n}`;
 * };
 * console.log(await pool.map(load, [1, 2])); // [ 'page 1', 'page 2' ]
 * console.log(await pool.starmap(load, [[3]])); // [ 'page 3' ]
 * console.log(await pool.submit(load, 4), await pool.with({ timeout: 60_000 }).trySubmit(load, 5)); // page 4 page 5
 * for await (const page of pool.stream(load)([6])) console.log(page); // page 6
 * const { readable, writable } = pool.transformStream(load);
 * void writable.close();
 * for await (const _ of readable); // nothing was written
 * pool.resize(20);
 * console.log(pool.workers, pool.stats().completed, pool.handle() !== undefined); // 20 6 true
 * pool.close(); // or pool.terminate()
 * await pool.join();
 * ```
 */
export class AsyncPool extends BasePool implements Pool {
  readonly #calls: PoolCalls;

  /**
   * Makes a pool of places on this event loop.
   *
   * @param options `concurrency`: how many tasks run at a time; 32 unless given. `rate`: how often they may begin. For
   *   the others see `AsyncPoolOptions`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** some small objects.
   */
  constructor(options?: AsyncPoolOptions);
  /** @internal The same pool with other options for its calls. */
  constructor(calls: PoolCalls);
  constructor(options: AsyncPoolOptions | PoolCalls = {}) {
    const calls = options instanceof PoolCalls ? options : new PoolCalls(schedulerOf(options));
    super(calls);
    refuseClones(this);
    this.#calls = calls;
  }

  get #scheduler(): Scheduler {
    return this.#calls.scheduler;
  }

  /**
   * Gives `fn` a pool and waits for its work; terminates it when `fn` throws.
   *
   * @param options how the pool is made
   * @param fn what uses the pool
   * @returns what `fn` gives, once all that was submitted is done
   * @throws what `fn` throws, after the pool has ended; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE`
   *   for options that make no sense
   * @remarks **Cost:** a pool of its own, some small objects.
   *
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * console.log(await AsyncPool.run({ concurrency: 2 }, (pool) => pool.submit(async () => 49))); // 49
   * ```
   */
  static async run<T>(options: AsyncPoolOptions, fn: (pool: AsyncPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new AsyncPool(options), fn);
  }

  get workers(): number {
    return this.#scheduler.workers;
  }

  with(options: CallOptions): AsyncPool {
    return new AsyncPool(this.#calls.with(options));
  }

  /**
   * Runs a function as soon as a place is free. The future gives its value or its error.
   *
   * @param fn the function, which may be a closure
   * @param args its arguments, as they are
   * @returns the future, which can be cancelled
   * @throws `ERR_ALLCORES_POOL_FULL` past `maxQueue`, `ERR_ALLCORES_STATE` after `close()`, `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the call and its future; nothing is copied.
   */
  submit<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Future<ResultOf<F>> {
    return this.#calls.submit(localTask(fn), args) as Future<ResultOf<F>>;
  }

  /**
   * As `submit`; gives undefined where as many wait as `maxQueue` allows.
   *
   * @param fn the function
   * @param args its arguments
   * @returns the future; undefined where no more may wait
   * @throws `ERR_ALLCORES_STATE` after `close()`, `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the call and its future; nothing is copied.
   */
  trySubmit<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    return this.#calls.trySubmit(localTask(fn), args) as Future<ResultOf<F>> | undefined;
  }

  /**
   * Runs the function for each item: see `Pool.map`. Each item goes for itself unless `chunkSize` is given.
   *
   * @param fn a function of one item
   * @param items where the items come from
   * @param options as of `Pool.map`
   * @returns the results, to be awaited or iterated
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for items or options that make no sense,
   *   `ERR_ALLCORES_STATE` after `close()`, `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the call and its future; nothing is copied.
   */
  map<A, R>(fn: (item: A) => R, items: Iterable<A> | AsyncIterable<A>, options: MapOptions = {}): MapRun<A, Kept<R>> {
    // Items travel nowhere: each goes for itself unless told otherwise.
    return this.#calls.map(localTask(fn), items, AS_ONE, "map(fn, items)", options, 1);
  }

  /**
   * As `map`, with an array of arguments for each call.
   *
   * @param fn a function of several arguments
   * @param tuples where the arguments of each call come from
   * @param options as of `Pool.map`
   * @returns the results, to be awaited or iterated
   * @throws as `map`: `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_STATE`,
   *   `ERR_ALLCORES_NOT_A_TASK`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the call and its future; nothing is copied.
   */
  starmap<A extends readonly unknown[], R>(
    fn: (...args: [...A]) => R,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Kept<R>> {
    return this.#calls.map(localTask(fn), tuples, SPREAD, "starmap(fn, tuples)", options, 1);
  }

  /**
   * `map` as a stage between the source and the sink of a pipeline of Node: see `Pool.stream`.
   *
   * @param fn a function of one item
   * @param options as of `Pool.map`
   * @returns the stage, for `pipeline` of `node:stream`
   * @throws nothing; the stage throws what `map` does, such as `ERR_ALLCORES_STATE`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the call and its future; nothing is copied.
   */
  stream<A, R>(fn: (item: A) => R, options?: MapOptions): PipelineStage<A, Kept<R>> {
    return generatorOver((items, given) => this.map(fn, items, given), options);
  }

  /**
   * `map` for web streams: see `Pool.transformStream`.
   *
   * @param fn a function of one item
   * @param options as of `Pool.map`
   * @returns the two ends of the stream, for `readable.pipeThrough`
   * @throws nothing; the stream fails with what `map` throws, such as `ERR_ALLCORES_STATE`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** the call and its future; nothing is copied.
   */
  transformStream<A, R>(fn: (item: A) => R, options?: MapOptions): TransformStream<A, Kept<R>> {
    return transformOver((items) => this.map(fn, items, options));
  }

  handle(): PoolHandle {
    return this.#scheduler.handle();
  }

  resize(workers: number): void {
    this.#scheduler.resize(wholeNumber("workers", workers, 1, 1));
  }

  stats(): PoolStats {
    return this.#scheduler.stats();
  }

  close(): void {
    this.#scheduler.close();
  }

  terminate(): void {
    this.#scheduler.terminate(terminated);
  }

  async join(): Promise<void> {
    await this.#scheduler.join();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.join();
  }
}

function schedulerOf(options: AsyncPoolOptions): Scheduler {
  const { rate, tracked, settings } = asyncSettingsOf(options);
  if (tracked) workerState.tracker ??= new AsyncLocalStorage<RunningJob>();
  return new Scheduler("AsyncPool", settings, localKind(rate));
}

portray(
  AsyncPool,
  (pool) => {
    const { submitted, completed, failed, cancelled } = pool.stats();
    return { workers: pool.workers, submitted, completed, failed, cancelled };
  },
  "pass pool.handle() to its own tasks, or have each worker make a pool of its own",
);

registerPool("async", (options) => new AsyncPool(options as AsyncPoolOptions));
