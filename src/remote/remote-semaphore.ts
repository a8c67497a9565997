import { portray } from "../codec/portrait.js";
import { wholeNumber } from "../pools/option-values.js";
import { Coordination, objectSettingsOf, type RemoteLeaseOptions, type RemoteWait } from "./coordination.js";
import type { RemoteHeld } from "./remote-held.js";
import { RemotePermits } from "./remote-permits.js";

/**
 * So many permits that programs on several machines share, by a Redis. It promises what `RemoteLock` does, of so many
 * holders at a time. All that use one name give the same count.
 *
 * @example
 * ```ts
 * import { RemoteSemaphore } from "allcores/remote";
 * const licences = new RemoteSemaphore(5, { connection: "redis://localhost:6379", name: "licences" });
 * export const convert = (file: string, run: (file: string) => Promise<void>) => licences.run(() => run(file));
 * licences.close();
 * ```
 */
export class RemoteSemaphore implements Disposable {
  readonly #at: Coordination;
  readonly #permits: RemotePermits;

  /**
   * Names a semaphore; nothing is asked of the server before its first use.
   *
   * @param count how many may hold it at a time
   * @param options as of `RemoteLock`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense
   * @remarks **Cost:** two connections, once it is used.
   */
  constructor(count: number, options: RemoteLeaseOptions) {
    const settings = objectSettingsOf("RemoteSemaphore", options, true);
    this.#at = new Coordination(settings.connection, settings.key);
    this.#permits = new RemotePermits(this.#at, settings, wholeNumber("count", count, 1, 1));
  }

  /**
   * Waits for a permit.
   *
   * @param options as of `RemoteLock.acquire`
   * @returns the hold, with its fencing token
   * @throws `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_REMOTE_UNAVAILABLE`, the reason of `signal`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness, death, cancel, cost:** as of `RemoteLock.acquire`.
   */
  async acquire(options?: RemoteWait): Promise<RemoteHeld> {
    return await this.#permits.take(options);
  }

  /**
   * Takes a permit if there is one.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async tryAcquire(): Promise<RemoteHeld | undefined> {
    return await this.#permits.tryTake();
  }

  /**
   * Runs `fn` while it has a permit.
   *
   * @param fn gets the hold
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws what `fn` throws; as `acquire`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Fairness, death, cancel, cost:** as of `RemoteLock.run`.
   */
  async run<R>(fn: (held: RemoteHeld) => R | PromiseLike<R>, options?: RemoteWait): Promise<R> {
    return await this.#permits.run(fn, options);
  }

  /** Lets go of the connections. Holds are over when their leases are. */
  close(): void {
    this.#at.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

portray(RemoteSemaphore, () => ({}), "make one with the same name there");
