import { ArgumentRangeError, ArgumentTypeError, KnownOptions } from "../errors/index.js";
import type { Reach } from "../objects/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";

/** What it is bounded by. */
export interface QueueOptions extends Reach {
  /** Most items; 0 or absent for no bound. */
  maxSize?: number | undefined;
  /** Most bytes of encoded items; 0 or absent for no bound. An integer of 32 bits counts for 4. */
  capacity?: number | undefined;
}

export const QUEUE_OPTIONS = new KnownOptions<QueueOptions>(
  { across: true, label: true, maxSize: true, capacity: true },
  { priority: "only a PriorityQueue has priorities" },
);

/**
 * How urgent an item is; see `PriorityQueue`. Code that is written for any queue says it to all of them: a queue
 * without priorities overhears it.
 */
export interface PutPriority {
  /** Lower comes out first; any number but NaN. */
  priority?: number | undefined;
}

export const PUT = new KnownOptions<WaitOptions & PutPriority>({ timeout: true, signal: true, priority: true });
export const PUT_SYNC = new KnownOptions<SyncWait & PutPriority>(
  { timeout: true, priority: true },
  { signal: "no signal reaches a thread that blocks; use put(), which awaits" },
);
export const TRY_PUT = new KnownOptions<PutPriority>({ priority: true }, { timeout: "tryPut() never waits" });
export const SHUTDOWN = new KnownOptions<{ immediate?: boolean | undefined }>({ immediate: true });

/** The bound that an option sets; 0 for none. */
export function bound(value: number | undefined, name: string): number {
  if (value === undefined) return 0;
  if (typeof value !== "number") throw new ArgumentTypeError(`options.${name} must be a number, got ${typeof value}`);
  if (value === Number.POSITIVE_INFINITY) return 0;
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff)
    throw new ArgumentRangeError(`options.${name} must be a whole number from 0 (no bound), got ${value}`);
  return value;
}
