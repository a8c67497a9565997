import { isPromise } from "node:util/types";
import { ArgumentTypeError, TaskGroupError, isThrown, KnownOptions, ownOptions } from "../errors/index.js";
import { isFuture } from "../futures/future.js";
import { settledOrLeft, whenSettled } from "../futures/settlement.js";
import { offAbort, onAbort } from "../parking/index.js";
import { isThenable } from "../sync/thenable.js";
import { TaskGroup } from "./task-group.js";

/** What can be gathered: a function, which gets the signal that asks it to stop, or a promise. */
export type Gatherable<T = unknown> = PromiseLike<T> | ((signal: AbortSignal) => T);

/** What it comes to. */
export type Gathered<W> = W extends (...args: never[]) => infer R ? Awaited<R> : Awaited<W>;

/** How they are gathered. */
export interface GatherOptions {
  /** Each one's outcome instead of the first error; nothing is cancelled then. */
  settle?: boolean | undefined;
  /** Cancels all when it aborts. */
  signal?: AbortSignal | undefined;
}

const GATHER = new KnownOptions<GatherOptions>(
  { settle: true, signal: true },
  { timeout: "put it into timeout(ms, ({ signal }) => gather(work, { signal }))" },
);

type Values<W extends readonly unknown[]> = { -readonly [Index in keyof W]: Gathered<W[Index]> };
type Outcomes<W extends readonly unknown[]> = {
  -readonly [Index in keyof W]: PromiseSettledResult<Gathered<W[Index]>>;
};

/**
 * Runs functions beside each other and gives their results in the order of the list: Python's `asyncio.gather`, but
 * nobody is left running. The first error cancels the others, is thrown once they have cleaned up, and stands for them
 * all; who wants every error takes a `TaskGroup`, who wants every outcome `{ settle: true }`.
 *
 * Promises may be among them. They have begun already: a `Future` is cancelled with the others, a plain promise cannot
 * be and is left.
 *
 * @param work functions that get a signal, or promises
 * @param options `settle`: whether each outcome is given, and no error thrown. `signal`: calls all of them off
 * @returns their results, in the order of the list
 * @throws the first error; `ERR_ALLCORES_ARGUMENT_TYPE` for what is neither; the reason of `signal`
 * @remarks **Cancel:** all of them are asked to stop, and waited for. **Cost:** as a `TaskGroup` of so many tasks.
 *
 * @example
 * ```ts
 * import { gather, sleep } from "allcores";
 * const later = (n: number) => async (signal: AbortSignal) => {
 *   await sleep(n, { signal });
 *   return n;
 * };
 * console.log(await gather([later(10), later(5)])); // [ 10, 5 ]
 * console.log(await gather(later(1), Promise.resolve("x"))); // [ 1, 'x' ]
 * const outcomes = await gather([later(1), Promise.reject(new Error("no"))], { settle: true });
 * console.log(outcomes.map(({ status }) => status)); // [ 'fulfilled', 'rejected' ]
 * ```
 */
export function gather<const W extends readonly Gatherable[]>(
  work: W,
  options: GatherOptions & { settle: true },
): Promise<Outcomes<W>>;
export function gather<const W extends readonly Gatherable[]>(
  work: W,
  options?: GatherOptions & { settle?: false | undefined },
): Promise<Values<W>>;
export function gather<const W extends readonly Gatherable[]>(...work: W): Promise<Values<W>>;
export function gather<W extends Gatherable>(
  work: Iterable<W>,
  options: GatherOptions & { settle: true },
): Promise<PromiseSettledResult<Gathered<W>>[]>;
export function gather<W extends Gatherable>(
  work: Iterable<W>,
  options?: GatherOptions & { settle?: false | undefined },
): Promise<Gathered<W>[]>;
export async function gather(...given: unknown[]): Promise<unknown[]> {
  const [first] = given;
  const isList = typeof first === "object" && first !== null && Symbol.iterator in first;
  const work = isList ? [...(first as Iterable<unknown>)] : given;
  let options = isList ? ((given[1] ?? {}) as GatherOptions) : {};
  if (typeof options !== "object")
    throw new ArgumentTypeError(`gather(list, options): options must be an object, got ${typeof options}`);
  GATHER.check(options);
  options = ownOptions(options);
  const wrong = work.findIndex((one) => typeof one !== "function" && !isThenable(one));
  if (wrong >= 0)
    throw new ArgumentTypeError(
      `gather: functions and promises are needed, item ${wrong} is ${work[wrong] === null ? "null" : typeof work[wrong]}`,
    );
  // Asked once, and at once: an error of theirs that nobody waits for any more is no accident, and calling `then` is
  // what begins some of them.
  const begun = work.map((one) => (typeof one === "function" ? undefined : begunOf(one as PromiseLike<unknown>)));
  const results: unknown[] = new Array(work.length);
  try {
    await TaskGroup.run(
      (group) => {
        for (const [index, one] of work.entries()) {
          const run =
            typeof one === "function"
              ? (one as (signal: AbortSignal) => unknown)
              : (signal: AbortSignal) => follow(one as PromiseLike<unknown>, begun[index]!, signal);
          group.spawn(async (signal) => {
            if (options.settle !== true) results[index] = await run(signal);
            else results[index] = await outcomeOf(run, signal);
          });
        }
      },
      { signal: options.signal },
    );
  } catch (error) {
    throw isThrown(error, TaskGroupError) ? error.errors[0] : error;
  }
  return results;
}

async function outcomeOf(
  run: (signal: AbortSignal) => unknown,
  signal: AbortSignal,
): Promise<PromiseSettledResult<unknown>> {
  try {
    return { status: "fulfilled", value: await run(signal) };
  } catch (reason) {
    return { status: "rejected", reason };
  }
}

/** A promise of what it comes to; of what is a promise already, that one. */
function begunOf(work: PromiseLike<unknown>): PromiseLike<unknown> {
  const begun = isPromise(work) ? work : new Promise<unknown>((resolve, reject) => void work.then(resolve, reject));
  // Its subscription stays, the watcher goes: on a promise that lives long they would pile up.
  whenSettled(begun, () => {}).stop();
  return begun;
}

/** Waits for what others have begun, until the signal aborts. */
async function follow(work: PromiseLike<unknown>, begun: PromiseLike<unknown>, signal: AbortSignal): Promise<unknown> {
  let abort = () => {};
  try {
    return await settledOrLeft(begun, (leave) => {
      abort = () => {
        if (isFuture(work)) work.cancel(signal.reason);
        leave(signal.reason);
      };
      onAbort(signal, abort);
    });
  } finally {
    offAbort(signal, abort);
  }
}
