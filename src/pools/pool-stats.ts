import type { Durations } from "./histogram.js";
import type { PoolWorker } from "./pool-worker.js";

/** What a pool has done and does. Durations are in milliseconds. */
export interface PoolStats {
  /** Workers that are alive. */
  readonly workers: number;
  /** Those without a task; with `tasksPerWorker`, and in an `AsyncPool`, places that are free. */
  readonly idle: number;
  /**
   * Calls that are being run, and calls that wait. One that was called off is cancelled, though its function may go on
   * for a while. An item of a map counts as a call, once it was taken from the input: `submitted` is always `completed
   * + failed + cancelled + queued + running`.
   */
  readonly running: number;
  readonly queued: number;
  readonly submitted: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retried: number;
  /** Workers that ended without having been asked to. */
  readonly died: number;
  /** From the call to its result, less the run. */
  readonly wait: Durations;
  /** What the workers spent on it. A chunk of `map` counts as one. */
  readonly run: Durations;
  /**
   * Which part of its places the pool has used since it was made, from 0 to 1: `run` together, over `workers`, times
   * `tasksPerWorker`, times the time that has passed. A task counts once it has ended.
   */
  readonly utilization: number;
  /** Each worker and what it does at this moment. Empty for an `AsyncPool`, whose tasks share their thread. */
  readonly perWorker: readonly PoolWorker[];
}
