/** The longest that a timer of the platform can run: 24.8 days. */
const LONGEST_MS = 0x7fffffff;
/** A timer counts from a clock of whole milliseconds, so it may run out a little early. What is more than that is a clock that was set, or that stands still. */
const MOST_EARLY_MS = 2;

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
    if (when !== Number.POSITIVE_INFINITY) this.#wind(Math.max(0, Math.ceil(when - performance.now())));
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wind(left: number): void {
    // By what is left, not by the clock: each piece has run, whatever became of the clock meanwhile.
    this.#timer = setTimeout(() => (left > LONGEST_MS ? this.#wind(left - LONGEST_MS) : this.#due()), Math.min(left, LONGEST_MS));
  }

  #due(): void {
    const early = this.#when - performance.now();
    if (early > 0 && early <= MOST_EARLY_MS) this.#wind(1);
    else this.#ring();
  }
}
