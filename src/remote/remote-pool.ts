import { portray, refuseClones } from "../codec/portrait.js";
import { ArgumentTypeError, ownOptions, StateError, ValueTooLargeError } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import { BasePool } from "../pools/base-pool.js";
import { terminated } from "../pools/closing.js";
import { generatorOver, type PipelineStage, transformOver } from "../pools/map-stream.js";
import type { MapOptions } from "../pools/map-options.js";
import type { Kept, MapRun } from "../pools/map-run.js";
import { wholeNumber } from "../pools/option-values.js";
import { PoolCalls } from "../pools/pool-calls.js";
import type { PoolHandle } from "../pools/pool-handle.js";
import { registerPool } from "../pools/pool-models.js";
import type { PoolStats } from "../pools/pool-stats.js";
import { type ResultOf, runPool } from "../pools/pool.js";
import type {
  RemoteCallOptions,
  RemoteMapOptions,
  RemotePoolLike,
  RemotePoolOptions,
} from "../pools/remote-options.js";
import { Scheduler } from "../pools/scheduler.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import { type AnyFunction, identityOf, type Task, type TaskIdentity } from "../workers/task.js";
import { BullEngine } from "./bullmq/bull-engine.js";
import type { Engine } from "./engine.js";
import { checkLength } from "./payloads.js";
import { NO_EXTRA, type RemoteExtra } from "./remote-call.js";
import { type RemoteLinks, remoteKind } from "./remote-links.js";
import { checkId, remoteExtraOf, remoteSettingsOf, type RemotePoolSettings } from "./remote-pool-options.js";

/**
 * A pool whose workers run on other machines: tasks go through a queue in Redis, which BullMQ keeps.
 *
 * It takes what the other pools take; the guide's page on remote pools says of each option and verb whether it is the
 * same. Workers are started apart, by `serveRemote()` or `allcores worker`. Arguments and results are copied through
 * the server, and nothing is shared. Packages `bullmq` and `ioredis` are needed, and are loaded with the first task.
 *
 * **At least once:** a task whose worker is lost runs again unasked, up to `lostRetries`; `currentWorker()` tells the
 * task its attempt, and a key by which it can see that it ran before. `retries` is for errors that it threw.
 *
 * @example
 * ```ts
 * import { isMain, task } from "allcores";
 * import { RemotePool } from "allcores/remote";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   const pool = new RemotePool({ connection: "redis://localhost:6379", queue: "work" });
 *   const results = pool.map(square, [1, 2, 3]); // begins when it is awaited
 *   results.cancel();
 *   pool.close();
 *   await pool.join();
 * }
 * ```
 */
export class RemotePool extends BasePool implements RemotePoolLike {
  readonly #calls: PoolCalls;

  /**
   * Makes a pool; nothing is asked of the server before the first task.
   *
   * @param options `connection` and `queue`, which workers share; for the others see `RemotePoolOptions`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** some small objects; with the first task two connections.
   */
  constructor(options: RemotePoolOptions);
  /** @internal The same pool with other options for its calls, or one over another engine. */
  constructor(calls: PoolCalls | RemotePoolOptions, engine?: Engine);
  constructor(options: PoolCalls | RemotePoolOptions, engine?: Engine) {
    const calls = options instanceof PoolCalls ? options : callsOf(options, engine);
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
   * @remarks **Cost:** as `new RemotePool`.
   *
   * @example
   * ```ts
   * import { RemotePool } from "allcores/remote";
   * const options = { connection: "redis://localhost:6379", queue: "work" };
   * console.log(await RemotePool.run(options, (pool) => pool.stats().submitted)); // 0
   * ```
   */
  static async run<T>(options: RemotePoolOptions, fn: (pool: RemotePool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new RemotePool(options), fn);
  }

  get workers(): number {
    return this.#scheduler.workers;
  }

  with(options: RemoteCallOptions): RemotePool {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(
        `with(options): options must be an object, got ${options === null ? "null" : typeof options}`,
      );
    const { id: _id, delay: _delay, traceparent: _traceparent, ...others } = ownOptions(options);
    const extra = remoteExtraOf(this.#extra, ownOptions(options));
    return new RemotePool(this.#calls.with(others).withExtra(extra));
  }

  get #extra(): RemoteExtra {
    return (this.#calls.extra as RemoteExtra | undefined) ?? NO_EXTRA;
  }

  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> {
    return this.#submitted(() => this.#calls.submit(identityOf(task), args), args) as Future<ResultOf<F>>;
  }

  trySubmit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    return this.#submitted(() => this.#calls.trySubmit(identityOf(task), args), args) as
      | Future<ResultOf<F>>
      | undefined;
  }

  /** What is too long is looked for in the arguments, which only this call has. */
  #submitted<T>(submit: () => T, args: readonly unknown[]): T {
    try {
      return submit();
    } catch (error) {
      if (error instanceof ValueTooLargeError)
        checkLength(error.bytes, (this.#scheduler.links as RemoteLinks).maxValueBytes, "args", () => args);
      throw error;
    }
  }

  map<A, R>(
    task: Task<(item: A) => R>,
    items: Iterable<A> | AsyncIterable<A>,
    options: RemoteMapOptions = {},
  ): MapRun<A, Kept<R>> {
    return this.#map<A, R>(identityOf(task), items, AS_ONE, "map(task, items)", options);
  }

  starmap<A extends readonly unknown[], R>(
    task: Task<(...args: [...A]) => R>,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: RemoteMapOptions = {},
  ): MapRun<A, Kept<R>> {
    return this.#map<A, R>(identityOf(task), tuples, SPREAD, "starmap(task, tuples)", options);
  }

  #map<A, R>(
    task: TaskIdentity,
    items: Iterable<A> | AsyncIterable<A>,
    how: number,
    verb: string,
    options: RemoteMapOptions,
  ): MapRun<A, Kept<R>> {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(`${verb}: options must be an object, got ${typeof options}`);
    const { id, ...others } = options;
    if (id === undefined) {
      const calls =
        this.#extra.id === undefined ? this.#calls : this.#calls.withExtra({ ...this.#extra, id: undefined });
      return calls.map<A, R>(task, items, how, verb, others);
    }
    checkId(id);
    if (others.chunkSize !== undefined && others.chunkSize !== 1)
      throw new ArgumentTypeError(
        `${verb}: options.chunkSize does not apply with an id: each item has an id of its own, and goes for itself`,
      );
    return this.#calls.withExtra({ ...this.#extra, id }).map<A, R>(task, items, how, verb, { ...others, chunkSize: 1 });
  }

  stream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): PipelineStage<A, Kept<R>> {
    return generatorOver((items, given) => this.map(task, items, given), options);
  }

  transformStream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): TransformStream<A, Kept<R>> {
    return transformOver((items) => this.map(task, items, options));
  }

  /** Refused: workers on other machines are started, and ended, by those who run them. */
  override recycle(): void {
    throw new StateError(
      "recycle(): the workers of a RemotePool are not its own: start those of the queue anew, by serveRemote() or allcores worker",
    );
  }

  /** Refused: tasks on other machines reach no memory of this program. */
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

function callsOf(options: RemotePoolOptions, engine: Engine | undefined): PoolCalls {
  const settings = remoteSettingsOf(options);
  const kind = remoteKind({
    engine: () => engine ?? engineOf(settings),
    build: settings.build,
    lostRetries: settings.lostRetries,
    maxValueBytes: settings.maxValueBytes,
    keep: settings.retention.age,
    sweepEvery: settings.sweepEvery,
  });
  return new PoolCalls(new Scheduler("RemotePool", settings.settings, kind));
}

function engineOf(settings: RemotePoolSettings): Engine {
  return new BullEngine(settings, { retention: settings.retention, rate: settings.rate });
}

portray(
  RemotePool,
  (pool) => {
    const { submitted, completed, failed, cancelled } = pool.stats();
    return { submitted, completed, failed, cancelled };
  },
  "have each worker make a pool of its own over the same queue",
);

registerPool("remote", (options) => new RemotePool(options as RemotePoolOptions));
