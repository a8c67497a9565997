import type { OpenMap } from "./blocking-join.js";
import { Histogram } from "./histogram.js";
import type { Job } from "./job.js";
import type { LoadWaits } from "./load-waits.js";
import { Tally } from "./tally.js";

/**
 * What a pool counts. A pool whose workers are of several kinds has a scheduler for each, and all of them count here.
 */
export class PoolAccount {
  readonly tally = new Tally();
  /** Maps that were begun and have not ended. */
  readonly maps = new Set<OpenMap>();
  /** From the call to its result, less the run; and the run. */
  readonly wait = new Histogram();
  readonly run = new Histogram();
  /** Who waits for less work, where several schedulers have the work. */
  loads: LoadWaits | undefined;
  /** Hears of each job that a worker has ended, before its future does. */
  ended: ((job: Job, microseconds: number) => void) | undefined;
  /** Hears of each error that a task threw. */
  threw: ((job: Job, error: unknown) => void) | undefined;
}
