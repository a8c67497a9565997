import { portray, refuseClones } from "../codec/portrait.js";
import { TimeoutError } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import type { AnyFunction } from "../workers/task.js";
import { AsyncCall, nameOf } from "./async-job.js";
import { type AsyncPoolOptions, asyncSettingsOf } from "./async-pool-options.js";
import { AsyncScheduler, callable } from "./async-scheduler.js";
import { type CallOptions, type CallSettings, callSettings, defaultCall } from "./call-options.js";
import { type MapOptions, mapPlan } from "./map-options.js";
import { MapRun } from "./map-run.js";
import { generatorOver, type PipelineStage, transformOver } from "./map-stream.js";
import { type Pool, type ResultOf, runPool } from "./pool.js";
import type { PoolHandle } from "./pool-handle.js";
import { wholeNumber } from "./pool-options.js";
import type { PoolStats } from "./pool-stats.js";
import { terminated } from "./scheduler.js";

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
export class AsyncPool implements Pool {
  readonly #scheduler: AsyncScheduler;
  readonly #call: CallSettings;

  constructor(options?: AsyncPoolOptions);
  /** @internal The same pool with other options for its calls. */
  constructor(scheduler: AsyncScheduler, call: CallSettings);
  constructor(options: AsyncPoolOptions | AsyncScheduler = {}, call?: CallSettings) {
    refuseClones(this);
    this.#scheduler = options instanceof AsyncScheduler ? options : new AsyncScheduler(asyncSettingsOf(options));
    this.#call = call ?? defaultCall(this.#scheduler.settings);
  }

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: AsyncPoolOptions, fn: (pool: AsyncPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new AsyncPool(options), fn);
  }

  get workers(): number {
    return this.#scheduler.workers;
  }

  with(options: CallOptions): AsyncPool {
    return new AsyncPool(this.#scheduler, callSettings(this.#call, options));
  }

  submit<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Future<ResultOf<F>> {
    const scheduler = this.#scheduler;
    const work = callable(fn);
    scheduler.checkOpen("submit");
    scheduler.checkRoom();
    return this.#submit(work, args) as Future<ResultOf<F>>;
  }

  trySubmit<F extends AnyFunction>(fn: F, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    const scheduler = this.#scheduler;
    const work = callable(fn);
    scheduler.checkOpen("submit");
    if (scheduler.isShedding) return undefined;
    return this.#submit(work, args) as Future<ResultOf<F>>;
  }

  #submit(fn: AnyFunction, args: readonly unknown[]): Future<unknown> {
    const scheduler = this.#scheduler;
    const { signal, timeout } = this.#call;
    const call = new AsyncCall(scheduler, fn, this.#call, args);
    if (signal?.aborted === true) {
      scheduler.tally.submitted++;
      call.fail(signal.reason, true);
      return call.future;
    }
    scheduler.submit(call);
    if (signal !== undefined || timeout !== Number.POSITIVE_INFINITY)
      call.watch(() => scheduler.expire(call, new TimeoutError(`the task "${call.name}" had not ended within ${timeout} ms and was called off`)));
    return call.future;
  }

  map<A, R>(fn: (item: A) => R, items: Iterable<A> | AsyncIterable<A>, options: MapOptions = {}): MapRun<A, Awaited<R>> {
    return this.#map(fn, items, AS_ONE, "map(fn, items)", options);
  }

  starmap<A extends readonly unknown[], R>(
    fn: (...args: [...A]) => R,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Awaited<R>> {
    return this.#map(fn as never, tuples, SPREAD, "starmap(fn, tuples)", options);
  }

  #map<A, R>(fn: (item: A) => R, items: Iterable<A> | AsyncIterable<A>, how: number, verb: string, options: MapOptions): MapRun<A, Awaited<R>> {
    const work = callable(fn);
    const plan = mapPlan(verb, { url: "", name: nameOf(work), bound: [] }, items, how, this.#call, options);
    this.#scheduler.checkOpen("map");
    // Items travel nowhere: each goes for itself unless told otherwise.
    return new MapRun<A, Awaited<R>>(this.#scheduler.mapPool(work, how), { ...plan, chunkSize: plan.chunkSize ?? 1 });
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

portray(
  AsyncPool,
  (pool) => {
    const { submitted, completed, failed, cancelled } = pool.stats();
    return { workers: pool.workers, submitted, completed, failed, cancelled };
  },
  "pass pool.handle() to its own tasks, or have each worker make a pool of its own",
);
