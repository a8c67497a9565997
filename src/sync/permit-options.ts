import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { SyncWait, WaitOptions } from "../parking/index.js";
import type { TurnOptions } from "./turn-options.js";

/** How many permits are asked for. */
export interface PermitCount {
  /** All of them or none; 1 unless given. */
  permits?: number | undefined;
}

export const ACQUIRE = new KnownOptions<WaitOptions & PermitCount & TurnOptions>({
  timeout: true,
  signal: true,
  permits: true,
  priority: true,
});
export const ACQUIRE_SYNC = new KnownOptions<SyncWait & PermitCount & TurnOptions>(
  { timeout: true, permits: true, priority: true },
  { signal: "no signal reaches a thread that blocks; use acquire(), which awaits" },
);
export const TRY_ACQUIRE = new KnownOptions<PermitCount>(
  { permits: true },
  { timeout: "tryAcquire() never waits", priority: "tryAcquire() never waits" },
);

/** How many permits these options ask for. `most`: how many there may ever be. */
export function permitsOf(options: PermitCount | undefined, most: number): number {
  const permits = ownOptions(options)?.permits;
  if (permits === undefined) return 1;
  if (typeof permits !== "number")
    throw new ArgumentTypeError(`options.permits must be a number, got ${typeof permits}`);
  if (!Number.isInteger(permits) || permits < 1)
    throw new ArgumentRangeError(`options.permits must be a whole number from 1, got ${permits}`);
  if (permits > most && most > 0)
    throw new ArgumentRangeError(`options.permits is ${permits}, but there are never more than ${most}: ask for fewer`);
  return permits;
}

/** @throws ArgumentTypeError, ArgumentRangeError for what is no number of permits to give back */
export function checkReleased(n: number): void {
  if (!Number.isInteger(n)) throw new ArgumentTypeError(`release(n): n must be a whole number, got ${n}`);
  if (n < 1) throw new ArgumentRangeError(`release(n): n must be 1 or more, got ${n}`);
}
