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
 *   await using pool = new ThreadPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 * }
 * ```
 */
export class ThreadPool extends WorkerPool {
  constructor(options?: PoolOptions) {
    checkPermission("a thread", [THREADS]);
    super(callsOf("ThreadPool", threadLinks, options));
  }

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: PoolOptions, fn: (pool: ThreadPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ThreadPool(options), fn);
  }
}

registerPool("thread", (options) => new ThreadPool(options as PoolOptions));
