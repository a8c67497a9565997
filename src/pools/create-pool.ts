import { ArgumentTypeError, StateError } from "../errors/index.js";
import type { PoolOptions } from "./pool-options.js";
import { ProcessPool } from "./process-pool.js";
import { ThreadPool } from "./thread-pool.js";

/**
 * A pool of the given model.
 * @throws ArgumentTypeError for what is no model; StateError for one that this version does not have yet
 *
 * @example
 * ```ts
 * import { createPool } from "allcores";
 * await using pool = createPool("thread", { workers: 2 });
 * console.log(pool.workers); // 2
 * ```
 */
export function createPool(model: "thread", options?: PoolOptions): ThreadPool;
export function createPool(model: "process", options?: PoolOptions): ProcessPool;
export function createPool(model: "thread" | "process", options?: PoolOptions): ThreadPool | ProcessPool {
  switch (model as string) {
    case "thread":
      return new ThreadPool(options);
    case "process":
      return new ProcessPool(options);
    case "async":
    case "remote":
    case "auto":
      throw new StateError(`createPool("${String(model)}"): this version has no such pool yet; use "thread" or "process"`);
    default:
      throw new ArgumentTypeError(`createPool(model): model must be "thread" or "process", got ${String(model)}`);
  }
}
