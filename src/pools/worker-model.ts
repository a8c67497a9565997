import type { MessagePort } from "node:worker_threads";
import type { Boundary } from "../codec/index.js";
import type { Heap } from "../memory/index.js";
import type { PoolSettings } from "./pool-options.js";

/** How a worker ended, as the platform tells it. */
export interface WorkerEnd {
  /** Undefined when it was given up before it had ended. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** What it failed of, as far as the platform says. */
  readonly cause: unknown;
  /** It was ended because it took too much memory. */
  readonly outOfMemory: boolean;
}

/** A worker that was started, as the platform handles it. */
export interface StartedWorker {
  /** Its process; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Node's number of its thread, 0 for a process's main thread. */
  readonly threadId: number;
  /** Carries what cannot stand in memory; threads only. */
  readonly port: MessagePort | undefined;
  /** Whether it keeps the program alive. A new one does not. */
  hold(alive: boolean): void;
  /** Ends it now; where that has to be held back, `givenUp` is called after `killGrace` ms. */
  kill(killGrace: number, givenUp: () => void): void;
}

/** What a pool's workers run on. */
export interface WorkerModel {
  readonly boundary: Boundary;
  readonly heap: Heap;
  /** @throws ArgumentTypeError when the pool's `worker` is none that this model can start */
  check(settings: PoolSettings): void;
  /** Starts a worker that serves the lane at `laneAt`; `ended` is called once. */
  start(name: string, laneAt: number, settings: PoolSettings, ended: (end: WorkerEnd) => void): StartedWorker;
}
