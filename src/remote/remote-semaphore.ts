import { portray } from "../codec/portrait.js";
import { wholeNumber } from "../pools/option-values.js";
import type { RemoteLeaseOptions } from "./coordination.js";
import { RemoteLeases } from "./remote-leases.js";

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
export class RemoteSemaphore extends RemoteLeases {
  /**
   * Names a semaphore; nothing is asked of the server before its first use.
   *
   * @param count how many may hold it at a time
   * @param options as of `RemoteLock`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense
   * @remarks **Cost:** two connections, once it is used.
   */
  constructor(count: number, options: RemoteLeaseOptions) {
    super("RemoteSemaphore", options, wholeNumber("count", count, 1, 1));
  }
}

portray(RemoteSemaphore, () => ({}), "make one with the same name there");
