import { together } from "../memory/index.js";

/** A worker that is alive. */
export interface ActiveWorker {
  readonly name: string;
  readonly model: "thread" | "process";
  readonly daemon: boolean;
}

/** What of a worker's handle is asked for here. */
interface Handle extends ActiveWorker {
  readonly isAlive: boolean;
}

/**
 * The workers that this thread started and that have not ended, and when they have. Also what keeps a running handle
 * from being collected.
 */
export const activeHandles = together("activeWorkers", () => new Map<Handle, Promise<void>>());

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
  return [...activeHandles.keys()].filter((handle) => handle.isAlive);
}
