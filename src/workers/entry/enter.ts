/** Called last by the library's index: where this realm was started as one of our workers, its work begins. */
import { isMainThread, workerData } from "node:worker_threads";
import { setEntryUrl } from "../entry-url.js";
import { type LibraryMeta, setLibraryCode } from "../library-code.js";
import { beginLoading, outsideLoads } from "../main-guard.js";
import type { AnyStart } from "../open-thread.js";
import { type ProcessStart, processStart, takeProcessStart } from "../process-start.js";
import { workerState } from "../worker-state.js";
import { beginProcess } from "./process.js";
import { beginThread } from "./thread.js";
import type { WorkerDuty } from "./work.js";
import { queueRealMicrotask } from "../../memory/index.js";

export function enter(index: string, code: LibraryMeta["code"]): void {
  setEntryUrl(index);
  const start = isMainThread ? undefined : (workerData as { allcores?: AnyStart } | null | undefined)?.allcores;
  setLibraryCode(code, start?.code, start?.kind === "pool" && start.gives);
  if (!isMainThread) {
    if (start === undefined) return;
    // A second copy of the library in this worker, or the module of a task bundled with it, must not begin again.
    delete (workerData as { allcores?: unknown }).allcores;
    become("thread", start, start.kind === "pool" && start.isBundled, () => beginThread(start));
  } else {
    const start = processStart();
    if (start === undefined) return;
    takeProcessStart();
    become("process", start, start.isBundled, () => beginProcess(start));
  }
}

/**
 * What this realm is, it knows from here on, and it has its heap: in a bundle the program itself follows, which must
 * find that it is not the main one. What the worker was started for begins once every module has been evaluated.
 */
function become(
  model: "thread" | "process",
  start: AnyStart | ProcessStart,
  isBundled: boolean,
  begin: () => WorkerDuty,
): void {
  const { name, depth } = start;
  Object.assign(workerState, { name, model, depth, isBundled, slot: start.kind === "pool" ? start.slot : undefined });
  beginLoading();
  const work = outsideLoads(begin);
  workerState.refuse = (error) => work.refuse(error);
  outsideLoads(() => queueRealMicrotask(() => void work.run()));
}
