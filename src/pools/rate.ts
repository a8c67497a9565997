import { realNow } from "../memory/index.js";

/** Room for so many at first. */
const FIRST_ROOM = 16;

/**
 * Spreads beginnings: the next one may come once the one `limit` before it is `interval` old.
 * Rejected: a count that starts anew with each interval, which lets twice as many through around its turn; room for
 * `limit` from the start, which a high limit never fills.
 */
export class Rate {
  readonly #limit: number;
  readonly #interval: number;
  /** When those began that are not `interval` old, at most `limit`: a ring that grows. */
  #begun = new Float64Array(FIRST_ROOM);
  #first = 0;
  #count = 0;

  constructor(limit: number, interval: number) {
    this.#limit = limit;
    this.#interval = interval;
  }

  /** Milliseconds until the next may begin; 0 for now. */
  wait(): number {
    const now = realNow();
    this.#forget(now);
    return this.#count < this.#limit ? 0 : this.#begun[this.#first]! + this.#interval - now;
  }

  /** One begins. */
  take(): void {
    const now = realNow();
    this.#forget(now);
    if (this.#count === this.#limit) this.#drop();
    if (this.#count === this.#begun.length) this.#grow();
    this.#begun[(this.#first + this.#count) % this.#begun.length] = now;
    this.#count++;
  }

  #forget(now: number): void {
    while (this.#count > 0 && this.#begun[this.#first]! + this.#interval <= now) this.#drop();
  }

  #drop(): void {
    this.#first = (this.#first + 1) % this.#begun.length;
    this.#count--;
  }

  #grow(): void {
    const grown = new Float64Array(2 * this.#begun.length);
    grown.set(this.#begun.subarray(this.#first));
    grown.set(this.#begun.subarray(0, this.#first), this.#begun.length - this.#first);
    this.#begun = grown;
    this.#first = 0;
  }
}
