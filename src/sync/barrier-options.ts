/** What a Barrier and its waits take, checked. */
import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { Reach } from "../objects/index.js";
import type { deadlineOf, SyncWait, WaitOptions } from "../parking/index.js";

export interface BarrierAction {
  /**
   * Runs once, in the party that completes the round, before anyone is let through. Synchronous; if it throws, the
   * barrier breaks.
   */
  action?: (() => void) | undefined;
}

export const BARRIER_OPTIONS = new KnownOptions<Reach & SyncWait>(
  { across: true, label: true, timeout: true },
  { action: "give it to each wait(): functions do not travel" },
);
export const BLOCKING = new KnownOptions<SyncWait & BarrierAction>(
  { timeout: true, action: true },
  { signal: "no signal reaches a thread that blocks; use wait(), which awaits" },
);
export const AWAITING = new KnownOptions<WaitOptions & BarrierAction>({ timeout: true, signal: true, action: true });

/**
 * When a wait ends, `timeout` milliseconds from now unless its options say otherwise. `of`: how the deadline of such a
 * wait is made.
 */
export function barrierDeadline(
  options: (SyncWait & BarrierAction) | undefined,
  of: typeof deadlineOf,
  known: KnownOptions<object>,
  timeout: number,
): number {
  const deadline = of(options, known);
  return ownOptions(options)?.timeout === undefined ? of({ timeout }) : deadline;
}

export function checkAction(options: BarrierAction | undefined): void {
  const action = ownOptions(options)?.action;
  if (action !== undefined && typeof action !== "function")
    throw new ArgumentTypeError(`options.action must be a function, got ${typeof action}`);
}
