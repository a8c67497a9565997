import { realNow } from "../memory/index.js";

/**
 * How long a blocking getter looks at an empty queue before it arms its node. Waking a core out of its idle state keeps
 * the putter busy for some 65 µs: who sleeps sooner than that is asleep again when the next item comes, and each item
 * costs a wake-up.
 */
const LOOK_MS = 0.1;
/**
 * While that does not pay, it is tried once in so many times; else it is looked for as long as a wake-up takes where no
 * core is idle.
 */
const TRIAL_EVERY = 16;
const SHORT_LOOK_MS = 0.02;

/** For how long a getter looks at an empty queue: what looking has come to so far decides. */
export class GetterPatience {
  #hasPaid = true;
  #isLong = true;
  #skipped = 0;

  /** Begins to look; gives the time at which to sleep instead. */
  begin(): number {
    this.#isLong = this.#hasPaid || ++this.#skipped >= TRIAL_EVERY;
    if (this.#isLong) this.#skipped = 0;
    return realNow() + (this.#isLong ? LOOK_MS : SHORT_LOOK_MS);
  }

  /** An item came while it looked. */
  pays(): void {
    this.#hasPaid = true;
  }

  /** None came. A short look tells nothing. */
  failed(): void {
    if (this.#isLong) this.#hasPaid = false;
  }
}
