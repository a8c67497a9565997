import { realNow } from "../memory/index.js";

/** At most so many beginnings in each window; a new one counts from none, or from what still runs. */
export class FixedWindows {
  readonly #limit: number;
  readonly #interval: number;
  readonly #carriesOver: boolean;
  readonly #now: () => number;
  /** When the window opened; none is open before the first. */
  #openedAt = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(limit: number, interval: number, carriesOver: boolean, now: () => number = realNow) {
    this.#limit = limit;
    this.#interval = interval;
    this.#carriesOver = carriesOver;
    this.#now = now;
  }

  wait(running: number): number {
    const now = this.#now();
    this.#roll(now, running);
    return this.#count < this.#limit ? 0 : Math.max(0, this.#openedAt + this.#interval - now);
  }

  take(running: number): void {
    this.#roll(this.#now(), running);
    this.#count++;
  }

  /** Opens the next window once the last one is over: somebody wants to begin. */
  #roll(now: number, running: number): void {
    if (now < this.#openedAt + this.#interval) return;
    this.#openedAt = now;
    this.#count = this.#carriesOver ? running : 0;
  }
}
