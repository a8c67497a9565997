import { portray, refuseClones } from "../codec/portrait.js";
import { TimeoutError } from "../errors/index.js";
import type { Future } from "../futures/future.js";
import { AS_ONE, SPREAD } from "../workers/job-service.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { Call } from "./call.js";
import { type CallOptions, type CallSettings, callSettings, defaultCall } from "./call-options.js";
import { type MapOptions, mapPlan } from "./map-options.js";
import { MapRun } from "./map-run.js";
import { generatorOver, type PipelineStage, transformOver } from "./map-stream.js";
import type { Pool, ResultOf } from "./pool.js";
import type { PoolHandle } from "./pool-handle.js";
import { type PoolOptions, settingsOf, wholeNumber } from "./pool-options.js";
import type { PoolStats } from "./pool-stats.js";
import { Scheduler, terminated } from "./scheduler.js";
import type { WorkerModel } from "./worker-model.js";

/** What ThreadPool and ProcessPool share: everything but what their workers run on. */
export class WorkerPool implements Pool {
  readonly #scheduler: Scheduler;
  readonly #call: CallSettings;

  /** @internal Pools are made by their classes. */
  protected constructor(scheduler: Scheduler, call?: CallSettings) {
    refuseClones(this);
    this.#scheduler = scheduler;
    this.#call = call ?? defaultCall(scheduler.settings);
  }

  get workers(): number {
    return this.#scheduler.workers;
  }

  with(options: CallOptions): WorkerPool {
    return new WorkerPool(this.#scheduler, callSettings(this.#call, options));
  }

  submit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> {
    const identity = identityOf(task);
    const scheduler = this.#scheduler;
    scheduler.checkOpen("submit");
    scheduler.checkRoom();
    return this.#submit(new Call(scheduler, identity, this.#call, args)) as Future<ResultOf<F>>;
  }

  trySubmit<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> | undefined {
    const identity = identityOf(task);
    const scheduler = this.#scheduler;
    scheduler.checkOpen("submit");
    if (scheduler.isShedding) return undefined;
    return this.#submit(new Call(scheduler, identity, this.#call, args)) as Future<ResultOf<F>>;
  }

  #submit(call: Call): Future<unknown> {
    const scheduler = this.#scheduler;
    const { signal, timeout } = this.#call;
    if (signal?.aborted === true) {
      scheduler.tally.submitted++;
      call.fail(signal.reason, true);
      return call.future;
    }
    scheduler.submit(call);
    if (signal !== undefined || timeout !== Number.POSITIVE_INFINITY)
      call.watch(() => scheduler.expire(call, new TimeoutError(`the task "${call.task.name}" had not ended within ${timeout} ms and was called off`)));
    return call.future;
  }

  map<A, R>(task: Task<(item: A) => R>, items: Iterable<A> | AsyncIterable<A>, options: MapOptions = {}): MapRun<A, Awaited<R>> {
    return this.#map(task, items, AS_ONE, "map(task, items)", options);
  }

  starmap<A extends readonly unknown[], R>(
    task: Task<(...args: [...A]) => R>,
    tuples: Iterable<A> | AsyncIterable<A>,
    options: MapOptions = {},
  ): MapRun<A, Awaited<R>> {
    return this.#map(task as never, tuples, SPREAD, "starmap(task, tuples)", options);
  }

  #map<A, R>(task: Task<(item: A) => R>, items: Iterable<A> | AsyncIterable<A>, how: number, verb: string, options: MapOptions): MapRun<A, Awaited<R>> {
    const plan = mapPlan(verb, identityOf(task), items, how, this.#call, options);
    this.#scheduler.checkOpen("map");
    return new MapRun<A, Awaited<R>>(this.#scheduler, plan);
  }

  stream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): PipelineStage<A, Awaited<R>> {
    return generatorOver((items, given) => this.map(task, items, given), options);
  }

  transformStream<A, R>(task: Task<(item: A) => R>, options?: MapOptions): TransformStream<A, Awaited<R>> {
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.join();
  }
}

/** The scheduler of a pool that is made for its user. */
export function schedulerOf(title: string, model: WorkerModel, options: PoolOptions = {}): Scheduler {
  return new Scheduler(title, settingsOf(options, model.boundary), model);
}

portray(
  WorkerPool,
  (pool) => {
    const { submitted, completed, failed, cancelled } = pool.stats();
    return { workers: pool.workers, submitted, completed, failed, cancelled };
  },
  "pass pool.handle() to its own tasks, or have each worker make a pool of its own",
);
