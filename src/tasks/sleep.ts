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
  await new Promise<void>((resolve, reject) => {
    let left = ms;
    let timer: NodeJS.Timeout;
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const tick = () => {
      if (left <= 0) {
        signal?.removeEventListener("abort", abort);
        resolve();
        return;
      }
      const step = Math.min(left, LONGEST_MS);
      left -= step;
      timer = setTimeout(tick, step);
    };
    signal?.addEventListener("abort", abort, { once: true });
    const first = Math.min(left, LONGEST_MS);
    left -= first;
    timer = setTimeout(tick, first);
  });
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
