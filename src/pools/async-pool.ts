import { AsyncLocalStorage } from "node:async_hooks";
import { portray, refuseClones } from "../codec/portrait.js";
import type { Future } from "../futures/future.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import type { AnyFunction } from "../workers/task.js";
import { type AsyncPoolOptions, asyncSettingsOf } from "./async-pool-options.js";
import { type JobInHand, workerState } from "../workers/worker-state.js";
import { BasePool } from "./base-pool.js";
import type { CallOptions } from "./call-options.js";
import { localKind } from "./links/local-links.js";
import { localTask } from "./links/local-task.js";
import type { MapOptions } from "./map-options.js";
import type { MapRun } from "./map-run.js";
import { generatorOver, type PipelineStage, transformOver } from "./map-stream.js";
import { type Pool, type ResultOf, runPool } from "./pool.js";
import type { PoolHandle } from "./pool-handle.js";
import { registerPool } from "./pool-models.js";
import { wholeNumber } from "./option-values.js";
import type { PoolStats } from "./pool-stats.js";
import { PoolCalls } from "./pool-calls.js";
import { Scheduler, terminated } from "./scheduler.js";

/**
 * A pool of places on this event loop: I/O-bound work, so many at a time and so often a second.
 *
 * It takes what the other pools take, and closures. Nothing is copied: arguments and results are the objects themselves. A task begins after the call that submits it,
 * in the asynchronous context (AsyncLocalStorage) of that call. A task is a function that waits: one that computes holds up the loop, which is what threads are for.
 *
 * **Cancel:** as in every pool the future is rejected at once, and `currentWorker().signal` of the task aborts, with the reason. The task keeps its place until it has
 * ended, so that no more than `concurrency` are ever under way; but nothing can end one that does not listen: after `killGrace` its place goes to others, and what comes
 * of it is dropped. `join` waits for no longer than that. Ask for `currentWorker()` before the first `await`, or make the pool with `tracked`.
 *
 * @example
 * ```ts
 * import { AsyncPool, sleep } from "allcores";
 * await using pool = new AsyncPool({ concurrency: 10, rate: { limit: 100, interval: 1000 } });
 * const pages = await pool.map(async (n: number) => {
 *   await sleep(5);
 *   return `page ${n}`;
 * }, [1, 2]);
 * console.log(pages); // [ 'page 1', 'page 2' ]
 * ```
 */
export class AsyncPool extends BasePool implements Pool {
  readonly #calls: PoolCalls;

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

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: AsyncPoolOptions, fn: (pool: AsyncPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new AsyncPool(options), fn);
  }

  get workers(): number {
    return this.#scheduler.workers;
  }

  with(options: CallOptions): AsyncPool {
    return new AsyncPool(this.#calls.with(options));
  }

  submit<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Future<ResultOf<F>> {
    return this.#calls.submit(localTask(fn), args) as Future<ResultOf<F>>;
  }

  trySubmit<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    return this.#calls.trySubmit(localTask(fn), args) as Future<ResultOf<F>> | undefined;
  }

  map<A, R>(fn: (item: A) => R, items: Iterable<A> | AsyncIterable<A>, options: MapOptions = {}): MapRun<A, Awaited<R>> {
    // Items travel nowhere: each goes for itself unless told otherwise.
    return this.#calls.map(localTask(fn), items, AS_ONE, "map(fn, items)", options, 1);
  }

  starmap<A extends readonly unknown[], R>(
    fn: (...args: [...A]) => R,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Awaited<R>> {
    return this.#calls.map(localTask(fn), tuples, SPREAD, "starmap(fn, tuples)", options, 1);
  }

  stream<A, R>(fn: (item: A) => R, options?: MapOptions): PipelineStage<A, Awaited<R>> {
    return generatorOver((items, given) => this.map(fn, items, given), options);
  }

  transformStream<A, R>(fn: (item: A) => R, options?: MapOptions): TransformStream<A, Awaited<R>> {
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
  if (tracked) workerState.tracker ??= new AsyncLocalStorage<JobInHand>();
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
