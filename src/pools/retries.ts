import type { AsyncResource } from "node:async_hooks";
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { reportUncaught } from "../futures/uncaught-hook.js";

/** When a task is tried again that threw, or whose worker died. */
export interface RetryOptions {
  /** How often at most. */
  limit: number;
  /** Milliseconds before the first time; 100 unless given. */
  delay?: number | undefined;
  /** By how much the delay grows each time; 2 unless given. */
  factor?: number | undefined;
  /** The longest delay in milliseconds; 30000 unless given. */
  maxDelay?: number | undefined;
  /**
   * Whether this error is worth another try; every one is unless given. It answers at once, in the asynchronous context
   * of the call. If it throws or gives a promise, the task is not tried again and fails with its own error; what went
   * wrong in `when` is told to the uncaught hook, or on stderr.
   */
  when?: ((error: unknown) => boolean) | undefined;
}

const RETRY_OPTIONS = new KnownOptions<RetryOptions>({
  limit: true,
  delay: true,
  factor: true,
  maxDelay: true,
  when: true,
});
const MOST = 200;

/** How often, how late and for which errors a task is tried again. */
export class Retries {
  readonly limit: number;
  readonly #delay: number;
  readonly #factor: number;
  readonly #maxDelay: number;
  readonly #when: (error: unknown) => boolean;

  constructor(options: number | RetryOptions | undefined) {
    if (options !== undefined && typeof options !== "number" && (typeof options !== "object" || options === null))
      throw new ArgumentTypeError(
        `options.retries must be a number or an object such as { limit: 3, delay: 100 }, got ${typeof options}`,
      );
    if (typeof options === "object") RETRY_OPTIONS.check(options, "options.retries");
    options = ownOptions(options);
    const {
      limit,
      delay = 100,
      factor = 2,
      maxDelay = 30_000,
      when = () => true,
    } = typeof options === "object" ? options : ownOptions<RetryOptions>({ limit: options ?? 0 });
    if (!Number.isInteger(limit) || limit < 0 || limit > MOST)
      throw new ArgumentRangeError(`options.retries must be a whole number from 0 to ${MOST}, got ${limit}`);
    for (const [name, value, least] of [
      ["delay", delay, 0],
      ["factor", factor, 1],
      ["maxDelay", maxDelay, 0],
    ] as const) {
      if (typeof value !== "number")
        throw new ArgumentTypeError(`options.retries.${name} must be a number, got ${typeof value}`);
      if (!(value >= least))
        throw new ArgumentRangeError(`options.retries.${name} must be ${least} or more, got ${value}`);
    }
    if (typeof when !== "function")
      throw new ArgumentTypeError(`options.retries.when must be a function, got ${typeof when}`);
    this.limit = limit;
    this.#delay = delay;
    this.#factor = factor;
    this.#maxDelay = maxDelay;
    this.#when = when;
  }

  /**
   * Milliseconds until the next try after `attempts` of them, undefined if there is none. `scope`: the asynchronous
   * context of who made the call.
   */
  delayAfter(attempts: number, error: unknown, scope: AsyncResource | undefined): number | undefined {
    if (
      attempts > this.limit ||
      !(scope === undefined ? this.#isWorthwhile(error) : scope.runInAsyncScope(() => this.#isWorthwhile(error)))
    )
      return undefined;
    return Math.min(this.#maxDelay, this.#delay * this.#factor ** (attempts - 1));
  }

  /**
   * What is wrong with `when` is no outcome of the task, and must not take the place of the task's error: it has an
   * owner of its own.
   */
  #isWorthwhile(error: unknown): boolean {
    try {
      const answer: unknown = this.#when(error);
      if (typeof (answer as PromiseLike<unknown> | undefined)?.then !== "function") return Boolean(answer);
      // Rejections of what was refused are of no use to anybody.
      void Promise.resolve(answer).catch(() => {});
      throw new ArgumentTypeError("options.retries.when must answer true or false at once, and it gave a promise");
    } catch (failure) {
      reportUncaught(failure, { name: "retries.when" });
      return false;
    }
  }
}
