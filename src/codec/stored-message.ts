/**
 * A message at rest in shared memory: short ones in a block of the control region, long ones in an extent. Written as the writer's draft,
 * so that a writer killed half-way leaves nothing behind; published when it is linked to where its reader finds it.
 */
import { DRAFT, EXTENT, type Heap, KIND } from "../memory/index.js";
import { decode, lose } from "./decode.js";
import type { Message } from "./message.js";
import type { MessageEnd } from "./marshalled.js";

/** What can be stored: a message still in the encoder, or a copy of one. */
export type Storable = Pick<Message, "length" | "writeTo">;

const MOST_INLINE_BYTES = 4096;
/** A short message: its length, then its bytes. */
const LENGTH = 0;
const BYTES_AT = 1;

/** Copies a message into a new block, still a draft; returns the block. */
export function storeMessage(heap: Heap, message: Storable): number {
  const { length } = message;
  if (length > MOST_INLINE_BYTES) {
    const { block, unit } = heap.allocator.allocateExtent(length, DRAFT, false);
    heap.words[block + EXTENT.length] = length;
    message.writeTo(heap.data(unit, length), 0);
    return block;
  }
  const block = heap.allocator.allocate(BYTES_AT + Math.ceil(length / 4), KIND.plain, DRAFT);
  heap.words[block + LENGTH] = length;
  message.writeTo(heap.bytes, (block + BYTES_AT) * 4);
  return block;
}

/** The value of a stored message. The block stays; each message is read once, since reading takes over the holds that it carries. */
export function readMessage(heap: Heap, block: number, attachments?: readonly unknown[]): unknown {
  return readStored(heap, block, (bytes, at, length) => decode(bytes, at, length, attachments, heap));
}

/** What `read` makes of the bytes of a stored message, where they stand. */
export function readStored<T>(heap: Heap, block: number, read: (bytes: Uint8Array, at: number, length: number) => T): T {
  heap.catchUp();
  if (heap.allocator.kindOf(block) === KIND.extent) {
    const { unit } = heap.allocator.extentOf(block);
    const length = heap.words[block + EXTENT.length]!;
    return read(heap.data(unit, length), 0, length);
  }
  const length = heap.words[block + LENGTH]!;
  return read(heap.bytes, (block + BYTES_AT) * 4, length);
}

/** A stored message reaches nobody any more: see `lose`. The block stays. */
export function loseMessage(heap: Heap, block: number, end?: MessageEnd): void {
  readStored(heap, block, (bytes, at, length) => lose(bytes, at, length, end));
}

/** How many bytes a stored message has. */
export function storedLength(heap: Heap, block: number): number {
  return heap.words[block + (heap.allocator.kindOf(block) === KIND.extent ? EXTENT.length : LENGTH)]!;
}
