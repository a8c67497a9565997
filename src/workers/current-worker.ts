import { isMainThread, threadId } from "node:worker_threads";
import { workerState } from "./worker-state.js";

/** Who runs this code. */
export interface CurrentWorker {
  /** "MainThread", "Thread-1", "Process-2", "PoolWorker-3", or the name it was given. */
  readonly name: string;
  /** What it runs on: the program's main thread, a thread, or a process of its own. */
  readonly model: "main" | "thread" | "process";
  /** Process id. */
  readonly pid: number;
  /** Node's number of the thread, 0 for a process's main thread. */
  readonly threadId: number;
}

/**
 * The worker that runs the calling code.
 *
 * @example
 * ```ts
 * import { currentWorker } from "allcores";
 * console.log(currentWorker().name); // MainThread
 * ```
 */
export function currentWorker(): CurrentWorker {
  const { name, model } = workerState;
  return { name, model: model === "main" && !isMainThread ? "thread" : model, pid: process.pid, threadId };
}
