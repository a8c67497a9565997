/**
 * Errors whose cause is the calling program: the call is wrong and changing the call mends it. None of them leaves
 * state changed.
 */
import { branded, type ErrorCode } from "./base.js";
import type { DeadlockReport } from "./deadlock-report.js";

/** An argument has the wrong type. */
export class ArgumentTypeError extends TypeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_ARGUMENT_TYPE");
  }
}

/** An argument has the right type but a value outside what is allowed: a negative timeout, NaN, zero parties. */
export class ArgumentRangeError extends RangeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_ARGUMENT_RANGE");
  }
}

/** Something was released (or waited with) that nobody holds. */
export class NotHeldError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_NOT_HELD");
  }
}

/** Something was released by a worker that is not its owner. */
export class NotOwnerError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_NOT_OWNER");
  }
}

/** A bounded semaphore or a queue was released or marked done more often than it was taken. */
export class ReleasedTooOftenError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_RELEASED_TOO_OFTEN");
  }
}

/** An object was used after this worker gave its memory back with `free()`, or after the memory behind it is gone. */
export class FreedError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_FREED");
  }
}

/** The wait can never end: only the caller itself could end it, or workers that wait in their turn. */
export class DeadlockError extends Error {
  declare readonly code: ErrorCode;
  /** Who waits for whom, where the deadlock was found while it lasted. */
  declare readonly report?: DeadlockReport;
  static {
    branded(this, "ERR_ALLCORES_DEADLOCK");
  }
  /**
   * Makes the error. The library throws it; a program makes one to test what handles it.
   *
   * @param message what was waited for, and what to do
   * @param report who waits for whom, where that is known
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { DeadlockError } from "allcores";
   * const error = new DeadlockError("the lock is held by this thread");
   * console.log(error.code, error.report); // ERR_ALLCORES_DEADLOCK undefined
   * ```
   */
  constructor(message: string, report?: DeadlockReport) {
    super(message);
    if (report !== undefined) this.report = report;
  }
}

/** A value cannot cross to another worker. `path` names where it stands in what was sent, as in `args[0].onDone`. */
export class UnsendableError extends TypeError {
  declare readonly code: ErrorCode;
  /** Where the value stands in what was sent, as in `args[0].onDone`. */
  readonly path: string;
  static {
    branded(this, "ERR_ALLCORES_UNSENDABLE");
  }
  /**
   * Makes the error. The library throws it; a method that makes an object's message may throw it too.
   *
   * @param path where the value stands in what was sent
   * @param message what the value is, and what to send in its place
   * @param options `cause`: the error behind it
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { UnsendableError } from "allcores";
   * const error = new UnsendableError("args[0].onDone", "args[0].onDone is a function: send a task");
   * console.log(error.code, error.path); // ERR_ALLCORES_UNSENDABLE args[0].onDone
   * ```
   */
  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/**
 * An object that reaches across threads only was sent to another process. `path` names where it stands in what was
 * sent.
 */
export class ReachError extends TypeError {
  declare readonly code: ErrorCode;
  /** Where the object stands in what was sent, as in `args[0].lock`. */
  readonly path: string;
  static {
    branded(this, "ERR_ALLCORES_REACH");
  }
  /**
   * Makes the error. The library throws it; a program makes one to test what handles it.
   *
   * @param path where the object stands in what was sent
   * @param message how far the object reaches, and what to do
   * @param options `cause`: the error behind it
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { ReachError } from "allcores";
   * const error = new ReachError("args[0]", 'args[0] is a Lock across threads: make it with { across: "processes" }');
   * console.log(error.code, error.path); // ERR_ALLCORES_REACH args[0]
   * ```
   */
  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}

/** What was put is larger than the channel can ever hold. */
export class TooLargeError extends RangeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_TOO_LARGE");
  }
}

/** A closure, or a function that was never registered with `task()`, was given where a task is needed. */
export class NotATaskError extends TypeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_NOT_A_TASK");
  }
}

/** The module of a task was loaded in the worker but registers no task of that name. */
export class TaskNotFoundError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_TASK_NOT_FOUND");
  }
}

/**
 * The top level of a module that a worker loads for its task was about to start a worker: the `isMain` guard is
 * missing. It ends that worker, and reaches the caller that waits for what the worker was started for. A pool fails as
 * a whole.
 */
export class MainGuardError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_MAIN_GUARD");
  }
}

/**
 * A worker that is the fourth below the main program was about to start a fifth: so many only come of a program that
 * starts workers in each of its workers.
 */
export class NestingError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_NESTING");
  }
}

/**
 * An object was used in a state that does not allow the call: started twice, joined before the start, used after close.
 */
export class StateError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_STATE");
  }
}

/** A named block is created under a name that is already in use. */
export class NameTakenError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_NAME_TAKEN");
  }
}

/** No living worker holds a named block of that name. */
export class NameNotFoundError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_NAME_NOT_FOUND");
  }
}
