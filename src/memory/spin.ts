import { spins } from "#atomics";
import { hasSpareCore } from "../platform/index.js";

/** What is left of the looks while they do not pay. */
const LEAST_PART = 1 / 16;
/** While looking does not pay, one time of so many it is done at length all the same, to learn whether it would. */
const TRIAL_EVERY = 32;

/**
 * How often to look for what is waited for before sleeping: up to `most` times while that pays. Each time in vain
 * halves it, and a success brings it back to `most`. Where more threads run than there are cores, who is waited for has
 * no core, and who looks keeps it from one; looking is also what makes a new isolate compile its loops first of all.
 */
export class Spin {
  readonly #most: number;
  readonly #fewest: number;
  #looks: number;
  #skipped = 0;

  constructor(most: number) {
    this.#most = spins(most);
    this.#fewest = Math.ceil(this.#most * LEAST_PART);
    this.#looks = this.#most;
  }

  /** How often to look this time. */
  get looks(): number {
    if (!hasSpareCore()) return this.#fewest;
    if (this.#looks > this.#fewest || ++this.#skipped < TRIAL_EVERY) return this.#looks;
    this.#skipped = 0;
    return this.#most;
  }

  /** It came while it was looked for. */
  paid(): void {
    this.#looks = this.#most;
  }

  /** It did not. */
  failed(): void {
    this.#looks = Math.max(this.#fewest, this.#looks >> 1);
  }
}
