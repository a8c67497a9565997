import { Coordination, objectSettingsOf, type RemoteLeaseOptions, type RemoteWait } from "./coordination.js";
import type { RemoteHeld } from "./remote-held.js";
import { RemotePermits } from "./remote-permits.js";

/** What programs on several machines hold by leases: a remote lock, which one holds at a time, or a semaphore. */
export class RemoteLeases implements Disposable {
  readonly #at: Coordination;
  readonly #permits: RemotePermits;

  /** @internal Made by their classes. */
  constructor(what: string, options: RemoteLeaseOptions, count: number) {
    const settings = objectSettingsOf(what, options, true);
    this.#at = new Coordination(settings.connection, settings.key);
    this.#permits = new RemotePermits(this.#at, settings, count);
  }

  /**
   * Waits until it is free, or a semaphore has a permit, and holds it.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait
   * @returns the hold, with its fencing token
   * @throws `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_REMOTE_UNAVAILABLE`, the reason of `signal`;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Fairness:** none; who asks first after a release has it. **Death:** free once the lease is over.
   *   **Cancel:** the signal ends the wait. **Cost:** a question to the server, and one a second while it waits.
   */
  async acquire(options?: RemoteWait): Promise<RemoteHeld> {
    return await this.#permits.take(options);
  }

  /**
   * Holds it if it is free, or a semaphore has a permit.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async tryAcquire(): Promise<RemoteHeld | undefined> {
    return await this.#permits.tryTake();
  }

  /**
   * Runs `fn` while it holds the lock, or a permit.
   *
   * @param fn gets the hold, whose `signal` aborts when the lease is lost
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws what `fn` throws; as `acquire`: `ERR_ALLCORES_TIMEOUT`, `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Fairness, death, cancel:** as of `acquire`. **Cost:** two questions to the server, and renewals.
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
