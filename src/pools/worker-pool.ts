import { portray, refuseClones } from "../codec/portrait.js";
import type { Future } from "../futures/future.js";
import type { SyncWait } from "../parking/index.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { BasePool } from "./base-pool.js";
import type { CallOptions } from "./call-options.js";
import type { MapOptions } from "./map-options.js";
import type { Kept, MapRun } from "./map-run.js";
import { generatorOver, type PipelineStage, transformOver } from "./map-stream.js";
import type { Pool, ResultOf } from "./pool.js";
import { PoolCalls } from "./pool-calls.js";
import type { PoolHandle } from "./pool-handle.js";
import { wholeNumber } from "./option-values.js";
import { type PoolOptions, settingsOf } from "./pool-options.js";
import type { LinkKind } from "./link.js";
import type { PoolStats } from "./pool-stats.js";
import { terminated } from "./closing.js";
import { Scheduler } from "./scheduler.js";

/** What ThreadPool and ProcessPool share: everything but what their workers run on. */
export class WorkerPool extends BasePool implements Pool {
  readonly #calls: PoolCalls;

  /** @internal Pools are made by their classes. */
  protected constructor(calls: PoolCalls) {
    super(calls);
    refuseClones(this);
    this.#calls = calls;
  }

  get #scheduler(): Scheduler {
    return this.#calls.scheduler;
  }

  get workers(): number {
    return this.#scheduler.workers;
  }

  with(options: CallOptions): WorkerPool {
    return new WorkerPool(this.#calls.with(options));
  }

  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> {
    return this.#calls.submit(identityOf(task), args) as Future<ResultOf<F>>;
  }

  trySubmit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    return this.#calls.trySubmit(identityOf(task), args) as Future<ResultOf<F>> | undefined;
  }

  map<A, R>(
    task: Task<(item: A) => R>,
    items: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Kept<R>> {
    return this.#calls.map(identityOf(task), items, AS_ONE, "map(task, items)", options);
  }

  starmap<A extends readonly unknown[], R>(
    task: Task<(...args: [...A]) => R>,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Kept<R>> {
    return this.#calls.map(identityOf(task), tuples, SPREAD, "starmap(task, tuples)", options);
  }

  stream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): PipelineStage<A, Kept<R>> {
    return generatorOver((items, given) => this.map(task, items, given), options);
  }

  transformStream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): TransformStream<A, Kept<R>> {
    return transformOver((items) => this.map(task, items, options));
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

  /**
   * Waits as `join`, blocking this thread, until all that was submitted is done and the workers have ended. Meanwhile
   * it hands out what waits, takes results in, keeps the pool's times and replaces workers that die.
   *
   * What the pool calls of yours it calls from within this call: `retries.when`, `onProgress` listeners, the input of a
   * map. Futures are settled when it returns, but for results of a class that has to be loaded here. What was chained
   * to them runs once the event loop turns. So does what needs the loop itself, such as an `AbortSignal`. Ctrl-C ends
   * the program at once.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 does what can be done at once
   * @throws `ERR_ALLCORES_STATE` before `close()` or `terminate()`; `ERR_ALLCORES_TIMEOUT` when the time ran out: the
   *   pool goes on and can be joined again; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options
   *   that make no sense. `ERR_ALLCORES_DEADLOCK` where it would wait for this very thread, and `await pool.join()`
   *   would not: a map takes its items from an async iterable, or its results are iterated here; a task waits for an
   *   object that this thread serves (`serve`, `pool.handle()`); the pool itself is calling
   * @remarks **Fairness, cancel:** as the pool's. **Death:** a worker that dies unasked is noticed within some 0.1 s. A
   *   process that ended stays in the system's table until the event loop turns. **Cost:** one blocking wait; a look at
   *   each worker every 0.1 s, more often while one is about to end.
   * @example
   * ```ts
   * import { isMain, task, ThreadPool } from "allcores";
   * const square = task(import.meta, function square(n: number) {
   *   return n * n;
   * });
   * if (isMain(import.meta)) {
   *   const pool = new ThreadPool({ workers: 2 });
   *   const futures = [3, 4].map((n) => pool.submit(square, n));
   *   pool.close();
   *   pool.joinSync();
   *   console.log(futures.map(({ state }) => state)); // [ 'done', 'done' ]
   *   console.log(await Promise.all(futures)); // [ 9, 16 ]
   * }
   * ```
   */
  joinSync(options?: SyncWait): void {
    this.#scheduler.joinSync(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.join();
  }
}

/** The calls of a pool that is made for its user. */
export function callsOf(title: string, kind: LinkKind, options: PoolOptions = {}): PoolCalls {
  const scheduler = new Scheduler(title, settingsOf(options, kind.boundary), kind);
  // Starts the workers that are to be ready.
  scheduler.settleDown();
  return new PoolCalls(scheduler);
}

portray(
  WorkerPool,
  (pool) => {
    const { submitted, completed, failed, cancelled } = pool.stats();
    return { workers: pool.workers, submitted, completed, failed, cancelled };
  },
  "pass pool.handle() to its own tasks, or have each worker make a pool of its own",
);
