import { ArgumentTypeError } from "../errors/index.js";
import { SIGNAL_OPTIONS, signalOf } from "../memory/index.js";
import { reportUncaught } from "../workers/uncaught-hook.js";

/**
 * Waits for a promise that must not be cancelled with its waiter: when `options.signal` aborts, the waiter leaves and the work goes on. If it fails after that, the
 * uncaught hook is told (`setUncaughtHook`), since nobody is there any more to hear it.
 * @throws the signal's reason; what the promise is rejected with
 *
 * @example
 * ```ts
 * import { shield, sleep } from "allcores";
 * let saved = false;
 * const save = async () => {
 *   await sleep(20);
 *   saved = true;
 * };
 * const saving = save();
 * await shield(saving, { signal: AbortSignal.timeout(1) }).catch(() => {});
 * console.log(saved); // false
 * await saving;
 * console.log(saved); // true
 * ```
 */
export async function shield<T>(promise: PromiseLike<T>, options?: { signal?: AbortSignal | undefined }): Promise<Awaited<T>> {
  if (typeof (promise as PromiseLike<T> | undefined)?.then !== "function")
    throw new ArgumentTypeError(`shield(promise): a promise is needed, got ${promise === null ? "null" : typeof promise}; call the function: shield(save())`);
  const work = Promise.resolve(promise);
  let signal: AbortSignal | undefined;
  try {
    signal = signalOf(options, SIGNAL_OPTIONS);
  } catch (error) {
    work.catch(unheard);
    throw error;
  }
  if (signal === undefined) return (await work) as Awaited<T>;
  const { promise: left, abort } = leaving(signal);
  try {
    return (await Promise.race([work, left])) as Awaited<T>;
  } catch (error) {
    if (signal.aborted && error === signal.reason) work.catch((late: unknown) => late === error || unheard(late));
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function leaving(signal: AbortSignal): { promise: Promise<never>; abort: () => void } {
  let abort = () => {};
  const promise = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", abort, { once: true });
  return { promise, abort };
}

function unheard(error: unknown): void {
  reportUncaught(error, { name: "shield" });
}
