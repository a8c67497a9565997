/** What is held, until it is disposed: `using held = lock.acquireSync()`. */
export interface Held extends Disposable {
  /** True when the worker that held it before ended without releasing: what it protected may be half changed. */
  readonly ownerDied: boolean;
  /**
   * Makes another worker the owner, as its `id` in `currentWorker().id` of this object's reach: it may die without this worker dying, and the death counts as its.
   * @throws NotOwnerError when this hold is over, or that worker is not alive
   */
  handOff(worker: number): void;
}
