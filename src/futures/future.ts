import { ArgumentTypeError, CancelledError } from "../errors/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import { settlementOf } from "./settlement.js";

/** Where a future stands. */
export type FutureState = "pending" | "running" | "done" | "failed" | "cancelled";

/** The work behind a future, as its maker knows it. */
export interface Work {
  /** Whether it has begun. */
  readonly isRunning: boolean;
  /** Calls it off; false when that cannot be done. If it can, the future is rejected with `reason`. */
  cancel(reason: unknown): boolean;
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
let end: (future: Future<never>, state: FutureState, result: unknown) => void;
let listenersOf: (future: Future<never>) => readonly ((value: unknown) => void)[] | undefined;

/**
 * The result of work that was handed over: a promise that can be asked and cancelled.
 *
 * One that fails before anybody awaited it does not kill the program; if nobody ever does, its pool tells of the error when it ends.
 * **Cancel:** work that waits never runs; work that runs is asked to stop by its `currentWorker().signal`, and its worker is ended if it does not stop within the
 * pool's `killGrace`. The future is rejected at once.
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
export class Future<R> extends Promise<R> implements Selectable<R> {
  /** Distinct within this worker. */
  readonly id: number = ++ids;
  #ended: FutureState | undefined;
  /** Until it is settled. */
  #work: Work | undefined;
  /** Its value or its error, once it is settled. */
  #result: unknown;
  #listeners: ((value: unknown) => void)[] | undefined;
  #observed = false;

  /** `then` gives plain promises: only the pool makes futures. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  static {
    open = <R>(work: Work): Settler<R> => {
      const future = new Future<R>(capture);
      future.#work = work;
      return new FutureSettler(future, resolveNext as (value: R) => void, rejectNext);
    };
    isObserved = (future) => future.#observed;
    end = (future, state, result) => {
      if (future.#work === undefined) return;
      future.#ended ??= state;
      (future as Future<unknown>).#result = result;
      future.#work = undefined;
    };
    listenersOf = (future) => future.#listeners;
  }

  override then<A = R, B = never>(
    onValue?: ((value: R) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#observed = true;
    return super.then(onValue, onError);
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
    if (work.cancel(reason ?? new CancelledError("the task was cancelled"))) return true;
    this.#ended = undefined;
    return false;
  }

  /** What `select` waits for: its value, or its error. */
  [selectable](): Choice<R> {
    return choiceOf<true, R>({
      poll: () => this.#work === undefined || undefined,
      open: () => {
        this.#observed = true;
        if (this.#ended !== "done") throw this.#result;
        return this.#result as R;
      },
      isSettled: () => this.#work === undefined,
      // Being watched is not being observed.
      watch: (rouse) => settlementOf(this, (onValue, onError) => super.then(onValue, onError)).watch(rouse),
    });
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
    end(this.future as Future<never>, "done", value);
    this.#resolve(value);
  }

  reject(error: unknown, calledOff = false): void {
    end(this.future as Future<never>, calledOff || error instanceof CancelledError ? "cancelled" : "failed", error);
    // Before it is rejected: a promise without a handler at that moment ends the program.
    Promise.prototype.then.call(this.future, undefined, ignore);
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
