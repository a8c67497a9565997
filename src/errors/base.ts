import { ownDescriptor, ownDescriptors } from "./own-options.js";

/**
 * The root of every error this library throws, and the brand that survives duplicate copies of the library in one
 * program (two versions in node_modules, or CommonJS and ESM side by side), where `instanceof` does not.
 */
const brand: unique symbol = Symbol.for("allcores.error") as never;

/** Every `code` an error of this library can carry. Codes are stable; messages are not. */
export type ErrorCode = `ERR_ALLCORES_${string}`;

/** Anything thrown by this library: an `Error` with a stable `code`. */
export interface AllcoresError extends Error {
  readonly code: ErrorCode;
}

/**
 * Gives an error class of this library its `name`, `code` and brand, on the prototype, so that an instance carries only
 * what differs.
 */
export function branded(errorClass: abstract new (...args: never[]) => Error, code: ErrorCode): void {
  const properties: PropertyDescriptorMap = {
    name: { value: errorClass.name, configurable: true, writable: true },
    code: { value: code, configurable: true, enumerable: true },
    [brand]: { value: true },
  };
  Object.defineProperties(errorClass.prototype, ownDescriptors(properties));
  // An error of another copy is an instance of this copy's class by its code, as `isAllcoresError` says it of all. A
  // user's subclass has none of its own.
  const hasInstance: PropertyDescriptor = {
    value(this: unknown, value: unknown) {
      return Function.prototype[Symbol.hasInstance].call(this, value) || (this === errorClass && hasCode(value, code));
    },
    configurable: true,
  };
  Object.defineProperty(errorClass, Symbol.hasInstance, ownDescriptor(hasInstance));
}

/** Whether the class of an error, or one above it, is the one of that code, in whatever copy. */
function hasCode(value: unknown, code: ErrorCode): boolean {
  if (!isAllcoresError(value)) return false;
  for (
    let each = Object.getPrototypeOf(value) as AllcoresError | null;
    each !== null;
    each = Object.getPrototypeOf(each) as AllcoresError | null
  )
    if (Object.hasOwn(each, brand) && each.code === code) return true;
  return false;
}

/**
 * Whether `value` is an error of this library, from any copy of it.
 *
 * @param value any value
 * @returns whether it is one
 * @throws nothing
 * @remarks **Cost:** one look at a symbol.
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
