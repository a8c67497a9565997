import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { workerState } from "./worker-state.js";

/**
 * Whether the calling module is the program that was started, and not loaded as the home of a task in a worker: Python's `if __name__ == "__main__"`.
 *
 * Code that starts workers stands behind it, because a worker loads the module of its task, and would start workers itself.
 *
 * @example
 * ```ts
 * import { isMain } from "allcores";
 * if (isMain(import.meta)) console.log("started, not imported"); // started, not imported
 * ```
 */
export function isMain(from: ImportMeta): boolean {
  if (!isMainThread || workerState.model !== "main") return false;
  const started = process.argv[1];
  if (started === undefined || !from.url.startsWith("file:")) return false;
  const module = fileURLToPath(from.url);
  try {
    const program = fs.realpathSync(started);
    if (program === module) return true;
    // `node program` finds program.js, and `node folder` its index.
    return module.startsWith(program) && /^([/\\]index)?\.[cm]?[jt]sx?$/.test(module.slice(program.length));
  } catch {
    return false;
  }
}
