import { ArgumentTypeError, KnownOptions } from "../errors/index.js";
import { WAIT_OPTIONS, deadlineOf, signalOf, type WaitOptions } from "../memory/index.js";
import { Future } from "./future.js";

/** When `wait` has waited enough. */
export interface WaitForOptions extends WaitOptions {
  /** "all" (default): every future has ended. "first": one has. "firstError": one has failed, or all have ended. */
  returnWhen?: "all" | "first" | "firstError" | undefined;
}

const WAIT_FOR = new KnownOptions<WaitForOptions>({ timeout: true, signal: true, returnWhen: true });

/** Which futures have ended, and which have not. */
export interface Waited<F> {
  readonly done: F[];
  readonly pending: F[];
}

/**
 * Waits for futures and tells which have ended: Python's `concurrent.futures.wait`. It never throws what a future failed with, nor when its time has run out.
 * @throws the signal's reason when it aborts; ArgumentTypeError
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
export async function wait<R>(futures: Iterable<Future<R>>, options: WaitForOptions = {}): Promise<Waited<Future<R>>> {
  const all = listOf(futures, "wait(futures)");
  const deadline = deadlineOf(options, WAIT_FOR);
  const signal = signalOf(options);
  const { returnWhen = "all" } = options;
  if (returnWhen !== "all" && returnWhen !== "first" && returnWhen !== "firstError")
    throw new ArgumentTypeError(`options.returnWhen must be "all", "first" or "firstError", got ${String(returnWhen)}`);
  const isEnough = () => {
    const ended = all.filter(hasEnded);
    if (ended.length === all.length) return true;
    if (returnWhen === "first") return ended.length > 0;
    return returnWhen === "firstError" && ended.some(({ state }) => state !== "done");
  };
  if (!isEnough() && deadline !== 0) {
    await until(all, signal, deadline, (resolve) => {
      if (isEnough()) resolve();
    });
  }
  return { done: all.filter(hasEnded), pending: all.filter((future) => !hasEnded(future)) };
}

/** A future that has ended, and how. */
export type Completed<R> = { readonly future: Future<R> } & (
  | { readonly status: "fulfilled"; readonly value: R }
  | { readonly status: "rejected"; readonly reason: unknown }
);

/**
 * The futures in the order in which they end, each with its value or its error: Python's `as_completed`. (Not the bare futures: a loop over promises awaits them,
 * and would throw.) The loop ends early when its time has run out.
 * @throws the signal's reason when it aborts
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
export async function* asCompleted<R>(futures: Iterable<Future<R>>, options: WaitOptions = {}): AsyncGenerator<Completed<R>, void, undefined> {
  const all = listOf(futures, "asCompleted(futures)");
  const deadline = deadlineOf(options, WAIT_OPTIONS);
  const signal = signalOf(options);
  const ended: Completed<R>[] = [];
  let rouse = () => {};
  const add = (completed: Completed<R>) => {
    ended.push(completed);
    rouse();
  };
  for (const future of all)
    future.then(
      (value) => add({ future, status: "fulfilled", value }),
      (reason: unknown) => add({ future, status: "rejected", reason }),
    );
  for (let left = all.length; left > 0; ) {
    const next = ended.shift();
    if (next !== undefined) {
      left--;
      yield next;
    } else {
      if (deadline !== Number.POSITIVE_INFINITY && performance.now() >= deadline) return;
      await until([], signal, deadline, (resolve) => {
        rouse = resolve;
      });
    }
  }
}

function hasEnded({ state }: Future<unknown>): boolean {
  return state !== "pending" && state !== "running";
}

function listOf<R>(futures: Iterable<Future<R>>, call: string): Future<R>[] {
  const all = typeof futures === "object" && futures !== null && Symbol.iterator in futures ? [...futures] : undefined;
  if (all === undefined || !all.every((future) => future instanceof Future)) throw new ArgumentTypeError(`${call}: futures must be an iterable of futures`);
  return all;
}

/** Waits until `look`, called now and when a future ends, resolves it, or until the deadline. */
function until(futures: readonly Future<unknown>[], signal: AbortSignal | undefined, deadline: number, look: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = deadline === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => done(), Math.min(0x7fffffff, Math.max(0, deadline - performance.now())));
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve();
    };
    signal?.addEventListener("abort", abort, { once: true });
    const again = () => look(done);
    for (const future of futures) future.then(again, again);
    again();
  });
}
