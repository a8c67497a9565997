/** Errors of work that goes to other machines. */
import { branded, type ErrorCode } from "./base.js";

/**
 * Why the server behind a remote pool or worker could not be used. `"unreachable"`: nobody answers. `"auth"`: it
 * refused the password or the user. `"read-only"`: it takes no writes, as a replica. `"memory"`: it is full.
 * `"evicts"`: it may throw away what it holds. `"peer"`: a package is not installed. `"lost"`: it has lost what it
 * held, or what a task gave was no longer kept. `"refused"`: anything else that it refused.
 */
export type UnavailableReason =
  | "unreachable"
  | "auth"
  | "read-only"
  | "memory"
  | "evicts"
  | "peer"
  | "lost"
  | "refused";

/**
 * The server behind a remote pool could not be used: it was not reached in time, or it has refused what was asked of
 * it. `reason` says which. A call that failed so may have been taken on all the same: submit it again under the same
 * `id`, and it is not run twice.
 */
export class RemoteUnavailableError extends Error {
  declare readonly code: ErrorCode;
  /** What is wrong, in a word. */
  readonly reason: UnavailableReason;
  static {
    branded(this, "ERR_ALLCORES_REMOTE_UNAVAILABLE");
  }
  /**
   * Made by the library; by a program in place of one, for its tests.
   *
   * @param message what was tried, and what to do
   * @param details `reason`, and `cause`: what the server or the network said
   * @throws nothing
   * @remarks **Cost:** an error with its stack.
   *
   * @example
   * ```ts
   * import { RemoteUnavailableError } from "allcores";
   * console.log(new RemoteUnavailableError("nobody answers", { reason: "unreachable" }).reason); // unreachable
   * ```
   */
  constructor(message: string, details: { reason: UnavailableReason; cause?: unknown }) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.reason = details.reason;
  }
}

/** There is another task, or one with other arguments, under the `id` of a call. */
export class IdConflictError extends Error {
  declare readonly code: ErrorCode;
  static {
    branded(this, "ERR_ALLCORES_ID_CONFLICT");
  }
}

/** An argument or a result is longer than `maxValueBytes`. `path` says where the most of it is. */
export class ValueTooLargeError extends Error {
  declare readonly code: ErrorCode;
  /** As in `args[0].image`. */
  readonly path: string;
  /** How many bytes it has, encoded. */
  readonly bytes: number;
  static {
    branded(this, "ERR_ALLCORES_VALUE_TOO_LARGE");
  }
  /**
   * Made by the library; by a program in place of one, for its tests.
   *
   * @param message what is too long, and what to do
   * @param details `path` and `bytes`
   * @throws nothing
   * @remarks **Cost:** an error with its stack.
   *
   * @example
   * ```ts
   * import { ValueTooLargeError } from "allcores";
   * console.log(new ValueTooLargeError("too long", { path: "args[0]", bytes: 5 }).path); // args[0]
   * ```
   */
  constructor(message: string, details: { path: string; bytes: number }) {
    super(message);
    this.path = details.path;
    this.bytes = details.bytes;
  }
}
