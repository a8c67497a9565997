import { portray, refuseClones } from "../codec/portrait.js";

/**
 * A value of which every worker has its own, made on its first use there.
 *
 * Declare it at the top level of a module: each worker that loads the module has its own instance of it anyway; this
 * says so, and makes the value lazily.
 *
 * @example
 * ```ts
 * import { WorkerLocal } from "allcores";
 * const requests = new WorkerLocal(() => 0);
 * requests.value += 1;
 * console.log(requests.value); // 1
 * requests.clear();
 * console.log(requests.value); // 0
 * ```
 */
export class WorkerLocal<T> {
  readonly #make: () => T;
  #made = false;
  #value: T | undefined;

  /**
   * Makes one without a value.
   *
   * @param make makes a worker's value, on its first use there
   * @throws nothing: what `make` throws, the first use throws
   * @remarks **Cost:** one small object; no shared memory.
   */
  constructor(make: () => T) {
    refuseClones(this);
    this.#make = make;
  }

  /** This worker's value. */
  get value(): T {
    if (!this.#made) this.value = this.#make();
    return this.#value as T;
  }

  set value(value: T) {
    this.#value = value;
    this.#made = true;
  }

  /**
   * Forgets this worker's value: the next use makes a new one.
   *
   * @throws nothing
   * @remarks **Cost:** none.
   */
  clear(): void {
    this.#made = false;
    this.#value = undefined;
  }
}

// Not its value, which a look should not make.
portray(
  WorkerLocal,
  () => ({}),
  "each worker has a value of its own: send worker.value, or export the WorkerLocal from a module that both load",
);
