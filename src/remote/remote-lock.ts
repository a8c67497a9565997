import { portray } from "../codec/portrait.js";
import { Coordination, objectSettingsOf, type RemoteLeaseOptions, type RemoteWait } from "./coordination.js";
import type { RemoteHeld } from "./remote-held.js";
import { RemotePermits } from "./remote-permits.js";

/**
 * A lock that programs on several machines share, by a Redis. Only awaiting forms: nothing blocks a thread over a
 * network.
 *
 * What it promises: as long as the server keeps its data, at most one holder has a lease that is not over, by the
 * server's clock. What it does not: a holder that stands still, or is cut off, does not notice in time that its lease
 * is over; so what must not be done twice has to check the `token`, which only grows. After a server has lost its data
 * two programs may hold the lock until the older lease is over, and tokens go on in a new epoch, above all that were.
 *
 * @example
 * ```ts
 * import { RemoteLock } from "allcores/remote";
 * const lock = new RemoteLock({ connection: "redis://localhost:6379", name: "nightly-report" });
 * export async function report(write: (token: bigint) => Promise<void>) {
 *   await using held = await lock.acquire({ timeout: 60_000 });
 *   await write(held.token);
 * }
 * lock.close();
 * ```
 */
export class RemoteLock implements Disposable {
  readonly #at: Coordination;
  readonly #permits: RemotePermits;

  /**
   * Names a lock; nothing is asked of the server before its first use.
   *
   * @param options `connection` and `name`; `lease`: milliseconds after which the hold of a program that is not heard
   *   of is over
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** two connections, once it is used.
   */
  constructor(options: RemoteLeaseOptions) {
    const settings = objectSettingsOf("RemoteLock", options, true);
    this.#at = new Coordination(settings.connection, settings.key);
    this.#permits = new RemotePermits(this.#at, settings, 1);
  }

  /**
   * Waits until it is free, and holds it.
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
   * Holds it if it is free.
   *
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_REMOTE_UNAVAILABLE`
   * @remarks **Cost:** a question to the server.
   */
  async tryAcquire(): Promise<RemoteHeld | undefined> {
    return await this.#permits.tryTake();
  }

  /**
   * Runs `fn` while it holds the lock.
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

portray(RemoteLock, () => ({}), "make one with the same name there");
