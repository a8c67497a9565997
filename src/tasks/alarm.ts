import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";

const LONGEST_MS = 0x7fffffff;

/** Calls a function once, at a moment on this thread's `performance.now()`; Infinity is never. The moment can be changed until then. */
export class Alarm {
  readonly #ring: () => void;
  #when = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(when: number, ring: () => void) {
    this.#ring = ring;
    this.set(when);
  }

  get when(): number {
    return this.#when;
  }

  set(when: number): void {
    this.clear();
    this.#when = when;
    this.#wind();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wind(): void {
    if (this.#when === Number.POSITIVE_INFINITY) return;
    // Rounded up: a timer that rang early would be wound again for less than a millisecond, which is one.
    const left = Math.max(0, Math.ceil(this.#when - performance.now()));
    this.#timer = setTimeout(() => (left > LONGEST_MS ? this.#wind() : this.#ring()), Math.min(left, LONGEST_MS));
  }
}

/** Milliseconds from 0, Infinity included. */
export function checkedMs(call: string, ms: unknown): number {
  if (typeof ms !== "number") throw new ArgumentTypeError(`${call}: ms must be a number of milliseconds, got ${typeof ms}`);
  if (Number.isNaN(ms) || ms < 0) throw new ArgumentRangeError(`${call}: ms must be 0 or more, got ${ms}`);
  return ms;
}
