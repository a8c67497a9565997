/** What is held, until it is disposed: `using held = lock.acquireSync()`. */
export interface Held extends Disposable {
  /**
   * True when a worker that held it ended without releasing, and nobody has called `consistent()` since: what it
   * protected may be half changed.
   */
  readonly ownerDied: boolean;
  /**
   * Makes another worker the owner: it releases, and its death counts as the owner's. This hold is over.
   *
   * @param worker what the other worker reads from the object's `workerId`
   * @throws `ERR_ALLCORES_NOT_OWNER` when this hold is over, or that worker is not alive
   * @remarks **Cost:** one atomic exchange, or two of an internal mutex.
   *
   * @example
   * ```ts
   * import { Lock } from "allcores";
   * const lock = new Lock();
   * const held = lock.acquireSync();
   * held.handOff(lock.workerId); // as a rule another worker's, which has told it
   * held[Symbol.dispose](); // over: it releases nothing
   * console.log(lock.isLocked); // true
   * ```
   */
  handOff(worker: number): void;
}
