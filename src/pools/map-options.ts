import { ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { TaskIdentity } from "../workers/task.js";
import { type CallSettings, callSettings } from "./call-options.js";
import type { MapPlan } from "./map-plan.js";
import { milliseconds, wholeNumber } from "./option-values.js";

/** How a map goes about it. */
export interface MapOptions {
  /** Items that travel together; counted out while it runs unless given: some two milliseconds of work. */
  chunkSize?: number | undefined;
  /**
   * Most items that are taken from the input and whose results are not consumed. Unless given: of a map that is
   * iterated, two chunks for each worker; of one that is awaited, 1024 times as many, or 16 times in this loop. In
   * order, an item that takes long holds up the others once so many are behind it: a larger number lets them go on, and
   * keeps as many results.
   */
  buffer?: number | undefined;
  /** Milliseconds for the whole map. Then it fails with `TimeoutError` and the rest is called off. */
  timeout?: number | undefined;
  /** Calls the rest off when it aborts; the map then fails with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const BY_WITH = "set it by pool.with() before the map";
const MAP_OPTIONS = new KnownOptions<MapOptions>(
  { chunkSize: true, buffer: true, timeout: true, signal: true },
  { taskTimeout: BY_WITH, priority: BY_WITH, retries: BY_WITH, transfer: BY_WITH },
);

/** What a map shall do, checked. `how`: whether an item is the arguments, or one of them. */
export function mapPlan(
  verb: string,
  task: TaskIdentity,
  items: Iterable<unknown> | AsyncIterable<unknown>,
  how: number,
  call: CallSettings,
  options: MapOptions,
): MapPlan {
  if (
    items === null ||
    (typeof items !== "object" && typeof items !== "string") ||
    !(Symbol.iterator in Object(items) || Symbol.asyncIterator in Object(items))
  )
    throw new ArgumentTypeError(
      `${verb}: the items must be an iterable or async iterable, got ${items === null ? "null" : typeof items}`,
    );
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(`${verb}: options must be an object, got ${typeof options}`);
  MAP_OPTIONS.check(options);
  options = ownOptions(options);
  const { chunkSize, buffer, signal } = options;
  const timeout = milliseconds("timeout", options.timeout, call.timeout);
  return {
    task,
    call: callSettings(call, { timeout, signal }),
    items,
    how,
    chunkSize: chunkSize === undefined ? undefined : wholeNumber("chunkSize", chunkSize, 1, 1),
    buffer: buffer === undefined ? undefined : wholeNumber("buffer", buffer, 1, 1),
    ordered: true,
    stops: true,
  };
}
