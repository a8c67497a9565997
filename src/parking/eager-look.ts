import { realNow, setRealImmediate } from "../memory/clock.js";
import { hasSpareCore } from "../platform/index.js";

/** How long it looks: two or three times what waking a sleeping event loop takes, 10 to 60 µs. */
const LOOK_MS = 0.15;
/** While it does not pay, one wait of so many looks all the same, to learn whether it would. */
const TRIAL_EVERY = 32;

/**
 * Looks for what is awaited by turning the event loop instead of letting it sleep, for a moment, and only where that
 * has paid off lately: what comes soon is then found in less time than it takes to wake a sleeping loop, and to get a
 * core out of its idle state. Other events of the loop are served meanwhile.
 */
export class EagerLook {
  readonly #look: () => boolean;
  readonly #giveUp: () => void;
  #until = 0;
  #pays = true;
  #looking = false;
  #skipped = 0;

  /**
   * `look` returns true when it found what was looked for, and has dealt with it; `giveUp` is called when it looked in
   * vain.
   */
  constructor(look: () => boolean, giveUp: () => void = () => {}) {
    this.#look = look;
    this.#giveUp = giveUp;
  }

  /** Something is awaited from now on. False when it is not worth looking. */
  start(): boolean {
    if (!this.#pays && ++this.#skipped < TRIAL_EVERY) return false;
    if (!hasSpareCore()) return false;
    this.#skipped = 0;
    this.#until = realNow() + LOOK_MS;
    if (this.#looking) return true;
    this.#looking = true;
    setRealImmediate(this.#turn);
    return true;
  }

  /** It came by its ordinary way. While it was looked for, the loop was awake for it: that has paid off too. */
  stop(): void {
    if (this.#looking) this.#pays = true;
    this.#looking = false;
  }

  readonly #turn = (): void => {
    if (!this.#looking) return;
    // Before the look, which may begin the next one.
    this.#looking = false;
    if (this.#look()) {
      this.#pays = true;
    } else if (realNow() < this.#until) {
      this.#looking = true;
      setRealImmediate(this.#turn);
    } else {
      this.#pays = false;
      this.#giveUp();
    }
  };
}
