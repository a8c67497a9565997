import { pause } from "#atomics";

const LONGEST_NAP_MS = 10;

/**
 * What one program may wait for the machine's lock in all, as it has so many looks: about half a second, and longer on
 * a machine whose processors are short.
 */
export class LockPatience {
  #looks = 50;
  #nap = 0.5;

  /** False once there is none left. */
  nap(): boolean {
    if (--this.#looks < 0) return false;
    pause(this.#nap);
    this.#nap = Math.min(this.#nap * 2, LONGEST_NAP_MS);
    return true;
  }
}
