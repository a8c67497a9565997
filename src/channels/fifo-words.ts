/** The words of a Queue, and of the chunks in which its records lie. */
import { QUEUE } from "./queue-words.js";

/**
 * The putters' words come first, the takers' in another line of memory, so that neither side takes its words out of the
 * other's cache.
 */
export const FIFO = {
  /** 1 once it was shut down. */
  closed: QUEUE.own,
  /** How many items were put, modulo 2^32: the commit of a put. */
  put: QUEUE.own + 1,
  /** What `taken` was when a putter last looked: there is at least so much room. */
  seenTaken: QUEUE.own + 2,
  /** Two copies of the tail; the one that counts is the lowest bit of `put`. */
  tails: QUEUE.own + 3,

  /** Mutex of the takers. */
  takers: QUEUE.puttersWait + 1,
  /** How many items were taken, modulo 2^32: the commit of a take. */
  taken: QUEUE.puttersWait + 2,
  /** What `put` was when a taker last looked: there are at least so many items. */
  seenPut: QUEUE.puttersWait + 3,
  /** How often an item was done, modulo 2^32. */
  done: QUEUE.puttersWait + 4,
  /** Two copies of the head; the one that counts is the lowest bit of `taken`. */
  heads: QUEUE.puttersWait + 5,
} as const;

/**
 * Places count words from the chunk's start; bytes are those that ever went in or out, modulo 2^32. `end`: one past the
 * chunk's words.
 */
export const TAIL = { chunk: 0, place: 1, bytes: 2, end: 3 } as const;
export const TAIL_WORDS = 4;
/** `dropped`: how many items were taken by a shutdown, and count as done. */
export const HEAD = { chunk: 0, place: 1, bytes: 2, dropped: 3 } as const;
export const HEAD_WORDS = 4;
export const SIZE = FIFO.heads + 2 * HEAD_WORDS;

export const OPEN = 0;
export const CLOSED = 1;

/** A chunk: a link, then records of a header and a payload; END for a header where the next chunk begins. */
export const NEXT = 0;
export const FIRST_RECORD = 1;
export const FIRST_CHUNK_WORDS = 64;
/** Three to a page. */
export const MOST_CHUNK_WORDS = 1356;
export const END = -2;
