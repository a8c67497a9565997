/** Runs a sample of the inputs in workers that are killed once the budget is used up. */
import { encode } from "../codec/index.js";
import { discard } from "../codec/payload.js";
import { isThrown, ReachError, UnsendableError, textOfThrown } from "../errors/index.js";
import { clearRealTimeout, realNow, setRealTimeout } from "../memory/index.js";
import type { Pool } from "../pools/pool.js";
import type { PoolWorker } from "../pools/pool-worker.js";
import { ProcessPool } from "../pools/process-pool.js";
import { ThreadPool } from "../pools/thread-pool.js";
import type { TaskIdentity } from "../workers/task.js";
import { beReady, measureItem, runTogether, weightOfMessage } from "./item-measure.js";
import { type ArgumentWeight, median, ownTime, type SampledRun, type StartCosts } from "./sample.js";

/** What is to be run. */
export interface SamplePlan {
  readonly task: TaskIdentity;
  /** The arguments of each sampled call, by the number of its input. */
  readonly calls: readonly { readonly index: number; readonly args: readonly unknown[] }[];
  /** How often each is run in the first worker. */
  readonly rounds: number;
  /** Whether some are run once more, several at a time. */
  readonly isTried: boolean;
  readonly cores: number;
  /** Milliseconds for all of it. */
  readonly budget: number;
}

/** What came of it. */
export interface Sampled {
  readonly runs: readonly SampledRun[];
  readonly weight: ArgumentWeight;
  readonly starts: StartCosts;
  readonly serial: { readonly workers: number; readonly loop: number };
  /** What was excluded by what happened, and why. */
  readonly excluded: ReadonlyMap<"async" | "thread" | "process", string>;
  /** The budget ended within the first run: what the worker was seen to do then. */
  readonly unfinished: { readonly state: PoolWorker["state"] | undefined; readonly after: number } | undefined;
  /** What was not tried, and so is not known. */
  readonly untried: readonly ("workers" | "loop")[];
}

/** A thread's start as a part of a process's, where only that was seen. */
const THREAD_START = 0.6;
/** Items that are shorter are not tried several at a time: what surrounds them takes longer. */
const LEAST_TRIED_MS = 0.5;
const TOGETHER = 8;
/** A difference below it is noise. */
const LEAST_SERIAL = 0.08;
const KILL_GRACE_MS = 50;

export async function sampleIn(plan: SamplePlan): Promise<Sampled> {
  const excluded = new Map<"async" | "thread" | "process", string>();
  const weight = weightOf(plan, excluded);
  const runs: SampledRun[] = [];
  const isApart = !excluded.has("process");
  const began = realNow();
  const pool: Pool = isApart ? new ProcessPool(OF_SAMPLE) : new ThreadPool(OF_SAMPLE);
  try {
    // The budget is for the runs: what a worker takes to start is measured beside.
    await pool.submit(beReady);
    const start = realNow() - began;
    const deadline = realNow() + plan.budget;
    // The trials have half of what is left.
    const share = plan.isTried ? (realNow() + deadline) / 2 : deadline;
    const { unfinished, load } = await runRounds(plan, pool, runs, share, deadline);
    const ready = start + load;
    const starts = isApart
      ? { process: ready, thread: start * THREAD_START + load }
      : { thread: ready, process: start / THREAD_START + load };
    if (unfinished !== undefined)
      return {
        runs,
        weight,
        starts,
        serial: { workers: 0, loop: 0 },
        excluded,
        unfinished,
        untried: ["workers", "loop"],
      };
    const loop = await tryLoop(plan, pool, runs, deadline);
    const workers = await tryWorkers(plan, runs, deadline, excluded);
    const untried: ("workers" | "loop")[] = [];
    if (loop === undefined) untried.push("loop");
    if (workers.serial === undefined) untried.push("workers");
    return {
      runs,
      weight,
      starts: { ...starts, thread: workers.start ?? starts.thread },
      serial: { workers: workers.serial ?? 0, loop: loop ?? 0 },
      excluded,
      unfinished: undefined,
      untried,
    };
  } finally {
    await endOf(pool);
  }
}

const OF_SAMPLE = { workers: 1, killGrace: KILL_GRACE_MS, name: "AdvisorSample" };

async function endOf(pool: Pool): Promise<void> {
  pool.terminate();
  await pool.join();
}

/** What did not come in time. */
const LATE = Symbol("late");

async function within<T>(deadline: number, promise: PromiseLike<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setRealTimeout(() => resolve(LATE), Math.max(0, deadline - realNow()));
  });
  // Nobody hears of a call that is called off with its pool.
  void Promise.resolve(promise).catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearRealTimeout(timer);
  }
}

/**
 * What arguments weigh; and whether they can cross to a process. @throws UnsendableError where they cannot cross at all
 */
function weightOf({ calls, task }: SamplePlan, excluded: Map<string, string>): ArgumentWeight {
  const lists = calls.map(({ args }) => [...task.bound, ...args]);
  const weigh = (to: "threads" | "processes"): ArgumentWeight => {
    const options = { to, root: "args", attach: to === "threads", list: true } as const;
    // Each by itself, so that an error names the path in its own call.
    for (const list of lists) discard(encode(list, options));
    // As one chunk, since many items travel so.
    const { bytes, ms } = weightOfMessage(() => encode(lists, options));
    return { bytes: Math.round(bytes / lists.length), ms: ms / lists.length };
  };
  try {
    return weigh("processes");
  } catch (error) {
    if (!isThrown(error, UnsendableError) && !isThrown(error, ReachError)) throw error;
    excluded.set("process", textOfThrown(error));
    return weigh("threads");
  }
}

/**
 * Each input once, then all of them once more, as long as there is time. Gives what was seen where not even one run
 * ended, and what the worker took to load the module.
 */
async function runRounds(
  { task: { url, name, bound }, calls, rounds }: SamplePlan,
  pool: Pool,
  runs: SampledRun[],
  share: number,
  deadline: number,
): Promise<{ readonly unfinished: Sampled["unfinished"]; readonly load: number }> {
  const began = realNow();
  let load = 0;
  for (let round = 0; round < rounds; round++)
    for (const { index, args } of calls) {
      const isFirst = runs.length === 0;
      if (!isFirst && realNow() >= share) return { unfinished: undefined, load };
      const measure = await within(
        isFirst ? deadline : share,
        pool.submit(measureItem, url, name, [...bound, ...args]),
      );
      if (measure === LATE) {
        const after = realNow() - began;
        return { unfinished: isFirst ? { state: pool.stats().perWorker[0]?.state, after } : undefined, load };
      }
      if (isFirst) load = Math.max(0, realNow() - began - measure.wall);
      runs.push({ ...measure, index, round });
    }
  return { unfinished: undefined, load };
}

/** Which part of an item no other can run beside on one loop; undefined where it was not tried. */
async function tryLoop(
  { task: { url, name, bound }, calls, isTried }: SamplePlan,
  pool: Pool,
  runs: readonly SampledRun[],
  deadline: number,
) {
  const alone = runs.map(ownTime);
  const idle = runs.map((run) => run.idle);
  const one = median(alone);
  if (!isTried || one < LEAST_TRIED_MS || median(idle) < one / 10) return undefined;
  const together = Array.from({ length: TOGETHER }, (_, at) => [...bound, ...calls[at % calls.length]!.args]);
  const took = await within(deadline, pool.submit(runTogether, url, name, together));
  if (took === LATE) return undefined;
  const held = Math.max(0, one - median(idle));
  // What the loop is held for takes turns anyway.
  return serialPart(took, Math.max(one, TOGETHER * held), TOGETHER * one);
}

/** `took`, between what it takes where nothing is in the way and where one follows the other. */
function serialPart(took: number, least: number, most: number): number {
  const part = most - least < 1e-3 ? 0 : (took - least) / (most - least);
  return part < LEAST_SERIAL ? 0 : Math.min(1, part);
}

interface WorkerTrial {
  readonly serial: number | undefined;
  readonly start: number | undefined;
}

/** The same among as many threads as there are cores, and what a thread takes to start. */
async function tryWorkers(
  { task: { url, name, bound }, calls, isTried, cores }: SamplePlan,
  runs: readonly SampledRun[],
  deadline: number,
  excluded: Map<string, string>,
): Promise<WorkerTrial> {
  const one = median(runs.map(ownTime));
  const left = deadline - realNow();
  // A thread that is blocked in native code would outlive the trial: what takes as long as that is not tried.
  if (!isTried || cores < 2 || one < LEAST_TRIED_MS || 4 * one > left) return { serial: undefined, start: undefined };
  const began = realNow();
  const pool = new ThreadPool({ workers: cores, killGrace: KILL_GRACE_MS, name: "AdvisorTrial" });
  try {
    await pool.submit(beReady);
    const start = realNow() - began;
    const end = realNow() + left;
    const run = (at: number) => pool.submit(measureItem, url, name, [...bound, ...calls[at % calls.length]!.args]);
    const turn = async (count: number) =>
      await within(end, Promise.all(Array.from({ length: count }, (_, at) => run(at))));
    // Once in each, which loads the module there.
    const loading = realNow();
    const cold = await turn(cores);
    if (cold === LATE) return { serial: undefined, start: undefined };
    const ready = start + Math.max(0, realNow() - loading - Math.max(...cold.map(({ wall }) => wall)));
    const failure = cold.find((measure) => measure.failure !== undefined)?.failure;
    if (failure !== undefined && runs.every((seen) => seen.failure === undefined)) {
      excluded.set("thread", `the task failed in a thread: ${failure}`);
      return { serial: undefined, start: ready };
    }
    const rounds = Math.max(1, Math.min(4, Math.floor((end - realNow()) / 2 / Math.max(one, 0.1))));
    const warm = await turn(rounds * cores);
    if (warm === LATE) return { serial: undefined, start: ready };
    // Not the time of the whole trial: others may have had the processors meanwhile.
    const beside = median(warm.map(ownTime));
    return { serial: serialPart(beside, one, cores * one), start: ready };
  } finally {
    await endOf(pool);
  }
}
