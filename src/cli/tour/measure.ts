import { monitorEventLoopDelay } from "node:perf_hooks";
import { AsyncPool, isAllcoresError, Lock, type Pool, ProcessPool, ThreadPool } from "../../index.js";
import { realNow, setRealTimeout } from "../../memory/clock.js";
import type { ComparedModel, ComparedJob } from "./job.js";
import { remote } from "./jobs.js";

/** How often the event loop is looked at, in milliseconds. */
const RESOLUTION = 1;

export interface Measured {
  readonly items: number;
  /** Milliseconds for each item, of all of them together, once everything runs. */
  readonly perItem: number;
  /** Milliseconds until all workers had run a task that does nothing; 0 where there are none. */
  readonly startUp: number;
  /** The longest time in milliseconds that the main event loop stood still. */
  readonly stall: number;
  /** How many times as long the slower half of equal items took as the other half; 1 where that was not measured. */
  readonly spread: number;
}

/** Undefined where this system has no such workers. */
export async function measure(job: ComparedJob, model: ComparedModel): Promise<Measured | undefined> {
  const items = job.cannotGain.includes(model) ? job.few : job.items;
  let pool: Pool | undefined;
  try {
    const began = realNow();
    pool = poolOf(job, model);
    if (pool !== undefined) await startAll(pool, job.workers);
    const startUp = pool === undefined || model === "asyncPool" ? 0 : realNow() - began;
    // What is compiled on its first use, and connections: every model has them before it is measured.
    const run = runOf(job, model, pool);
    await run(Math.min(job.workers, items));
    return { items, startUp, ...(await timed(run, items, job)) };
  } catch (error) {
    if (isAllcoresError(error) && (error.code === "ERR_ALLCORES_PLATFORM" || error.code === "ERR_ALLCORES_PERMISSION"))
      return undefined;
    throw error;
  } finally {
    await pool?.[Symbol.asyncDispose]();
  }
}

function poolOf({ workers }: ComparedJob, model: ComparedModel): Pool | undefined {
  if (model === "threads" || model === "gil") return new ThreadPool({ workers });
  if (model === "processes") return new ProcessPool({ workers });
  return model === "asyncPool" ? new AsyncPool({ workers }) : undefined;
}

/** A worker that has begun takes nothing more before the others have too. */
async function startAll(pool: Pool, workers: number): Promise<void> {
  if (pool instanceof AsyncPool) return;
  await Promise.all(Array.from({ length: workers }, () => pool.submit(remote.nothing)));
}

function runOf(
  job: ComparedJob,
  model: ComparedModel,
  pool: Pool | undefined,
): (items: number) => PromiseLike<unknown[]> {
  if (model === "serial") return (items) => job.serially(items);
  if (model === "async") return (items) => job.asynchronously(items);
  if (model === "asyncPool") return (items) => job.inAsyncPool(pool!, items);
  if (model !== "gil") return (items) => job.inPool(pool!, items);
  const gil = new Lock();
  return (items) => job.underGlobalLock(pool as ThreadPool, gil, items);
}

async function timed(
  run: (items: number) => PromiseLike<unknown[]>,
  items: number,
  job: ComparedJob,
): Promise<Pick<Measured, "perItem" | "stall" | "spread">> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  await pause(20);
  delay.reset();
  // After a reset the first look only sets the clock.
  await pause(5);
  // What waits is begun all at once: in halves it would take twice as long.
  const halves = job.kind === "waiting" || items < 2 ? [items] : [items >> 1, items - (items >> 1)];
  const times: number[] = [];
  for (const half of halves) {
    const began = realNow();
    const results = await run(half);
    times.push(realNow() - began);
    job.check(results);
  }
  await pause(5);
  delay.disable();
  const perItem = times.map((time, half) => time / halves[half]!);
  return {
    perItem: times.reduce((sum, time) => sum + time) / items,
    stall: Math.max(0, delay.max / 1e6 - RESOLUTION),
    spread: Math.max(...perItem) / Math.min(...perItem),
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setRealTimeout(() => resolve(), ms));
}
