import { ArgumentTypeError } from "../errors/index.js";

const marked = new WeakMap<object, readonly object[]>();

/**
 * Marks a value to be moved, not copied, when it is next sent to a thread: as an argument or as a result. Afterwards its buffers are empty here.
 * To a process, which shares no memory of the heap, it is copied as ever.
 *
 * `list`: what is moved; by default the value itself, or the buffer under it.
 *
 * @example
 * ```ts
 * import { transfer } from "allcores";
 * const pixels = new Uint8Array(1024);
 * console.log(transfer(pixels) === pixels); // true
 * ```
 */
export function transfer<T extends object>(value: T, list?: readonly object[]): T {
  if (typeof value !== "object" || value === null)
    throw new ArgumentTypeError(`transfer(value): value must be an object such as an ArrayBuffer, got ${typeof value}`);
  marked.set(value, list ?? [ArrayBuffer.isView(value) ? value.buffer : value]);
  return value;
}

/** What is to be moved of these values, each mark counting once. */
export function takeTransfers(values: readonly unknown[]): object[] {
  const list: object[] = [];
  for (const value of values) {
    if (typeof value !== "object" || value === null) continue;
    const own = marked.get(value);
    if (own === undefined) continue;
    marked.delete(value);
    list.push(...own);
  }
  return list;
}
