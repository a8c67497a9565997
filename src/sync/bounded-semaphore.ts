import type { Facts } from "../codec/portrait.js";
import { Handle, registerShared } from "../objects/index.js";
import { KIND } from "./kinds.js";
import type { SemaphoreOptions } from "./owner-death.js";
import { Semaphore } from "./semaphore.js";
import { SEMAPHORE } from "./semaphore-words.js";

/**
 * A semaphore that cannot hold more permits than it began with: releasing too often is a `ReleasedTooOftenError` that
 * changes nothing.
 *
 * @example
 * ```ts
 * import { BoundedSemaphore, ReleasedTooOftenError } from "allcores";
 * const semaphore = new BoundedSemaphore(1);
 * try {
 *   semaphore.release();
 * } catch (error) {
 *   console.log(error instanceof ReleasedTooOftenError); // true
 * }
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  /** Tells it from a Semaphore in the type system. */
  readonly #bounded = true;

  /**
   * Makes a bounded semaphore.
   *
   * @param value the permits at the start, and the most that there may be: a whole number from 0; 1 unless given
   * @param options as of `Semaphore`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(value?: number, options?: SemaphoreOptions);
  constructor(value?: number, options?: SemaphoreOptions | Handle) {
    super(value, options);
    if (!(options instanceof Handle)) this.bound = this.value;
  }

  /** @internal */
  static override attach(handle: Handle): BoundedSemaphore {
    return new BoundedSemaphore(1, handle as never);
  }

  /** @internal */
  protected override facts(): Facts {
    return { value: this.value, limit: this.limit };
  }

  /**
   * The most permits there may be.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get limit(): number {
    this.checkUsable();
    return this.#bounded ? ~this.words[this.at + SEMAPHORE.bound]! : 0;
  }
}

registerShared(KIND.semaphore, BoundedSemaphore);
