import { ArgumentTypeError, StateError } from "../errors/index.js";
import { AsyncPool } from "./async-pool.js";
import type { AsyncPoolOptions } from "./async-pool-options.js";
import type { PoolOptions } from "./pool-options.js";
import type { Pool } from "./pool.js";
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
export function createPool(model: "async", options?: AsyncPoolOptions): AsyncPool;
export function createPool(
  model: "async" | "thread" | "process",
  options?: Omit<PoolOptions, "resourceLimits" | "unresponsive" | "worker" | "maxTasksPerWorker" | "idleTimeout">,
): Pool;
export function createPool(model: "async" | "thread" | "process", options?: AsyncPoolOptions | PoolOptions): Pool {
  switch (model as string) {
    case "async":
      return new AsyncPool(options as AsyncPoolOptions);
    case "thread":
      return new ThreadPool(options as PoolOptions);
    case "process":
      return new ProcessPool(options as PoolOptions);
    case "remote":
    case "auto":
      throw new StateError(`createPool("${String(model)}"): this version has no such pool yet; use "async", "thread" or "process"`);
    default:
      throw new ArgumentTypeError(`createPool(model): model must be "async", "thread" or "process", got ${String(model)}`);
  }
}
