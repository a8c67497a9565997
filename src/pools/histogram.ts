/** How long something took, over many times, as far as `pool.stats()` tells it. In milliseconds. */
export interface Durations {
  readonly count: number;
  readonly mean: number;
  readonly standardDeviation: number;
  readonly min: number;
  readonly max: number;
  /** What half of them did not exceed; these three are exact to a tenth. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Buckets in each doubling. */
const STEPS = 8;
const BUCKETS = 32 * STEPS;

/** Counts durations in buckets that grow by a twelfth each, so that it takes the same small room however many come. */
export class Histogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #mean = 0;
  /**
   * The sum of the squares of all distances from the mean, kept as it goes (Welford): of sums that grow, little would
   * be left of a small deviation.
   */
  #squares = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** Counts a duration in milliseconds. */
  add(ms: number): void {
    const us = ms > 0 ? ms * 1000 : 0;
    this.#count++;
    const distance = us - this.#mean;
    this.#mean += distance / this.#count;
    this.#squares += distance * (us - this.#mean);
    if (us < this.#min) this.#min = us;
    if (us > this.#max) this.#max = us;
    const index = us < 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log2(us) * STEPS));
    this.#buckets[index] = this.#buckets[index]! + 1;
  }

  /** All of them together, in milliseconds. */
  get total(): number {
    return (this.#mean * this.#count) / 1000;
  }

  summary(): Durations {
    return {
      count: this.#count,
      mean: this.#mean / 1000,
      standardDeviation: this.#count === 0 ? 0 : Math.sqrt(this.#squares / this.#count) / 1000,
      min: this.#count === 0 ? 0 : this.#min / 1000,
      max: this.#max / 1000,
      p50: this.#quantile(0.5),
      p90: this.#quantile(0.9),
      p99: this.#quantile(0.99),
    };
  }

  #quantile(part: number): number {
    const wanted = Math.ceil(this.#count * part);
    if (wanted === 0) return 0;
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#buckets[index]!;
      if (seen >= wanted) return Math.min(this.#max, 2 ** (index / STEPS)) / 1000;
    }
    return this.#max / 1000;
  }
}
