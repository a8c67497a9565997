import { ArgumentTypeError, TimeoutError } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import { checkGuard } from "../workers/task-module.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { Call } from "./call.js";
import { type CallOptions, type CallSettings, callSettings, defaultCall } from "./call-options.js";
import type { PoolHandle } from "./pool-handle.js";
import { MapRun } from "./map-run.js";
import { milliseconds, type PoolOptions, settingsOf, wholeNumber } from "./pool-options.js";
import { type PoolStats, Scheduler, terminated } from "./scheduler.js";

import type { WorkerModel } from "./worker-model.js";

/** How a map goes about it. */
export interface MapOptions {
  /** Items that travel together; counted out while it runs unless given: some two milliseconds of work. */
  chunkSize?: number | undefined;
  /** Most items that are taken from the input and whose results are not consumed. Unless given, two chunks for each worker. */
  buffer?: number | undefined;
  /** Milliseconds for the whole map. Then it fails with `TimeoutError` and the rest is called off. */
  timeout?: number | undefined;
  /** Calls the rest off when it aborts; the map then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

type ResultOf<F extends AnyFunction> = Awaited<ReturnType<F>>;

/** What ThreadPool and ProcessPool share: everything but what their workers run on. */
export class Pool implements AsyncDisposable {
  readonly #scheduler: Scheduler;
  readonly #call: CallSettings;

  /** Pools are made by their classes. */
  protected constructor(scheduler: Scheduler, call?: CallSettings) {
    this.#scheduler = scheduler;
    this.#call = call ?? defaultCall(scheduler.settings);
  }

  /** Most workers. */
  get workers(): number {
    return this.#scheduler.workers;
  }

  /** The same pool with other options for the calls that go through it. */
  with(options: CallOptions): Pool {
    return new Pool(this.#scheduler, callSettings(this.#call, options));
  }

  /**
   * Has a worker run the task; the future gives its value or its error.
   * @throws UnsendableError or ReachError when an argument cannot cross, PoolFullError past `maxQueue`, StateError after close; NotATaskError, MainGuardError
   */
  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> {
    const identity = identityOf(task);
    const scheduler = this.#scheduler;
    scheduler.checkOpen("submit");
    scheduler.checkRoom();
    checkGuard();
    return this.#submit(new Call(scheduler, identity, this.#call, args)) as Future<ResultOf<F>>;
  }

  /** As `submit`; undefined when as many tasks wait as `maxQueue` allows. */
  trySubmit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    const identity = identityOf(task);
    const scheduler = this.#scheduler;
    scheduler.checkOpen("submit");
    checkGuard();
    if (scheduler.isShedding) return undefined;
    return this.#submit(new Call(scheduler, identity, this.#call, args)) as Future<ResultOf<F>>;
  }

  #submit(call: Call): Future<unknown> {
    const scheduler = this.#scheduler;
    const { signal, timeout } = this.#call;
    if (signal?.aborted === true) {
      call.fail(signal.reason, true);
      return call.future;
    }
    scheduler.submit(call);
    if (signal !== undefined || timeout !== Number.POSITIVE_INFINITY)
      call.watch(() => scheduler.expire(call, new TimeoutError(`the task "${call.task.name}" had not ended within ${timeout} ms and was called off`)));
    return call.future;
  }

  /**
   * Runs the task for each item; awaited, it gives all results in the order of the items; iterated, each as soon as its turn comes.
   * The items are taken only as fast as results are; the first error ends it and calls the rest off. See `MapRun` for other orders and for errors that stop nothing.
   */
  map<A, R>(task: Task<(item: A) => R>, items: Iterable<A> | AsyncIterable<A>, options: MapOptions = {}): MapRun<A, Awaited<R>> {
    return this.#map(task, items, AS_ONE, "map(task, items)", options);
  }

  /** As `map`, with an array of arguments for each call. */
  starmap<A extends readonly unknown[], R>(
    task: Task<(...args: [...A]) => R>,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Awaited<R>> {
    return this.#map(task as never, tuples, SPREAD, "starmap(task, tuples)", options);
  }

  #map<A, R>(task: Task<(item: A) => R>, items: Iterable<A> | AsyncIterable<A>, how: number, verb: string, options: MapOptions): MapRun<A, Awaited<R>> {
    const identity = identityOf(task);
    if (
      items === null ||
      (typeof items !== "object" && typeof items !== "string") ||
      !(Symbol.iterator in Object(items) || Symbol.asyncIterator in Object(items))
    )
      throw new ArgumentTypeError(`${verb}: the items must be an iterable or async iterable, got ${items === null ? "null" : typeof items}`);
    if (typeof options !== "object" || options === null) throw new ArgumentTypeError(`${verb}: options must be an object, got ${typeof options}`);
    this.#scheduler.checkOpen("map");
    const { chunkSize, buffer, signal } = options;
    const timeout = milliseconds("timeout", options.timeout, this.#call.timeout);
    return new MapRun<A, Awaited<R>>(this.#scheduler, {
      task: identity,
      call: callSettings(this.#call, { timeout, signal }),
      items,
      how,
      chunkSize: chunkSize === undefined ? undefined : wholeNumber("chunkSize", chunkSize, 1, 1),
      buffer: buffer === undefined ? undefined : wholeNumber("buffer", buffer, 1, 1),
      ordered: true,
      stops: true,
    });
  }

  /** This pool for its own tasks, as an argument. While it is open, a pool that has given a handle keeps the program alive. */
  handle(): PoolHandle {
    return this.#scheduler.handle();
  }

  /** Sets how many workers there may be. More come with the next work; too many end once they have done what they are at. */
  resize(workers: number): void {
    this.#scheduler.resize(wholeNumber("workers", workers, 1, 1));
  }

  /** What it has done and does. */
  stats(): PoolStats {
    return this.#scheduler.stats();
  }

  /** No more work is taken; what was submitted is done, then the workers end. */
  close(): void {
    this.#scheduler.close();
  }

  /** Ends all workers now. What was submitted and is not done fails with `CancelledError`. */
  terminate(): void {
    this.#scheduler.terminate(terminated);
  }

  /** Waits until the workers have ended. @throws StateError before close() or terminate() */
  async join(): Promise<void> {
    await this.#scheduler.join();
  }

  /** Closes it and waits for all that was submitted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.join();
  }
}

/** The scheduler of a pool that is made for its user. */
export function schedulerOf(title: string, model: WorkerModel, options: PoolOptions = {}): Scheduler {
  return new Scheduler(title, settingsOf(options), model);
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
