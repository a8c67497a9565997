import { portray } from "../codec/portrait.js";
import type { RemoteLeaseOptions } from "./coordination.js";
import { RemoteLeases } from "./remote-leases.js";

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
export class RemoteLock extends RemoteLeases {
  /**
   * Names a lock; nothing is asked of the server before its first use.
   *
   * @param options `connection` and `name`; `lease`: milliseconds after which the hold of a program that is not heard
   *   of is over
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** two connections, once it is used.
   */
  constructor(options: RemoteLeaseOptions) {
    super("RemoteLock", options, 1);
  }
}

portray(RemoteLock, () => ({}), "make one with the same name there");
