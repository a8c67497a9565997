import type { Future } from "../futures/future.js";
import type { ResultOf } from "../pools/pool.js";
import { ProcessPool } from "../pools/process-pool.js";
import type { AnyFunction, Task } from "../workers/task.js";

const IDLE_MS = 10_000;

let pool: ProcessPool | undefined;

/**
 * As `toThread`, in a process of its own: for what may crash, or must not share this program's memory. The pool that
 * all callers share has a process for each processor.
 *
 * @param task a function that was registered by `task()`
 * @param args its arguments, which are copied
 * @returns the future of its value
 * @throws as `pool.submit`: `ERR_ALLCORES_UNSENDABLE`, `ERR_ALLCORES_REACH`, `ERR_ALLCORES_NOT_A_TASK`;
 *   `ERR_ALLCORES_PLATFORM` where there are no processes
 * @remarks **Death:** the future fails with `ERR_ALLCORES_WORKER_DIED`. **Cost:** as `pool.submit`; with the first
 *   calls, the start of processes.
 *
 * @example
 * ```ts
 * import { isMain, task, toProcess } from "allcores";
 * const isElsewhere = task(import.meta, function isElsewhere(pid: number) {
 *   return process.pid !== pid;
 * });
 * if (isMain(import.meta)) console.log(await toProcess(isElsewhere, process.pid)); // true
 * ```
 */
export function toProcess<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Future<ResultOf<F>> {
  pool ??= new ProcessPool({ idleTimeout: IDLE_MS });
  return pool.submit(task, ...args);
}
