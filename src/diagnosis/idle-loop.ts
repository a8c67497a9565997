import { ownGroupListeners } from "../workers/group-signals.js";
import { livingChildren } from "../workers/living-children.js";
import { workerState } from "../workers/worker-state.js";
import { dumpSignalName } from "./settings.js";

/**
 * Whether this thread's event loop has nothing to do but to wait for this library: nothing keeps it alive but the
 * heartbeats of `loops` parkers and the children that the library started, and no signal is listened for. What is
 * unref'd may still wake it, so nothing is ever proven by this.
 */
export function isIdle(loops: number): boolean {
  const most = new Map([
    ["Timeout", loops],
    ["ProcessWrap", livingChildren.size],
  ]);
  for (const kind of process.getActiveResourcesInfo()) {
    const left = most.get(kind) ?? 0;
    if (left === 0) return false;
    most.set(kind, left - 1);
  }
  return process
    .eventNames()
    .every(
      (name) =>
        typeof name !== "string" || !/^SIG[A-Z0-9]+$/.test(name) || process.listenerCount(name) <= ownListeners(name),
    );
}

/** How many listeners for a signal are the library's. */
function ownListeners(signal: string): number {
  return (signal === dumpSignalName() ? 1 : 0) + (workerState.model === "process" ? ownGroupListeners(signal) : 0);
}
