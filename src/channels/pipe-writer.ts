/** The writer's side of a pipe's direction: messages go in. */
import { MOST_INLINE_BYTES, type Outgoing, StoredMessage, writePayload } from "../codec/payload.js";
import { atomics, type Heap } from "../memory/index.js";
import { inlineWords, MESSAGES, PIPE_RING, rouse, STORED, STORED_WORDS } from "./pipe-ring.js";
import { raise, RingWriter } from "./ring.js";

const { load } = atomics;

export class PipeWriter {
  /** Where the writer of this ring waits for room. */
  readonly key: number;
  readonly #heap: Heap;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #capacity: number;
  readonly #ring: RingWriter;
  /** A copy of the word that only this side writes. */
  #sent: number;

  constructor(heap: Heap, at: number, capacity: number) {
    this.#heap = heap;
    this.#words = heap.words;
    this.#at = at;
    this.key = at + PIPE_RING.writerWaits;
    this.#capacity = capacity;
    this.#ring = new RingWriter(heap.words, at, MESSAGES);
    this.#sent = heap.words[at + PIPE_RING.sent]!;
  }

  /** Whether a message of so many bytes finds room now. One larger than the capacity does so in an empty ring. */
  hasRoom(length: number): boolean {
    return this.#fits(length) && this.#ring.hasRoom(length > MOST_INLINE_BYTES ? STORED_WORDS : inlineWords(length));
  }

  /** Commits a message if there is room for it now. A long one is stored. */
  write(message: Outgoing): boolean {
    const { length } = message;
    if (!this.#fits(length)) return false;
    const size = message instanceof StoredMessage ? STORED_WORDS : inlineWords(length);
    if (!this.#ring.hasRoom(size)) return false;
    const words = this.#words;
    const record = this.#ring.place(size);
    if (writePayload(message, this.#heap, record + 1)) {
      words[record] = STORED;
      words[record + 2] = length;
    } else {
      words[record] = length;
    }
    this.#sent = (this.#sent + length) | 0;
    words[this.#at + PIPE_RING.sent] = this.#sent;
    this.#ring.commit(size);
    rouse(this.#heap, words, this.#at + PIPE_RING.readerWaits);
    return true;
  }

  /** The caller is about to sleep until there is room, and looks once more after this. */
  raiseFlag(): void {
    raise(this.#words, this.key);
  }

  #fits(length: number): boolean {
    const unread = (this.#sent - load(this.#words, this.#at + PIPE_RING.taken)) >>> 0;
    return unread === 0 || unread + length <= this.#capacity;
  }
}
