/**
 * The suspicion that a mutex's word was written over: a worker is said to be inside, for seconds in a section of
 * microseconds, and nothing keeps it from going on.
 *
 * Counted are looks at the same word, in a row, at each of which this thread itself had run and the holder was neither
 * stopped, frozen nor waiting for a processor. Whatever else is seen, and whatever cannot be seen, begins the row anew:
 * an honest holder must never be taken for a spoilt word. The same word is not enough: entering is barging, so a holder
 * may leave and be inside again at each look. It counts each time that it leaves while somebody sleeps.
 */
import { isHalted, type ThreadStat } from "../platform/index.js";

/** Between two looks. */
export const LOOK_EVERY_MS = 200;
/** So many in a row: 10 s. */
export const LOOKS_IN_A_ROW = 50;
/** Who comes this late to its look was kept from running itself, and then its holder may have been, too. */
const LATE_MS = 2 * LOOK_EVERY_MS;

export class Suspicion {
  #word = Number.NaN;
  #leaves = Number.NaN;
  #row = 0;
  #at = Number.NEGATIVE_INFINITY;
  #ran = -1;

  /**
   * Whether it is time for a look at who holds the mutex, whose word was just read. Another word than before, or
   * another count in the holder's record: the holder has left meanwhile.
   *
   * @param leaves RECORD.leaves of the holder
   */
  isDue(word: number, leaves: number, now: number): boolean {
    if (word !== this.#word || leaves !== this.#leaves) {
      this.#word = word;
      this.#leaves = leaves;
      this.#row = 0;
      this.#ran = -1;
      this.#at = now;
    }
    return now - this.#at >= LOOK_EVERY_MS;
  }

  /** One look; true once there were enough of them. `seen`: undefined where the system does not tell. */
  look(seen: ThreadStat | undefined, now: number): boolean {
    const late = now - this.#at > LATE_MS;
    const hasRun = seen !== undefined && this.#ran >= 0 && seen.ran > this.#ran;
    this.#at = now;
    this.#ran = seen?.ran ?? -1;
    const isFree =
      seen !== undefined &&
      (seen.state === "R" ? hasRun : isHalted(seen) === false || (isHalted(seen) === undefined && hasRun));
    this.#row = isFree && !late ? this.#row + 1 : 0;
    return this.#row >= LOOKS_IN_A_ROW;
  }
}
