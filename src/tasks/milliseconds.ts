import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";

/** Milliseconds from 0, Infinity included. */
export function checkedMs(call: string, ms: unknown): number {
  if (typeof ms !== "number")
    throw new ArgumentTypeError(`${call}: ms must be a number of milliseconds, got ${typeof ms}`);
  if (Number.isNaN(ms) || ms < 0) throw new ArgumentRangeError(`${call}: ms must be 0 or more, got ${ms}`);
  return ms;
}
