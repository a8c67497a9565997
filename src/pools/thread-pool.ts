import { checkPermission, THREADS } from "../platform/index.js";
import { threadLinks } from "./links/thread-links.js";
import { runPool } from "./pool.js";
import { registerPool } from "./pool-models.js";
import type { PoolOptions } from "./pool-options.js";
import { callsOf, WorkerPool } from "./worker-pool.js";

/**
 * A pool of threads: CPU-bound work on every core, with shared memory and cheap moves.
 *
 * Threads start with the first work that needs them and then wait for more; an idle pool does not keep the program
 * alive.
 * **Death:** a thread that ends fails only its running task, with `WorkerDiedError`, and is replaced.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   const pool = new ThreadPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 *   console.log(await pool.starmap(square, [[4], [5]])); // [ 16, 25 ]
 *   const urgent = pool.with({ priority: 1, timeout: 60_000 });
 *   console.log(await urgent.submit(square, 6), await pool.trySubmit(square, 7)); // 36 49
 *   const handle = pool.handle(); // for tasks of this very pool
 *   pool.resize(3);
 *   console.log(handle !== undefined, pool.workers, pool.stats().completed); // true 3 7
 *   pool.close(); // or pool.terminate()
 *   await pool.join();
 * }
 * ```
 */
export class ThreadPool extends WorkerPool {
  /**
   * Makes a pool, and starts its `minWorkers`: no thread unless given.
   *
   * @param options how many workers there are, what they may use, and what becomes of calls: see `PoolOptions`
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense,
   *   `ERR_ALLCORES_PERMISSION` where Node's permission model forbids workers
   * @remarks **Cost:** some small objects; a worker starts with the first work that needs it, `minWorkers` here.
   */
  constructor(options?: PoolOptions) {
    checkPermission("a thread", [THREADS]);
    super(callsOf("ThreadPool", threadLinks, options));
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
   * import { isMain, task, ThreadPool } from "allcores";
   * const square = task(import.meta, function square(n: number) {
   *   return n * n;
   * });
   * if (isMain(import.meta)) console.log(await ThreadPool.run({ workers: 1 }, (pool) => pool.submit(square, 7))); // 49
   * ```
   */
  static async run<T>(options: PoolOptions, fn: (pool: ThreadPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ThreadPool(options), fn);
  }
}

registerPool("thread", (options) => new ThreadPool(options as PoolOptions));
