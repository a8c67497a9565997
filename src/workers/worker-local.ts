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
 * ```
 */
export class WorkerLocal<T> {
  readonly #make: () => T;
  #made = false;
  #value: T | undefined;

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

  /** Forgets this worker's value: the next use makes a new one. */
  clear(): void {
    this.#made = false;
    this.#value = undefined;
  }
}

// Not its value, which a look should not make.
portray(WorkerLocal, () => ({}), "each worker has a value of its own: send worker.value, or export the WorkerLocal from a module that both load");
