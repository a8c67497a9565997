import { portray } from "../codec/portrait.js";
import { CancelledError, StateError } from "../errors/index.js";
import { type Skip, skip } from "../workers/skip.js";
import { MapFeed } from "./map-feed.js";
import { MapListeners, type MapProgress } from "./map-listeners.js";
import type { MapPlan, MapPool } from "./map-plan.js";
import { Failure, type Segment } from "./segment.js";

/** What has become of one item of a map, as `settled()` tells it. */
export type Settled<A, R> = { readonly index: number; readonly item: A } & (
  | { readonly status: "fulfilled"; readonly value: R }
  | { readonly status: "rejected"; readonly reason: unknown }
);

/** What a map gives for the value of its task: the same, awaited, but for items that are left out. */
export type Kept<R> = Exclude<Awaited<R>, Skip>;

/** Shared by the forms of one run: it can be consumed once, in one of them. */
interface Claim {
  readonly listeners: MapListeners;
  feed: MapFeed | undefined;
  isIterated: boolean;
  cancelled: { readonly reason: unknown } | undefined;
}

/**
 * One run of `pool.map`: a promise of all results, and an async iterable of them, in the order of the items.
 * It starts when it is first awaited or iterated, and can be consumed once. Leaving a loop over it calls the rest off.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool } from "allcores";
 * const root = task(import.meta, function root(n: number) {
 *   if (n < 0) throw new RangeError("negative");
 *   return Math.sqrt(n);
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 2 });
 *   console.log(await pool.map(root, [1, 4])); // [ 1, 2 ]
 *   const outcomes = await pool.map(root, [9, -1]).settled();
 *   console.log(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : outcome.item))); // [ 3, -1 ]
 *   const run = pool.map(root, [16, 25]);
 *   const end = run.unordered().catch((reason) => reason);
 *   run.cancel("enough");
 *   console.log(await end); // enough
 * }
 * ```
 */
export class MapRun<A, R> implements Promise<R[]>, AsyncIterable<R> {
  /** What `String(run)` calls it. */
  readonly [Symbol.toStringTag] = "MapRun";
  readonly #pool: MapPool;
  readonly #plan: MapPlan;
  readonly #present: (outcome: unknown, segment: Segment, index: number) => R;
  readonly #claim: Claim;
  #promise: Promise<R[]> | undefined;

  /** @internal Made by `map` and `starmap`. */
  constructor(
    pool: MapPool,
    plan: MapPlan,
    present: (outcome: unknown, segment: Segment, index: number) => R = asValue,
    claim: Claim = {
      listeners: new MapListeners(pool.agenda),
      feed: undefined,
      isIterated: false,
      cancelled: undefined,
    },
  ) {
    this.#pool = pool;
    this.#plan = plan;
    this.#present = present;
    this.#claim = claim;
  }

  /**
   * The same run with its results in the order in which they come.
   *
   * @returns the run in that form; only one of its forms can be consumed
   * @throws nothing
   * @remarks **Cost:** one small object.
   */
  unordered(): MapRun<A, R> {
    return new MapRun<A, R>(this.#pool, { ...this.#plan, ordered: false }, this.#present, this.#claim);
  }

  /**
   * The same run with the outcome of each item: an error is one of them and stops nothing.
   *
   * @returns the run in that form; only one of its forms can be consumed
   * @throws nothing
   * @remarks **Cost:** one small object, and one for each outcome.
   */
  settled(): MapRun<A, Settled<A, R>> {
    return new MapRun<A, Settled<A, R>>(this.#pool, { ...this.#plan, stops: false }, asSettled as never, this.#claim);
  }

  /** Starts the run, if nothing has, and tells of all of its results: as a promise's. */
  then<T = R[], E = never>(
    onValue?: ((results: R[]) => T | PromiseLike<T>) | null,
    onError?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    this.#promise ??= this.#collect();
    return this.#promise.then(onValue, onError);
  }

  /** Starts the run, if nothing has, and tells of its error: as a promise's. */
  catch<E = never>(onError?: ((error: unknown) => E | PromiseLike<E>) | null): Promise<R[] | E> {
    return this.then(undefined, onError);
  }

  /** Starts the run, if nothing has, and tells of its end: as a promise's. */
  finally(onEnd?: (() => void) | null): Promise<R[]> {
    return this.then().finally(onEnd);
  }

  /**
   * Calls off what has not come, and ends the run with `reason`, or a `CancelledError`. Does nothing once all results
   * were given.
   *
   * @param reason what the run is rejected with; a `CancelledError` unless given
   * @throws nothing
   * @remarks **Cost:** a word to each worker that has a part of the run.
   */
  cancel(reason?: unknown): void {
    this.#claim.cancelled ??= {
      reason: reason ?? new CancelledError("the map was cancelled before all of its results were there"),
    };
    this.#claim.feed?.fail(this.#claim.cancelled.reason);
  }

  /**
   * Calls `fn` as items end, before the outcomes of these are given; once for all that end together. `fn` runs in the
   * asynchronous context (AsyncLocalStorage) of this call. All forms of the run (`unordered()`, `settled()`) tell it.
   *
   * @param fn what is called; what it throws is an uncaught error of this program, and ends no map
   * @returns this run
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
   * @remarks **Fairness:** listeners are called in the order in which they came. **Death:** an item whose worker died
   *   has ended, unless it is tried again. **Cancel:** nothing is told once the run is cancelled or has failed.
   *   **Cost:** one call for each message of a worker.
   * @example
   * ```ts
   * import { AsyncPool } from "allcores";
   * await using pool = new AsyncPool();
   * const run = pool.map(async (n: number) => n * n, [1, 2, 3]);
   * await run.onProgress(({ done, total }) => process.stdout.write(`${done} of ${total}\n`));
   * ```
   */
  onProgress(fn: (progress: MapProgress) => void): this {
    this.#claim.listeners.addProgress(fn);
    return this;
  }

  /**
   * Calls `fn` with each value that a task of this run gives to `currentWorker().progress`, and with the place of its
   * item among all, from 0. For each item in order, and before its outcome is given. `fn` runs in the asynchronous
   * context (AsyncLocalStorage) of this call.
   *
   * @param fn what is called; what it throws is an uncaught error of this program, and ends no map
   * @returns this run
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
   * @remarks **Fairness, cancel:** as of `onProgress`. **Death:** what a worker told before it died is told.
   *   **Cost:** one call for each value; values that nobody listens for are dropped.
   * @example
   * ```ts
   * import { AsyncPool, currentWorker } from "allcores";
   * await using pool = new AsyncPool({ concurrency: 1 });
   * const run = pool.map((name: string) => currentWorker().progress(`loads ${name}`), ["a", "b"]);
   * await run.onNews((index, value) => console.log(index, value));
   * ```
   */
  onNews(fn: (index: number, value: unknown) => void): this {
    this.#claim.listeners.addNews(fn);
    return this;
  }

  /** Each result as soon as its turn comes. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    const feed = this.#begin(true);
    try {
      for (let batch = await feed.next(); batch !== undefined; batch = await feed.next()) {
        const { segment, from, to } = batch;
        for (let index = from; index < to; index++) {
          const outcome = segment.outcome(index);
          const result = outcome === skip ? undefined : this.#present(outcome, segment, index);
          feed.consume(1);
          if (outcome === skip) continue;
          yield result as R;
          if (this.#claim.cancelled !== undefined) throw this.#claim.cancelled.reason;
        }
      }
    } catch (error) {
      await feed.abandon();
      throw error;
    } finally {
      await feed.stop();
    }
  }

  async #collect(): Promise<R[]> {
    const feed = this.#begin(false);
    const results: R[] = [];
    try {
      for (let batch = await feed.next(); batch !== undefined; batch = await feed.next()) {
        const { segment, from, to } = batch;
        for (let index = from; index < to; index++) {
          const outcome = segment.outcome(index);
          if (outcome !== skip) results.push(this.#present(outcome, segment, index));
        }
        feed.consume(to - from);
      }
    } catch (error) {
      await feed.abandon();
      throw error;
    } finally {
      await feed.stop();
    }
    return results;
  }

  #begin(isIterated: boolean): MapFeed {
    const claim = this.#claim;
    if (claim.isIterated)
      throw new StateError("a MapRun can be awaited or iterated once: call map() again, or keep the results");
    claim.isIterated = true;
    if (claim.cancelled !== undefined) throw claim.cancelled.reason;
    claim.feed = new MapFeed(this.#pool, this.#plan, claim.listeners, isIterated);
    claim.feed.start();
    return claim.feed;
  }
}

function asValue<R>(outcome: unknown): R {
  if (outcome instanceof Failure) throw outcome.reason;
  return outcome as R;
}

function asSettled<A, R>(outcome: unknown, segment: Segment, index: number): Settled<A, R> {
  const which = { index: segment.base + index, item: segment.items[index] as A };
  return outcome instanceof Failure
    ? { ...which, status: "rejected", reason: outcome.reason }
    : { ...which, status: "fulfilled", value: outcome as R };
}

portray(MapRun, () => ({}), "await it, or iterate over it, and send what it gives");
