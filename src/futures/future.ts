import { CancelledError } from "../errors/index.js";

/** Where a future stands. */
export type FutureState = "pending" | "running" | "done" | "failed" | "cancelled";

/** What the one who made the future does with it. */
export interface Settler<R> {
  readonly future: Future<R>;
  start(): void;
  resolve(value: R): void;
  reject(error: unknown): void;
}

let ids = 0;

/**
 * The result of work that was handed over: a promise that can be asked and cancelled.
 *
 * One that fails before anybody awaited it does not kill the program.
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
  #state: FutureState = "pending";
  #onCancel: ((reason: unknown) => boolean) | undefined;

  /** `then` gives plain promises: only the pool makes futures. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Where it stands. */
  get state(): FutureState {
    return this.#state;
  }

  /** Calls it off; false when it has ended, or is running and cannot be stopped. It then rejects with `reason`, or a `CancelledError`. */
  cancel(reason?: unknown): boolean {
    if (this.#state !== "pending" && this.#state !== "running") return false;
    const calledOff = this.#onCancel?.(reason ?? new CancelledError("the task was cancelled")) ?? false;
    // Whatever the reason is.
    if (calledOff) this.#state = "cancelled";
    return calledOff;
  }

  /** @internal A future and what settles it. `onCancel` says whether the work could be called off. */
  static open<R>(onCancel: (reason: unknown) => boolean): Settler<R> {
    let resolve!: (value: R) => void;
    let reject!: (error: unknown) => void;
    const future = new Future<R>((onValue, onError) => {
      resolve = onValue;
      reject = onError;
    });
    future.#onCancel = onCancel;
    Promise.prototype.then.call(future, undefined, () => {});
    const end = (state: FutureState) => {
      future.#state = state;
      future.#onCancel = undefined;
    };
    return {
      future,
      start: () => {
        future.#state = "running";
      },
      resolve: (value) => {
        end("done");
        resolve(value);
      },
      reject: (error) => {
        end(error instanceof CancelledError ? "cancelled" : "failed");
        reject(error);
      },
    };
  }
}
