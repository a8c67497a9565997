import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownWaitOptions } from "../errors/index.js";
import { realNow } from "../memory/clock.js";
import { programNow } from "./program-clock.js";
import { isSignal } from "./abort.js";

/** How long a blocking wait may last. */
export interface SyncWait {
  /** Milliseconds; 0 is one attempt, absent is for ever. Negative or NaN is an `ArgumentRangeError`. */
  timeout?: number | undefined;
}

/** How long an awaiting wait may last, and what may end it early. */
export interface WaitOptions extends SyncWait {
  /** Rejects with the signal's reason once it aborts. */
  signal?: AbortSignal | undefined;
}

const BLOCKING = new KnownOptions<SyncWait>(
  { timeout: true },
  { signal: "no signal reaches a thread that blocks; use the method that awaits" },
);
/** For `awaitDeadlineOf`, unless the call takes more. */
export const WAIT_OPTIONS = new KnownOptions<WaitOptions>({ timeout: true, signal: true });
/** For `signalOf`: nothing else is asked of these options. */
export const SIGNAL_OPTIONS = new KnownOptions<{ signal?: AbortSignal | undefined }>({ signal: true });

/**
 * The moment of `realNow()` when a blocking wait with these options runs out. `known`: what the call takes, if that is
 * more.
 */
export function deadlineOf(options: SyncWait | undefined, known: KnownOptions<object> = BLOCKING): number {
  const timeout = timeoutOf(options, known);
  return timeout === 0 || timeout === Number.POSITIVE_INFINITY ? timeout : realNow() + timeout;
}

/**
 * The moment of `programNow()` when a wait that awaits runs out: the program's timers decide, fake ones too. `known`:
 * as for `deadlineOf`.
 */
export function awaitDeadlineOf(options: WaitOptions | undefined, known: KnownOptions<object> = WAIT_OPTIONS): number {
  const timeout = timeoutOf(options, known);
  return timeout === 0 || timeout === Number.POSITIVE_INFINITY ? timeout : programNow() + timeout;
}

/** The `timeout` of these options, checked; Infinity for none. */
function timeoutOf(options: SyncWait | undefined, known: KnownOptions<object>): number {
  if (options === undefined) return Number.POSITIVE_INFINITY;
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(`options must be an object such as { timeout: 100 }, got ${typeof options}`);
  known.check(options);
  const { timeout } = ownWaitOptions(options);
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  if (typeof timeout !== "number")
    throw new ArgumentTypeError(`options.timeout must be a number of milliseconds, got ${typeof timeout}`);
  if (Number.isNaN(timeout) || timeout < 0)
    throw new ArgumentRangeError(
      `options.timeout must be 0 or more milliseconds, got ${timeout}; leave it out to wait for ever`,
    );
  return timeout;
}

/**
 * The signal of these options, checked. Throws its reason when it is aborted already. `known`: what the call takes,
 * unless `deadlineOf` has looked.
 */
export function signalOf(options: WaitOptions | undefined, known?: KnownOptions<object>): AbortSignal | undefined {
  if (known !== undefined && options !== undefined) {
    if (typeof options !== "object" || options === null)
      throw new ArgumentTypeError(
        `options must be an object such as { signal }, got ${options === null ? "null" : typeof options}`,
      );
    known.check(options);
  }
  const signal = ownWaitOptions(options)?.signal;
  if (signal === undefined) return undefined;
  if (!isSignal(signal)) throw new ArgumentTypeError(`options.signal must be an AbortSignal, got ${typeof signal}`);
  if (signal.aborted) throw signal.reason;
  return signal;
}
