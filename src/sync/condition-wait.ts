import type { Heap } from "../memory/index.js";
import type { Lock } from "./lock.js";
import type { RLock } from "./rlock.js";
import { reacquire, reacquireSync, suspend } from "./suspendable.js";

/** One wait under the lock of a Condition, which is held when it begins and when it ends. */
export class ConditionWait {
  readonly #heap: Heap;
  readonly #at: number;
  readonly #lock: Lock | RLock;
  #hasGivenUp = false;
  #tenure: unknown;
  /** The node of the notification, from the first attempt to the end of the wait. */
  #hand = 0;
  #carries = false;

  constructor(heap: Heap, at: number, lock: Lock | RLock) {
    this.#heap = heap;
    this.#at = at;
    this.#lock = lock;
  }

  /** Blocks this thread; false when nobody has notified it until `deadline`. */
  blockUntil(deadline: number): boolean {
    try {
      return this.#heap.parker.blockUntil(this.#at, this.#attempt, deadline) ?? false;
    } finally {
      try {
        if (this.#hasGivenUp) this.#lock[reacquireSync](this.#tenure as never);
      } finally {
        this.#putDown();
      }
    }
  }

  /** As `blockUntil`, while the event loop turns; rejects with the reason of `signal`. */
  async waitUntil(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return (await this.#heap.parker.waitUntil(this.#at, this.#attempt, deadline, signal)) ?? false;
    } finally {
      try {
        if (this.#hasGivenUp) await this.#lock[reacquire](this.#tenure as never);
      } finally {
        this.#putDown();
      }
    }
  }

  /**
   * The first call gives the lock up: the node is armed by then, so a notify() by the next holder finds this waiter. A
   * notification stays pending until the lock is taken back. A waiter that dies before that has not acted on it, and
   * the sweep passes it on. The node for that is taken before anything is changed, since taking one may need the
   * allocator.
   */
  readonly #attempt = (granted: boolean): true | undefined => {
    const { waitQueue } = this.#heap;
    if (!this.#hasGivenUp) {
      this.#hand = waitQueue.takeNode();
      this.#hasGivenUp = true;
      this.#tenure = this.#lock[suspend]();
    }
    if (!granted) return undefined;
    waitQueue.carry(this.#at, this.#hand);
    this.#carries = true;
    return true;
  };

  #putDown(): void {
    if (this.#hand === 0) return;
    const { waitQueue } = this.#heap;
    if (this.#carries) waitQueue.putDown(this.#hand);
    waitQueue.putNode(this.#hand);
  }
}
