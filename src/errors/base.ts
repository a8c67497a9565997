/**
 * The root of every error this library throws, and the brand that survives duplicate copies of the library in one program
 * (two versions in node_modules, or CommonJS and ESM side by side), where `instanceof` does not.
 */
const brand: unique symbol = Symbol.for("allcores.error") as never;

/** Every `code` an error of this library can carry. Codes are stable; messages are not. */
export type ErrorCode = `ERR_ALLCORES_${string}`;

/** Anything thrown by this library: an `Error` with a stable `code`. */
export interface AllcoresError extends Error {
  readonly code: ErrorCode;
}

/** Gives an error class of this library its `name`, `code` and brand, on the prototype, so that an instance carries only what differs. */
export function branded(errorClass: abstract new (...args: never[]) => Error, code: ErrorCode): void {
  Object.defineProperties(errorClass.prototype, {
    name: { value: errorClass.name, configurable: true, writable: true },
    code: { value: code, configurable: true, enumerable: true },
    [brand]: { value: true },
  });
}

/**
 * Whether `value` is an error of this library, from any copy of it.
 *
 * @example
 * ```ts
 * import { isAllcoresError, Lock } from "allcores";
 * try {
 *   new Lock().release();
 * } catch (error) {
 *   console.log(isAllcoresError(error) && error.code); // ERR_ALLCORES_NOT_HELD
 * }
 * ```
 */
export function isAllcoresError(value: unknown): value is AllcoresError {
  try {
    return typeof value === "object" && value !== null && brand in value;
  } catch {
    // A Proxy that was revoked, or whose trap throws.
    return false;
  }
}
