/** The names of the fields that somebody added to a built-in object. */
import { inspect, types } from "node:util";
import { indexOf } from "./field.js";

/** Up to this many elements a list of all keys is made faster than the short form of `inspect`. */
const MOST_LISTED = 64;

/** Shows that there are elements, and each named field: no getter, no proxy and no other code of the user runs. */
const BRIEF = { maxArrayLength: 0, depth: 0, customInspect: false } as const;

/**
 * Names of the own enumerable fields of an array, a view or another built-in object; undefined if there are none.
 * Elements are no fields. A field that a symbol names counts, and is not among the names.
 *
 * JavaScript lists the named fields of an array only together with all its indexes, which takes longer than to encode
 * the array. `inspect` knows how to skip the indexes, in a time that does not depend on the length. Where it writes
 * what is not expected here, the keys are listed: so nothing but time depends on how it writes.
 */
export function namesOf(value: object): readonly string[] | undefined {
  const length = lengthOf(value);
  if (length > MOST_LISTED && !types.isProxy(value) && inspect(value, BRIEF).endsWith(" more items ]"))
    return undefined;
  const keys = Object.keys(value);
  const last = keys[keys.length - 1];
  // Indexes come first in every list of keys.
  if (last === undefined || isElement(last, length))
    return Object.getOwnPropertySymbols(value).length > 0 ? [] : undefined;
  return length === 0 ? keys : keys.filter((key) => !isElement(key, length));
}

function lengthOf(value: object): number {
  if (Array.isArray(value)) return value.length;
  if (types.isTypedArray(value)) return value.length;
  return types.isStringObject(value) ? String.prototype.valueOf.call(value).length : 0;
}

function isElement(key: string, length: number): boolean {
  const index = indexOf(key);
  return index >= 0 && index < length;
}
