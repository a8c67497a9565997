/** Called last by the library's index: where this realm was started as one of our workers, its work begins. */
import { isMainThread, workerData } from "node:worker_threads";
import { setEntryUrl } from "../entry-url.js";
import { type LibraryMeta, setLibraryCode } from "../library-code.js";
import { type ProcessStart, START_MARK } from "../process-start.js";
import type { PoolThreadStart, ThreadStart } from "../thread.js";
import { runProcess } from "./process.js";
import { runThread } from "./thread.js";

export function enter(index: string, code: LibraryMeta["code"]): void {
  setEntryUrl(index);
  const start = isMainThread ? undefined : (workerData as { allcores?: ThreadStart | PoolThreadStart } | null | undefined)?.allcores;
  setLibraryCode(code, start?.code, start?.kind === "pool" && start.gives);
  if (!isMainThread) {
    if (start === undefined) return;
    // A second copy of the library in this worker, or the module of a task bundled with it, must not begin again.
    delete (workerData as { allcores?: unknown }).allcores;
    // Once every module of the library has been evaluated.
    queueMicrotask(() => runThread(start));
  } else if (process.argv[2]?.startsWith(START_MARK) === true) {
    const begin = JSON.parse(process.argv[2].slice(START_MARK.length)) as ProcessStart;
    if (process.argv[1] !== begin.entry) return;
    process.argv.pop();
    queueMicrotask(() => void runProcess(begin));
  }
}
