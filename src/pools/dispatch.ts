import type { Agenda } from "./agenda.js";
import type { Job } from "./job.js";
import type { WorkerSlot } from "./worker-slot.js";

/** What the parts of a pool's scheduler ask of it. */
export interface Dispatch {
  /** What the pool has to do later. */
  readonly agenda: Agenda;
  /** Takes in all results that are there; returns how many records there were. */
  drain(): number;
  /** Gives what waits to the workers that can take it. */
  feed(): void;
  /** The same, now that there may be room again. */
  feedAnew(): void;
  /** Ends a worker that does not end its job, and gives it up if it has not ended after `killGrace`. */
  end(slot: WorkerSlot): void;
  /** Lets workers go that have no work and get none, and tells those who wait for the end. */
  settleDown(): void;
  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void;
}
