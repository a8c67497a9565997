import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Boundary, isUrl } from "../codec/index.js";
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { cpuCount } from "../workers/cpu-count.js";
import { MOST_AHEAD } from "../workers/lane.js";
import type { ThreadFactory } from "../workers/open-thread.js";
import {
  type CheckedEnvironment,
  checkedEnvironment,
  OF_PROCESSES,
  PROCESS_ENVIRONMENT,
  type ProcessEnvironment,
  WORKER_ENVIRONMENT,
} from "../workers/worker-environment.js";
import { type AnyFunction, identityOf, type Task, type TaskIdentity } from "../workers/task.js";
import { milliseconds, wholeNumber } from "./option-values.js";
import { type RetryOptions, Retries } from "./retries.js";
import type { UnresponsiveWorker } from "./unresponsive-worker.js";

/** Most memory that one worker may take, in megabytes. */
export interface ResourceLimits {
  /**
   * Of JavaScript's heap. A thread's limit is no safe bound: V8 may abort the whole program instead of ending the
   * thread (seen in Node 24), or hang (Node 26). Where tasks may run out of memory use a ProcessPool, which loses one
   * process.
   */
  heap?: number | undefined;
  /**
   * Of everything (resident set); processes only. In a memory cgroup, such as a container with a limit, the kernel
   * kills whom it likes once the group is full: give workers a limit with which all of them together stay below the
   * group's.
   */
  rss?: number | undefined;
}

/**
 * What a pool does about workers that do not respond (Linux). One that computes is busy and never meant, however long
 * it takes: `taskTimeout` bounds that. Nothing is asked of the workers and nobody looks before a task has run for
 * `after`, so it costs tasks that end sooner nothing.
 * **Threads:** one that is blocked in a call of the system ends when the call returns; its task does not wait for that
 * longer than `killGrace`.
 *
 * @example
 * ```ts
 * import { isMain, ProcessPool, task, WorkerDiedError } from "allcores";
 * const hang = task(import.meta, function hang() {
 *   process.kill(process.pid, "SIGSTOP");
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ProcessPool({ workers: 1, unresponsive: { after: 300, action: "kill" } });
 *   try {
 *     await pool.submit(hang);
 *   } catch (error) {
 *     console.log(error instanceof WorkerDiedError && error.deaths[0]?.reason); // unresponsive
 *   }
 * }
 * ```
 */
export interface UnresponsiveOptions {
  /**
   * Milliseconds that a worker may have a task before anybody looks at it; its state is certain up to a second after
   * that.
   */
  after: number;
  /**
   * `"report"` (default): it is told. `"kill"`: a worker that is stopped or blocked is killed, and its task fails with
   * `WorkerDiedError` or is tried again. One that computes, awaits, or waits for an object of this library is never
   * killed.
   */
  action?: "report" | "kill" | undefined;
  /**
   * Is called with a worker that is stopped, blocked, or waits, once in each of these states for a task. Without it
   * `"report"` writes a line to stderr.
   */
  report?: ((worker: UnresponsiveWorker) => void) | undefined;
}

/** How a pool is made. */
export interface PoolOptions extends ProcessEnvironment {
  /**
   * Most workers that work; as many as there are processors unless given. One that is replaced or let go counts until
   * it has ended, but for one that only waits for workers that its tasks have started.
   */
  workers?: number | undefined;
  /**
   * Workers that start with the pool and are kept ready; none unless given, and at most `workers`. Another starts where
   * one ends: by its death, by `maxTasksPerWorker`, in a paused pool too. `idleTimeout` ends none of the last
   * `minWorkers`, and `resize(n)` bounds them by `n`. They keep no program alive. Eight in a row that end before they
   * have done a task are not followed by a ninth until there is work. A pool that a module makes while a worker loads
   * it starts them with its first work.
   */
  minWorkers?: number | undefined;
  /**
   * Most tasks that wait for a worker: beyond it `submit` throws `PoolFullError` and `trySubmit` gives `undefined`. No
   * bound unless given.
   */
  maxQueue?: number | undefined;
  /**
   * A task that each worker runs before its first one. If it throws, the pool fails with `InitializerError`. A worker
   * that ends while it runs it is replaced; eight in a row fail the pool too.
   */
  initializer?: Task<AnyFunction> | undefined;
  /** What the initializer is called with. */
  initArgs?: readonly unknown[] | undefined;
  /** A worker is replaced after so many tasks; a chunk of a map counts as one. */
  maxTasksPerWorker?: number | undefined;
  /**
   * How many tasks a worker has under way at a time, up to 128; 1 unless given. For tasks that await: they take turns
   * in the worker's event loop, and one that computes holds up the others. `currentWorker()` knows its task after an
   * `await` too, which costs each promise in the worker one to two microseconds on Node 20 and 22. When a worker dies
   * all that it had begun fails, or is tried again.
   */
  tasksPerWorker?: number | undefined;
  /** Milliseconds after which a worker without work ends. Never, unless given. */
  idleTimeout?: number | undefined;
  /** A worker that takes more is ended, and its task fails with `MemoryLimitError`. */
  resourceLimits?: ResourceLimits | undefined;
  /**
   * How often a task is tried again that threw or whose worker died: a number, or more in detail. Not at all unless
   * given.
   */
  retries?: number | RetryOptions | undefined;
  /**
   * Milliseconds that a task may run. Then it fails with `TimeoutError` and is called off.
   * `pool.with({ taskTimeout })` sets it for single calls.
   */
  taskTimeout?: number | undefined;
  /**
   * Milliseconds between asking a running task to stop and ending its worker (with `tasksPerWorker`, if its loop has
   * not heard, or nothing else is under way), and between Ctrl-C and ending an idle worker that does not end by itself;
   * 1000 unless given. A thread that has not ended after as long again, since it is in a call of the system or loads
   * modules, counts as ended.
   */
  killGrace?: number | undefined;
  /**
   * Whether somebody looks after workers that stop responding (Linux). Nobody does unless given, and nobody does before
   * a task has run for long.
   */
  unresponsive?: UnresponsiveOptions | undefined;
  /**
   * The file that workers run, where a bundler makes one: it imports "allcores" and the modules of the tasks. For
   * threads a function that starts it, in the form that bundlers know, `(options) => new Worker(new URL("./worker.js",
   * import.meta.url), options)`; for processes the file's URL, or its path from the working folder. Tasks are then
   * found by their names, which must differ.
   */
  worker?: ThreadFactory | URL | string | undefined;
  /** Name of the workers: "PoolWorker" makes "PoolWorker-1" and so on. */
  name?: string | undefined;
}

/** Options, checked and complete. */
export interface PoolSettings {
  readonly workers: number;
  readonly minWorkers: number;
  readonly maxQueue: number;
  readonly initializer: { readonly task: TaskIdentity; readonly args: readonly unknown[] } | undefined;
  readonly maxTasksPerWorker: number;
  readonly tasksPerWorker: number;
  readonly idleTimeout: number;
  readonly resourceLimits: ResourceLimits;
  readonly retries: Retries;
  readonly taskTimeout: number;
  readonly killGrace: number;
  readonly unresponsive:
    | { readonly after: number; readonly action: "report" | "kill"; readonly report: UnresponsiveOptions["report"] }
    | undefined;
  readonly name: string | undefined;
  readonly worker: ThreadFactory | string | undefined;
  readonly environment: CheckedEnvironment;
}

const DEFAULT_KILL_GRACE_MS = 1000;

const POOL_OPTIONS = {
  workers: true,
  minWorkers: true,
  maxQueue: true,
  initializer: true,
  initArgs: true,
  maxTasksPerWorker: true,
  tasksPerWorker: true,
  idleTimeout: true,
  resourceLimits: true,
  retries: true,
  taskTimeout: true,
  killGrace: true,
  unresponsive: true,
  worker: true,
  name: true,
} as const;
/** What a user may try for how many workers there are, and what is another pool's. */
export const MISTAKEN = {
  threads: "say workers",
  processes: "say workers",
  size: "say workers",
  maxSize: "say workers for the number of workers, maxQueue for the tasks that wait",
  timeout: "say taskTimeout for each task, or pool.with({ timeout }) for a call",
  signal: "give it to a call by pool.with({ signal })",
  priority: "give it to a call by pool.with({ priority })",
};
const OF_ASYNC = "only an AsyncPool has it";
const MISTAKEN_OF_WORKERS = {
  ...MISTAKEN,
  minThreads: "say minWorkers",
  concurrency: `say workers, or tasksPerWorker for tasks that await; ${OF_ASYNC}`,
  concurrentTasksPerWorker: "say tasksPerWorker",
  rate: OF_ASYNC,
  tracked: OF_ASYNC,
};
const POOL = {
  threads: new KnownOptions<Omit<PoolOptions, "cwd" | "stdio">>(
    { ...POOL_OPTIONS, ...WORKER_ENVIRONMENT },
    { ...MISTAKEN_OF_WORKERS, ...OF_PROCESSES },
  ),
  processes: new KnownOptions<PoolOptions>({ ...POOL_OPTIONS, ...PROCESS_ENVIRONMENT }, MISTAKEN_OF_WORKERS),
};
const LIMITS = {
  threads: new KnownOptions<Omit<ResourceLimits, "rss">>(
    { heap: true },
    { rss: "threads share the memory of their process; limit heap, or use a ProcessPool" },
  ),
  processes: new KnownOptions<ResourceLimits>({ heap: true, rss: true }),
};
const UNRESPONSIVE = new KnownOptions<UnresponsiveOptions>({ after: true, action: true, report: true });

/**
 * `boundary`: between the pool and its workers; those of an AsyncPool, which knows its options by itself, have none.
 */
export function settingsOf(options: PoolOptions, boundary?: Boundary): PoolSettings {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(`options must be an object such as { workers: 4 }, got ${typeof options}`);
  if (boundary !== undefined) POOL[boundary].check(options);
  options = ownOptions(options);
  const { initializer, initArgs = [], unresponsive, name } = options;
  const resourceLimits = ownOptions(options.resourceLimits ?? {});
  if (!Array.isArray(initArgs))
    throw new ArgumentTypeError(`options.initArgs must be an array of arguments, got ${typeof initArgs}`);
  if (typeof resourceLimits !== "object" || resourceLimits === null)
    throw new ArgumentTypeError(
      `options.resourceLimits must be an object such as { heap: 256 }, got ${typeof resourceLimits}`,
    );
  if (boundary !== undefined) LIMITS[boundary].check(resourceLimits, "options.resourceLimits");
  if (name !== undefined && (typeof name !== "string" || name === ""))
    throw new ArgumentTypeError("options.name must be a string that is not empty");
  const minWorkers = wholeNumber("minWorkers", options.minWorkers, 0, 0);
  const workers = wholeNumber("workers", options.workers, 1, Math.max(cpuCount(), minWorkers));
  if (minWorkers > workers)
    throw new ArgumentRangeError(`options.minWorkers must be at most options.workers, ${workers}, got ${minWorkers}`);
  return {
    workers,
    minWorkers,
    maxQueue: wholeNumber("maxQueue", options.maxQueue, 0, Number.POSITIVE_INFINITY),
    initializer: initializer === undefined ? undefined : { task: identityOf(initializer), args: initArgs },
    maxTasksPerWorker: wholeNumber("maxTasksPerWorker", options.maxTasksPerWorker, 1, Number.POSITIVE_INFINITY),
    tasksPerWorker: tasksPerWorkerOf(options.tasksPerWorker),
    idleTimeout: milliseconds("idleTimeout", options.idleTimeout, Number.POSITIVE_INFINITY),
    resourceLimits: {
      heap: limit("resourceLimits.heap", resourceLimits.heap),
      rss: limit("resourceLimits.rss", resourceLimits.rss),
    },
    retries: new Retries(options.retries),
    taskTimeout: milliseconds("taskTimeout", options.taskTimeout, Number.POSITIVE_INFINITY),
    killGrace: milliseconds("killGrace", options.killGrace, DEFAULT_KILL_GRACE_MS),
    unresponsive: unresponsive === undefined ? undefined : unresponsiveOf(unresponsive),
    name,
    worker: workerOf(options.worker),
    environment: checkedEnvironment(options),
  };
}

function tasksPerWorkerOf(value: unknown): number {
  const tasks = wholeNumber("tasksPerWorker", value, 1, 1);
  if (tasks <= MOST_AHEAD) return tasks;
  throw new ArgumentRangeError(
    `options.tasksPerWorker must be at most ${MOST_AHEAD}, got ${tasks}: many more waits fit into an AsyncPool`,
  );
}

/**
 * A path from the folder that the program works in now, as Node gives it to the worker: which so knows that it runs
 * what it was started for.
 */
function workerOf(worker: PoolOptions["worker"]): PoolSettings["worker"] {
  if (typeof worker === "string" && !worker.startsWith("file:")) return resolve(worker);
  if (typeof worker !== "string" && !isUrl(worker)) return worker;
  try {
    return fileURLToPath(worker);
  } catch (cause) {
    throw new ArgumentTypeError(`options.worker must be the URL or path of a file, got ${String(worker)}`, { cause });
  }
}

function unresponsiveOf(options: UnresponsiveOptions): NonNullable<PoolSettings["unresponsive"]> {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options.unresponsive must be an object such as { after: 5000 }, got ${options === null ? "null" : typeof options}`,
    );
  UNRESPONSIVE.check(options, "options.unresponsive");
  options = ownOptions(options);
  const { after, action = "report", report } = options;
  if (action !== "report" && action !== "kill")
    throw new ArgumentTypeError(`options.unresponsive.action must be "report" or "kill", got ${String(action)}`);
  if (report !== undefined && typeof report !== "function")
    throw new ArgumentTypeError(`options.unresponsive.report must be a function, got ${typeof report}`);
  if (after === undefined)
    throw new ArgumentTypeError("options.unresponsive.after must be a number of milliseconds, such as 5000");
  return { after: milliseconds("unresponsive.after", after, 0), action, report };
}

function limit(option: string, value: unknown): number | undefined {
  return value === undefined ? undefined : wholeNumber(option, value, 1, 0);
}
