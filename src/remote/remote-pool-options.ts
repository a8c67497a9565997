import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { milliseconds, wholeNumber } from "../pools/option-values.js";
import { MISTAKEN, type PoolSettings, settingsOf } from "../pools/pool-options.js";
import type {
  RemoteCallOptions,
  RemoteConnection,
  RemotePoolOptions,
  RemoteQueueOptions,
  RemoteRetention,
  RemoteValueStore,
} from "../pools/remote-options.js";
import type { RemoteExtra } from "./remote-call.js";

const OF_THE_WORKER = "it is the workers': give it to serveRemote() or to the command line";
const POOL = new KnownOptions<RemotePoolOptions>(
  {
    connection: true,
    queue: true,
    prefix: true,
    store: true,
    maxQueue: true,
    retries: true,
    taskTimeout: true,
    name: true,
    inFlight: true,
    build: true,
    lostRetries: true,
    maxValueBytes: true,
    rate: true,
    retention: true,
    sweepEvery: true,
  },
  {
    ...MISTAKEN,
    workers: "say inFlight for the tasks that this pool has at the server; how many run is the workers'",
    concurrency: "say inFlight for the tasks that this pool has at the server; how many run is the workers'",
    initializer: OF_THE_WORKER,
    initArgs: OF_THE_WORKER,
    maxTasksPerWorker: OF_THE_WORKER,
    tasksPerWorker: "a worker of serveRemote() runs one task at a time: start more workers",
    idleTimeout: OF_THE_WORKER,
    minWorkers: OF_THE_WORKER,
    env: OF_THE_WORKER,
    argv: OF_THE_WORKER,
    execArgv: OF_THE_WORKER,
    cwd: OF_THE_WORKER,
    stdio: OF_THE_WORKER,
    resourceLimits: OF_THE_WORKER,
    killGrace: OF_THE_WORKER,
    unresponsive: OF_THE_WORKER,
    worker: OF_THE_WORKER,
    tracked: "only an AsyncPool has it",
    redis: "say connection",
    url: "say connection",
  },
);
const RETENTION = new KnownOptions<RemoteRetention>({ age: true, count: true });
const RATE = new KnownOptions<{ limit: number; interval: number }>(
  { limit: true, interval: true },
  { window: "the rate of a queue is the server's, which counts by fixed windows" },
);

const MOST_IN_FLIGHT = 256;
const LOST_RETRIES = 3;
const MOST_VALUE_BYTES = 16 * 1024 * 1024;
const KEPT_MS = 3_600_000;
const KEPT = 20_000;
const SWEEP_MS = 2000;
/** The server can say one of so many priorities. */
export const MOST_PRIORITY = 1_000_000;
const MOST_ID = 500;

/** A queue, checked. */
export interface QueueSettings {
  readonly connection: RemoteConnection;
  readonly queue: string;
  readonly prefix: string;
  readonly store: RemoteValueStore | undefined;
}

/** Options of a pool, checked and complete. */
export interface RemotePoolSettings extends QueueSettings {
  readonly build: string | undefined;
  readonly lostRetries: number;
  readonly maxValueBytes: number;
  readonly rate: { readonly limit: number; readonly interval: number } | undefined;
  readonly retention: { readonly age: number; readonly count: number };
  readonly sweepEvery: number;
  readonly settings: PoolSettings;
}

export function remoteSettingsOf(options: RemotePoolOptions): RemotePoolSettings {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options must be an object such as { connection: "redis://localhost:6379", queue: "work" }, got ${options === null ? "null" : typeof options}`,
    );
  POOL.check(options);
  options = ownOptions(options);
  const { maxQueue, retries, taskTimeout, name, rate } = options;
  const retention = options.retention ?? {};
  if (typeof retention !== "object")
    throw new ArgumentTypeError(
      `options.retention must be an object such as { age: 60_000, count: 1000 }, got ${typeof retention}`,
    );
  RETENTION.check(retention, "options.retention");
  return {
    ...queueSettingsOf(options),
    build: buildOf(options.build),
    lostRetries: wholeNumber("lostRetries", options.lostRetries, 0, LOST_RETRIES),
    maxValueBytes: wholeNumber("maxValueBytes", options.maxValueBytes, 1, MOST_VALUE_BYTES),
    rate: rate === undefined ? undefined : rateOf(rate),
    retention: {
      age: wholeNumber("retention.age", retention.age, 1000, KEPT_MS),
      count: wholeNumber("retention.count", retention.count, 1, KEPT),
    },
    sweepEvery: wholeNumber("sweepEvery", options.sweepEvery, 10, SWEEP_MS),
    settings: settingsOf({
      maxQueue,
      retries,
      taskTimeout,
      name,
      workers: wholeNumber("inFlight", options.inFlight, 1, MOST_IN_FLIGHT),
    }),
  };
}

export function queueSettingsOf({
  connection,
  queue,
  prefix = "{allcores}",
  store,
}: RemoteQueueOptions): QueueSettings {
  if (typeof connection !== "string" && (typeof connection !== "object" || connection === null))
    throw new ArgumentTypeError(
      `options.connection must be a URL such as "redis://localhost:6379", or options of ioredis, got ${connection === null ? "null" : typeof connection}`,
    );
  if (typeof queue !== "string" || queue === "" || queue.includes(":"))
    throw new ArgumentTypeError("options.queue must be a name that is not empty and has no colon");
  if (typeof prefix !== "string" || prefix === "")
    throw new ArgumentTypeError("options.prefix must be a text that is not empty");
  const isStore = (["put", "get", "delete"] as const).every((verb) => typeof store?.[verb] === "function");
  if (store !== undefined && !isStore)
    throw new ArgumentTypeError("options.store must have the functions put, get and delete");
  return { connection, queue, prefix, store };
}

export function buildOf(build: unknown): string | undefined {
  if (build === undefined) return undefined;
  if (typeof build !== "string" || !/^[^\s/#@]+$/.test(build))
    throw new ArgumentTypeError('options.build must be a text without spaces, "/", "#" and "@"');
  return build;
}

function rateOf(rate: { limit: number; interval: number }): { readonly limit: number; readonly interval: number } {
  if (typeof rate !== "object" || rate === null)
    throw new ArgumentTypeError(
      `options.rate must be an object such as { limit: 10, interval: 1000 }, got ${typeof rate}`,
    );
  RATE.check(rate, "options.rate");
  const { limit, interval } = rate;
  if (limit === undefined || interval === undefined)
    throw new ArgumentTypeError("options.rate needs limit and interval, as in { limit: 10, interval: 1000 }");
  return { limit: wholeNumber("rate.limit", limit, 1, 1), interval: wholeNumber("rate.interval", interval, 1, 1) };
}

/** What a remote call says by itself; the rest is every pool's. */
export function remoteExtraOf(before: RemoteExtra, options: RemoteCallOptions): RemoteExtra {
  const { id = before.id, traceparent = before.traceparent, priority } = options;
  if (id !== undefined) checkId(id);
  if (traceparent !== undefined && (typeof traceparent !== "string" || !/^[\da-f-]{1,128}$/.test(traceparent)))
    throw new ArgumentTypeError("options.traceparent must be a traceparent of W3C Trace Context");
  if (
    priority !== undefined &&
    typeof priority === "number" &&
    !(Number.isInteger(priority) && Math.abs(priority) <= MOST_PRIORITY)
  )
    throw new ArgumentRangeError(
      `options.priority must be a whole number from ${-MOST_PRIORITY} to ${MOST_PRIORITY} in a RemotePool, whose server knows no others, got ${priority}`,
    );
  return { id, traceparent, delay: milliseconds("delay", options.delay, before.delay) };
}

export function checkId(id: unknown): void {
  if (typeof id !== "string" || id === "")
    throw new ArgumentTypeError(`options.id must be a text that is not empty, got ${typeof id}`);
  if (Buffer.byteLength(id) > MOST_ID)
    throw new ArgumentRangeError(`options.id must have at most ${MOST_ID} bytes, got ${Buffer.byteLength(id)}`);
}
