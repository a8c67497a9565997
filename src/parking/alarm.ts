import { clearRealTimeout, realNow, setRealTimeout } from "../memory/clock.js";
import { isProgramTimeReal, programNow, reach } from "./program-clock.js";

/** The longest that a timer of the platform can run: 24.8 days. */
const LONGEST_MS = 0x7fffffff;
/**
 * A timer counts from a clock of whole milliseconds, so it may run out a little early. What is more than that is a
 * clock that was set, or that stands still.
 */
const MOST_EARLY_MS = 2;
/**
 * What a difference of moments may be off by. A fake timer of a millisecond too many would not run out when a test
 * expects it to.
 */
const ROUNDING_MS = 0.001;

/**
 * Calls a function once, at a moment of `programNow()`; Infinity is never. The moment can be changed until then.
 * `isReal`: at a moment of `realNow()`.
 */
export class Alarm {
  readonly #ring: () => void;
  readonly #isReal: boolean;
  #when = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Whose timer it is: fake ones may have come or gone since. */
  #setTimer = setRealTimeout;
  #clearTimer = clearRealTimeout;

  constructor(when: number, ring: () => void, isReal = false) {
    this.#ring = ring;
    this.#isReal = isReal;
    this.set(when);
  }

  get when(): number {
    return this.#when;
  }

  set(when: number): void {
    this.clear();
    this.#when = when;
    if (when !== Number.POSITIVE_INFINITY)
      this.#wind(Math.max(0, Math.ceil(when - (this.#isReal ? realNow() : programNow()) - ROUNDING_MS)));
  }

  clear(): void {
    this.#clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #wind(left: number): void {
    this.#setTimer = this.#isReal ? setRealTimeout : globalThis.setTimeout;
    this.#clearTimer = this.#isReal ? clearRealTimeout : globalThis.clearTimeout;
    // By what is left, not by the clock: each piece has run, whatever became of the clock meanwhile.
    this.#timer = this.#setTimer.call(
      globalThis,
      () => (left > LONGEST_MS ? this.#wind(left - LONGEST_MS) : this.#due()),
      Math.min(left, LONGEST_MS),
    );
  }

  #due(): void {
    if (this.#setTimer === setRealTimeout && (this.#isReal || isProgramTimeReal())) {
      const early = this.#when - (this.#isReal ? realNow() : programNow());
      if (early > ROUNDING_MS && early <= MOST_EARLY_MS) {
        this.#wind(1);
        return;
      }
    } else if (this.#setTimer === globalThis.setTimeout) reach(this.#when);
    this.#ring();
  }
}
