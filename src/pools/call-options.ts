import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { isSignal } from "../parking/index.js";
import { milliseconds } from "./option-values.js";
import { Retries, type RetryOptions } from "./retries.js";

/** What `pool.with()` sets for the calls that go through it. */
export interface CallOptions {
  /** Calls the work off when it aborts; it then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds from the call to its end, waiting included. Then it fails with `TimeoutError` and is called off. */
  timeout?: number | undefined;
  /**
   * Milliseconds that the task may run, of a map each item; waiting does not count. Then it fails with `TimeoutError`
   * and is called off. As the pool's option unless given; Infinity is no limit.
   */
  taskTimeout?: number | undefined;
  /** Higher goes first among what waits; 0 unless given. */
  priority?: number | undefined;
  /** As the pool's option. */
  retries?: number | RetryOptions | undefined;
  /** Objects among the arguments that are moved to a thread and not copied. */
  transfer?: readonly object[] | undefined;
}

const MAP_OPTION = "give it to the map itself";
const CALL_OPTIONS = new KnownOptions<CallOptions>(
  { signal: true, timeout: true, taskTimeout: true, priority: true, retries: true, transfer: true },
  { chunkSize: MAP_OPTION, buffer: MAP_OPTION, killGrace: "it is the pool's: give it to the pool's constructor" },
);

/** Call options, checked and complete. */
export interface CallSettings {
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly taskTimeout: number;
  readonly priority: number;
  readonly retries: Retries;
  readonly transfer: readonly object[];
  /** What only the links of its own kind of pool read. */
  readonly extra?: unknown;
}

const NOTHING: readonly object[] = [];

/** What the pool's settings say of each call. */
export function defaultCall({
  retries,
  taskTimeout,
}: {
  readonly retries: Retries;
  readonly taskTimeout: number;
}): CallSettings {
  return { signal: undefined, timeout: Number.POSITIVE_INFINITY, taskTimeout, priority: 0, retries, transfer: NOTHING };
}

/** `options` over `before`. */
export function callSettings(before: CallSettings, options: CallOptions): CallSettings {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `with(options): options must be an object, got ${options === null ? "null" : typeof options}`,
    );
  CALL_OPTIONS.check(options);
  options = ownOptions(options);
  const { signal = before.signal, priority = before.priority, transfer = before.transfer, retries } = options;
  if (signal !== undefined && !isSignal(signal))
    throw new ArgumentTypeError(`options.signal must be an AbortSignal, got ${typeof signal}`);
  if (typeof priority !== "number" || Number.isNaN(priority))
    throw new ArgumentTypeError(`options.priority must be a number, got ${String(priority)}`);
  if (!Array.isArray(transfer))
    throw new ArgumentTypeError(`options.transfer must be an array of objects, got ${typeof transfer}`);
  return {
    signal,
    timeout: milliseconds("timeout", options.timeout, before.timeout),
    taskTimeout: milliseconds("taskTimeout", options.taskTimeout, before.taskTimeout),
    priority,
    retries: retries === undefined ? before.retries : new Retries(retries),
    transfer,
    ...(before.extra === undefined ? {} : { extra: before.extra }),
  };
}
