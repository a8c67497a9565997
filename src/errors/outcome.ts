/** How a wait can end without what it waited for. */
import { isThrown, textOfThrown } from "./thrown.js";
import { branded, type ErrorCode } from "./base.js";

/** `options.timeout` ran out. Told from the platform's own TimeoutError by its `code`. */
export class TimeoutError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_TIMEOUT");
  }
}

/**
 * The barrier broke: a party timed out, was aborted or died, its action threw, or somebody called `abort()` or
 * `reset()`.
 */
export class BrokenBarrierError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_BROKEN_BARRIER");
  }
}

/** The queue was shut down: nothing more goes in and, once it is drained, nothing more comes out. */
export class QueueShutDownError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_QUEUE_SHUT_DOWN");
  }
}

/**
 * The former name of the same class.
 * @deprecated Use `QueueShutDownError`.
 */
export const QueueShutDown = QueueShutDownError;
/**
 * The former name of the same type.
 * @deprecated Use `QueueShutDownError`.
 */
export type QueueShutDown = QueueShutDownError;

/**
 * The other end of a pipe was closed, or its worker has ended: nothing more can be sent and, once it is drained,
 * nothing more comes.
 */
export class ConnectionClosedError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_CONNECTION_CLOSED");
  }
}

/**
 * The former name of the same class.
 * @deprecated Use `ConnectionClosedError`.
 */
export const ConnectionClosed = ConnectionClosedError;
/**
 * The former name of the same type.
 * @deprecated Use `ConnectionClosedError`.
 */
export type ConnectionClosed = ConnectionClosedError;

/** The task was cancelled, or its pool terminated, before it had a result. */
export class CancelledError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_CANCELLED");
  }
}

/** A program failed under one of its schedules; the message shows which, step by step. */
export class ScheduleError extends Error {
  declare readonly code: ErrorCode;
  /** The schedule, as `explore(program, { replay })` takes it. */
  readonly schedule: string;
  static {
    branded(this, "ERR_ALLCORES_SCHEDULE");
  }
  /**
   * Makes the error. `Exploration.throwIfFailed` throws it; a program makes one to test what handles it.
   *
   * @param message what went wrong, step by step
   * @param schedule the schedule, as `options.replay` takes it
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { ScheduleError } from "allcores";
   * const error = new ScheduleError("a race in step 4", "2:1");
   * console.log(error.code, error.schedule); // ERR_ALLCORES_SCHEDULE 2:1
   * ```
   */
  constructor(message: string, schedule: string) {
    super(message);
    this.schedule = schedule;
  }
}

/** The pool has as many tasks waiting as `maxQueue` allows. `trySubmit` gives `undefined` instead. */
export class PoolFullError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_POOL_FULL");
  }
}

/**
 * Tasks of a `TaskGroup` failed: `errors` has every real failure in the order in which they came, also when there is
 * only one.
 */
export class TaskGroupError extends AggregateError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_TASK_GROUP");
  }
  /**
   * Makes the error, with a message that names each failure. A `TaskGroup` throws it; a program makes one to test what
   * handles it.
   *
   * @param errors what was thrown, in the order in which it came
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack, and a text for each failure.
   *
   * @example
   * ```ts
   * import { TaskGroupError } from "allcores";
   * const error = new TaskGroupError([new RangeError("too far")]);
   * console.log(error.message); // a task of the group failed: RangeError: too far
   * ```
   */
  constructor(errors: readonly unknown[]) {
    const texts = errors.map((error) => (isThrown(error, Error) ? nameAndText(error) : textOfThrown(error)));
    super(
      errors,
      `${errors.length === 1 ? "a task" : `${errors.length} tasks`} of the group failed: ${texts.join("; ")}`,
    );
  }
}

function nameAndText(error: Error): string {
  try {
    return `${error.name}: ${error.message}`;
  } catch {
    return textOfThrown(error);
  }
}
