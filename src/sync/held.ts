/** What is held, until it is disposed: `using held = lock.acquireSync()`. */
export interface Held extends Disposable {
  /** True when a worker that held it ended without releasing, and nobody has called `consistent()` since: what it protected may be half changed. */
  readonly ownerDied: boolean;
  /**
   * Makes another worker the owner: it releases, and its death counts as the owner's. `worker` is what the other worker reads from the object's `workerId`.
   * @throws NotOwnerError when this hold is over, or that worker is not alive
   */
  handOff(worker: number): void;
}
