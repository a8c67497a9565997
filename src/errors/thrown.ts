import { types } from "node:util";

/**
 * What somebody else's code has thrown may be anything: a Proxy that throws when it is asked what it is, or one that
 * was revoked. Asking must not replace that error, nor end a worker.
 */

/** `instanceof` for what was thrown; false where the question itself fails. */
export function isThrown<E>(thrown: unknown, errorClass: abstract new (...args: never[]) => E): thrown is E {
  try {
    return thrown instanceof errorClass;
  } catch {
    return false;
  }
}

/**
 * Whether it is an error, of this realm or another: under Jest, what Node throws is of another than what the test
 * throws.
 */
export function isError(thrown: unknown): thrown is Error {
  return types.isNativeError(thrown) || isThrown(thrown, Error);
}

/** What was thrown, in words: an error's message. */
export function textOfThrown(thrown: unknown): string {
  try {
    return isError(thrown) ? String(thrown.message) : String(thrown);
  } catch {
    return "what was thrown cannot be shown";
  }
}
