import type { WorkerHandle } from "./worker-handle.js";
import type { AnyFunction } from "./task.js";

/** The workers that this thread started and that have not ended. Also what keeps a running handle from being collected. */
export const activeHandles = new Set<WorkerHandle<AnyFunction>>();

/** A worker that is alive. */
export interface ActiveWorker {
  readonly name: string;
  readonly model: "thread" | "process";
  readonly daemon: boolean;
}

/**
 * The threads and processes that this thread has started with `Thread` and `Process` and that have not ended yet.
 *
 * @example
 * ```ts
 * import { activeWorkers } from "allcores";
 * console.log(activeWorkers().length); // 0
 * ```
 */
export function activeWorkers(): ActiveWorker[] {
  return [...activeHandles].filter((handle) => handle.isAlive);
}
