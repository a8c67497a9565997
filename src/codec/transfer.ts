import { types } from "node:util";
import { ArgumentTypeError } from "../errors/index.js";
import { together } from "../memory/index.js";
import { hostClassOf } from "./host-object.js";
import { ownerOf } from "./shared-buffer.js";

/** Node 20 has no such question, and keeps no buffers but the pool of small Buffers. */
const { isMarkedAsUntransferable } = process.getBuiltinModule("node:worker_threads") as {
  isMarkedAsUntransferable?(value: object): boolean;
};

const marks = together("marks", () => ({
  of: new WeakMap<object, readonly object[]>(),
  /**
   * Those that no message has taken: while there are none, no encoder looks for them. A value that is forgotten with
   * its mark leaves it counted, which costs time only.
   */
  left: 0,
}));

/**
 * Marks a value to be moved, not copied, when it is next sent to a thread: as an argument or as a result of a pool, a
 * `Thread`, `toThread`, or anywhere inside of one. Afterwards its buffers are empty here. To a process, which shares no
 * memory of the heap, it is copied as ever; so is the argument of a call that may be retried. Either way the mark is
 * used up.
 *
 * A Buffer that is a part of a larger piece of memory, as small ones are, is copied.
 *
 * @param value an ArrayBuffer, a typed array, or what holds some
 * @param list what is moved; by default the value itself, or the buffer under it
 * @returns the value
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a value that is no object
 * @remarks **Cost:** an entry in a weak table.
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
  if (list !== undefined && !Array.isArray(list))
    throw new ArgumentTypeError(`transfer(value, list): list must be an array of objects, got ${typeof list}`);
  if (!marks.of.has(value)) marks.left++;
  marks.of.set(value, list ?? movedOf(value));
  return value;
}

/** Whether an encoder has to look for marks. */
export function areMarksLeft(): boolean {
  return marks.left > 0;
}

/** What is to be moved with this value; undefined if it is not marked. */
export function markOf(value: object): readonly object[] | undefined {
  return marks.of.get(value);
}

/** A message has gone with this value: its mark is used up. */
export function takeMark(value: object): void {
  if (marks.of.delete(value)) marks.left--;
}

function movedOf(value: object): readonly object[] {
  const moved = ArrayBuffer.isView(value) ? value.buffer : value;
  if (!types.isArrayBuffer(moved)) return hostClassOf(moved)?.moves === true ? [moved] : [];
  // Others may use the rest of it; memory of shared objects never moves; and Node keeps some buffers where they are.
  const isPart = Buffer.isBuffer(value) && value.byteLength < moved.byteLength;
  return isPart || ownerOf(moved) !== undefined || isMarkedAsUntransferable?.(moved) === true ? [] : [moved];
}
