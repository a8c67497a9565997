/** Runs a sample of the inputs in workers that are killed once the budget is used up. */
import { encode } from "../codec/index.js";
import { discard } from "../codec/payload.js";
import { isThrown, ReachError, UnsendableError, textOfThrown } from "../errors/index.js";
import { realNow } from "../memory/index.js";
import type { Pool } from "../pools/pool.js";
import type { PoolWorker } from "../pools/pool-worker.js";
import { ProcessPool } from "../pools/process-pool.js";
import { ThreadPool } from "../pools/thread-pool.js";
import { beReady, measureItem, runTogether, weightOfMessage } from "./item-measure.js";
import type { SamplePlan } from "./sample-plan.js";
import { type ArgumentWeight, median, ownTime, type SampledRun, type StartCosts } from "./sample.js";
import { endOf, KILL_GRACE_MS, LATE, LEAST_TRIED_MS, serialPart, tryWorkers, within } from "./worker-trial.js";

/** What came of it. */
export interface Sampled {
  readonly runs: readonly SampledRun[];
  readonly weight: ArgumentWeight;
  readonly starts: StartCosts;
  readonly serial: { readonly workers: number; readonly loop: number };
  /** What was excluded by what happened, and why. */
  readonly excluded: ReadonlyMap<"async" | "thread" | "process", string>;
  /** The budget ended within the first run: what the worker was seen to do then. */
  readonly unfinished: { readonly state: PoolWorker["state"] | undefined } | undefined;
  /** What was not tried, and so is not known. */
  readonly untried: readonly ("workers" | "loop")[];
}

/** A thread's start as a part of a process's, where only that was seen. */
const THREAD_START = 0.6;
/** Calls at a time on one event loop, in its trial. */
export const TOGETHER = 8;

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
        return { unfinished: isFirst ? { state: pool.stats().perWorker[0]?.state } : undefined, load };
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
  return Math.min(1, serialPart(took, Math.max(one, TOGETHER * held), TOGETHER * one));
}
