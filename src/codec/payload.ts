/**
 * How a message gets to a place in shared memory, and what becomes of it there. Queues, pipes and lanes differ in what
 * stands beside the payload, and by which store a place is committed. A payload is the bytes of a message or, of a long
 * one, one word: the block of a stored message.
 *
 * | whose it is | a short message | a long one |
 * |---|---|---|
 * | its sender's | in the encoder, or kept: a copy of its bytes | stored: a block, the sender's draft |
 * | its place's | the bytes | the block, published just before the commit |
 * | its reader's | decoded where it stands, or from a copy | `takeMessage`, `dropMessage` |
 */
import { AT_ONCE, type Heap, within } from "../memory/index.js";
import { copyBytes } from "./copy-bytes.js";
import { lose } from "./decode.js";
import type { MessageEnd } from "./marshalled.js";
import type { Message } from "./message.js";
import { dropMessage, loseMessage, storeMessage } from "./stored-message.js";

/** Longer messages are stored. */
export const MOST_INLINE_BYTES = 1024;

/** What is to be sent: a message in the encoder, valid until something else is encoded, or one that outlasts that. */
export type Outgoing = Unstored | StoredMessage;
type Unstored = Pick<Message, "length" | "writeTo" | "holds" | "committed">;

/** What a message says of itself, and what outlasts the encoder's next one. */
type Said = Pick<Message, "length" | "holds" | "committed">;

/** A message whose bytes were copied. */
export class KeptMessage {
  readonly length: number;
  readonly holds: boolean;
  readonly committed: Message["committed"];
  readonly #bytes: Uint8Array;
  readonly #at: number;

  /** @param at where its bytes begin */
  constructor({ length, holds, committed }: Said, bytes: Uint8Array, at: number) {
    this.length = length;
    this.holds = holds;
    this.committed = committed;
    this.#bytes = bytes;
    this.#at = at;
  }

  writeTo(target: Uint8Array, at: number): void {
    copyBytes(this.#bytes, this.#at, this.#at + this.length, target, at);
  }
}

/** A message in a block of its own, which no place names. */
export class StoredMessage {
  readonly length: number;
  readonly holds: boolean;
  readonly committed: Message["committed"];
  readonly heap: Heap;
  readonly block: number;
  /** Whether it is this worker's draft; one that is back from its place was published. */
  readonly isDraft: boolean;

  constructor({ length, holds, committed }: Said, heap: Heap, block: number, isDraft: boolean) {
    this.length = length;
    this.holds = holds;
    this.committed = committed;
    this.heap = heap;
    this.block = block;
    this.isDraft = isDraft;
  }
}

/** A copy that outlasts the encoder's next message; into `bytes` from index `at`, if they are given. */
export function keep(message: Unstored, bytes = new Uint8Array(message.length), at = 0): KeptMessage {
  message.writeTo(bytes, at);
  return new KeptMessage(message, bytes, at);
}

/** The same in a block of its own, still a draft. */
export function store(message: Unstored, heap: Heap): StoredMessage {
  return new StoredMessage(message, heap, storeMessage(heap, message), true);
}

/** The same, unless a stopped worker is inside the allocator: then it is kept, to be stored later. */
export function storeNow(message: Unstored, heap: Heap): StoredMessage | KeptMessage {
  return within(AT_ONCE, () => store(message, heap)) ?? keep(message);
}

/** How many words its payload takes up. */
export function payloadWords(message: Outgoing): number {
  return message instanceof StoredMessage ? 1 : (message.length + 3) >> 2;
}

/**
 * Writes the payload to word `at`, where nobody looks before the commit. True if it is the block of a stored message.
 * A death between this and the commit leaks the block, which is no longer a draft and not yet its place's; the other
 * order could free one in use.
 */
export function writePayload(message: Outgoing, heap: Heap, at: number): boolean {
  if (message instanceof StoredMessage) {
    heap.words[at] = message.block;
    if (message.isDraft) heap.allocator.publish(message.block);
    return true;
  }
  message.writeTo(heap.bytes, at << 2);
  return false;
}

/** A message that was not sent: what it holds is let go of, an end of a pipe in it is back. */
export function discard(message: Outgoing): void {
  if (message instanceof StoredMessage) {
    const { heap, block } = message;
    if (message.holds) loseMessage(heap, block, "returned");
    heap.allocator.free(block);
  } else if (message.holds) {
    const bytes = new Uint8Array(message.length);
    message.writeTo(bytes, 0);
    lose(bytes, 0, bytes.length, "returned");
  }
}

/** The payload at word `at`, where nobody looks any more, reaches nobody. `length`: of bytes that stand there. */
export function losePayload(heap: Heap, at: number, length: number, isStored: boolean, end?: MessageEnd): void {
  if (isStored) dropMessage(heap, heap.words[at]!, end);
  else lose(heap.bytes, at << 2, length, end);
}
