import { ArgumentTypeError, CancelledError } from "../errors/index.js";

/** Where a future stands. */
export type FutureState = "pending" | "running" | "done" | "failed" | "cancelled";

/** The work behind a future, as its maker knows it. */
export interface Work {
  /** Whether it has begun. */
  readonly isRunning: boolean;
  /**
   * Calls it off; false when that cannot be done. If it can, the future is rejected with `reason`.
   * "asked": it was told, and the future will say what came of it once it has ended.
   */
  cancel(reason: unknown): boolean | "asked";
}

/** What the one who made the future does with it. */
export interface Settler<R> {
  readonly future: Future<R>;
  resolve(value: R): void;
  /** `calledOff`: somebody wanted it so, whatever the error is. */
  reject(error: unknown, calledOff?: boolean): void;
  /** Tells the listeners of news from the work. */
  progress(value: unknown): void;
}

let ids = 0;
let resolveNext: (value: never) => void;
let rejectNext: (error: unknown) => void;
const capture = (resolve: (value: never) => void, reject: (error: unknown) => void) => {
  resolveNext = resolve;
  rejectNext = reject;
};
const ignore = () => {};

let open: <R>(work: Work) => Settler<R>;
let isObserved: (future: Future<unknown>) => boolean;
let hush: (future: Future<unknown>) => void;
let end: (future: Future<never>, state: FutureState) => void;
let listenersOf: (future: Future<never>) => readonly ((value: unknown) => void)[] | undefined;

/**
 * The result of work that was handed over: a promise that can be asked and cancelled.
 *
 * One that fails before anybody awaited it does not kill the program; if nobody ever does, its pool tells of the error when it ends.
 * **Cancel:** work that waits never runs; work that runs is asked to stop by its `currentWorker().signal`, and its worker is ended if it does not stop within the
 * pool's `killGrace`. The future is rejected at once. Of a `TaskGroup`, it settles once the task has cleaned up.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool } from "allcores";
 * const double = task(import.meta, function double(n: number) {
 *   return 2 * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   const future = pool.submit(double, 21);
 *   console.log(await future); // 42
 *   console.log(future.state); // done
 * }
 * ```
 */
export class Future<R> extends Promise<R> {
  /** Distinct within this worker. */
  readonly id: number = ++ids;
  #ended: FutureState | undefined;
  #work: Work | undefined;
  #listeners: ((value: unknown) => void)[] | undefined;
  #observed = false;

  static {
    // Whoever wants a promise's value (await, then, Promise.all) asks for its constructor first: so it is known that somebody does. And because the answer is `Promise`,
    // `then` gives plain promises, and an await goes the short way that it has for those. Rejected: overriding `then`, which costs each await another promise and two turns.
    Object.defineProperty(Future.prototype, "constructor", {
      configurable: true,
      get(this: object) {
        if (#observed in this) (this as Future<unknown>).#observed = true;
        return Promise;
      },
    });
    open = <R>(work: Work): Settler<R> => {
      const future = new Future<R>(capture);
      future.#work = work;
      return new FutureSettler(future, resolveNext as (value: R) => void, rejectNext);
    };
    isObserved = (future) => future.#observed;
    // Before it is rejected: a promise without a handler at that moment ends the program. That this asks too is no interest in its value.
    hush = (future) => {
      const observed = future.#observed;
      future.then(undefined, ignore);
      future.#observed = observed;
    };
    end = (future, state) => {
      future.#ended ??= state;
      future.#work = undefined;
    };
    listenersOf = (future) => future.#listeners;
  }

  /** Where it stands. */
  get state(): FutureState {
    if (this.#ended !== undefined) return this.#ended;
    return this.#work?.isRunning === true ? "running" : "pending";
  }

  /** Calls it off; false when it has ended. It then rejects with `reason`, or a `CancelledError`. */
  cancel(reason?: unknown): boolean {
    if (this.#ended !== undefined) return false;
    const work = this.#work;
    if (work === undefined) return false;
    // Whatever the reason is, the state says that it was called off.
    this.#ended = "cancelled";
    const answer = work.cancel(reason ?? new CancelledError("the task was cancelled"));
    if (answer === true) return true;
    this.#ended = undefined;
    return answer === "asked";
  }

  /**
   * Calls `fn` with each value that the task gives to `currentWorker().progress`, in order, before the future is settled. Returns the future.
   * `fn` runs in the asynchronous context (AsyncLocalStorage) of this call.
   */
  onProgress(fn: (value: unknown) => void): this {
    if (typeof fn !== "function") throw new ArgumentTypeError(`future.onProgress(fn): fn must be a function, got ${typeof fn}`);
    (this.#listeners ??= []).push(process.getBuiltinModule("node:async_hooks").AsyncResource.bind(fn) as (value: unknown) => void);
    return this;
  }
}

class FutureSettler<R> implements Settler<R> {
  readonly future: Future<R>;
  readonly #resolve: (value: R) => void;
  readonly #reject: (error: unknown) => void;

  constructor(future: Future<R>, resolve: (value: R) => void, reject: (error: unknown) => void) {
    this.future = future;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(value: R): void {
    end(this.future as Future<never>, "done");
    this.#resolve(value);
  }

  reject(error: unknown, calledOff = false): void {
    end(this.future as Future<never>, calledOff || error instanceof CancelledError ? "cancelled" : "failed");
    hush(this.future);
    this.#reject(error);
  }

  progress(value: unknown): void {
    for (const listener of listenersOf(this.future as Future<never>) ?? []) {
      try {
        listener(value);
      } catch (error) {
        // Its own failure, not the task's.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** A future and what settles it. */
export function openFuture<R>(work: Work): Settler<R> {
  return open<R>(work);
}

/** Whether somebody has ever asked a future for its value. */
export function wasObserved(future: Future<unknown>): boolean {
  return isObserved(future);
}
