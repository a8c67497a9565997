import { checkProcesses } from "../workers/process.js";
import { processLinks } from "./links/process-links.js";
import { runPool } from "./pool.js";
import { registerPool } from "./pool-models.js";
import type { PoolOptions } from "./pool-options.js";
import { callsOf, WorkerPool } from "./worker-pool.js";

/**
 * A pool of processes: CPU-bound work with a heap of its own for each worker, whose crash takes nothing else down.
 * Needs Linux.
 *
 * Processes start with the first work that needs them and then wait for more; an idle pool does not keep the program
 * alive, and no process outlives it.
 * **Death:** a process that is killed fails only its running task, with `WorkerDiedError` and the signal, and is
 * replaced.
 *
 * @example
 * ```ts
 * import { isMain, ProcessPool, task } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ProcessPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 * }
 * ```
 */
export class ProcessPool extends WorkerPool {
  constructor(options?: PoolOptions) {
    checkProcesses();
    super(callsOf("ProcessPool", processLinks, options));
  }

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: PoolOptions, fn: (pool: ProcessPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ProcessPool(options), fn);
  }
}

registerPool("process", (options) => new ProcessPool(options as PoolOptions));
