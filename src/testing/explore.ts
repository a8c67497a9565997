import { decode } from "../codec/index.js";
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, PlatformError, StateError } from "../errors/index.js";
import { type AnyFunction, identityOf, type Task } from "../workers/task.js";
import { depthOfNext } from "../workers/main-guard.js";
import { MOST_DECISIONS, MOST_THREADS } from "./control-block.js";
import { Exploration } from "./exploration.js";
import type { ExploreOptions, Program } from "./program.js";
import { parseSchedule } from "./schedule.js";
import type { ScheduleBounds, RunnerNews } from "./schedule-runner.js";
import { ExplorationThreads } from "./exploration-threads.js";
import { clearRealInterval, realNow, setRealInterval } from "../memory/index.js";

/**
 * Time without news after which a worker is taken to turn in circles without touching shared memory: real time, and
 * this process has used as much of a processor. On a machine that is busy with other work, silence alone tells nothing.
 */
const SILENCE_MS = 30_000;

const EXPLORE_OPTIONS = new KnownOptions<ExploreOptions>({
  preemptions: true,
  deaths: true,
  mortal: true,
  schedules: true,
  timeLimit: true,
  walks: true,
  seed: true,
  races: true,
  steps: true,
  internals: true,
  replay: true,
  onProgress: true,
});
const PROGRAM = new KnownOptions<Program<unknown>>({ setup: true, workers: true, check: true });

/**
 * Runs a small concurrent program under one schedule after another, and tells under which it fails: by a deadlock, a
 * lost wake-up, a livelock, a data race, an error, or a `check` that does not hold.
 *
 * The workers are real threads; between any two operations on shared memory, of the program's or of the library's
 * inside `lock.acquireSync()`, another may be let run. First every schedule with no pre-emption is tried, then every
 * one with one, up to `preemptions`, then some by chance. Time is the schedule's own: a timeout or a sleep costs
 * nothing, and may run out before or after whatever else happens. A program that waits for anything but this library's
 * objects, timers and promises cannot be explored; accesses through typed arrays (`view`, `buffer`) cannot be seen.
 * Objects across processes are explored as if across threads.
 *
 * Works best on few workers that do little: the number of schedules grows with the number of steps, to the power of the
 * pre-emptions.
 *
 * @param program `setup`: makes what the workers share. `workers`: 1 to 6 tasks. `check`: throws unless all is as it
 *   should be
 * @param options how far to go; `timeLimit`: milliseconds, without end unless given
 * @returns what it came to, the first failure among it
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE` and `ERR_ALLCORES_NOT_A_TASK` for what makes no
 *   sense, `ERR_ALLCORES_TASK_LOAD` when a module of the program cannot be loaded, `ERR_ALLCORES_STATE` when `setup` or
 *   `check` waits, or a worker goes on for half a minute without touching shared memory; what `setup` throws
 * @remarks **Cost:** a thread for each worker and one that runs the schedules; each schedule runs the whole program.
 *
 * @example
 * ```ts
 * import { isMain, task, Value } from "allcores";
 * import { explore } from "allcores/testing";
 * const setup = task(import.meta, "setup", () => new Value("int32"));
 * const increment = task(import.meta, function increment(count: Value<number>) {
 *   count.value += 1;
 * });
 * if (isMain(import.meta)) {
 *   const { failure } = await explore({ setup, workers: [increment, increment] });
 *   console.log(failure?.kind); // race
 * }
 * ```
 */
export async function explore<Shared>(program: Program<Shared>, options: ExploreOptions = {}): Promise<Exploration> {
  depthOfNext();
  if ("bun" in process.versions)
    throw new PlatformError(
      "explore() needs Node: Bun starts no thread with a condition of its own (--conditions), by which it loads the library that is explored",
    );
  const { setup, workers, check } = checked(program);
  const bounds = boundsOf(options, workers.length);
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new ArgumentTypeError(`options.onProgress must be a function, got ${typeof onProgress}`);

  const began = realNow();
  const threads = ExplorationThreads.take();
  let clean = false;
  let watch: NodeJS.Timeout | undefined;
  try {
    const exploration = await new Promise<Exploration>((resolve, reject) => {
      let heard = realNow();
      let usedByThen = usedMilliseconds();
      watch = setRealInterval(() => {
        if (realNow() - heard > SILENCE_MS && usedMilliseconds() - usedByThen > SILENCE_MS)
          reject(
            new StateError(
              `a worker has gone on for ${SILENCE_MS / 1000} s without touching shared memory: under exploration only what waits lets others run`,
            ),
          );
      }, 1000);
      const hear = (news: RunnerNews): void => {
        heard = realNow();
        usedByThen = usedMilliseconds();
        switch (news.type) {
          case "progress":
            try {
              onProgress?.({ schedules: news.schedules, preemptions: news.preemptions, waiting: news.waiting });
            } catch (error) {
              reject(error);
            }
            break;
          case "error":
            reject(decode(news.error, 0, news.error.length));
            break;
          case "end":
            resolve(new Exploration({ ...news, seed: bounds.seed, duration: realNow() - began }));
        }
      };
      threads.begin({ setup, workers, check, bounds }, hear, reject);
    });
    clean = exploration.failure === undefined;
    return exploration;
  } finally {
    clearRealInterval(watch);
    if (clean) threads.rest();
    else await threads.end();
  }
}

function checked<Shared>(program: Program<Shared>) {
  if (typeof program !== "object" || program === null)
    throw new ArgumentTypeError("explore(program): the program must be an object: { setup, workers, check }");
  PROGRAM.check(program, "program");
  const { setup, workers, check } = program;
  if (!Array.isArray(workers))
    throw new ArgumentTypeError("explore(program): program.workers must be an array of tasks");
  if (workers.length < 1 || workers.length > MOST_THREADS)
    throw new ArgumentRangeError(
      `explore(program): 1 to ${MOST_THREADS} workers can be explored, got ${workers.length}`,
    );
  return {
    setup: identityOf(setup),
    workers: (workers as readonly Task<AnyFunction>[]).map((worker) => identityOf(worker)),
    check: check === undefined ? undefined : identityOf(check),
  };
}

function boundsOf(options: ExploreOptions, workers: number): ScheduleBounds {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(`options must be an object such as { preemptions: 2 }, got ${typeof options}`);
  EXPLORE_OPTIONS.check(options);
  const { replay, races = true, internals = false, mortal } = options;
  if (typeof races !== "boolean")
    throw new ArgumentTypeError(`options.races must be true or false, got ${typeof races}`);
  if (typeof internals !== "boolean")
    throw new ArgumentTypeError(`options.internals must be true or false, got ${typeof internals}`);
  if (replay !== undefined && typeof replay !== "string")
    throw new ArgumentTypeError(`options.replay must be a schedule, as failure.schedule, got ${typeof replay}`);
  if (replay !== undefined) parseSchedule(replay);
  if (
    mortal !== undefined &&
    (!Array.isArray(mortal) || mortal.some((index) => !Number.isInteger(index) || index < 0 || index >= workers))
  )
    throw new ArgumentRangeError(`options.mortal must be an array of indexes of workers, 0 to ${workers - 1}`);
  return {
    preemptions: whole(options, "preemptions", 2, 0, 100),
    deaths: whole(options, "deaths", 0, 0, workers),
    mortal:
      mortal === undefined
        ? (1 << workers) - 1
        : mortal.reduce((mask: number, index: number) => mask | (1 << index), 0),
    schedules: whole(options, "schedules", 1_000_000, 1, Number.MAX_SAFE_INTEGER),
    timeLimit: whole(options, "timeLimit", Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY),
    walks: whole(options, "walks", 100, 0, Number.MAX_SAFE_INTEGER),
    seed: whole(options, "seed", 1, 0, 0x7fffffff),
    steps: whole(options, "steps", MOST_DECISIONS, 1, MOST_DECISIONS),
    races,
    internals,
    replay,
  };
}

type Count = "preemptions" | "deaths" | "schedules" | "timeLimit" | "walks" | "seed" | "steps";

function whole(options: ExploreOptions, name: Count, otherwise: number, least: number, most: number): number {
  const value = options[name] ?? otherwise;
  if (typeof value !== "number") throw new ArgumentTypeError(`options.${name} must be a number, got ${typeof value}`);
  if ((!Number.isInteger(value) && value !== Number.POSITIVE_INFINITY) || value < least || value > most)
    throw new ArgumentRangeError(`options.${name} must be a whole number from ${least} to ${most}, got ${value}`);
  return value;
}

/** Of the processors, by all threads of this process. */
function usedMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
