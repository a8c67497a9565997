import type { PoolWorker } from "./pool-worker.js";

/** A worker that has not responded for so long, for those who asked to be told. */
export interface UnresponsiveWorker extends PoolWorker {
  readonly state: "waiting" | "blocked" | "stopped";
  readonly task: string;
  /** Whether it is being killed. */
  readonly killed: boolean;
  /** All of it, for people. */
  readonly text: string;
}
