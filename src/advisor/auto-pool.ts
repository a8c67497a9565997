import { portray, refuseClones } from "../codec/portrait.js";
import type { Future } from "../futures/future.js";
import type { WaitOptions } from "../parking/index.js";
import type { CallOptions } from "../pools/call-options.js";
import type { AutoPoolOptions, ChoosingPool, PoolChoice } from "../pools/choosing-pool.js";
import type { MapOptions } from "../pools/map-options.js";
import type { Kept, MapRun } from "../pools/map-run.js";
import { generatorOver, type PipelineStage, transformOver } from "../pools/map-stream.js";
import { wholeNumber } from "../pools/option-values.js";
import { type ResultOf, runPool } from "../pools/pool.js";
import type { PoolHandle } from "../pools/pool-handle.js";
import { registerPool } from "../pools/pool-models.js";
import type { PoolStats } from "../pools/pool-stats.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { AutoCalls } from "./auto-calls.js";
import { autoSettingsOf } from "./auto-pool-options.js";
import { AutoSchedulers } from "./auto-schedulers.js";

/**
 * A pool that looks at its tasks, and chooses for each what it runs on: this event loop, threads, or processes.
 *
 * It begins with one thread. From the first calls of a task it sees whether the task waits. One that leaves its event
 * loop to others for most of its time goes on here, many calls at a time; any other gets as many threads as there are
 * processors. What only a process can run goes to processes once a thread has said so. Calls that have begun end where
 * they are; those that wait move over, and none is lost or run twice. `choice` tells what was chosen, and why.
 *
 * **On this event loop** nothing is copied: arguments and results are the objects themselves, as in an AsyncPool, and
 * `currentWorker()` is asked before the first `await`. Options that are for workers (`initializer`, `resourceLimits`,
 * `maxTasksPerWorker`, `unresponsive`, `worker`) keep all tasks in workers. With `maxQueue` all threads may come at
 * once.
 *
 * @example
 * ```ts
 * import { AutoPool, isMain, task } from "allcores";
 * const load = task(import.meta, async function load(n: number) {
 *   await new Promise((resolve) => setTimeout(resolve, 20));
 *   return n;
 * });
 * if (isMain(import.meta)) {
 *   const pool = new AutoPool({ workers: 2 }); // as createPool("auto", { workers: 2 })
 *   console.log((await pool.map(load, Array.from({ length: 100 }, (_, n) => n))).length); // 100
 *   console.log(pool.choice.model, await pool.starmap(load, [[4], [5]])); // async [ 4, 5 ]
 *   console.log(await pool.submit(load, 1), await pool.with({ timeout: 60_000 }).trySubmit(load, 2)); // 1 2
 *   const handle = pool.handle(); // for tasks of this very pool
 *   pool.resize(3);
 *   console.log(handle !== undefined, pool.workers, pool.stats().completed); // true 3 104
 *   pool.close(); // or pool.terminate()
 *   await pool.join();
 * }
 * ```
 */
export class AutoPool implements ChoosingPool {
  readonly #calls: AutoCalls;

  /**
   * Makes a pool that chooses for itself.
   *
   * @param options `workers`: most threads or processes. `concurrency`: how many calls of tasks that wait run at a time
   *   on this event loop; 32 unless given. For the others see `PoolOptions`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** some small objects; a worker starts with the first work that needs it.
   */
  constructor(options?: AutoPoolOptions);
  constructor(options: AutoPoolOptions | AutoCalls = {}) {
    if (options instanceof AutoCalls) this.#calls = options;
    else {
      const { settings, concurrency, excluded } = autoSettingsOf(options);
      this.#calls = new AutoCalls(new AutoSchedulers(settings, concurrency, excluded));
    }
    refuseClones(this);
  }

  /**
   * Gives `fn` a pool and waits for its work; terminates it when `fn` throws.
   *
   * @param options how the pool is made
   * @param fn what uses the pool
   * @returns what `fn` gives, once all that was submitted is done
   * @throws what `fn` throws, after the pool has ended; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE`
   *   for options that make no sense
   * @remarks **Cost:** a pool of its own: the start of its workers, and their end.
   *
   * @example
   * ```ts
   * import { AutoPool, isMain, task } from "allcores";
   * const square = task(import.meta, function square(n: number) {
   *   return n * n;
   * });
   * if (isMain(import.meta)) console.log(await AutoPool.run({ workers: 1 }, (pool) => pool.submit(square, 7))); // 49
   * ```
   */
  static async run<T>(options: AutoPoolOptions, fn: (pool: AutoPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new AutoPool(options), fn);
  }

  get #schedulers(): AutoSchedulers {
    return this.#calls.schedulers;
  }

  get choice(): PoolChoice {
    return this.#schedulers.choice;
  }

  get workers(): number {
    return this.#schedulers.workers;
  }

  get isPaused(): boolean {
    return this.#schedulers.isPaused;
  }

  with(options: CallOptions): AutoPool {
    return new AutoPool(this.#calls.with(options) as never);
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
    return this.#schedulers.handle();
  }

  resize(workers: number): void {
    this.#schedulers.resize(wholeNumber("workers", workers, 1, 1));
  }

  pause(): void {
    this.#schedulers.pause();
  }

  start(): void {
    this.#schedulers.start();
  }

  clear(): void {
    this.#schedulers.clear();
  }

  recycle(): void {
    this.#schedulers.recycle();
  }

  async waitForIdle(options?: WaitOptions): Promise<void> {
    await this.#schedulers.loads.untilIdle(options);
  }

  async waitForEmpty(options?: WaitOptions): Promise<void> {
    await this.#schedulers.loads.untilShorter(1, "without anything that waits", options);
  }

  async waitForSizeLessThan(size: number, options?: WaitOptions): Promise<void> {
    await this.#schedulers.loads.untilShorter(size, `below ${size} calls that wait`, options);
  }

  stats(): PoolStats {
    return this.#schedulers.stats();
  }

  close(): void {
    this.#schedulers.close();
  }

  terminate(): void {
    this.#schedulers.terminate();
  }

  async join(): Promise<void> {
    await this.#schedulers.join();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.join();
  }
}

portray(
  AutoPool,
  (pool) => {
    const { submitted, completed, failed, cancelled } = pool.stats();
    return { workers: pool.workers, model: pool.choice.model, submitted, completed, failed, cancelled };
  },
  "pass pool.handle() to its own tasks, or have each worker make a pool of its own",
);

registerPool("auto", (options) => new AutoPool(options as AutoPoolOptions));
