import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { createPool, Lock, ThreadPool } from "allcores";
import type { Job } from "./job.js";

/** How often the event loop is looked at, in milliseconds. Every look comes at least this late, which is no stall. */
const RESOLUTION = 1;

export const MODELS = {
  serial: "串行 serial",
  async: "异步 async",
  asyncPool: "异步池 async pool",
  threads: "线程 threads",
  processes: "进程 processes",
  gil: "线程+全局锁 threads + GIL",
} as const;
export type Model = keyof typeof MODELS;

/** All that changes from one pool to another. */
const WORDS = { asyncPool: "async", threads: "thread", processes: "process" } as const;

export interface Measured {
  /** Milliseconds, workers started and ended within. */
  time: number;
  /** Milliseconds that the main event loop stood still: what 99 of 100 looks did not exceed, and the longest. */
  stall: number;
  longestStall: number;
}

export async function measure<R>(job: Job<R>, model: Model): Promise<Measured> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  await wait(20);
  delay.reset();
  // After a reset the first look only sets the clock.
  await wait(5);
  const started = performance.now();
  const results = await run(job, model);
  const time = performance.now() - started;
  await wait(5);
  delay.disable();
  job.check(results);
  const stalled = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION);
  return { time, stall: stalled(delay.percentile(99)), longestStall: stalled(delay.max) };
}

async function run<R>(job: Job<R>, model: Model): Promise<R[]> {
  const { workers } = job;
  switch (model) {
    case "serial":
      return await job.serially();
    case "async":
      return await job.asynchronously();
    case "asyncPool":
    case "threads":
    case "processes": {
      await using pool = createPool(WORDS[model], { workers });
      return await job.inPool(pool);
    }
    case "gil": {
      await using pool = new ThreadPool({ workers });
      return await job.underGlobalLock(pool, new Lock());
    }
  }
}
