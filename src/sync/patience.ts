import { realNow } from "../memory/index.js";

/** How long a waiter makes way for one that comes first. */
const PATIENCE_MS = 50;

/**
 * The bound on making way: the one that a reservation, or a turn, is meant for may be stopped by a signal, be dead but
 * not noticed yet, or sit in a blocking wait of its own. A caller that is kept out by it alone honours it for
 * PATIENCE_MS; its next slice goes ahead. One per wait.
 */
export class Patience {
  #since = 0;

  /** Whether it has run out. The first look starts it. */
  get isOver(): boolean {
    const now = realNow();
    if (this.#since === 0) this.#since = now;
    return now - this.#since > PATIENCE_MS;
  }
}
