import type { WorkerDeath } from "../errors/index.js";

/** What a job is that a worker took along. */
export interface LostJob {
  readonly task: { readonly name: string };
  readonly sequence: number;
  readonly attempts: number;
  /** The workers that died of it, over all attempts. */
  readonly deaths: readonly WorkerDeath[];
  /** Another one has died of it. */
  bear(death: WorkerDeath): void;
}

/** What it costs a job that it cannot be run where it was to run. */
export interface Loss {
  /** Which item of a chunk was run. */
  readonly item: number;
  /** What a running job fails of. */
  errorFor(job: LostJob): Error;
  /** What an item of a chunk fails of that was done, and whose outcome had not been sent. */
  errorForDone(job: LostJob): Error;
}

/** No worker could be started, and none is there: costs the first job that waits. */
export function refused(error: Error): Loss {
  return { item: 0, errorFor: () => error, errorForDone: () => error };
}
