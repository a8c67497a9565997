import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { FixedWindows } from "./fixed-windows.js";
import { milliseconds, wholeNumber } from "./option-values.js";
import { Rate } from "./rate.js";

/** How often tasks may begin: at most `limit` in any `interval` milliseconds, or in each window of that length. */
export interface RateOptions {
  limit: number;
  interval: number;
  /**
   * `"sliding"`, unless given: at most `limit` in whichever `interval`. `"fixed"`: the count starts anew with each
   * window. The first window opens with the first task, the next as soon as the one before is over and a task begins
   * or waits. Around that moment up to twice as many may begin.
   */
  window?: "sliding" | "fixed" | undefined;
  /** With fixed windows: tasks that still run when a window opens count in it. They do not unless given. */
  carryOver?: boolean | undefined;
}

/** Tells when the next task may begin. */
export interface Pace {
  /** Milliseconds until the next may begin; 0 for now. `running`: how many run. */
  wait(running: number): number;
  /** One begins. */
  take(running: number): void;
}

const RATE_OPTIONS = new KnownOptions<RateOptions>({ limit: true, interval: true, window: true, carryOver: true });

/** @throws ArgumentTypeError, ArgumentRangeError */
export function paceOf(options: RateOptions): Pace {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options.rate must be an object such as { limit: 10, interval: 1000 }, got ${options === null ? "null" : typeof options}`,
    );
  RATE_OPTIONS.check(options, "options.rate");
  options = ownOptions(options);
  const { window = "sliding", carryOver = false } = options;
  if (window !== "sliding" && window !== "fixed")
    throw new ArgumentTypeError(`options.rate.window must be "sliding" or "fixed", got ${String(window)}`);
  if (typeof carryOver !== "boolean")
    throw new ArgumentTypeError(`options.rate.carryOver must be true or false, got ${typeof carryOver}`);
  if (carryOver && window === "sliding")
    throw new ArgumentTypeError('options.rate.carryOver needs fixed windows: add window: "fixed", or leave it out');
  const limit = wholeNumber("rate.limit", options.limit, 1, 1);
  const interval = milliseconds("rate.interval", options.interval, 1000);
  return window === "fixed" ? new FixedWindows(limit, interval, carryOver) : new Rate(limit, interval);
}
