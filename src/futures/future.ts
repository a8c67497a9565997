import { portray } from "../codec/portrait.js";
import { ArgumentTypeError, CancelledError, isThrown, ownDescriptor } from "../errors/index.js";
import { versioned } from "../memory/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "../sync/selectable.js";
import {
  type Settlement,
  type SettlementHolder,
  settlementHolder,
  settlementOf,
  type SettlementWatch,
  watched,
  whenSettled,
} from "./settlement.js";
import { queueRealMicrotask } from "../memory/index.js";

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
/** The method by which a future gives what it knows of itself, to whatever copy of the library. */
const lifeOf: unique symbol = versioned("future") as never;

/**
 * The result of work that was handed over: a promise that can be asked and cancelled.
 *
 * One that fails before anybody awaited it does not kill the program; if nobody ever does, the uncaught hook is told of
 * the error, once: when the future is collected, or as the program exits (`setUncaughtHook`).
 * **Cancel:** work that waits never runs; work that runs is asked to stop by its `currentWorker().signal`, and its
 * worker is ended if it does not stop within the pool's `killGrace`. The future is rejected at once. Of a `TaskGroup`,
 * it settles once the task has cleaned up.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool } from "allcores";
 * const double = task(import.meta, function double(n: number) {
 *   return 2 * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   const future = pool.submit(double, 21).onProgress((value) => process.stderr.write(String(value)));
 *   console.log(await future); // 42
 *   console.log(future.state, future.cancel()); // done false
 * }
 * ```
 */
export class Future<R> extends Promise<R> implements Selectable<R> {
  readonly #life = new Life(this);

  static {
    open = <R>(work: Work): Settler<R> => {
      const life = new Future<R>(capture).#life;
      life.work = work;
      life.settle = resolveNext as (value: unknown) => void;
      life.fail = rejectNext;
      // They would keep the last future from being collected.
      resolveNext = rejectNext = ignore;
      return life as Settler<unknown> as Settler<R>;
    };
    // Code that wants a promise's value (await, then, Promise.all) asks for its constructor first: so it is known that
    // somebody does. And because the answer is `Promise`, `then` gives plain promises, and an await goes the short way
    // that it has for those. Rejected: overriding `then`, which costs each await another promise and two turns.
    const asking: PropertyDescriptor = {
      get(this: Future<unknown>) {
        if (#life in this) this.#life.observe();
        return Promise;
      },
      configurable: true,
    };
    Object.defineProperty(this.prototype, "constructor", ownDescriptor(asking));
  }

  /** @internal */
  [lifeOf](): Life {
    return this.#life;
  }

  /** @internal */
  [settlementHolder](): SettlementHolder {
    return this.#life;
  }

  /** Distinct within this worker. */
  get id(): number {
    return this.#life.id;
  }

  /** Where it stands. */
  get state(): FutureState {
    const { ended, work } = this.#life;
    if (ended !== undefined) return ended;
    return work?.isRunning === true ? "running" : "pending";
  }

  /**
   * Calls the work off. Work that waits never runs; work that runs is asked to stop by its signal.
   *
   * @param reason what the future then rejects with; a `CancelledError` (ERR_ALLCORES_CANCELLED) unless given
   * @returns whether it was called off, or asked to stop; false when it has ended
   * @throws nothing
   * @remarks **Cost:** a job that waits is taken out of its line; one that runs gets a message.
   */
  cancel(reason?: unknown): boolean {
    const life = this.#life;
    const { ended, work } = life;
    if (ended !== undefined || work === undefined) return false;
    // Whatever the reason is, the state says that it was called off.
    life.ended = "cancelled";
    const answer = work.cancel(reason ?? new CancelledError("the task was cancelled"));
    if (answer === true) return true;
    life.ended = undefined;
    return answer === "asked";
  }

  /** What `select` waits for: its value, or its error. */
  [selectable](): Choice<R> {
    const life = this.#life;
    return choiceOf<true, R>({
      poll: () => life.work === undefined || undefined,
      open: () => {
        life.observe();
        if (life.ended !== "done") throw life.result;
        return life.result as R;
      },
      isSettled: () => life.work === undefined,
      watch: (rouse) =>
        watched(
          settlementOf(this, (onValue, onError) => life.unobserved(() => this.then(onValue, onError))),
          rouse,
        ),
    });
  }

  /**
   * Calls `fn` with each value that the task gives to `currentWorker().progress`, in order, before the future is
   * settled. `fn` runs in the asynchronous context (AsyncLocalStorage) of this call.
   *
   * @param fn what is called; what it throws is an uncaught error of this program, and ends no task
   * @returns this future
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
   * @remarks **Cost:** one function, bound to its context.
   */
  onProgress(fn: (value: unknown) => void): this {
    if (typeof fn !== "function")
      throw new ArgumentTypeError(`future.onProgress(fn): fn must be a function, got ${typeof fn}`);
    (this.#life.listeners ??= []).push(
      process.getBuiltinModule("node:async_hooks").AsyncResource.bind(fn) as (value: unknown) => void,
    );
    return this;
  }
}

/** What a future knows of itself, in one piece: each private field of a promise has to be added to it. */
class Life implements Settler<unknown>, SettlementHolder {
  readonly id = ++ids;
  readonly future: Future<unknown>;
  ended: FutureState | undefined = undefined;
  isObserved = false;
  /** Called with the first interest in its value. */
  heard: (() => void) | undefined = undefined;
  /** Until it is settled. */
  work: Work | undefined = undefined;
  /** Its value or its error, once it is settled. */
  result: unknown = undefined;
  listeners: ((value: unknown) => void)[] | undefined = undefined;
  /** For those who wait for one of several. */
  settlement: Settlement | undefined = undefined;
  settle: (value: unknown) => void = ignore;
  fail: (error: unknown) => void = ignore;

  constructor(future: Future<unknown>) {
    this.future = future;
  }

  resolve(value: unknown): void {
    this.#end("done", value);
    this.settle(value);
  }

  reject(error: unknown, calledOff = false): void {
    this.#end(calledOff || isThrown(error, CancelledError) ? "cancelled" : "failed", error);
    // Before it is rejected: a promise without a handler at that moment ends the program.
    this.unobserved(() => this.future.then(undefined, ignore));
    this.fail(error);
  }

  observe(): void {
    if (this.isObserved) return;
    this.isObserved = true;
    this.heard?.();
  }

  /** Asks for the value without an interest in it. */
  unobserved<T>(ask: () => T): T {
    const { isObserved } = this;
    this.isObserved = true;
    const answer = ask();
    this.isObserved = isObserved;
    return answer;
  }

  progress(value: unknown): void {
    for (const listener of this.listeners ?? []) {
      try {
        listener(value);
      } catch (error) {
        // Its own failure, not the task's.
        queueRealMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** The first settlement counts. */
  #end(state: FutureState, result: unknown): void {
    if (this.work === undefined) return;
    this.ended ??= state;
    this.result = result;
    this.work = undefined;
  }
}

portray(Future, ({ id, state }) => ({ id, state }), "await it and send what it gives");

/** Whether it is a future, of this copy of the library or another of its version. */
export function isFuture(value: unknown): value is Future<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as Partial<Future<unknown>>)[lifeOf] === "function"
  );
}

/** A future and what settles it. */
export function openFuture<R>(work: Work): Settler<R> {
  return open<R>(work);
}

/**
 * Calls `heard` once somebody asks a future for its value: at once if somebody has. `heard` must not hold the future.
 */
export function whenObserved(future: Future<unknown>, heard: () => void): void {
  const life = future[lifeOf]();
  if (life.isObserved) heard();
  else life.heard = heard;
}

/** `onProgress` for the library itself: `fn` runs in whatever asynchronous context, which costs less. */
export function hearProgress(future: Future<unknown>, fn: (value: unknown) => void): void {
  (future[lifeOf]().listeners ??= []).push(fn);
}

/** Calls `tell` once the future has ended, without an interest in its value. */
export function whenEnded(future: Future<unknown>, tell: () => void): SettlementWatch {
  return future[lifeOf]().unobserved(() => whenSettled(future, tell));
}
