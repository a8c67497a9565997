import { ArgumentRangeError, ArgumentTypeError, KnownOptions } from "../errors/index.js";
import type { Reach } from "../objects/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";

/** What it is bounded by. */
export interface QueueOptions extends Reach {
  /** Most items; 0 or absent for no bound. */
  maxSize?: number | undefined;
  /** Most bytes of encoded items; 0 or absent for no bound. An integer of 32 bits counts for 4. */
  capacity?: number | undefined;
  /**
   * What a put does that finds no room. `"wait"` (default): it waits. `"dropNewest"`: its own item is dropped, and
   * `put`
   * says false. `"dropOldest"`, of a `Queue`: what came first is dropped until there is room. It takes a bound.
   */
  whenFull?: "wait" | "dropNewest" | "dropOldest" | undefined;
}

export const QUEUE_OPTIONS = new KnownOptions<QueueOptions>(
  { across: true, label: true, maxSize: true, capacity: true, whenFull: true },
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

/** What a put does that finds no room, as the queue's word says it. */
export const WHEN_FULL = { wait: 0, dropNewest: 1, dropOldest: 2 } as const;

/**
 * The word of what a put does that finds no room. `isBounded`: it can ever be full; `inOrder`: which item is the oldest
 * can be told.
 */
export function whenFullOf(value: QueueOptions["whenFull"], isBounded: boolean, inOrder: boolean): number {
  if (value === undefined) return WHEN_FULL.wait;
  if (!Object.hasOwn(WHEN_FULL, value))
    throw new ArgumentTypeError(`options.whenFull must be "wait", "dropNewest" or "dropOldest", got ${String(value)}`);
  if (value !== "wait" && !isBounded)
    throw new ArgumentTypeError(
      `options.whenFull is ${JSON.stringify(value)}, but a queue without maxSize or capacity is never full: give one of them`,
    );
  if (value === "dropOldest" && !inOrder)
    throw new ArgumentTypeError(
      'options.whenFull cannot be "dropOldest" here: only a Queue gives out its oldest item first; say "dropNewest" or "wait"',
    );
  return WHEN_FULL[value];
}

/** @throws ArgumentTypeError, ArgumentRangeError where `n` is no whole number from 1 */
export function checkMost(call: string, n: number): void {
  if (typeof n !== "number") throw new ArgumentTypeError(`${call}: n must be a number, got ${typeof n}`);
  if (!Number.isInteger(n) || n < 1) throw new ArgumentRangeError(`${call}: n must be a whole number from 1, got ${n}`);
}
