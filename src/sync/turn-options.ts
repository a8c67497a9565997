import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";

/** Where a request stands among those that wait for a lock or a semaphore made with `{ fair: true }`. */
export interface TurnOptions {
  /**
   * Higher comes first, equal ones in the order in which they came: a whole number from -100000 to 100000, 0 unless
   * given.
   */
  priority?: number | undefined;
}

export const TURN = new KnownOptions<WaitOptions & TurnOptions>({ timeout: true, signal: true, priority: true });
export const TURN_SYNC = new KnownOptions<SyncWait & TurnOptions>(
  { timeout: true, priority: true },
  { signal: "no signal reaches a thread that blocks; use acquire(), which awaits" },
);
const MOST = 100_000;

/** The priority that these options ask for. `isFair`: of a lock that has priorities. */
export function priorityOf(options: TurnOptions | undefined, isFair: boolean): number {
  const priority = ownOptions(options)?.priority;
  if (priority === undefined) return 0;
  if (!isFair)
    throw new ArgumentTypeError(
      "options.priority does not apply here: only a lock or a semaphore made with { fair: true } keeps a line in order",
    );
  if (typeof priority !== "number")
    throw new ArgumentTypeError(`options.priority must be a number, got ${typeof priority}`);
  if (!Number.isInteger(priority) || Math.abs(priority) > MOST)
    throw new ArgumentRangeError(`options.priority must be a whole number from -${MOST} to ${MOST}, got ${priority}`);
  return priority;
}
