import { ArgumentTypeError } from "../errors/index.js";
import { workerState } from "./worker-state.js";

/**
 * Has `fn` run before this worker ends of its own: when its pool lets it go, or its one task is done. The last one
 * registered runs first, and each is waited for. That is before it waits for the workers that it has started. Nothing
 * runs in a worker that is killed or terminated. Outside of a worker of this library it does nothing.
 *
 * @param fn what is run, and awaited
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
 * @remarks **Death:** does not run. **Cost:** an entry in a list.
 *
 * @example
 * ```ts
 * import { isMain, onWorkerExit, task, ThreadPool } from "allcores";
 * onWorkerExit(() => console.log("closing the database")); // closing the database
 * const query = task(import.meta, function query(id: number) {
 *   return id;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 1 });
 *   await pool.submit(query, 7);
 * }
 * ```
 */
export function onWorkerExit(fn: () => unknown): void {
  if (typeof fn !== "function")
    throw new ArgumentTypeError(`onWorkerExit(fn): fn must be a function, got ${typeof fn}`);
  workerState.exitHooks.push(fn);
}

/** Runs them. One that fails is told of and keeps none of the others from running. */
export async function runExitHooks(): Promise<void> {
  for (let hook = workerState.exitHooks.pop(); hook !== undefined; hook = workerState.exitHooks.pop()) {
    try {
      await hook();
    } catch (error) {
      console.error(`${workerState.name}: an exit hook failed:`, error);
    }
  }
}
