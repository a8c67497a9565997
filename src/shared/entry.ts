/**
 * An entry of a SharedMap or a SharedList: one block that holds a key (none in a list) and an encoded value, and never
 * changes while somebody can find it.
 *
 * In words:
 *
 *   0     hash of the key 1     shape of the key (see packed-key.ts) 2     bytes of the value << FLAG_BITS | flags 3..
 *   the key, then the value; or, where STORED, the extent that holds it then, where DUE: when it ends, in milliseconds
 *   of `sharedNow()`: low word, high word then, where HOLDS: how many shared objects the value holds, and of each its
 *   heap's id and its block << 1 | 1 if it reaches across processes
 *
 * A reader outside the mutex reads an entry that may be freed under its hands, and knows by the block's generation and
 * its page's state whether it was. So what must not be read in vain is read inside: extents, which it pins, and values
 * that hold shared objects, of which it counts each anew, since decoding takes a hold over.
 */
import { decode } from "../codec/decode.js";
import { shortText } from "../codec/tags.js";
import type { Message } from "../codec/message.js";
import type { HeldBlock } from "../codec/marshalled.js";
import { storeMessage } from "../codec/stored-message.js";
import { CorruptError, OutOfMemoryError, UnknownClassError } from "../errors/index.js";
import {
  atomics,
  BLOCK,
  BLOCK_HEADER_WORDS,
  DRAFT,
  EXTENT,
  type Heap,
  KIND,
  processHeapOf,
  sharedNow,
  stillStands,
  threadHeapOf,
} from "../memory/index.js";
import { keyWords, type PackedKey } from "./packed-key.js";

export const ENTRY = { hash: 0, shape: 1, head: 2, key: 3 } as const;

export const STORED = 1;
export const HOLDS = 2;
export const DUE = 4;
export const FLAG_BITS = 3;
/** Longer values get an extent of their own. */
export const MOST_INLINE_BYTES = 4096;

/** No time at which it ends. */
export const NEVER = Number.POSITIVE_INFINITY;

/** One value on its way in or out, as words and as bytes. */
class Scratch {
  readonly words = new Int32Array(MOST_INLINE_BYTES / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
}
/** Absent while what is in it is decoded: a decoder of some kind of object may itself read a map. */
let idle: Scratch | undefined;

/**
 * Writes an entry that nobody can find yet, as this worker's draft. The holds of the message become the entry's. Where
 * memory is full it tries again as often as `makeRoom` returns true.
 */
export function draftEntry(
  heap: Heap,
  key: PackedKey | undefined,
  message: Message,
  due: number,
  makeRoom?: () => boolean,
): number {
  for (;;) {
    try {
      return writeEntry(heap, key, message, due);
    } catch (error) {
      if (error instanceof OutOfMemoryError && makeRoom?.()) continue;
      letGoOf(message.held);
      throw error;
    }
  }
}

function writeEntry(heap: Heap, key: PackedKey | undefined, message: Message, due: number): number {
  const { length, held: holds } = message;
  const stored = length > MOST_INLINE_BYTES;
  let extent = 0;
  let entry: number;
  const shape = key?.shape ?? 0;
  const keyLength = key?.length ?? 0;
  const value = ENTRY.key + keyLength;
  const valueWords = stored ? 1 : (length + 3) >> 2;
  const flags = (stored ? STORED : 0) | (holds.length > 0 ? HOLDS : 0) | (due === NEVER ? 0 : DUE);
  try {
    if (stored) extent = storeMessage(heap, message);
    entry = heap.allocator.allocate(
      value + valueWords + (due === NEVER ? 0 : 2) + (holds.length > 0 ? 1 + 2 * holds.length : 0),
      KIND.plain,
      DRAFT,
    );
  } catch (error) {
    if (extent !== 0) heap.allocator.free(extent);
    throw error;
  }
  const { words } = heap;
  words[entry + ENTRY.hash] = key?.hash ?? 0;
  words[entry + ENTRY.shape] = shape;
  words[entry + ENTRY.head] = ((stored ? 0 : length) << FLAG_BITS) | flags;
  if (key !== undefined) {
    const from = key.words;
    for (let index = 0; index < keyLength; index++) words[entry + ENTRY.key + index] = from[index]!;
  }
  let at = entry + value;
  if (stored) {
    words[at++] = extent;
  } else {
    const scratch = idle ?? new Scratch();
    // What fills up the last word is zero: values are compared as words.
    if (valueWords > 0) scratch.words[valueWords - 1] = 0;
    message.writeTo(scratch.bytes, 0);
    for (let index = 0; index < valueWords; index++) words[at++] = scratch.words[index]!;
    idle = scratch;
  }
  if (due !== NEVER) {
    const moment = Math.ceil(due);
    words[at++] = moment | 0;
    words[at++] = Math.floor(moment / 2 ** 32);
  }
  if (holds.length > 0) {
    words[at++] = holds.length;
    for (const { acrossProcesses, heapId, at: block } of holds) {
      words[at++] = heapId;
      words[at++] = (block << 1) | (acrossProcesses ? 1 : 0);
    }
  }
  return entry;
}

/** Gives back an entry that was never found by anybody. */
export function discardEntry(heap: Heap, entry: number): void {
  letGoOf(holdsOf(heap, entry));
  const extent = extentOf(heap, entry);
  if (extent !== 0) heap.allocator.free(extent);
  heap.allocator.free(entry);
}

/**
 * An entry that nobody finds any more, inside the mutex: from here on it is this worker's draft, so that it goes back
 * if this worker dies. What is returned is to be freed outside the mutex: a large extent's pages may go back to the
 * system.
 */
export function retireEntry(heap: Heap, entry: number, retired: number[]): void {
  const { allocator } = heap;
  const extent = extentOf(heap, entry);
  if (extent !== 0) allocator.check(extent);
  if ((heap.words[entry + ENTRY.head]! & HOLDS) !== 0) letGoOf(holdsOf(heap, entry));
  allocator.adopt(entry);
  retired.push(entry);
  if (extent === 0) return;
  // A reader pins it inside the mutex only, and can no longer find it.
  if (atomics.load(heap.words, extent - BLOCK_HEADER_WORDS + BLOCK.references) > 1) {
    heap.references.letGo(extent);
  } else {
    allocator.adopt(extent);
    retired.push(extent);
  }
}

/**
 * Publishes an entry, and what belongs to it. A death between here and the store that links it leaks it; the other
 * order could free what is in use.
 */
export function publishEntry(heap: Heap, entry: number): void {
  const extent = extentOf(heap, entry);
  if (extent !== 0) heap.allocator.publish(extent);
  heap.allocator.publish(entry);
}

/** Frees a published entry at once: that of an object that is destroyed or cleared. */
export function destroyEntry(heap: Heap, entry: number): void {
  const extent = extentOf(heap, entry);
  letGoOf(holdsOf(heap, entry));
  if (extent !== 0) heap.references.letGo(extent);
  heap.allocator.free(entry);
}

/** Makes sure that all of an entry is within reach, and of what describes its extent. */
export function reachEntry(heap: Heap, entry: number): void {
  heap.allocator.check(entry);
  const extent = extentOf(heap, entry);
  if (extent !== 0) heap.allocator.check(extent);
}

/** How many words of memory an entry takes up: its block, and its extent. */
export function weightOf(heap: Heap, entry: number): number {
  const { allocator } = heap;
  const extent = extentOf(heap, entry);
  const own = BLOCK_HEADER_WORDS + allocator.sizeOfBlock(entry);
  return extent === 0 ? own : own + allocator.extentOf(extent).bytes / 4;
}

/** Whether an entry ends. */
export function endsOf(words: Int32Array, entry: number): boolean {
  return (words[entry + ENTRY.head]! & DUE) !== 0;
}

/** When an entry ends. */
export function dueOf(words: Int32Array, entry: number): number {
  const head = words[entry + ENTRY.head]!;
  if ((head & DUE) === 0) return NEVER;
  const at = afterValue(words, entry, head);
  return (words[at]! >>> 0) + words[at + 1]! * 2 ** 32;
}

/** Stands for a value that did not hold while it was read: the entry is gone. */
export const UNREAD: unique symbol = Symbol("unread");
/** Stands for a value that is read inside the mutex only. */
export const INSIDE: unique symbol = Symbol("inside");

/**
 * The value of an entry that is read outside the mutex, where it may be freed meanwhile: of that generation, in a page
 * of that state. One that has ended is `undefined`.
 */
export function readEntry(heap: Heap, entry: number, page: number, generation: number): unknown {
  const { words } = heap;
  const head = words[entry + ENTRY.head]!;
  if ((head & (STORED | HOLDS)) !== 0) return INSIDE;
  const length = head >>> FLAG_BITS;
  const count = (length + 3) >> 2;
  let from = entry + ENTRY.key + keyWords(words[entry + ENTRY.shape]!);
  if (length > MOST_INLINE_BYTES || !(from + count + 2 <= words.length)) return UNREAD;
  const scratch = idle ?? new Scratch();
  idle = undefined;
  for (let index = 0; index < count; index++) scratch.words[index] = words[from++]!;
  const due = (head & DUE) === 0 ? NEVER : (words[from]! >>> 0) + words[from + 1]! * 2 ** 32;
  // Pairs with the new generation that freeing gives: read before it, all of this was the entry's.
  atomics.orderLoads();
  if (!stillStands(words, entry, page, generation)) {
    idle = scratch;
    return UNREAD;
  }
  const value =
    due === NEVER || due > sharedNow()
      ? (shortTextIn(scratch.bytes, length) ?? decode(scratch.bytes, 0, length, undefined, heap))
      : undefined;
  idle = scratch;
  return value;
}

const LONGEST_SHORT_TEXT = 16;

/** What `decode` makes of a short ASCII text, at a third of its cost; undefined for anything else. */
function shortTextIn(bytes: Uint8Array, length: number): string | undefined {
  const characters = bytes[0]! - shortText;
  if (characters !== length - 1 || characters < 1 || characters > LONGEST_SHORT_TEXT) return undefined;
  const { fromCharCode } = String;
  let text = "";
  let at = 1;
  for (; at + 4 <= length; at += 4) text += fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  switch (length - at) {
    case 1:
      return text + fromCharCode(bytes[at]!);
    case 2:
      return text + fromCharCode(bytes[at]!, bytes[at + 1]!);
    case 3:
      return text + fromCharCode(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!);
  }
  return text;
}

/** Keeps an extent while it is read; nested reads of one worker share it. */
interface Pin {
  depth: number;
}

/** A value that was taken inside the mutex, and is decoded outside. */
export interface TakenValue {
  readonly bytes: Uint8Array;
  readonly holds: readonly HeldBlock[];
  readonly pinned: number;
  readonly pin: Pin | undefined;
}

/**
 * Takes the value of an entry, inside the mutex: copies what is short, pins what is long, and counts what it holds once
 * more.
 */
export function takeValue(heap: Heap, entry: number): TakenValue {
  const { words, references } = heap;
  const head = words[heap.allocator.check(entry) + ENTRY.head]!;
  const holds = holdsOf(heap, entry);
  for (const { acrossProcesses, heapId, at } of holds) heapHolding(acrossProcesses, heapId)?.allocator.retain(at);
  const value = entry + ENTRY.key + keyWords(words[entry + ENTRY.shape]!);
  if ((head & STORED) === 0) {
    const length = head >>> FLAG_BITS;
    if (length > MOST_INLINE_BYTES)
      throw new CorruptError(`an entry in shared memory says that its value has ${length} bytes`);
    return { bytes: heap.bytes.slice(value * 4, value * 4 + length), holds, pinned: 0, pin: undefined };
  }
  const extent = words[value]!;
  let pin = references.find(extent) as Pin | undefined;
  if (pin === undefined) {
    pin = { depth: 0 };
    heap.allocator.retain(extent);
    references.hold(extent, pin);
  }
  pin.depth++;
  const { unit } = heap.allocator.extentOf(extent);
  return { bytes: heap.data(unit, words[extent + EXTENT.length]! >>> 0), holds, pinned: extent, pin };
}

/** The value that was taken. Outside the mutex: decoding may run a user's code. */
export function openValue(heap: Heap, taken: TakenValue): unknown {
  try {
    return decode(taken.bytes, 0, taken.bytes.length, undefined, heap);
  } catch (error) {
    // Nothing has been decoded then.
    if (error instanceof UnknownClassError) letGoOf(taken.holds);
    throw error;
  } finally {
    unpin(heap, taken);
  }
}

/** Gives back what was taken and will not be decoded. */
export function dropValue(heap: Heap, taken: TakenValue): void {
  letGoOf(taken.holds);
  unpin(heap, taken);
}

function unpin(heap: Heap, { pin, pinned }: TakenValue): void {
  if (pin !== undefined && --pin.depth === 0) heap.references.drop(pinned);
}

/** Counts out what a message holds that nobody will decode. */
export function letGoOf(holds: readonly HeldBlock[]): void {
  for (const { acrossProcesses, heapId, at } of holds) {
    const heap = heapHolding(acrossProcesses, heapId);
    if (heap === undefined) continue;
    heap.reserveWords(at);
    heap.references.letGo(at);
  }
}

/** The heap of a held object, if this process can reach it. */
function heapHolding(acrossProcesses: boolean, heapId: number): Heap | undefined {
  return acrossProcesses ? processHeapOf(heapId) : threadHeapOf(heapId);
}

function afterValue(words: Int32Array, entry: number, head: number): number {
  return (
    entry +
    ENTRY.key +
    keyWords(words[entry + ENTRY.shape]!) +
    ((head & STORED) !== 0 ? 1 : ((head >>> FLAG_BITS) + 3) >> 2)
  );
}

function extentOf(heap: Heap, entry: number): number {
  const { words } = heap;
  return (words[entry + ENTRY.head]! & STORED) === 0
    ? 0
    : words[entry + ENTRY.key + keyWords(words[entry + ENTRY.shape]!)]!;
}

const nothing: readonly never[] = [];

function holdsOf(heap: Heap, entry: number): readonly HeldBlock[] {
  const { words } = heap;
  const head = words[entry + ENTRY.head]!;
  if ((head & HOLDS) === 0) return nothing;
  let at = afterValue(words, entry, head) + ((head & DUE) !== 0 ? 2 : 0);
  const count = words[at++]!;
  if (!(count >>> 0 <= heap.allocator.sizeOfBlock(entry) / 2))
    throw new CorruptError(`an entry in shared memory says that it holds ${count} objects`);
  return Array.from({ length: count }, () => {
    const heapId = words[at++]!;
    const block = words[at++]!;
    return { acrossProcesses: (block & 1) !== 0, heapId, at: block >>> 1 };
  });
}
