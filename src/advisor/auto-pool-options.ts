import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { AutoPoolOptions } from "../pools/choosing-pool.js";
import { wholeNumber } from "../pools/option-values.js";
import { MISTAKEN, type PoolSettings, settingsOf } from "../pools/pool-options.js";
import type { RouteModel } from "./route.js";

const DEFAULT_CONCURRENCY = 32;
const OF_ASYNC = "only an AsyncPool has it";
const OF_ONE_MODEL = "only a pool of one model has it, a ThreadPool or a ProcessPool";
const AUTO_POOL = new KnownOptions<AutoPoolOptions>(
  {
    workers: true,
    concurrency: true,
    maxQueue: true,
    initializer: true,
    initArgs: true,
    maxTasksPerWorker: true,
    idleTimeout: true,
    resourceLimits: true,
    retries: true,
    taskTimeout: true,
    killGrace: true,
    unresponsive: true,
    worker: true,
    name: true,
  },
  {
    ...MISTAKEN,
    rate: OF_ASYNC,
    tracked: OF_ASYNC,
    minWorkers: OF_ONE_MODEL,
    tasksPerWorker: OF_ONE_MODEL,
    env: OF_ONE_MODEL,
    argv: OF_ONE_MODEL,
    execArgv: OF_ONE_MODEL,
    cwd: OF_ONE_MODEL,
    stdio: OF_ONE_MODEL,
  },
);

/** Options, checked and complete; and the models that they leave out. */
export interface AutoSettings {
  readonly settings: PoolSettings;
  readonly concurrency: number;
  readonly excluded: ReadonlyMap<RouteModel, string>;
}

export function autoSettingsOf(options: AutoPoolOptions): AutoSettings {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options must be an object such as { workers: 4 }, got ${options === null ? "null" : typeof options}`,
    );
  AUTO_POOL.check(options);
  const { concurrency, ...others } = ownOptions(options);
  const settings = settingsOf(others, "threads");
  const excluded = new Map<RouteModel, string>();
  const workersOnly = ["initializer", "resourceLimits", "maxTasksPerWorker", "unresponsive", "worker"].filter(
    (name) => others[name as "worker"] !== undefined,
  );
  if (workersOnly.length > 0) excluded.set("async", `the pool's ${workersOnly.join(", ")} is for workers`);
  if (others.worker !== undefined) excluded.set("process", "the pool's worker is for threads");
  return { settings, concurrency: wholeNumber("concurrency", concurrency, 1, DEFAULT_CONCURRENCY), excluded };
}
