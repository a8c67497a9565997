import { ownDescriptor } from "../errors/index.js";

/**
 * Gives an object a field of its own. Plain assignment would run setters, or fail on read-only fields, that its
 * prototype has; and a field named `__proto__` must not replace the prototype.
 */
export function defineField(object: object, key: string, value: unknown, enumerable: boolean): void {
  if (enumerable && !(key in object)) (object as Record<string, unknown>)[key] = value;
  else Reflect.defineProperty(object, key, ownDescriptor({ value, enumerable, configurable: true, writable: true }));
}

const ZERO = 0x30;
const NINE = 0x39;
/**
 * The greatest index. An object that had it keeps its indexes in a table, which takes memory only for those that are
 * there.
 */
const LAST_INDEX = "4294967294";

/** The index that a field's name is, as "1000" is; -1 for other names, most of which begin with a letter. */
export function indexOf(key: string): number {
  const first = key.charCodeAt(0);
  if (!(first <= NINE && first >= ZERO) || key.length > LAST_INDEX.length) return -1;
  let index = first - ZERO;
  // "007" is a name like others.
  if (index === 0) return key.length === 1 ? 0 : -1;
  for (let at = 1; at < key.length; at++) {
    const digit = key.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  return index;
}

/** Has an object keep the fields whose names are indexes in a table. */
export function makeTable(object: object): void {
  if (Object.hasOwn(object, LAST_INDEX)) return;
  Reflect.defineProperty(
    object,
    LAST_INDEX,
    ownDescriptor({ value: undefined, enumerable: true, configurable: true, writable: true }),
  );
  Reflect.deleteProperty(object, LAST_INDEX);
}

/**
 * Has an array of that length keep its elements in a table. `few`: it will for good; otherwise V8 goes back to a list
 * once there are enough of them.
 */
export function makeSparse(array: unknown[], length: number, few: boolean): void {
  // V8 makes a table of whatever gets an element this far behind its last one.
  const far = few || length > 2 ** 28 ? Number(LAST_INDEX) : Math.max(length, array.length * 2) + 4096;
  array[far] = undefined;
  delete array[far];
}
