/** The writer's side of a ring: messages go in. */
import { type Storable, storeMessage } from "../codec/stored-message.js";
import { CorruptError } from "../errors/index.js";
import { atomics, type Heap } from "../memory/index.js";
import { inlineWords, LAST_PLACE, MOST_INLINE_BYTES, RING, rouse, SKIP, STORED, STORED_WORDS } from "./ring.js";

const { load, store } = atomics;

/** A message that stands in a block of its own already. */
export interface StoredItem {
  readonly length: number;
  readonly block: number;
}

export class RingWriter {
  /** Where the writer of this ring waits for room. */
  readonly key: number;
  readonly #heap: Heap;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #capacity: number;
  /** Copies of the words that only this side writes. */
  #tail: number;
  #sent: number;

  constructor(heap: Heap, at: number, capacity: number) {
    this.#heap = heap;
    this.#words = heap.words;
    this.#bytes = heap.bytes;
    this.#at = at;
    this.key = at + RING.writerWaits;
    this.#capacity = capacity;
    this.#tail = load(heap.words, at + RING.tail);
    this.#sent = heap.words[at + RING.sent]!;
  }

  /** Whether a message of so many bytes finds room now. One that is larger than the capacity does so in an empty ring. */
  hasRoom(length: number): boolean {
    return this.#fits(length) && this.#placeFor(length > MOST_INLINE_BYTES ? STORED_WORDS : inlineWords(length)) >= 0;
  }

  /** Commits a message if there is room for it now. */
  write(item: Storable | StoredItem): boolean {
    const { length } = item;
    if (!this.#fits(length)) return false;
    const size = "block" in item ? STORED_WORDS : inlineWords(length);
    const place = this.#placeFor(size);
    if (place < 0) return false;
    const words = this.#words;
    // Only the tail, stored last, makes the record and this word be seen.
    if (place !== this.#tail) words[this.#at + RING.records + this.#tail] = SKIP;
    const record = this.#at + RING.records + place;
    if ("block" in item) {
      words[record] = STORED;
      words[record + 1] = item.block;
      words[record + 2] = length;
      // A death between here and the commit leaks the block, which is no longer a draft and not yet the ring's; the other order could free one in use.
      this.#heap.allocator.publish(item.block);
    } else {
      words[record] = length;
      item.writeTo(this.#bytes, (record + 1) << 2);
    }
    this.#sent = (this.#sent + length) | 0;
    words[this.#at + RING.sent] = this.#sent;
    this.#tail = place + size;
    store(words, this.#at + RING.tail, this.#tail);
    rouse(this.#heap, words, this.#at + RING.readerWaits);
    return true;
  }

  /** A long message as the draft that `write` commits: copied before there is room for it, while the reader copies the one before. */
  store(message: Storable): StoredItem {
    return { length: message.length, block: storeMessage(this.#heap, message) };
  }

  /** The caller is about to sleep until there is room, and looks once more after this. */
  raiseFlag(): void {
    store(this.#words, this.key, 1);
  }

  #fits(length: number): boolean {
    const unread = (this.#sent - load(this.#words, this.#at + RING.taken)) >>> 0;
    return unread === 0 || unread + length <= this.#capacity;
  }

  /** Where a record of so many words can stand, -1 where nowhere. A tail that met the head would look like an empty ring. */
  #placeFor(size: number): number {
    const head = load(this.#words, this.#at + RING.head);
    const tail = this.#tail;
    // A head beyond the ring would have this side write there.
    if (head >>> 0 > LAST_PLACE) throw new CorruptError(`the reader of a pipe in shared memory says that it is at place ${head}, where its ring has none`);
    if (tail < head) return tail + size < head ? tail : -1;
    if (tail + size <= LAST_PLACE) return tail;
    return size < head ? 0 : -1;
  }
}
