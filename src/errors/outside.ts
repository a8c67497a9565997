/** Errors whose cause lies outside the calling program: a killed worker, a missing platform feature, memory that ran out. */
import { branded, type ErrorCode } from "./base.js";

/** A worker ended before it delivered a result. */
export class WorkerDiedError extends Error {
  declare readonly code: ErrorCode;
  /** The exit code: 0 and up as the worker set it, `-n` when signal n killed it, undefined when it is not known. */
  readonly exitCode: number | undefined;
  /** The signal that killed it, as in "SIGKILL". */
  readonly signal: string | undefined;
  static {
    branded(this, "ERR_ALLCORES_WORKER_DIED");
  }
  constructor(message: string, details: { exitCode?: number | undefined; signal?: string | undefined; cause?: unknown } = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.exitCode = details.exitCode;
    this.signal = details.signal;
  }
}

/** A worker was ended because its task took more memory than the pool's `resourceLimits` allow. */
export class MemoryLimitError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_MEMORY_LIMIT");
  }
}

/** The pool's `initializer` failed in a worker, so that the pool can do no work. `cause` is what it threw. */
export class InitializerError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_INITIALIZER");
  }
}

/** The module of a task threw, or could not be found, while a worker loaded it. `cause` is what it threw. */
export class TaskLoadError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_TASK_LOAD");
  }
}

/** This platform or installation cannot share memory between processes. Everything across threads works without it. */
export class PlatformError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_PLATFORM");
  }
}

/** A program's shared memory cannot be reached from here any more, or was never this program's. */
export class AttachError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_ATTACH");
  }
}

/** The shared heap, or the memory of the machine, is full. */
export class OutOfMemoryError extends RangeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_OUT_OF_MEMORY");
  }
}

/** More workers are alive than the registry has room for. */
export class TooManyWorkersError extends RangeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_TOO_MANY_WORKERS");
  }
}

/** Bytes in shared memory are not what this library wrote there. */
export class CorruptError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_CORRUPT");
  }
}

/** An instance of a class arrived whose module was not loaded here. Import `module`, which registers it, and decode once more. */
export class UnknownClassError extends Error {
  declare readonly code: ErrorCode;
  /** URL of the module that has to be imported. */
  readonly module: string;
  readonly className: string;
  static {
    branded(this, "ERR_ALLCORES_UNKNOWN_CLASS");
  }
  constructor(module: string, className: string) {
    super(`an instance of class ${className} arrived, but ${module}, which registers that class with sendable(), has not been loaded here`);
    this.module = module;
    this.className = className;
  }
}

/**
 * A message names a module that this worker lets no message name: one outside the program's projects, or not a file. `allowModules(module)` lets it; see there.
 */
export class ModuleNotAllowedError extends Error {
  declare readonly code: ErrorCode;
  /** URL of the module. */
  readonly module: string;
  static {
    branded(this, "ERR_ALLCORES_MODULE_NOT_ALLOWED");
  }
  constructor(module: string, what: string) {
    super(
      `${what} arrived, whose module is ${shown(module)}: messages may not name that module here; if they are to, call allowModules(${shown(module)}) in this worker first`,
    );
    this.module = module;
  }
}

/** A data: URL is as long as its program. */
function shown(url: string): string {
  return JSON.stringify(url.length > 200 ? `${url.slice(0, 200)}…` : url);
}
