import { PoolFullError } from "../errors/index.js";
import type { JobStates } from "./job-states.js";
import type { PoolStats } from "./pool-stats.js";
import type { Tally } from "./tally.js";
import type { WorkerSet } from "./worker-set.js";
import type { WorkerSlot } from "./worker-slot.js";

/**
 * Whether there is no worker, and none to be had, that could take a job at once, and as many wait as may. `isPaused`:
 * no worker may take one.
 */
export function isShedding(set: WorkerSet, states: JobStates, maxQueue: number, isPaused: boolean): boolean {
  if (isPaused) return states.count("queued") + states.count("delayed") >= maxQueue;
  let workers = 0;
  let free = 0;
  let behind = 0;
  for (const slot of set) {
    if (slot.hasLeft) continue;
    workers++;
    const places = slot.link.width - slot.jobs.length;
    if (places < 0) behind -= places;
    else if (!slot.isRetiring && slot.link.isOpen) free += places;
  }
  const queued = states.count("queued");
  if (workers < set.most || free > queued) return false;
  return queued - free + behind + states.count("delayed") >= maxQueue;
}

/** How many calls and items are being run at this moment. */
export function runningIn(set: Iterable<WorkerSlot>, tally: Tally): number {
  let running = 0;
  for (const slot of set) {
    if (slot.unresponsive !== undefined || slot.hasLeft) continue;
    for (const job of slot.begun) if (!job.isOver && job !== slot.initializer) running++;
  }
  // A chunk whose outcomes have all come may still be running.
  return Math.min(running, tally.open);
}

/**
 * What the workers of a pool do at this moment. `places`: how many tasks may run at a time, where all share one worker.
 */
export function loadOf(
  set: WorkerSet,
  tally: Tally,
  places: number | undefined,
): Pick<PoolStats, "workers" | "idle" | "running" | "queued" | "perWorker"> {
  let idle = 0;
  for (const slot of set)
    if (slot.unresponsive === undefined && !slot.hasLeft) idle += Math.max(0, slot.link.width - slot.jobs.length);
  const running = runningIn(set, tally);
  const queued = tally.open - running;
  const perWorker = [...set].flatMap((slot) => slot.link.look()?.worker ?? []);
  if (places !== undefined && set.size === 0) idle = places;
  return { workers: places ?? set.size, idle, running, queued, perWorker };
}

/** @throws PoolFullError */
export function refuseFull(title: string, maxQueue: number): never {
  const what = `this ${title} has ${maxQueue} tasks waiting, as many as maxQueue allows`;
  throw new PoolFullError(`${what}: use trySubmit(), wait, or raise it`);
}
