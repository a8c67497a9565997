/**
 * A message in a block of its own: short ones in a block of the control region, long ones in an extent. It is written
 * as the writer's draft, so that a writer killed half-way leaves nothing behind. It is published when it is linked to
 * where its reader finds it.
 *
 * The worker that takes the block out of its place adopts it: it goes back if that worker dies meanwhile. A reader that
 * leaves it in its place does not adopt it, and frees it once the place is given back. As long as a place names a
 * block, the worker that destroys the place frees it.
 */
import { UnknownClassError } from "../errors/index.js";
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

/** The same, published: for a place that is told by one store. */
export function publishMessage(heap: Heap, message: Storable): number {
  const block = storeMessage(heap, message);
  heap.allocator.publish(block);
  return block;
}

/**
 * The value of a stored message. The block stays; each message is read once, since reading takes over the holds that it
 * carries.
 */
export function readMessage(heap: Heap, block: number, attachments?: readonly unknown[]): unknown {
  return readStored(heap, block, (bytes, at, length) => decode(bytes, at, length, attachments, heap));
}

/** What `read` makes of the bytes of a stored message, where they stand. */
export function readStored<T>(
  heap: Heap,
  block: number,
  read: (bytes: Uint8Array, at: number, length: number) => T,
): T {
  heap.catchUp();
  if (heap.allocator.kindOf(block) === KIND.extent) {
    const { unit } = heap.allocator.extentOf(block);
    const length = heap.words[block + EXTENT.length]!;
    return read(heap.data(unit, length), 0, length);
  }
  const length = heap.words[block + LENGTH]!;
  return read(heap.bytes, (block + BYTES_AT) * 4, length);
}

/**
 * The value of a stored message that nobody else finds any more; the block is freed. After an UnknownClassError it may
 * be taken again, and stays as this worker's draft.
 */
export function takeMessage(heap: Heap, block: number, attachments?: readonly unknown[]): unknown {
  heap.allocator.adopt(block);
  let isSpent = true;
  try {
    return readMessage(heap, block, attachments);
  } catch (error) {
    isSpent = !(error instanceof UnknownClassError);
    throw error;
  } finally {
    if (isSpent) heap.allocator.free(block);
  }
}

/** A stored message that nobody else finds any more is thrown away: see `lose`. The block is freed. */
export function dropMessage(heap: Heap, block: number, end?: MessageEnd): void {
  heap.allocator.adopt(block);
  loseMessage(heap, block, end);
  heap.allocator.free(block);
}

/** A stored message reaches nobody any more: see `lose`. The block stays. */
export function loseMessage(heap: Heap, block: number, end?: MessageEnd): void {
  readStored(heap, block, (bytes, at, length) => lose(bytes, at, length, end));
}

/** How many bytes a stored message has. */
export function storedLength(heap: Heap, block: number): number {
  return heap.words[block + (heap.allocator.kindOf(block) === KIND.extent ? EXTENT.length : LENGTH)]!;
}
