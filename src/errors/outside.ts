/**
 * Errors whose cause lies outside the calling program: a killed worker, a missing platform feature, memory that ran
 * out.
 */
import { branded, type ErrorCode } from "./base.js";

/** How a worker of a pool ended that had a running task. */
export interface WorkerDeath {
  /** Which attempt at the task it was, from 1. */
  readonly attempt: number;
  /** Name of the worker. */
  readonly worker: string;
  /** Its process; undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Node's number of its thread, 0 for a process's main thread. */
  readonly threadId: number;
  /**
   * `"exit"`: by itself. `"signal"`: somebody killed it, or it crashed. `"memory"`: it took more than it may.
   * `"unresponsive"`: the pool killed it, as it was told to. `"start"`: before it could take the task, which it has not
   * run. `"lost"`: a remote one that was not heard of in time.
   */
  readonly reason: "exit" | "signal" | "memory" | "unresponsive" | "start" | "lost";
  readonly signal: string | undefined;
  readonly exitCode: number | undefined;
  /** When the pool heard of it: milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds that the task had run by then; of an item of a map, the chunk that it came in. */
  readonly ranFor: number;
  /** What the task last told by `progress()` in that attempt. */
  readonly lastProgress: unknown;
}

/**
 * A worker ended before it delivered a result. Where it was a pool's, `deaths` tells of each worker that the task took
 * along in its attempts, and so does the message: a task that kills whatever runs it is told from one that had bad
 * luck.
 *
 * @example
 * ```ts
 * import { isMain, ProcessPool, task, WorkerDiedError } from "allcores";
 * const poison = task(import.meta, function poison() {
 *   process.kill(process.pid, "SIGKILL");
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ProcessPool({ workers: 2, retries: { limit: 1, delay: 1 } });
 *   try {
 *     await pool.submit(poison);
 *   } catch (error) {
 *     if (error instanceof WorkerDiedError) console.log(error.deaths.map(({ signal }) => signal)); // [ 'SIGKILL', 'SIGKILL' ]
 *   }
 * }
 * ```
 */
export class WorkerDiedError extends Error {
  declare readonly code: ErrorCode;
  /** The exit code: 0 and up as the worker set it, `-n` when signal n killed it, undefined when it is not known. */
  readonly exitCode: number | undefined;
  /** The signal that killed it, as in "SIGKILL". */
  readonly signal: string | undefined;
  /** Of a pool's task: each worker that died of it, over all attempts, the last one last. Empty elsewhere. */
  readonly deaths: readonly WorkerDeath[];
  static {
    branded(this, "ERR_ALLCORES_WORKER_DIED");
  }
  /**
   * Makes the error. The library throws it; a program makes one to test what handles it.
   *
   * @param message which worker ended, and how
   * @param details `exitCode`, `signal`: how it ended. `deaths`: of a pool's task, each worker that died of it; empty
   *   unless given. `cause`: the error that ended it
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { WorkerDiedError } from "allcores";
   * const error = new WorkerDiedError("Process-1 was killed", { signal: "SIGKILL", exitCode: -9 });
   * console.log(error.code, error.signal, error.deaths); // ERR_ALLCORES_WORKER_DIED SIGKILL []
   * ```
   */
  constructor(
    message: string,
    details: {
      exitCode?: number | undefined;
      signal?: string | undefined;
      deaths?: readonly WorkerDeath[] | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.exitCode = details.exitCode;
    this.signal = details.signal;
    this.deaths = details.deaths ?? [];
  }
}

/**
 * The worker that held a lock made with `{ onOwnerDeath: "error" }` ended without releasing it: what it guards may be
 * half changed. Nobody gets that lock until somebody has repaired it, and said so by `lock.consistent()`.
 */
export class OwnerDiedError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_OWNER_DIED");
  }
}

/** A worker was ended because its task took more memory than the pool's `resourceLimits`, or the platform, allow. */
export class MemoryLimitError extends Error {
  declare readonly code: ErrorCode;
  /** Each worker that died of the task, over all attempts, for this reason or another. */
  readonly deaths: readonly WorkerDeath[];
  static {
    branded(this, "ERR_ALLCORES_MEMORY_LIMIT");
  }
  /**
   * Makes the error. The library throws it; a program makes one to test what handles it.
   *
   * @param message which worker was ended, and the limit
   * @param details `deaths`: each worker that died of the task; empty unless given. `cause`: the error behind it
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { MemoryLimitError } from "allcores";
   * const error = new MemoryLimitError("PoolWorker-1 took more than 64 MB");
   * console.log(error.code, error.deaths); // ERR_ALLCORES_MEMORY_LIMIT []
   * ```
   */
  constructor(message: string, details: { deaths?: readonly WorkerDeath[] | undefined; cause?: unknown } = {}) {
    super(message, details);
    this.deaths = details.deaths ?? [];
  }
}

/**
 * The pool's `initializer` threw in a worker, or ended one worker after the other, so that the pool can do no work.
 * `cause` is what it threw, or a `WorkerDiedError` with all `deaths`.
 */
export class InitializerError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_INITIALIZER");
  }
}

/**
 * The module of a task, or of a class of which an instance arrived, threw or could not be found while a worker loaded
 * it. `cause` is what it threw.
 */
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

/**
 * Node's permission model (`--permission`) withholds what this needs. Nothing was begun. `flags` are those that the
 * program has to be started with too.
 *
 * @example
 * ```ts
 * import { PermissionError, Process, task } from "allcores";
 * const one = task(import.meta, "one", () => 1);
 * try {
 *   new Process(one);
 * } catch (error) {
 *   if (error instanceof PermissionError) console.error(error.message, error.flags);
 * }
 * ```
 */
export class PermissionError extends Error {
  declare readonly code: ErrorCode;
  /** As they stand on the command line, such as "--allow-addons". */
  readonly flags: readonly string[];
  static {
    branded(this, "ERR_ALLCORES_PERMISSION");
  }
  /**
   * Makes the error. The library throws it; a program makes one to test what handles it.
   *
   * @param message what is withheld, and from what
   * @param flags what the program has to be started with too
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { PermissionError } from "allcores";
   * const error = new PermissionError("processes need --allow-child-process", ["--allow-child-process"]);
   * console.log(error.code, error.flags); // ERR_ALLCORES_PERMISSION [ '--allow-child-process' ]
   * ```
   */
  constructor(message: string, flags: readonly string[]) {
    super(message);
    this.flags = flags;
  }
}

/** A program's shared memory cannot be reached from here any more, or was never this program's. */
export class AttachError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_ATTACH");
  }
}

/**
 * The shared heap, or the memory of the machine, is full. What was forgotten without `free()` in earlier turns of this
 * thread's event loop has been given back by then; what was forgotten in this turn, or by other workers, has not.
 */
export class OutOfMemoryError extends RangeError {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_OUT_OF_MEMORY");
  }
}

/**
 * This process, or the machine, has as many files open as it may. Nothing was left half made: what needs a descriptor
 * can be had as soon as some are closed, or the limit is raised (`ulimit -n`).
 */
export class OutOfDescriptorsError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_OUT_OF_DESCRIPTORS");
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

/**
 * An instance of a class arrived whose module was not loaded here. Import `module`, which registers it, and decode once
 * more.
 */
export class UnknownClassError extends Error {
  declare readonly code: ErrorCode;
  /** URL of the module that has to be imported. */
  readonly module: string;
  /** The name of the class. */
  readonly className: string;
  static {
    branded(this, "ERR_ALLCORES_UNKNOWN_CLASS");
  }
  /**
   * Makes the error, with a message that names both. The library throws it; a program makes one to test what handles
   * it.
   *
   * @param module URL of the module that has to be imported
   * @param className the name of the class
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { UnknownClassError } from "allcores";
   * const error = new UnknownClassError("file:///app/point.js", "Point");
   * console.log(error.code, error.className); // ERR_ALLCORES_UNKNOWN_CLASS Point
   * ```
   */
  constructor(module: string, className: string) {
    super(
      `an instance of class ${className} arrived, but ${module}, which registers that class with sendable(), has not been loaded here`,
    );
    this.module = module;
    this.className = className;
  }
}

/**
 * A message names a module that this worker lets no message name: one outside the program's projects, or not a file.
 * `allowModules(module)` lets it; see there. Also the program's main module, as the home of a class: receiving an
 * instance must not run the program again. And a module that a pool has not ordered, in the memory of its worker.
 */
export class ModuleNotAllowedError extends Error {
  declare readonly code: ErrorCode;
  /** URL of the module. */
  readonly module: string;
  static {
    branded(this, "ERR_ALLCORES_MODULE_NOT_ALLOWED");
  }
  /**
   * Makes the error. The library throws it; a program makes one to test what handles it.
   *
   * @param module URL of the module
   * @param what what arrived, for a message that says so and what to do
   * @param message the whole message instead
   * @throws nothing
   * @remarks **Cost:** an `Error` with its stack.
   *
   * @example
   * ```ts
   * import { ModuleNotAllowedError } from "allcores";
   * const error = new ModuleNotAllowedError("file:///other/point.js", "an instance of class Point");
   * console.log(error.code, error.module); // ERR_ALLCORES_MODULE_NOT_ALLOWED file:///other/point.js
   * ```
   */
  constructor(module: string, what: string, message?: string) {
    super(
      message ??
        `${what} arrived, whose module is ${shown(module)}: messages may not name that module here; if they are to, call allowModules(${shown(module)}) in this worker first`,
    );
    this.module = module;
  }

  /** @internal A class of the program's main module. */
  static ofMain(module: string, className: string): ModuleNotAllowedError {
    return new ModuleNotAllowedError(
      module,
      className,
      `an instance of class ${className} arrived, which ${shown(module)} defines, the program's main module: loading it here would run the program again. ` +
        `Move the class into a module of its own, which the main module and the modules of tasks import`,
    );
  }

  /** @internal A task of a pool, of which its worker was told by shared memory alone. */
  static ofLane(module: string, name: string): ModuleNotAllowedError {
    return new ModuleNotAllowedError(
      module,
      name,
      `a pool's worker found in shared memory that it is to run ${JSON.stringify(name.slice(0, 100))} of ${shown(module)}, which its pool has not ordered: the memory was written over, and nothing was loaded`,
    );
  }
}

/** A data: URL is as long as its program. */
function shown(url: string): string {
  return JSON.stringify(url.length > 200 ? `${url.slice(0, 200)}…` : url);
}
