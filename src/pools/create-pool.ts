import { ArgumentTypeError } from "../errors/index.js";
import { ownUrl } from "../platform/index.js";
import type { AsyncPool } from "./async-pool.js";
import type { AsyncPoolOptions } from "./async-pool-options.js";
import type { AutoPoolOptions, ChoosingPool } from "./choosing-pool.js";
import type { PoolOptions } from "./pool-options.js";
import type { Pool } from "./pool.js";
import { poolMaker, poolModels } from "./pool-models.js";
import type { ProcessPool } from "./process-pool.js";
import type { RemotePoolLike, RemotePoolOptions } from "./remote-options.js";
import type { ThreadPool } from "./thread-pool.js";

/** Beside the library's own file. */
const REMOTE = "./remote/index.cjs";

/**
 * A pool of the given model: each class of pools has registered its word.
 *
 * @param model `"auto"`, which chooses among the others for each task and is what is made unless given; `"thread"`,
 *   `"process"`, `"async"` or `"remote"`
 * @param options as the class of that pool takes them
 * @returns the pool
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no model; as the class of that pool
 * @remarks **Cost:** as `new ThreadPool`, `new ProcessPool`, `new AsyncPool`, `new AutoPool` or `new RemotePool`.
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
export function createPool(model: "remote", options: RemotePoolOptions): RemotePoolLike;
export function createPool(
  model: "auto" | "async" | "thread" | "process",
  options?: Omit<
    PoolOptions,
    "resourceLimits" | "unresponsive" | "worker" | "maxTasksPerWorker" | "tasksPerWorker" | "idleTimeout" | "minWorkers"
  >,
): Pool;
export function createPool(
  model: "auto" | "async" | "thread" | "process" | "remote" = "auto",
  options?: AsyncPoolOptions | AutoPoolOptions | PoolOptions | RemotePoolOptions,
): Pool {
  if (model === "remote" && poolMaker(model) === undefined) loadRemote();
  const make = poolMaker(model);
  if (make !== undefined) return make(options);
  const known = poolModels()
    .sort()
    .map((word) => `"${word}"`)
    .join(", ")
    .replace(/, (?=[^,]*$)/, " or ");
  throw new ArgumentTypeError(`createPool(model): model must be ${known}, got ${String(model)}`);
}

/** The part of the library for other machines, which most programs never load. It registers its pool. */
function loadRemote(): void {
  process.getBuiltinModule("node:module").createRequire(ownUrl(import.meta.url))(REMOTE);
}
