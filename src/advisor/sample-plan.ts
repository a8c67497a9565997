import type { TaskIdentity } from "../workers/task.js";

/** What is to be run. */
export interface SamplePlan {
  readonly task: TaskIdentity;
  /** The arguments of each sampled call, by the number of its input. */
  readonly calls: readonly { readonly index: number; readonly args: readonly unknown[] }[];
  /** How often each is run in the first worker. */
  readonly rounds: number;
  /** Whether some are run once more, several at a time. */
  readonly isTried: boolean;
  readonly cores: number;
  /** Milliseconds for all of it. */
  readonly budget: number;
}
