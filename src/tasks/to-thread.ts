import type { Future } from "../futures/future.js";
import type { ResultOf } from "../pools/pool.js";
import { ThreadPool } from "../pools/thread-pool.js";
import { cpuCount } from "../workers/cpu-count.js";
import type { AnyFunction, Task } from "../workers/task.js";

/** Beside one for each processor, so many for tasks that block. */
const SPARE = 4;
const IDLE_MS = 10_000;

let pool: ThreadPool | undefined;

/**
 * Runs a task in a thread of a pool that all callers share, and gives its value: Python's `asyncio.to_thread`. For what
 * blocks or computes, so that this event loop goes on. The pool has four threads more than there are processors; they
 * end when they have had nothing to do for ten seconds, and keep no program alive. `future.cancel()` calls the task
 * off, `waitFor(future, { timeout, signal })` bounds it.
 * @throws as `pool.submit`
 *
 * @example
 * ```ts
 * import { isMain, sleepSync, task, toThread } from "allcores";
 * const nap = task(import.meta, function nap(ms: number) {
 *   sleepSync(ms);
 *   return `slept ${ms} ms`;
 * });
 * if (isMain(import.meta)) console.log(await toThread(nap, 20)); // slept 20 ms
 * ```
 */
export function toThread<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> {
  pool ??= new ThreadPool({ workers: cpuCount() + SPARE, idleTimeout: IDLE_MS });
  return pool.submit(task, ...args);
}
