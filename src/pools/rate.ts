import { ArgumentTypeError } from "../errors/index.js";
import { milliseconds, wholeNumber } from "./pool-options.js";

/** How often tasks may begin: at most `limit` in any `interval` milliseconds. */
export interface RateOptions {
  limit: number;
  interval: number;
}

/**
 * Spreads beginnings: the next one may come once the one `limit` before it is `interval` old.
 * Rejected: a count that starts anew with each interval, which lets twice as many through around its turn.
 */
export class Rate {
  readonly #interval: number;
  /** When the last `limit` of them began; the oldest is the one that is written next. */
  readonly #begun: Float64Array;
  #at = 0;

  constructor(options: RateOptions) {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(`options.rate must be an object such as { limit: 10, interval: 1000 }, got ${options === null ? "null" : typeof options}`);
    const limit = wholeNumber("rate.limit", options.limit, 1, 1);
    this.#interval = milliseconds("rate.interval", options.interval, 1000);
    this.#begun = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  }

  /** Milliseconds until the next may begin; 0 for now. */
  get wait(): number {
    return Math.max(0, this.#begun[this.#at]! + this.#interval - performance.now());
  }

  /** One begins. */
  take(): void {
    this.#begun[this.#at] = performance.now();
    this.#at = (this.#at + 1) % this.#begun.length;
  }
}
