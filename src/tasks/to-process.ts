import type { Future } from "../futures/future.js";
import type { ResultOf } from "../pools/pool.js";
import { ProcessPool } from "../pools/process-pool.js";
import type { AnyFunction, Task } from "../workers/task.js";

const IDLE_MS = 10_000;

let pool: ProcessPool | undefined;

/**
 * As `toThread`, in a process of its own: for what may crash, or must not share this program's memory. The pool that
 * all callers share has a process for each processor.
 * @throws as `pool.submit`; PlatformError where there are no processes to be had
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
