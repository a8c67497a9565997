/**
 * What goes through a queue, and how it lies there: a header word and a payload.
 *
 * | header | payload |
 * |---|---|
 * | 0 to 1024 | so many bytes of an encoded value |
 * | STORED | one word: the block of a stored message (codec/stored-message.ts), copied there outside the mutex |
 * | INTEGER | one word: an integer of 32 bits, which needs no encoder |
 */
import { decode, encode, lose, type Message } from "../codec/index.js";
import { loseMessage, readMessage, storedLength, storeMessage } from "../codec/stored-message.js";
import { CorruptError } from "../errors/index.js";
import { AT_ONCE, type Heap, within } from "../memory/index.js";

export const STORED = -1;
export const INTEGER = -3;
export const MOST_INLINE_BYTES = 1024;
/** What an integer counts for where bytes are counted. */
export const INTEGER_BYTES = 4;

/** What is put: an integer, a message still in the encoder or a copy of it, or a stored one. */
export type Item = number | Pick<Message, "length" | "writeTo" | "committed"> | StoredItem;

export interface StoredItem {
  readonly length: number;
  readonly block: number;
  /** As a message's. */
  readonly committed: Message["committed"];
}

/** What was taken out: an integer, a copy of a message, or the block of a stored one. */
export type Taken = number | { readonly bytes: Uint8Array; readonly length: number } | { readonly block: number };

/** Whether a value is its own item. */
export function isInteger(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value && (value !== 0 || 1 / value > 0);
}

/**
 * The item of a value, valid until something else is encoded. One of more than `mostInline` bytes is copied into a block of its own, still a draft, unless it has
 * more than `most` and will be refused. Where a stopped worker is inside the allocator it is kept aside: see `store`.
 */
export function itemOf(value: unknown, heap: Heap, mostInline: number, most: number): Item {
  if (isInteger(value)) return value;
  const message = encode(value, { to: heap.across, root: "value", tells: true });
  const { length, committed } = message;
  if (length <= mostInline || length > most) return message;
  const block = within(AT_ONCE, () => storeMessage(heap, message));
  const item = block === undefined ? keep(message) : { length, block, committed };
  message.release();
  return item;
}

/** Whether an item is as it lies in a queue; else it has to be stored first. */
export function isStored(item: Item, mostInline: number): boolean {
  return typeof item === "number" || "block" in item || item.length <= mostInline;
}

/** A long item, copied into a block of its own, still a draft. */
export function store(item: Exclude<Item, number | StoredItem>, heap: Heap): StoredItem {
  return { length: item.length, block: storeMessage(heap, item), committed: item.committed };
}

/** How many bytes it counts for. */
export function lengthOf(item: Item): number {
  return typeof item === "number" ? INTEGER_BYTES : item.length;
}

/** An item that outlasts the encoder's next message. */
export function keep(item: Item): Item {
  if (typeof item === "number" || "block" in item) return item;
  const bytes = new Uint8Array(item.length);
  item.writeTo(bytes, 0);
  return { length: item.length, writeTo: (target, at) => target.set(bytes, at), committed: item.committed };
}

/** How many words the payload of an item takes up. */
export function payloadOf(item: Item): number {
  return typeof item === "number" || "block" in item ? 1 : (item.length + 3) >> 2;
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
  if ("block" in item) {
    heap.words[at] = item.block;
    // A death between here and the commit leaks the block, which is no longer a draft and not yet the queue's; the other order could free one in use.
    heap.allocator.publish(item.block);
    return STORED;
  }
  item.writeTo(heap.bytes, at * 4);
  return item.length;
}

/** Copies an item out of its place. Inside the mutex. */
export function read(header: number, heap: Heap, at: number): Taken {
  if (header === INTEGER) return heap.words[at]!;
  if (header === STORED) return { block: heap.words[at]! };
  // No message is empty: so memory that was never written to holds no items.
  if (!((header - 1) >>> 0 < MOST_INLINE_BYTES)) throw new CorruptError(`the header of an item in shared memory, ${header}, is not one`);
  return { bytes: copyOf(heap.bytes, at * 4, header), length: header };
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

/** The value of what was taken. Long ones are adopted first: they go back if this worker dies meanwhile. */
export function open(taken: Taken, heap: Heap): unknown {
  if (typeof taken === "number") return taken;
  if ("bytes" in taken) {
    const value = decode(taken.bytes, 0, taken.length, undefined, heap);
    giveBack(taken.bytes);
    return value;
  }
  heap.allocator.adopt(taken.block);
  const value = readMessage(heap, taken.block);
  heap.allocator.free(taken.block);
  return value;
}

/** It is in the queue: what it carries is no longer in the hands of who put it. */
export function tellCommitted(item: Item): void {
  if (typeof item !== "number") item.committed?.();
}

/** Lets go of an item in a queue that nobody uses any more, where it lies: whoever has to hear is told of what it carries. */
export function loseItem(header: number, heap: Heap, at: number): void {
  if (header === INTEGER) return;
  if (header !== STORED) {
    heap.reserveWords(at + payloadBehind(header));
    lose(heap.bytes, at * 4, header);
    return;
  }
  const block = heap.words[at]!;
  heap.reserveWords(block + 8);
  loseMessage(heap, block);
  heap.allocator.free(block);
}

/** Lets go of an item that was taken out and will not be delivered: whoever has to hear is told, and objects in it are let go of. */
export function loseTaken(taken: Taken, heap: Heap): void {
  if (typeof taken === "number") return;
  if ("bytes" in taken) {
    lose(taken.bytes, 0, taken.length);
    giveBack(taken.bytes);
    return;
  }
  heap.allocator.adopt(taken.block);
  loseMessage(heap, taken.block);
  heap.allocator.free(taken.block);
}

/** Lets go of what an item carries that was not put: an end of a pipe is back. */
export function discard(item: Item, heap: Heap): void {
  if (typeof item === "number") return;
  if ("block" in item) {
    loseMessage(heap, item.block, "returned");
    heap.allocator.free(item.block);
    return;
  }
  const bytes = new Uint8Array(item.length);
  item.writeTo(bytes, 0);
  lose(bytes, 0, bytes.length, "returned");
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
