/** Whether a worker runs: where a scheduler decides who runs, it says so; else the system does. */
import { toldAlive, toldThread } from "#atomics";
import type { ThreadIdentity } from "./contract.js";
import { platform } from "./platform.js";

const { liveness } = platform;

/** Whether this system says which threads are gone. */
export const kernelTells = liveness.isTold;

/** The calling thread. */
export function thisThread(): ThreadIdentity {
  return toldThread() ?? liveness.thisThread();
}

/**
 * False once the thread is gone, a zombie, or another thread has its number. Where the system does not tell, only
 * `declareDead` ends a worker.
 */
export function isRunning(thread: ThreadIdentity): boolean {
  return toldAlive(thread.pid, thread.tid, thread.startTime) ?? liveness.isRunning(thread);
}

export const { threadStatOf, isHalted, zombieExitCode } = liveness;
