/**
 * One direction of a pipe: a ring (ring.ts) of messages, and beside it how many bytes are unread, and who waits.
 *
 * A record is a header and a payload (codec/payload.ts). The header is the length of the message in bytes; or STORED,
 * and the length follows behind the payload.
 * Rejected: the queue's state in two copies under a mutex. It serves any number of producers; two workers need no
 * mutex, and a round trip takes half the time.
 */
import { losePayload, MOST_INLINE_BYTES } from "../codec/payload.js";
import { CorruptError } from "../errors/index.js";
import type { Heap } from "../memory/index.js";
import { lower, NO_RECORD, type RingLayout, RingReader } from "./ring.js";

/** Words of one direction, from its first. The writer's, the reader's and the flags have cache lines of their own. */
export const PIPE_RING = {
  /** Position after the last committed record. */
  tail: 0,
  /** Bytes of all messages ever committed, modulo 2^32. */
  sent: 1,
  /** Position of the first record that was not taken. */
  head: 16,
  /** Bytes of all messages ever taken, modulo 2^32. */
  taken: 17,
  /**
   * How many messages from the head on the reader is opening: what they hold becomes its own. They are more than one
   * where a class's own decoder receives from this very ring.
   */
  opening: 18,
  /** 1 while the reader may wait for a message; its offset is the reader's key. */
  readerWaits: 32,
  /** 1 while the writer may wait for room; its offset is the writer's key. */
  writerWaits: 33,
  records: 48,
} as const;

export const MESSAGES: RingLayout = {
  tail: PIPE_RING.tail,
  head: PIPE_RING.head,
  records: PIPE_RING.records,
  size: 1976,
};
/** With these a pipe of two directions fits into one page, and one of one direction into half of it. */
export const PIPE_RING_WORDS = PIPE_RING.records + MESSAGES.size;

export const STORED = -1;
const EVERYBODY = 0x7fffffff;

/** How many words the record of an inline message takes. */
export const inlineWords = (length: number): number => 1 + ((length + 3) >> 2);
export const STORED_WORDS = 3;

/** How many words the record with this header takes. @throws CorruptError */
export function recordWords(header: number): number {
  if (header === STORED) return STORED_WORDS;
  if ((header - 1) >>> 0 < MOST_INLINE_BYTES) return inlineWords(header);
  throw new CorruptError(`a message in a pipe in shared memory has the header ${header}, which is none`);
}

/**
 * Wakes all that wait for `flag`, after a position was stored. They are callers of one worker and take turns in the
 * order in which they came. A flag that is down tells that none is left.
 */
export function rouse(heap: Heap, words: Int32Array, flag: number): void {
  if (lower(words, flag) !== 0) heap.waitQueue.wake(flag, EVERYBODY);
}

/** How many bytes of messages were committed and not taken. */
export function unreadIn(words: Int32Array, ring: number): number {
  return (words[ring + PIPE_RING.sent]! - words[ring + PIPE_RING.taken]!) >>> 0;
}

/** Everybody who waits at a ring looks again: an end of its pipe is gone. */
export function rouseAll(heap: Heap, ring: number): void {
  heap.waitQueue.wake(ring + PIPE_RING.readerWaits, EVERYBODY);
  heap.waitQueue.wake(ring + PIPE_RING.writerWaits, EVERYBODY);
}

/**
 * Lets go of all messages that nobody will take. Only for who is alone with the ring, or is its reader and takes
 * nothing any more.
 */
export function dropMessages(heap: Heap, at: number): void {
  const { words } = heap;
  const ring = new RingReader(words, at, MESSAGES);
  // Of a reader that died meanwhile: it may have taken over what they hold, or a part of it.
  let opening = words[at + PIPE_RING.opening]!;
  for (let record = ring.next(); record !== NO_RECORD; record = ring.next()) {
    const header = words[record]!;
    ring.pass(recordWords(header));
    const isStored = header === STORED;
    // Out of the ring before its block is free: a death in between leaks it, the other order would free it twice.
    if (isStored) ring.release();
    losePayload(heap, record + 1, header, isStored, opening-- > 0 ? "uncertain" : "unread");
    if (!isStored) ring.release();
  }
}
