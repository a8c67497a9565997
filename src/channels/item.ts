/**
 * What goes through a queue, and how it lies there: a header word and a payload.
 *
 * | header | payload |
 * |---|---|
 * | 1 to 1024 | so many bytes of an encoded value |
 * | STORED | one word: the block of a stored message (codec/payload.ts), copied there outside the mutex |
 * | INTEGER | one word: an integer of 32 bits, which needs no encoder |
 */
import { decode, encode, holdCopy, lose } from "../codec/index.js";
import {
  discard,
  keep,
  losePayload,
  MOST_INLINE_BYTES,
  type Outgoing,
  payloadWords,
  store,
  StoredMessage,
  storeNow,
  writePayload,
} from "../codec/payload.js";
import { dropMessage, readStored, storedLength, takeMessage } from "../codec/stored-message.js";
import { CorruptError, UnknownClassError } from "../errors/index.js";
import type { Heap } from "../memory/index.js";

export const STORED = -1;
export const INTEGER = -3;
/** What an integer counts for where bytes are counted. */
export const INTEGER_BYTES = 4;

/** What is put: an integer or a message. */
export type Item = number | Outgoing;

/** What was taken out: an integer, a copy of a message, or the block of a stored one. */
export type Taken = number | { readonly bytes: Uint8Array; readonly length: number } | { readonly block: number };

/** Whether a value is its own item. */
export function isInteger(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value && (value !== 0 || 1 / value > 0);
}

/**
 * The item of a value, valid until something else is encoded. One of more than `mostInline` bytes is stored, still a
 * draft, unless it has more than `most` and will be refused. Where a stopped worker is inside the allocator it is kept
 * aside, and stored when its turn comes.
 */
export function itemOf(value: unknown, heap: Heap, mostInline: number, most: number): Item {
  if (isInteger(value)) return value;
  const message = encode(value, { to: heap.across, root: "value", tells: true });
  const { length } = message;
  if (length <= mostInline || length > most) return message;
  const item = storeNow(message, heap);
  message.release();
  return item;
}

/** Whether an item can lie in a queue as it is; else it has to be stored first. */
export function isPlaceable(item: Item, mostInline: number): boolean {
  return typeof item === "number" || item instanceof StoredMessage || item.length <= mostInline;
}

/** An item as it can lie in a queue: a long one is stored, still a draft. */
export function placeable(item: Item, heap: Heap, mostInline: number): Item {
  if (typeof item === "number" || item instanceof StoredMessage || item.length <= mostInline) return item;
  return store(item, heap);
}

/** How many bytes it counts for. */
export function lengthOf(item: Item): number {
  return typeof item === "number" ? INTEGER_BYTES : item.length;
}

/** An item that outlasts the encoder's next message. */
export function keepItem(item: Item): Item {
  return typeof item === "number" || item instanceof StoredMessage ? item : keep(item);
}

/** How many words the payload of an item takes up. */
export function payloadOf(item: Item): number {
  return typeof item === "number" ? 1 : payloadWords(item);
}

/** How many words the payload behind a header takes up. */
export function payloadBehind(header: number): number {
  return header < 0 ? 1 : (header + 3) >> 2;
}

/** Writes the payload at `at` and returns the header. Inside the mutex, where nobody looks yet. */
export function write(item: Item, heap: Heap, at: number): number {
  if (typeof item === "number") {
    heap.words[at] = item;
    return INTEGER;
  }
  return writePayload(item, heap, at) ? STORED : item.length;
}

/** Copies an item out of its place. Inside the mutex. */
export function read(header: number, heap: Heap, at: number): Taken {
  if (header === INTEGER) return heap.words[at]!;
  if (header === STORED) return { block: heap.words[at]! };
  // No message is empty: so memory that was never written to holds no items.
  if (!((header - 1) >>> 0 < MOST_INLINE_BYTES))
    throw new CorruptError(`the header of an item in shared memory, ${header}, is not one`);
  return { bytes: copyOf(heap.bytes, at * 4, header), length: header };
}

/**
 * A copy of an item that stays in its place, inside the mutex: what it carries is held once more, so that the copy can
 * be opened after
 * somebody has taken the item.
 * @throws UnsendableError where the item carries what can be in one message only
 */
export function copyItem(header: number, heap: Heap, at: number): Taken {
  const taken = read(header, heap, at);
  if (typeof taken === "number") return taken;
  const copy =
    "block" in taken
      ? readStored(heap, taken.block, (bytes, from, length) => ({ bytes: bytes.slice(from, from + length), length }))
      : taken;
  holdCopy(copy.bytes, 0, copy.length);
  return copy;
}

/** The value of a copy. Where its class is not known here, the copy is thrown away. */
export function openCopy(copy: Taken, heap: Heap): unknown {
  try {
    return open(copy, heap);
  } catch (error) {
    // Nothing of it has been decoded then.
    if (error instanceof UnknownClassError) loseTaken(copy, heap);
    throw error;
  }
}

/** How many bytes the item behind a header counted for. */
export function lengthBehind(header: number, heap: Heap, at: number): number {
  if (header === INTEGER) return INTEGER_BYTES;
  if (header !== STORED) return header;
  const block = heap.words[at]!;
  // Its header, and where an extent tells its length.
  heap.reserveWords(block + 8);
  return storedLength(heap, block);
}

/** The value of what was taken. */
export function open(taken: Taken, heap: Heap): unknown {
  if (typeof taken === "number") return taken;
  if ("block" in taken) return takeMessage(heap, taken.block);
  const value = decode(taken.bytes, 0, taken.length, undefined, heap);
  giveBack(taken.bytes);
  return value;
}

/** It is in the queue: what it carries is no longer in the hands of who put it. */
export function tellCommitted(item: Item): void {
  if (typeof item !== "number") item.committed?.();
}

/** An item in a queue that nobody uses any more, where it lies: the workers that wait for what it carries are told. */
export function loseItem(header: number, heap: Heap, at: number): void {
  if (header === INTEGER) return;
  heap.reserveWords(at + payloadBehind(header));
  losePayload(heap, at, header, header === STORED);
}

/** An item that was taken out and will not be delivered: objects in it are let go of, and who has to hear is told. */
export function loseTaken(taken: Taken, heap: Heap): void {
  if (typeof taken === "number") return;
  if ("block" in taken) {
    dropMessage(heap, taken.block);
    return;
  }
  lose(taken.bytes, 0, taken.length);
  giveBack(taken.bytes);
}

/** An item that was not put. */
export function discardItem(item: Item): void {
  if (typeof item !== "number") discard(item);
}

/** Room for one inline message; absent while one is being decoded, since decoding may itself take from a queue. */
let scratch: Uint8Array | undefined;

function copyOf(source: Uint8Array, at: number, length: number): Uint8Array {
  const bytes = scratch ?? new Uint8Array(MOST_INLINE_BYTES);
  scratch = undefined;
  if (length < 64) for (let index = 0; index < length; index++) bytes[index] = source[at + index]!;
  else bytes.set(source.subarray(at, at + length));
  return bytes;
}

function giveBack(bytes: Uint8Array): void {
  if (bytes.length === MOST_INLINE_BYTES) scratch = bytes;
}
