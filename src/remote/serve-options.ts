import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { milliseconds, wholeNumber } from "../pools/option-values.js";
import type { PoolOptions } from "../pools/pool-options.js";
import type { RemoteQueueOptions } from "../pools/remote-options.js";
import { cpuCount } from "../workers/cpu-count.js";
import { buildOf, queueSettingsOf, type QueueSettings } from "./remote-pool-options.js";

/** How a worker serves a queue. */
export interface ServeOptions
  extends RemoteQueueOptions,
    Pick<PoolOptions, "killGrace" | "resourceLimits" | "maxTasksPerWorker"> {
  /**
   * What it runs tasks of: paths or URLs of files and folders, or names of packages. Nothing else is ever imported,
   * whatever lies in the queue.
   */
  allow: readonly (string | URL)[];
  /** How many tasks run at a time; as many as there are processors unless given. */
  workers?: number | undefined;
  /** What bodies run in: `"process"`, unless given, or `"thread"`. */
  model?: "process" | "thread" | undefined;
  /** In place of the packages' versions in the names of tasks; pools need the same. */
  build?: string | undefined;
  /** How others call it; its host and process unless given. */
  name?: string | undefined;
  /**
   * How soon the tasks of a worker that was killed run elsewhere: in at most 14 seconds by `"default"`, in 4 by
   * `"fast"`, which asks the server more often. Or milliseconds: how long a lease lasts, and how often somebody looks
   * for leases that are over; the sum is the longest time.
   */
  lease?: "default" | "fast" | { duration: number; look: number } | undefined;
  /** Port for `/health`, `/ready` and `/metrics`; 0 takes a free one. None unless given. */
  port?: number | undefined;
  /** Where that listens; `"127.0.0.1"` unless given. */
  host?: string | undefined;
  /** Drains on SIGTERM and SIGINT and ends the program; at once on the second. Off unless given. */
  signals?: boolean | undefined;
  /** Is told of what goes wrong that is no task's, and of tasks that are left to others; stderr unless given. */
  report?: ((message: string, error?: unknown) => void) | undefined;
}

const SERVE = new KnownOptions<ServeOptions>(
  {
    connection: true,
    queue: true,
    prefix: true,
    store: true,
    allow: true,
    workers: true,
    model: true,
    build: true,
    name: true,
    lease: true,
    port: true,
    host: true,
    signals: true,
    report: true,
    killGrace: true,
    resourceLimits: true,
    maxTasksPerWorker: true,
  },
  {
    concurrency: "say workers",
    slots: "say workers",
    tasksPerWorker: "a worker of serveRemote() runs one task at a time: say workers",
    redis: "say connection",
    retries: "it is the pool's: give it to the pool that submits",
    taskTimeout: "it is the pool's: give it to the pool that submits",
    lostRetries: "it is the pool's: give it to the pool that submits",
  },
);
const LEASE = new KnownOptions<{ duration: number; look: number }>({ duration: true, look: true });
const LEASES = { default: { duration: 9000, look: 5000 }, fast: { duration: 2500, look: 1500 } };

/** Options, checked and complete. */
export interface ServeOptionsChecked extends QueueSettings {
  readonly allow: readonly (string | URL)[];
  readonly workers: number;
  readonly model: "process" | "thread";
  readonly build: string | undefined;
  readonly name: string | undefined;
  readonly lease: { readonly duration: number; readonly look: number };
  readonly port: number | undefined;
  readonly host: string;
  readonly signals: boolean;
  readonly report: (message: string, error?: unknown) => void;
  readonly pool: Pick<PoolOptions, "killGrace" | "resourceLimits" | "maxTasksPerWorker">;
}

export function serveSettingsOf(options: ServeOptions): ServeOptionsChecked {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `serveRemote(options): options must be an object with connection, queue and allow, got ${options === null ? "null" : typeof options}`,
    );
  SERVE.check(options);
  options = ownOptions(options);
  const {
    allow,
    model = "process",
    name,
    port,
    host = "127.0.0.1",
    signals = false,
    report = toStderr,
    killGrace,
    resourceLimits,
    maxTasksPerWorker,
  } = options;
  if (!Array.isArray(allow) || allow.length === 0)
    throw new ArgumentTypeError(
      "options.allow must be an array with the paths or packages that this worker runs tasks of",
    );
  if (model !== "process" && model !== "thread")
    throw new ArgumentTypeError(`options.model must be "process" or "thread", got ${String(model)}`);
  if (name !== undefined && (typeof name !== "string" || name === ""))
    throw new ArgumentTypeError("options.name must be a text that is not empty");
  if (typeof signals !== "boolean")
    throw new ArgumentTypeError(`options.signals must be true or false, got ${typeof signals}`);
  if (typeof report !== "function")
    throw new ArgumentTypeError(`options.report must be a function, got ${typeof report}`);
  if (typeof host !== "string" || host === "")
    throw new ArgumentTypeError("options.host must be a text that is not empty");
  return {
    ...queueSettingsOf(options),
    allow,
    workers: wholeNumber("workers", options.workers, 1, cpuCount()),
    model,
    build: buildOf(options.build),
    name,
    lease: leaseOf(options.lease ?? "default"),
    port: port === undefined ? undefined : wholeNumber("port", port, 0, 0),
    host,
    signals,
    report,
    pool: { killGrace, resourceLimits, maxTasksPerWorker },
  };
}

function leaseOf(lease: NonNullable<ServeOptions["lease"]>): { readonly duration: number; readonly look: number } {
  if (typeof lease === "string") {
    if (!Object.hasOwn(LEASES, lease))
      throw new ArgumentTypeError(
        `options.lease must be "default", "fast" or an object such as { duration: 9000, look: 5000 }, got ${lease}`,
      );
    return LEASES[lease];
  }
  if (typeof lease !== "object" || lease === null)
    throw new ArgumentTypeError(
      'options.lease must be "default", "fast" or an object such as { duration: 9000, look: 5000 }',
    );
  LEASE.check(lease, "options.lease");
  const { duration, look } = {
    duration: milliseconds("lease.duration", lease.duration, 9000),
    look: milliseconds("lease.look", lease.look, 5000),
  };
  if (duration < 500 || look < 100)
    throw new ArgumentRangeError(
      "options.lease: a lease lasts at least 500 ms, and nobody looks more often than every 100 ms",
    );
  return { duration, look };
}

function toStderr(message: string): void {
  process.stderr.write(`allcores worker: ${message}\n`);
}
