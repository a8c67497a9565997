/** Runs some of the sampled inputs in one thread, and the same in all of them at a time: what stands in their way. */
import { clearRealTimeout, realNow, setRealTimeout } from "../memory/index.js";
import type { Pool } from "../pools/pool.js";
import { ThreadPool } from "../pools/thread-pool.js";
import { Barrier } from "../sync/barrier.js";
import { beReady, measureItem, runInTurn } from "./item-measure.js";
import type { SamplePlan } from "./sample-plan.js";
import { median, ownTime, type SampledRun } from "./sample.js";

/** Items that are shorter are not tried several at a time: what surrounds them takes longer. */
export const LEAST_TRIED_MS = 0.5;
export const KILL_GRACE_MS = 50;
/** A difference below it is noise. */
const LEAST_SERIAL = 0.08;
/** More is no hand-over: who had the lock waited for a processor, which is not told of those who waited for it. */
const MOST_SERIAL = 2;
/** So often the same inputs run alone and beside each other, by turns; the fastest counts, since noise only adds. */
const TURNS = 3;
/** Most inputs of a turn, in each thread. */
const BATCH = 4;

/** How many runs the trial takes at most. */
export function runsOfTrial(cores: number): number {
  return cores + TURNS * BATCH * (1 + cores);
}

interface WorkerTrial {
  /** Which part of an item no other can run beside; undefined where it was not tried. */
  readonly serial: number | undefined;
  /** Milliseconds that a thread took until the module was loaded. */
  readonly start: number | undefined;
}

export async function tryWorkers(
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
    const argsOf = (at: number) => [...bound, ...calls[at % calls.length]!.args];
    const inEach = async <T>(submit: (at: number) => PromiseLike<T>) =>
      await within(end, Promise.all(Array.from({ length: cores }, (_, at) => submit(at))));
    // Once in each, which loads the module there.
    const loading = realNow();
    const cold = await inEach((at) => pool.submit(measureItem, url, name, argsOf(at)));
    if (cold === LATE) return { serial: undefined, start: undefined };
    const ready = start + Math.max(0, realNow() - loading - Math.max(...cold.map(({ wall }) => wall)));
    const failure = cold.find((measure) => measure.failure !== undefined)?.failure;
    if (failure !== undefined && runs.every((seen) => seen.failure === undefined)) {
      excluded.set("thread", `the task failed in a thread: ${failure}`);
      return { serial: undefined, start: ready };
    }
    // Each thread takes as long as it is one of `cores` that wait for each other.
    const size = Math.max(1, Math.min(BATCH, Math.floor((end - realNow()) / (one * (1 + cores) * TURNS))));
    const batch = Array.from({ length: size }, (_, at) => argsOf(at));
    const barrier = new Barrier(cores);
    let [alone, together] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let turn = 0, took = 0; turn < TURNS && realNow() + took <= end; turn++) {
      const turned = realNow();
      const apart = await within(end, pool.submit(runInTurn, url, name, batch, undefined));
      const beside = apart === LATE ? LATE : await inEach(() => pool.submit(runInTurn, url, name, batch, barrier));
      if (apart === LATE || beside === LATE) break;
      alone = Math.min(alone, apart);
      // Until the last of them is done: one may have had a lock all the time, and the others nothing.
      together = Math.min(together, Math.max(...beside));
      took = realNow() - turned;
    }
    const isSeen = together < Number.POSITIVE_INFINITY;
    return { serial: isSeen ? serialPart(together, alone, cores * alone) : undefined, start: ready };
  } finally {
    await endOf(pool);
  }
}

/**
 * Where `took` lies from `least`, which it takes where nothing is in the way, to `most`, where one follows the other:
 * from 0 to 1, and more where it takes time besides to hand over.
 */
export function serialPart(took: number, least: number, most: number): number {
  const part = most - least < 1e-3 ? 0 : (took - least) / (most - least);
  return part < LEAST_SERIAL ? 0 : Math.min(MOST_SERIAL, part);
}

export async function endOf(pool: Pool): Promise<void> {
  pool.terminate();
  await pool.join();
}

/** What did not come in time. */
export const LATE = Symbol("late");

export async function within<T>(deadline: number, promise: PromiseLike<T>): Promise<T | typeof LATE> {
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
