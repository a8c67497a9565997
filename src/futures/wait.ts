import { ArgumentTypeError, KnownOptions, TimeoutError, ownOptions } from "../errors/index.js";
import { setRealImmediate } from "../memory/index.js";
import { Alarm, awaitDeadlineOf, offAbort, onAbort, programNow, signalOf, type WaitOptions } from "../parking/index.js";
import { isThenable } from "../sync/thenable.js";
import { type Future, isFuture, whenEnded } from "./future.js";
import { type SettlementWatch, whenSettled } from "./settlement.js";

/** When `wait` has waited enough. */
export interface WaitForOptions extends WaitOptions {
  /**
   * "all" (default): every future has ended. "first": one has. "firstError": one has failed, or all have ended; one
   * that was cancelled has not failed.
   */
  returnWhen?: "all" | "first" | "firstError" | undefined;
}

const WAIT_FOR = new KnownOptions<WaitForOptions>({ timeout: true, signal: true, returnWhen: true });

/** Which futures have ended, and which have not. */
export interface Waited<F> {
  readonly done: F[];
  readonly pending: F[];
}

/**
 * Waits for futures, or any other promises, and tells which have ended: Python's `concurrent.futures.wait`. It never
 * throws what one failed with, nor when its time has run out. One that is there twice counts once. That a plain promise
 * has ended is seen only after this thread's loop has turned; a `Future` tells at once.
 *
 * @param futures what is waited for
 * @param options `timeout`: milliseconds, without end unless given. `signal`: ends the wait with its reason.
 *   `returnWhen`: whether the first, the first failure or all have to end
 * @returns those that have ended, and those that have not
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense; the reason of
 *   `signal`
 * @remarks **Fairness, death, cancel:** the futures go on as they would. **Cost:** a reaction for each future.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool, wait } from "allcores";
 * const double = task(import.meta, function double(n: number) {
 *   return 2 * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 2 });
 *   const { done, pending } = await wait([pool.submit(double, 1), pool.submit(double, 2)], { returnWhen: "all" });
 *   console.log(done.length, pending.length); // 2 0
 * }
 * ```
 */
export async function wait<const F extends PromiseLike<unknown>>(
  futures: Iterable<F>,
  options: WaitForOptions = {},
): Promise<Waited<F>> {
  const all = setOf(futures, "wait(futures)");
  const deadline = awaitDeadlineOf(options, WAIT_FOR);
  const signal = signalOf(options);
  const { returnWhen = "all" } = ownOptions(options);
  if (returnWhen !== "all" && returnWhen !== "first" && returnWhen !== "firstError")
    throw new ArgumentTypeError(`options.returnWhen must be "all", "first" or "firstError", got ${String(returnWhen)}`);
  const ended = new Map<F, "done" | "failed" | "cancelled">();
  let rouse = () => {};
  const isEnough = () => {
    if (ended.size === all.size) return true;
    if (returnWhen === "first") return ended.size > 0;
    return returnWhen === "firstError" && [...ended.values()].includes("failed");
  };
  const watches: SettlementWatch[] = [];
  const end = (future: F, how: "done" | "failed" | "cancelled") => {
    ended.set(future, how);
    rouse();
  };
  for (const future of all) {
    if (!isFuture(future))
      watches.push(whenSettled(future, (outcome) => end(future, "error" in outcome ? "failed" : "done")));
    else if (hasEnded(future)) end(future, future.state as "done");
    else watches.push(whenEnded(future, () => end(future, future.state as "done")));
  }
  try {
    // Of plain promises it is not known before the loop has turned.
    if (!isEnough() && deadline === 0) await null;
    if (!isEnough() && deadline !== 0) {
      await until(signal, deadline, (resolve) => {
        rouse = () => {
          if (isEnough()) resolve();
        };
      });
    }
    const done: F[] = [];
    const pending: F[] = [];
    for (const future of all)
      (ended.has(future) || (isFuture(future) && hasEnded(future)) ? done : pending).push(future);
    return { done, pending };
  } finally {
    for (const watch of watches) watch.stop();
  }
}

/** A future, or another promise, that has ended, and how. */
export type Completed<R, F = Future<R>> = { readonly future: F } & (
  | { readonly status: "fulfilled"; readonly value: R }
  | { readonly status: "rejected"; readonly reason: unknown }
);

/**
 * The futures, or other promises, in the order in which they end, each with its value or its error: Python's
 * `as_completed`. (Not the bare futures: a loop over promises awaits them, and would throw.) One that is there twice
 * comes once.
 *
 * @param futures what is waited for
 * @param options `timeout`: milliseconds from this call, without end unless given. `signal`: ends the loop with its
 *   reason
 * @returns an async iterator over what has ended
 * @throws `ERR_ALLCORES_TIMEOUT` when the time has run out before all have ended; `ERR_ALLCORES_ARGUMENT_TYPE` and
 *   `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense; the reason of `signal`
 * @remarks **Fairness:** in the order of their ends. **Death, cancel:** the futures go on as they would. **Cost:** a
 *   reaction for each future.
 *
 * @example
 * ```ts
 * import { asCompleted, isMain, task, ThreadPool } from "allcores";
 * const double = task(import.meta, function double(n: number) {
 *   return 2 * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   for await (const { status } of asCompleted([pool.submit(double, 21)])) console.log(status); // fulfilled
 * }
 * ```
 */
export function asCompleted<const F extends PromiseLike<unknown>>(
  futures: Iterable<F>,
  options: WaitOptions = {},
): AsyncGenerator<Completed<Awaited<F>, F>, void, undefined> {
  // Checked, and the time begins, with the call: a generator would do it when it is first asked.
  return inOrderOfEnd(
    setOf(futures, "asCompleted(futures)"),
    awaitDeadlineOf(options),
    signalOf(options),
    options.timeout,
  );
}

async function* inOrderOfEnd<F extends PromiseLike<unknown>>(
  all: ReadonlySet<F>,
  deadline: number,
  signal: AbortSignal | undefined,
  timeout: number | undefined,
): AsyncGenerator<Completed<Awaited<F>, F>, void, undefined> {
  let ended: Completed<Awaited<F>, F>[] = [];
  let rouse = () => {};
  // One function for all of them: what is made for each is what a collection of garbage has to move.
  const tell = (outcome: { readonly value: Awaited<F> } | { readonly error: unknown }, future: F): void => {
    if ("error" in outcome) ended.push({ future, status: "rejected", reason: outcome.error });
    else ended.push({ future, status: "fulfilled", value: outcome.value });
    rouse();
  };
  const watches = Array.from(all, (future) => whenSettled(future, tell));
  try {
    // What has ended already is heard of in the microtasks of this turn: it comes first, also without any time.
    if (deadline === 0) await new Promise((resolve) => setRealImmediate(resolve));
    for (let left = all.size; left > 0; ) {
      if (ended.length > 0) {
        // A list at a time: to shift one out of 100,000 moves all the others.
        const list = ended;
        ended = [];
        for (const next of list) {
          left--;
          yield next;
        }
        continue;
      }
      if (programNow() < deadline) {
        await until(signal, deadline, (resolve) => {
          rouse = resolve;
        });
        if (ended.length > 0) continue;
      }
      throw new TimeoutError(`${left} of ${all.size} futures had not ended within ${timeout} ms`);
    }
  } finally {
    for (const watch of watches) watch.stop();
  }
}

function hasEnded({ state }: Future<unknown>): boolean {
  return state !== "pending" && state !== "running";
}

function setOf<F>(futures: Iterable<F>, call: string): ReadonlySet<F> {
  const must = `${call}: futures must be an iterable of futures or other promises`;
  if (typeof futures !== "object" || futures === null || !(Symbol.iterator in futures))
    throw new ArgumentTypeError(`${must}, got ${futures === null ? "null" : typeof futures}`);
  const all = new Set<F>();
  // Each is looked at as it comes: an iterator that gives promises of its steps never says that it is done.
  for (const one of futures) {
    if (!isThenable(one))
      throw new ArgumentTypeError(`${must}, and one of them is ${one === null ? "null" : typeof one}`);
    all.add(one);
  }
  return all;
}

/** Waits until what `arm` was given is called, or until the deadline. */
function until(signal: AbortSignal | undefined, deadline: number, arm: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      alarm.clear();
      reject(signal?.reason);
    };
    const done = () => {
      alarm.clear();
      offAbort(signal, abort);
      resolve();
    };
    const alarm = new Alarm(deadline, done);
    if (signal?.aborted === true) {
      abort();
      return;
    }
    onAbort(signal, abort);
    arm(done);
  });
}
