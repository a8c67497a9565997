import { ArgumentTypeError } from "../errors/index.js";
import { offAbort, onAbort, SIGNAL_OPTIONS, signalOf } from "../parking/index.js";
import { settledOrLeft, whenSettled } from "../futures/settlement.js";
import { isThenable } from "../sync/thenable.js";
import { reportUncaught } from "../futures/uncaught-hook.js";

/**
 * Waits for a promise that must not be cancelled with its waiter: when `options.signal` aborts, the waiter leaves and
 * the work goes on. If it fails after that, the uncaught hook is told (`setUncaughtHook`), since nobody is there any
 * more to hear it.
 *
 * @param promise what goes on in any case
 * @param options `signal`: the waiter leaves when it aborts
 * @returns what the promise gives
 * @throws what the promise is rejected with; `ERR_ALLCORES_ARGUMENT_TYPE` for what is no promise; the reason of
 *   `signal`
 * @remarks **Cancel:** of the waiter only. **Cost:** one promise.
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
export async function shield<T>(
  promise: PromiseLike<T>,
  options?: { signal?: AbortSignal | undefined },
): Promise<Awaited<T>> {
  if (!isThenable(promise))
    throw new ArgumentTypeError(
      `shield(promise): a promise is needed, got ${promise === null ? "null" : typeof promise}; call the function: shield(save())`,
    );
  const work = Promise.resolve(promise);
  let signal: AbortSignal | undefined;
  try {
    signal = signalOf(options, SIGNAL_OPTIONS);
  } catch (error) {
    work.catch(tellOnce);
    throw error;
  }
  if (signal === undefined) return (await work) as Awaited<T>;
  const left = signal;
  let abort = () => {};
  try {
    return (await settledOrLeft(work, (leave) => {
      abort = () => leave(left.reason);
      onAbort(left, abort);
    })) as Awaited<T>;
  } catch (error) {
    if (left.aborted && error === left.reason) abandon(work, error);
    throw error;
  } finally {
    offAbort(left, abort);
  }
}

/** Of work that a waiter has left: why each of them did. */
const abandoned = new WeakMap<Promise<unknown>, Reasons>();

/**
 * However many leave, the work is watched once, and its failure is told once. Work that ends with what it was called
 * off for has not failed.
 */
function abandon(work: Promise<unknown>, reason: unknown): void {
  const known = abandoned.get(work);
  if (known !== undefined) {
    known.add(reason);
    return;
  }
  const reasons = new Reasons();
  reasons.add(reason);
  abandoned.set(work, reasons);
  whenSettled(work, (outcome) => "error" in outcome && !reasons.has(outcome.error) && tellOnce(outcome.error));
}

/** Holds none of them: there is one for each waiter. */
class Reasons {
  readonly #objects = new WeakSet<object>();
  readonly #others = new Set<unknown>();

  add(reason: unknown): void {
    if (isObject(reason)) this.#objects.add(reason);
    else this.#others.add(reason);
  }

  has(error: unknown): boolean {
    return isObject(error) ? this.#objects.has(error) : this.#others.has(error);
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function tellOnce(error: unknown): void {
  reportUncaught(error, { name: "shield" });
}
