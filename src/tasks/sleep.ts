import { setTimeout as wait } from "node:timers/promises";
import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";
import { atomics, signalOf } from "../memory/index.js";

const LONGEST_MS = 0x7fffffff;

/**
 * Resolves after `ms` milliseconds. @throws the signal's reason when `options.signal` aborts first
 *
 * @example
 * ```ts
 * import { sleep } from "allcores";
 * await sleep(10);
 * ```
 */
export async function sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void> {
  check(ms);
  const signal = signalOf(options);
  for (let left = ms; left === ms || left > 0; left -= LONGEST_MS) {
    try {
      await wait(Math.min(left, LONGEST_MS), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }
}

/**
 * Stops the calling thread for `ms` milliseconds, its event loop included: Python's `time.sleep`.
 *
 * @example
 * ```ts
 * import { sleepSync } from "allcores";
 * sleepSync(10);
 * ```
 */
export function sleepSync(ms: number): void {
  check(ms);
  atomics.pause(ms);
}

function check(ms: number): void {
  if (typeof ms !== "number") throw new ArgumentTypeError(`sleep(ms): ms must be a number of milliseconds, got ${typeof ms}`);
  if (Number.isNaN(ms) || ms < 0) throw new ArgumentRangeError(`sleep(ms): ms must be 0 or more, got ${ms}`);
}
