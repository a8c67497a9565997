import type { Pool } from "./pool.js";
import type { ProcessEnvironment } from "../workers/worker-environment.js";
import type { PoolOptions } from "./pool-options.js";

/** How a pool is made that chooses for itself what its tasks run on. */
export interface AutoPoolOptions extends Omit<PoolOptions, "minWorkers" | "tasksPerWorker" | keyof ProcessEnvironment> {
  /** Most threads, or processes; as many as there are processors unless given. */
  workers?: number | undefined;
  /** How many calls of tasks that wait run at a time on this event loop; 32 unless given. */
  concurrency?: number | undefined;
}

/** What a pool has chosen for one task. */
export interface TaskChoice {
  /** The task's name. */
  readonly task: string;
  /** `undecided`: its first calls run in a thread, and are watched. */
  readonly model: "undecided" | "async" | "thread" | "process";
  /** Why, in words. */
  readonly reason: string;
  /** Models that cannot run it, and why. */
  readonly excluded: readonly { readonly model: "async" | "process" | "thread"; readonly reason: string }[];
}

/** What a pool has chosen, and why. */
export interface PoolChoice {
  /** Of the task that was decided last; `undecided` before the first. */
  readonly model: TaskChoice["model"];
  /** How many of its calls run at a time. */
  readonly workers: number;
  readonly reason: string;
  /** For each task, in the order of their first calls. */
  readonly tasks: readonly TaskChoice[];
}

/** A pool that chooses for itself what its tasks run on. */
export interface ChoosingPool extends Pool {
  /** What it has chosen, and why. */
  readonly choice: PoolChoice;
}
