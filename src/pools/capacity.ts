import { realNow } from "../memory/index.js";

/** How much time a pool could have spent on tasks so far: that of all of its places together. */
export class Capacity {
  readonly #now: () => number;
  #places: number;
  #since: number;
  #offered = 0;

  constructor(places: number, now: () => number = realNow) {
    this.#now = now;
    this.#places = places;
    this.#since = now();
  }

  resize(places: number): void {
    this.#count();
    this.#places = places;
  }

  /** Which part was used, from 0 to 1, where tasks have run for so many milliseconds. */
  utilization(ran: number): number {
    this.#count();
    return this.#offered === 0 ? 0 : Math.min(1, ran / this.#offered);
  }

  #count(): void {
    const now = this.#now();
    this.#offered += (now - this.#since) * this.#places;
    this.#since = now;
  }
}
