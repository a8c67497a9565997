import { ArgumentTypeError, ownOptions } from "../errors/index.js";
import { isFuture } from "../futures/future.js";
import { isThenable } from "../sync/thenable.js";
import { programNow, signalOf, WAIT_OPTIONS, type WaitOptions } from "../parking/index.js";
import { checkedMs } from "./milliseconds.js";
import { TimeoutScope } from "./timeout.js";

/**
 * Waits for a promise, or for what a function gives, but no longer than `options.timeout` and not beyond
 * `options.signal`: then it leaves at once. A `Future` is cancelled with that, a function hears it by its signal; a
 * plain promise goes on, since nobody can stop it, and what becomes of it is ignored.
 *
 * `timeout(ms, fn)` is the patient one: it waits for the function to clean up.
 *
 * @param work a promise, or a function that gets a signal
 * @param options `timeout`: milliseconds, without end unless given. `signal`: ends the wait with its reason
 * @returns what the promise gives
 * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out; what the promise is rejected with; `ERR_ALLCORES_ARGUMENT_TYPE`
 *   and `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense; the reason of `signal`
 * @remarks **Fairness, death:** as what is waited for. **Cancel:** a `Future` is cancelled, a function hears it.
 *   **Cost:** one timer, and one signal for a function.
 *
 * @example
 * ```ts
 * import { sleep, waitFor } from "allcores";
 * console.log(await waitFor(Promise.resolve(1), { timeout: 1000 })); // 1
 * const late = await waitFor((signal) => sleep(60_000, { signal }), { timeout: 5 }).catch((error) => error.code);
 * console.log(late); // ERR_ALLCORES_TIMEOUT
 * ```
 */
export async function waitFor<T>(
  work: PromiseLike<T> | ((signal: AbortSignal) => T | PromiseLike<T>),
  options: WaitOptions = {},
): Promise<Awaited<T>> {
  const isFunction = typeof work === "function";
  if (!isFunction && !isThenable(work))
    throw new ArgumentTypeError(
      `waitFor(work): a promise or a function is needed, got ${work === null ? "null" : typeof work}`,
    );
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(`waitFor(work, options): options must be an object, got ${typeof options}`);
  const ms = checkedMs("waitFor(work, { timeout })", ownOptions(options).timeout ?? Number.POSITIVE_INFINITY);
  const scope = new TimeoutScope(programNow() + ms, signalOf(options, WAIT_OPTIONS));
  try {
    const value = await scope.hold(isFunction ? work(scope.signal) : work, false);
    scope.close();
    return value as Awaited<T>;
  } catch (error) {
    const reason = scope.close(error);
    if (isFuture(work)) work.cancel(reason);
    throw reason;
  }
}
