import { atomics } from "../memory/index.js";
import { Alarm, offAbort, onAbort, programNow, SIGNAL_OPTIONS, signalOf } from "../parking/index.js";
import { checkedMs } from "./milliseconds.js";

/**
 * Resolves after `ms` milliseconds.
 *
 * @param ms milliseconds from 0; Infinity is for ever
 * @param options `signal`: ends it with its reason
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what is no number from 0; the reason of
 *   `signal`
 * @remarks **Cancel:** leaves no timer. **Cost:** one timer.
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
 * @param ms milliseconds from 0
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what is no number from 0
 * @remarks **Cost:** nothing but the time.
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
