import { ArgumentTypeError, StateError } from "../errors/index.js";
import type { AsyncPool } from "./async-pool.js";
import type { AsyncPoolOptions } from "./async-pool-options.js";
import type { AutoPoolOptions, ChoosingPool } from "./choosing-pool.js";
import type { PoolOptions } from "./pool-options.js";
import type { Pool } from "./pool.js";
import { poolMaker, poolModels } from "./pool-models.js";
import type { ProcessPool } from "./process-pool.js";
import type { ThreadPool } from "./thread-pool.js";

/** Words of pools that are to come. */
const PLANNED = new Set<string>(["remote"]);

/**
 * A pool of the given model: each class of pools has registered its word.
 *
 * @param model `"auto"`, which chooses among the others for each task and is what is made unless given; `"thread"`,
 *   `"process"` or `"async"`
 * @param options as the class of that pool takes them
 * @returns the pool
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no model, `ERR_ALLCORES_STATE` for one that this version does not
 *   have; as the class of that pool
 * @remarks **Cost:** as `new ThreadPool`, `new ProcessPool`, `new AsyncPool` or `new AutoPool`.
 *
 * @example
 * ```ts
 * import { createPool } from "allcores";
 * await using pool = createPool("thread", { workers: 2 });
 * console.log(pool.workers); // 2
 * ```
 */
export function createPool(model?: "auto", options?: AutoPoolOptions): ChoosingPool;
export function createPool(model: "thread", options?: PoolOptions): ThreadPool;
export function createPool(model: "process", options?: PoolOptions): ProcessPool;
export function createPool(model: "async", options?: AsyncPoolOptions): AsyncPool;
export function createPool(
  model: "auto" | "async" | "thread" | "process",
  options?: Omit<PoolOptions, "resourceLimits" | "unresponsive" | "worker" | "maxTasksPerWorker" | "idleTimeout">,
): Pool;
export function createPool(model: "auto" | "async" | "thread" | "process" = "auto", options?: AsyncPoolOptions | AutoPoolOptions | PoolOptions): Pool {
  const make = poolMaker(model);
  if (make !== undefined) return make(options);
  const known = poolModels()
    .sort()
    .map((word) => `"${word}"`)
    .join(", ")
    .replace(/, (?=[^,]*$)/, " or ");
  if (PLANNED.has(model)) throw new StateError(`createPool("${String(model)}"): this version has no such pool yet; use ${known}`);
  throw new ArgumentTypeError(`createPool(model): model must be ${known}, got ${String(model)}`);
}
