/** The reader's side of a pipe's direction: messages come out. */
import { type BinaryPlace, findBinary } from "../codec/binary-message.js";
import { copyBytes } from "../codec/copy-bytes.js";
import { decode } from "../codec/index.js";
import { readStored } from "../codec/stored-message.js";
import { ArgumentRangeError, CorruptError, StateError, UnknownClassError } from "../errors/index.js";
import { atomics, type Heap, untimed } from "../memory/index.js";
import { MESSAGES, PIPE_RING, recordWords, rouse, STORED } from "./pipe-ring.js";
import { NO_RECORD, raise, RingReader } from "./ring.js";

const { load, store } = atomics;

type Open<T> = (bytes: Uint8Array, at: number, length: number) => T;

export class PipeReader {
  /** Where the reader of this ring waits for a message. */
  readonly key: number;
  readonly #heap: Heap;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  readonly #ring: RingReader;
  /** A copy of the word that only this side writes; ahead of it while a message is being opened. */
  #taken: number;
  /** How many messages are being opened: more than one when a class's own decoder receives from this very ring. */
  #opening = 0;
  /** Blocks of messages that were opened, to be freed once the head has passed them. */
  readonly #spent: number[] = [];
  readonly #decode: Open<unknown> = (bytes, at, length) => decode(bytes, at, length, undefined, this.#heap);

  constructor(heap: Heap, at: number) {
    this.#heap = heap;
    this.#words = heap.words;
    this.#bytes = heap.bytes;
    this.#at = at;
    this.key = at + PIPE_RING.readerWaits;
    this.#ring = new RingReader(heap.words, at, MESSAGES);
    this.#taken = load(heap.words, at + PIPE_RING.taken);
  }

  get isEmpty(): boolean {
    return this.#ring.isEmpty;
  }

  /** Whether a message is being opened, by a class's own decoder that may ask for anything meanwhile. */
  get isOpening(): boolean {
    return this.#opening > 0;
  }

  /** The caller is about to sleep until there is a message, and looks once more after this. */
  raiseFlag(): void {
    raise(this.#words, this.key);
  }

  /**
   * Takes the first message; there must be one. @throws UnknownClassError, which leaves it there; what else decoding
   * throws, with which it is lost
   */
  read(): unknown {
    return this.#take(this.#decode);
  }

  /**
   * Takes the first message, nothing but bytes, into `target`; returns how many. There must be one. @throws StateError,
   * ArgumentRangeError, which leave it there
   */
  readInto(target: Uint8Array): number {
    return this.#take((bytes, at, length) => {
      const place = findBinary(bytes, at, length);
      if (place === undefined)
        throw new Unsuitable("the next message is not a Buffer, an ArrayBuffer or a typed array: take it with recv()");
      if (place.length > target.byteLength)
        throw new TooShort(
          `the buffer has ${target.byteLength} bytes, the next message ${place.length}: receive into a larger one`,
        );
      if (place.at >= 0) copyBytes(bytes, place.at, place.at + place.length, target, 0);
      else return copyShared(this.#decode(bytes, at, length), place, target);
      return place.length;
    });
  }

  #take<T>(open: Open<T>): T {
    const words = this.#words;
    const ring = this.#ring;
    const before = ring.position;
    const record = ring.next();
    if (record === NO_RECORD) throw new CorruptError("a pipe in shared memory has no message where there was one");
    const header = words[record]!;
    const size = recordWords(header);
    const block = header === STORED ? words[record + 1]! : 0;
    const length = header === STORED ? words[record + 2]! : header;
    ring.pass(size);
    this.#taken = (this.#taken + length) | 0;
    words[this.#at + PIPE_RING.opening] = ++this.#opening;
    try {
      // Opened where it stands: the writer does not touch it before the head has passed.
      // What was made of it in part could not be begun anew: so it is made without a time limit.
      const value = untimed(() =>
        block === 0 ? open(this.#bytes, (record + 1) << 2, length) : readStored(this.#heap, block, open),
      );
      if (block !== 0) this.#spent.push(block);
      return value;
    } catch (error) {
      if (error instanceof UnknownClassError || error instanceof Unsuitable || error instanceof TooShort) {
        // Nothing was made of it yet.
        ring.position = before;
        this.#taken = (this.#taken - length) | 0;
      } else if (block !== 0) this.#spent.push(block);
      throw error;
    } finally {
      if (--this.#opening === 0) {
        if (ring.position !== before) this.#passOn();
        words[this.#at + PIPE_RING.opening] = 0;
      }
    }
  }

  /** Gives the room of what was taken back. */
  #passOn(): void {
    const words = this.#words;
    store(words, this.#at + PIPE_RING.taken, this.#taken);
    this.#ring.release();
    // Only now: as long as the ring names a block, the worker that destroys the ring would free it. A death in between
    // leaks it.
    while (this.#spent.length > 0) this.#heap.allocator.free(this.#spent.pop()!);
    rouse(this.#heap, words, this.#at + PIPE_RING.writerWaits);
  }
}

/** The message was looked at before it was decoded, and may have been written over between the two. */
function copyShared(value: unknown, { length }: BinaryPlace, target: Uint8Array): number {
  if (!ArrayBuffer.isView(value) || value.byteLength !== length)
    throw new CorruptError("a message in a pipe was written over while it was received");
  copyBytes(new Uint8Array(value.buffer, value.byteOffset, length), 0, length, target, 0);
  return length;
}

/** Their own classes, so that what a decoder throws is not taken for them. */
class Unsuitable extends StateError {}
class TooShort extends ArgumentRangeError {}
