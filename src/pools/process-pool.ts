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
  /**
   * Makes a pool, and starts its `minWorkers`: no process unless given.
   *
   * @param options how many workers there are, what they may use, and what becomes of calls: see `PoolOptions`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense,
   *   `ERR_ALLCORES_PERMISSION` where Node's permission model forbids workers, `ERR_ALLCORES_PLATFORM` where this
   *   system has no processes of ours
   * @remarks **Cost:** some small objects; a worker starts with the first work that needs it, `minWorkers` here.
   */
  constructor(options?: PoolOptions) {
    checkProcesses();
    super(callsOf("ProcessPool", processLinks, options));
  }

  /**
   * Gives `fn` a pool and waits for its work; terminates it when `fn` throws.
   *
   * @param options how the pool is made
   * @param fn what uses the pool
   * @returns what `fn` gives, once all that was submitted is done
   * @throws what `fn` throws, after the workers have ended; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** a pool of its own: the start of its workers, and their end.
   *
   * @example
   * ```ts
   * import { isMain, ProcessPool, task } from "allcores";
   * const square = task(import.meta, function square(n: number) {
   *   return n * n;
   * });
   * if (isMain(import.meta)) console.log(await ProcessPool.run({ workers: 1 }, (pool) => pool.submit(square, 7))); // 49
   * ```
   */
  static async run<T>(options: PoolOptions, fn: (pool: ProcessPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ProcessPool(options), fn);
  }
}

registerPool("process", (options) => new ProcessPool(options as PoolOptions));
