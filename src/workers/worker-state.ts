import type { AsyncLocalStorage } from "node:async_hooks";
import { together } from "../memory/index.js";

/** The task that a pool's worker runs, as its code sees it. */
export interface RunningJob {
  readonly attempt: number;
  readonly cancelled: boolean;
  readonly signal: AbortSignal;
  /** Its place in its pool, where that is no worker's. */
  readonly slot?: number | undefined;
  /** Tells it apart for its pool, where its worker has others under way. */
  readonly sequence?: number;
  /** The same in all its attempts, and of no other call. */
  readonly key?: string | undefined;
  progress(value: unknown): void;
}

/** What this realm knows of itself as a worker: all copies of the library in it agree. */
export interface WorkerState {
  name: string;
  model: "main" | "thread" | "process";
  /** In a pool's worker: which of the pool's workers it is, from 1. */
  slot: number | undefined;
  /** How many workers stand between the main program and this code, this one included: 0 in the main program. */
  depth: number;
  /** Its first task, or the initializer, was found and is called. */
  hasBegun: boolean;
  /**
   * True in what comes of the top levels of modules that this worker has loaded. Only in a worker, and only where that
   * can still be.
   */
  loads: AsyncLocalStorage<boolean> | undefined;
  /** Tells this worker's starter of an error that is not its task's, and ends the worker. */
  refuse: ((error: Error) => never) | undefined;
  /**
   * A module could not be read for want of a descriptor, which Node would say of it from now on: a pool ends the worker
   * and has another.
   */
  isSpoilt: boolean;
  /** Its file was made by a bundler: tasks are in it, under other URLs than where they are submitted. */
  isBundled: boolean;
  /** In a pool's worker, while it runs a task. */
  job: RunningJob | undefined;
  /** While a function of an async pool runs up to its first wait: its task. */
  asyncJob: RunningJob | undefined;
  /** Tasks of async pools that are under way and of which nobody can tell, after a wait, which one asks. */
  untracked: number;
  /** Tells that of the others. Only once a pool was made with `tracked`. */
  tracker: { getStore(): RunningJob | undefined; run<R>(job: RunningJob, fn: () => R): R } | undefined;
  /**
   * Its words that keep it from being terminated while it loads modules (`load-gate.ts`); undefined in a main thread
   * that has needed none.
   */
  gate: readonly Int32Array[] | undefined;
  /** Loads of modules that are under way in it. */
  loadsHere: number;
  /** Run before a worker ends that is let go. */
  readonly exitHooks: (() => unknown)[];
}

export const workerState = together<WorkerState>("workerState", () => ({
  name: "MainThread",
  model: "main",
  slot: undefined,
  depth: 0,
  hasBegun: false,
  loads: undefined,
  refuse: undefined,
  isSpoilt: false,
  isBundled: false,
  job: undefined,
  asyncJob: undefined,
  untracked: 0,
  tracker: undefined,
  gate: undefined,
  loadsHere: 0,
  exitHooks: [],
}));
