import { encode, type Message } from "../codec/index.js";
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import type { Completion } from "./completion.js";
import type { AnyFunction, TaskIdentity } from "./task.js";
import {
  type CheckedEnvironment,
  checkedEnvironment,
  PROCESS_ENVIRONMENT,
  type ProcessEnvironment,
} from "./worker-environment.js";

const DEFAULT_KILL_GRACE_MS = 1000;

/** How a Thread or Process is made. */
export interface WorkerStart<F extends AnyFunction> extends ProcessEnvironment {
  /** What the task is called with. */
  args?: Parameters<F> | undefined;
  /** "Thread-1", "Process-1", … unless given. */
  name?: string | undefined;
  /** A daemon keeps neither the program nor the worker that started it alive, and ends with its starter. */
  daemon?: boolean | undefined;
  /** Milliseconds that `terminate()` leaves a process for its own way out before it is killed; 1000 unless given. */
  killGrace?: number | undefined;
}

/** How a Process is made. */
export const WORKER_START = new KnownOptions<WorkerStart<AnyFunction>>({
  args: true,
  name: true,
  daemon: true,
  killGrace: true,
  ...PROCESS_ENVIRONMENT,
});

/** What the platform needs to start a worker. */
export interface Start {
  readonly name: string;
  readonly task: TaskIdentity;
  readonly completion: Completion;
  readonly daemon: boolean;
  readonly args: readonly unknown[];
  readonly environment: CheckedEnvironment;
}

/** Options, checked and complete. */
interface CheckedStart {
  readonly args: readonly unknown[];
  readonly name: string | undefined;
  readonly daemon: boolean;
  readonly killGrace: number;
  readonly environment: CheckedEnvironment;
}

/** @throws ArgumentTypeError, ArgumentRangeError for options that make no sense */
export function checkedStart<F extends AnyFunction>(
  options: WorkerStart<F>,
  known: KnownOptions<object>,
): CheckedStart {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options must be an object such as { args: [1] }, got ${options === null ? "null" : typeof options}`,
    );
  known.check(options);
  options = ownOptions(options);
  const { args = [], name, daemon = false, killGrace = DEFAULT_KILL_GRACE_MS } = options;
  if (!Array.isArray(args))
    throw new ArgumentTypeError(`options.args must be an array of arguments, got ${typeof args}`);
  if (name !== undefined && (typeof name !== "string" || name === ""))
    throw new ArgumentTypeError("options.name must be a string that is not empty");
  if (typeof killGrace !== "number")
    throw new ArgumentTypeError(`options.killGrace must be a number of milliseconds, got ${typeof killGrace}`);
  if (Number.isNaN(killGrace) || killGrace < 0)
    throw new ArgumentRangeError(`options.killGrace must be 0 or more milliseconds, got ${killGrace}`);
  return { args, name, daemon, killGrace, environment: checkedEnvironment(options) };
}

/** The arguments of a start as a message. */
export function encodeArgs(start: Start, to: "threads" | "processes"): Message {
  return encode(start.args, { to, root: "args", attach: to === "threads", marks: "move", list: true });
}
