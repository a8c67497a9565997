/**
 * A ring of records in shared memory, between one writer and one reader: what pipes and the lanes of pools consist of.
 *
 * The writer fills a record beyond the tail, where nobody looks, and commits it by one store of the tail. The reader
 * gives its room back by one store of the head. Each side writes its own position only. So a side that is killed
 * anywhere leaves nothing half done: a record is there whole or not at all.
 *
 * Positions count words and begin again after many turns of the ring. Equal ones mean empty. A record does not wrap,
 * and its first word is never 0: that is SKIP. What else stands in a record is its protocol's own.
 * Rejected: places in the ring instead of positions. A word that was written over would nearly always name a place,
 * and old records would be read again.
 */
import { CorruptError } from "../errors/index.js";
import { atomics } from "../memory/index.js";

const { exchange, load, store } = atomics;

/** Where a ring stands in its block. Tail and head belong into different cache lines: each has another writer. */
export interface RingLayout {
  /** The word with the position after the last committed record. Written by the writer, last. */
  readonly tail: number;
  /** The word with the position of the first record whose room is in use. Written by the reader. */
  readonly head: number;
  readonly records: number;
  /** How many words the records have, at most 2^12. */
  readonly size: number;
}

/** In place of a record: there is nothing more before the ring's end. */
const SKIP = 0;
/** After so many turns of the ring its positions begin again. */
const TURNS = 2 ** 18;
/** There is no record: none begins at the first word of a heap. */
export const NO_RECORD = 0;

/** How many words lie between two positions; more than the ring has where one of them is none. */
function between(head: number, tail: number, span: number): number {
  return head <= tail ? tail - head : tail - head + span;
}

function after(position: number, words: number, span: number): number {
  const next = position + words;
  return next < span ? next : next - span;
}

/** What both sides know of the ring. */
abstract class RingSide {
  protected readonly words: Int32Array;
  protected readonly tailAt: number;
  protected readonly headAt: number;
  protected readonly records: number;
  protected readonly size: number;
  protected readonly span: number;

  /** @param at where the block stands that has the ring */
  constructor(words: Int32Array, at: number, { tail, head, records, size }: RingLayout) {
    this.words = words;
    this.tailAt = at + tail;
    this.headAt = at + head;
    this.records = at + records;
    this.size = size;
    this.span = size * TURNS;
  }

  /** The position that this side's predecessor has left. */
  protected positionAt(word: number): number {
    const position = this.words[word]!;
    if (position >= 0 && position < this.span) return position;
    throw new CorruptError(`a ring in shared memory stands at ${position}, which is no position`);
  }

  /** Writes this side's own position again, in case it was written over: the other side would wait for ever. */
  protected mendAt(word: number, position: number): void {
    if (load(this.words, word) !== position) store(this.words, word, position);
  }
}

export class RingWriter extends RingSide {
  #tail: number;
  /** As last seen: it only goes on, so an old one is merely too careful. */
  #head: number;

  constructor(words: Int32Array, at: number, layout: RingLayout) {
    super(words, at, layout);
    this.#tail = this.positionAt(this.tailAt);
    this.#head = this.positionAt(this.headAt);
  }

  /** Whether a record of so many words finds room now, and leaves `reserved` words. */
  hasRoom(words: number, reserved = 0): boolean {
    const rest = this.size - (this.#tail % this.size);
    const needed = (rest < words ? rest + words : words) + reserved;
    if (this.size - between(this.#head, this.#tail, this.span) >= needed) return true;
    const head = load(this.words, this.headAt);
    const used = between(head, this.#tail, this.span);
    if (!(head >= 0 && used >= 0 && used <= this.size))
      throw new CorruptError(`a ring in shared memory says that ${used} of its ${this.size} words are in use`);
    this.#head = head;
    return this.size - used >= needed;
  }

  /** The first word of a record for which there is room. */
  place(words: number): number {
    const place = this.#tail % this.size;
    const rest = this.size - place;
    if (rest >= words) return this.records + place;
    // Seen only together with the record that follows: the tail is stored after both.
    this.words[this.records + place] = SKIP;
    this.#tail = after(this.#tail, rest, this.span);
    return this.records;
  }

  /** From here on the record that was placed last is the reader's, who may wait: see `lower`. */
  commit(words: number): void {
    this.#tail = after(this.#tail, words, this.span);
    store(this.words, this.tailAt, this.#tail);
  }

  /** Whether the reader has given back the room of all that was committed. */
  get isDrained(): boolean {
    return load(this.words, this.headAt) === this.#tail;
  }

  /** The first word of the record that the reader is at. */
  get first(): number {
    return this.records + ((load(this.words, this.headAt) >>> 0) % this.size);
  }

  /** For the writer of a ring whose words may have been written over. */
  mend(): void {
    this.mendAt(this.tailAt, this.#tail);
  }
}

export class RingReader extends RingSide {
  /** Ahead of the word while a record is read. */
  #head: number;
  /** As last seen. */
  #tail: number;

  constructor(words: Int32Array, at: number, layout: RingLayout) {
    super(words, at, layout);
    this.#head = this.positionAt(this.headAt);
    this.#tail = this.#head;
  }

  get isEmpty(): boolean {
    return load(this.words, this.tailAt) === this.#head;
  }

  /** The first word of the next record, NO_RECORD where there is none. @throws CorruptError */
  next(): number {
    for (;;) {
      if (this.#tail === this.#head) {
        this.#tail = load(this.words, this.tailAt);
        if (this.#tail === this.#head) return NO_RECORD;
      }
      const place = this.#head % this.size;
      if (this.words[this.records + place] !== SKIP) return this.records + place;
      this.pass(this.size - place);
    }
  }

  /**
   * A record goes no further than the writer has come, and somewhere: else it would lead round for ever. @throws
   * CorruptError
   */
  check(words: number): void {
    const ahead = between(this.#head, this.#tail, this.span);
    if (words > 0 && words <= ahead && ahead <= this.size) return;
    // Looked for again, in case the tail is mended.
    this.#tail = this.#head;
    throw new CorruptError(`a ring in shared memory has a record of ${words} words, and ${ahead} were written`);
  }

  /** Goes on behind the record. Its room stays its own until `release`. */
  pass(words: number): void {
    this.check(words);
    this.#head = after(this.#head, words, this.span);
  }

  /** Where the reader is: to come back to. */
  get position(): number {
    return this.#head;
  }

  /** Comes back to a record whose room was not given back: nothing was made of it. */
  set position(position: number) {
    this.#head = position;
  }

  /** Gives back the room of all that was passed. */
  release(): void {
    store(this.words, this.headAt, this.#head);
  }

  /** For the reader of a ring whose words may have been written over. */
  mend(): void {
    this.mendAt(this.headAt, this.#head);
  }
}

/**
 * Raises the flag of a side that is about to sleep, and that looks at the ring once more after this. Pairs with
 * `lower`: the other side stores its position first and looks at the flag second, so one of the two sees the other.
 * `how`: how it is to be woken, not 0.
 */
export function raise(words: Int32Array, flag: number, how = 1): void {
  store(words, flag, how);
}

/**
 * Lowers the other side's flag, after a position was stored, and tells how it was raised: 0 where it was down.
 * Who lowers a flag owes the wake-up.
 */
export function lower(words: Int32Array, flag: number): number {
  return load(words, flag) === 0 ? 0 : exchange(words, flag, 0);
}
