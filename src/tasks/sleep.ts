import { atomics } from "../memory/index.js";
import { Alarm, offAbort, onAbort, programNow, SIGNAL_OPTIONS, signalOf } from "../parking/index.js";
import { checkedMs } from "./milliseconds.js";

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
  checkedMs("sleep(ms)", ms);
  const signal = signalOf(options, SIGNAL_OPTIONS);
  await new Promise<void>((resolve, reject) => {
    const alarm = new Alarm(programNow() + ms, () => {
      offAbort(signal, abort);
      resolve();
    });
    const abort = () => {
      alarm.clear();
      reject(signal?.reason);
    };
    onAbort(signal, abort);
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
  atomics.pause(checkedMs("sleep(ms)", ms));
}
