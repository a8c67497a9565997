import type { ProcessEnvironment } from "../workers/worker-environment.js";
import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { AnyFunction } from "../workers/task.js";
import { wholeNumber } from "./option-values.js";
import { type PoolOptions, type PoolSettings, settingsOf, MISTAKEN } from "./pool-options.js";
import { localTask } from "./links/local-task.js";
import { type Pace, paceOf, type RateOptions } from "./rate-options.js";

/** How an async pool is made. What other pools take is taken too, as far as it means something on one event loop. */
export interface AsyncPoolOptions
  extends Omit<
    PoolOptions,
    | "initializer"
    | "resourceLimits"
    | "unresponsive"
    | "worker"
    | "maxTasksPerWorker"
    | "tasksPerWorker"
    | "idleTimeout"
    | "minWorkers"
    | keyof ProcessEnvironment
  > {
  /** How many tasks run at a time; 32 unless given. */
  concurrency?: number | undefined;
  /** The same by the name that other pools have for it. */
  workers?: number | undefined;
  /**
   * How often tasks may begin, other attempts of the same task included: `{ limit: 10, interval: 1000 }` is ten a
   * second, in whichever second; with `window: "fixed"` in each second for itself. No bound unless given.
   */
  rate?: RateOptions | undefined;
  /** A function that is run before the first task. If it fails, the pool fails with `InitializerError`. */
  initializer?: AnyFunction | undefined;
  /**
   * Milliseconds that a task has to end once it is called off; 1000 unless given. Then its place is given to others,
   * and it goes on unheard.
   */
  killGrace?: number | undefined;
  /**
   * `currentWorker()` knows its task after an `await` too, by an `AsyncLocalStorage`. Off unless asked for: on Node 20
   * and 22 that costs each promise of the whole program one to two microseconds. Without it ask before the first
   * `await` and keep the answer.
   */
  tracked?: boolean | undefined;
}

/** Options, checked and complete. */
export interface AsyncPoolSettings {
  readonly rate: Pace | undefined;
  readonly tracked: boolean;
  /** What every pool has. */
  readonly settings: PoolSettings;
}

/** Enough to hide the latency of most services, few enough not to be taken for an attack. */
const DEFAULT_CONCURRENCY = 32;

const FOR_WORKERS =
  "it is for workers, and an AsyncPool runs its tasks in this thread. Leave it out, or use a ThreadPool or ProcessPool";
const ASYNC_POOL = new KnownOptions<AsyncPoolOptions>(
  {
    concurrency: true,
    workers: true,
    rate: true,
    initializer: true,
    initArgs: true,
    maxQueue: true,
    retries: true,
    taskTimeout: true,
    killGrace: true,
    tracked: true,
    name: true,
  },
  {
    ...MISTAKEN,
    resourceLimits: FOR_WORKERS,
    unresponsive: FOR_WORKERS,
    worker: FOR_WORKERS,
    maxTasksPerWorker: FOR_WORKERS,
    tasksPerWorker: "say concurrency, which is how many tasks run at a time in this thread",
    idleTimeout: FOR_WORKERS,
    minWorkers: FOR_WORKERS,
    env: FOR_WORKERS,
    argv: FOR_WORKERS,
    execArgv: FOR_WORKERS,
    cwd: FOR_WORKERS,
    stdio: FOR_WORKERS,
  },
);

export function asyncSettingsOf(options: AsyncPoolOptions): AsyncPoolSettings {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options must be an object such as { concurrency: 8 }, got ${options === null ? "null" : typeof options}`,
    );
  ASYNC_POOL.check(options);
  options = ownOptions(options);
  const { concurrency, rate, initializer, initArgs = [], tracked = false, ...others } = options;
  if (initializer !== undefined && typeof initializer !== "function")
    throw new ArgumentTypeError(`options.initializer must be a function, got ${typeof initializer}`);
  if (typeof tracked !== "boolean")
    throw new ArgumentTypeError(`options.tracked must be true or false, got ${typeof tracked}`);
  const settings = settingsOf({ workers: DEFAULT_CONCURRENCY, ...withoutUndefined(others), initArgs });
  return {
    rate: rate === undefined ? undefined : paceOf(rate),
    tracked,
    settings: {
      ...settings,
      workers: wholeNumber("concurrency", concurrency, 1, settings.workers),
      initializer: initializer === undefined ? undefined : { task: localTask(initializer), args: initArgs },
    },
  };
}

function withoutUndefined(options: PoolOptions): PoolOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
