/**
 * One direction of a pipe: a ring of records in shared memory, with one writer and one reader.
 *
 * The writer fills a record beyond the tail, where nobody looks, and commits it by one store of `tail`; the reader gives its room back by one store of `head`. Each
 * word but the flags is written by one side only, so a side that is killed anywhere leaves nothing half done: a message is there whole or not at all.
 * Rejected: the queue's state in two copies under a mutex. It serves any number of producers; two workers need no mutex, and a round trip takes half the time.
 */
import { lose } from "../codec/index.js";
import { loseMessage } from "../codec/stored-message.js";
import { CorruptError } from "../errors/index.js";
import { atomics, type Heap } from "../memory/index.js";

const { exchange, load } = atomics;

/** Words of a ring, from its first. The writer's, the reader's and the flags stand in cache lines of their own. */
export const RING = {
  /** Place after the last committed record. */
  tail: 0,
  /** Bytes of all messages ever committed, modulo 2^32. */
  sent: 1,
  /** Place of the first record that was not taken. */
  head: 16,
  /** Bytes of all messages ever taken, modulo 2^32. */
  taken: 17,
  /** How many messages from the head on the reader is opening: what they hold becomes its own. More than one where a class's own decoder receives from this very ring. */
  opening: 18,
  /** 1 while the reader may wait for a message; its offset is the reader's key. */
  readerWaits: 32,
  /** 1 while the writer may wait for room; its offset is the writer's key. */
  writerWaits: 33,
  records: 48,
} as const;

/** A record: the length of a message in bytes, then the bytes; or STORED, the block of a stored message and its length; or SKIP, after which the ring begins anew. */
export const STORED = -1;
export const SKIP = -2;

/** The last place: no record begins here, but a SKIP finds room for its word. */
export const LAST_PLACE = 1975;
export const RING_WORDS = RING.records + LAST_PLACE + 1;
/** Longer messages are stored in a block of their own. */
export const MOST_INLINE_BYTES = 1024;
const EVERYBODY = 0x7fffffff;

/** How many words the record of an inline message takes. */
export const inlineWords = (length: number): number => 1 + ((length + 3) >> 2);
export const STORED_WORDS = 3;

/**
 * Wakes whoever waits for `flag`. Pairs with the waiter, who arms its node, raises the flag and then looks: either it sees what was stored before this, or this sees
 * the flag. All of them, since they are callers of one worker, who take turns in the order in which they came, and a flag that is down tells that nobody is left.
 */
export function rouse(heap: Heap, words: Int32Array, flag: number): void {
  if (load(words, flag) === 1 && exchange(words, flag, 0) === 1) heap.waitQueue.wake(flag, EVERYBODY);
}

/** How many bytes of messages were committed and not taken. */
export function unreadIn(words: Int32Array, ring: number): number {
  return (words[ring + RING.sent]! - words[ring + RING.taken]!) >>> 0;
}

/** Everybody who waits at a ring looks again: an end of its pipe is gone. */
export function rouseAll(heap: Heap, ring: number): void {
  heap.waitQueue.wake(ring + RING.readerWaits, EVERYBODY);
  heap.waitQueue.wake(ring + RING.writerWaits, EVERYBODY);
}

/** Lets go of all messages that nobody will take. Only for who is alone with the ring, or is its reader and takes nothing any more. */
export function dropMessages(heap: Heap, ring: number): void {
  const { words, bytes } = heap;
  const tail = load(words, ring + RING.tail);
  let head = words[ring + RING.head]!;
  let hasTurned = false;
  // Of a reader that died meanwhile: it may have taken over what they hold, or a part of it.
  let opening = words[ring + RING.opening]!;
  while (head !== tail) {
    const record = ring + RING.records + head;
    const length = words[record]!;
    if (!(head >= 0 && head <= LAST_PLACE && length >= SKIP && length <= MOST_INLINE_BYTES && (length !== SKIP || head > 0)))
      throw new CorruptError(`the record at place ${head} of a pipe in shared memory is not one`);
    if (length === SKIP) {
      if (hasTurned) throw new CorruptError("the records of a pipe in shared memory go round and never meet its tail");
      hasTurned = true;
      head = 0;
    } else if (length === STORED) {
      const block = words[record + 1]!;
      head += STORED_WORDS;
      // Out of the ring before it is free: a death in between leaks it, the other order would free it twice.
      atomics.store(words, ring + RING.head, head);
      loseMessage(heap, block, opening-- > 0 ? "uncertain" : "unread");
      heap.allocator.free(block);
    } else {
      lose(bytes, (record + 1) << 2, length, opening-- > 0 ? "uncertain" : "unread");
      head += inlineWords(length);
      atomics.store(words, ring + RING.head, head);
    }
  }
}
