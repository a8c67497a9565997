/**
 * What a cache knows of the use of its entries: for each place, whose it is and how much its entry was used since the
 * hand of eviction last came by. Readers write it without the mutex, plainly: it is only a hint, and a lost or torn one
 * costs an entry its turn, never a value.
 *
 * Four places of 16 bits stand in one bucket, two words. The lowest bits of a hash choose its bucket; in it the entry
 * has any place that names its highest bits. A place: the hash's 14 highest bits, then 2 bits of use, 0 for a place
 * that nobody has.
 *
 * Rejected: a byte for all hashes that end alike. Entries that nobody reads live on what others leave there, and they
 * never go; as soon as two of them stand before one that is read, the hand takes their share first, and takes out the
 * one that is read in each of its turns.
 */
import type { Heap } from "../memory/index.js";

/** How often the hand passes over the entry. One that was only put makes way before one that is read. */
export const PUT = 1;
export const READ = 2;

/** Bytes of the limit for one place. */
const LIMIT_PER_PLACE = 64;
const PLACE_BYTES = 2;
const BUCKET_BYTES = 8;
const BUCKET_WORDS = 2;
const LEAST_BYTES = 128;
const MOST_BYTES = 2 ** 24;

const USE_BITS = 2;
const USE = 3;
const HALF = 0xffff;
/** The shift that leaves the highest 14 bits of a hash. */
const NAME_SHIFT = 18;
const PLACES = 4;

/** How many bytes of touches a cache of so many bytes has: a power of two. */
export function touchBytesOf(maxBytes: number): number {
  if (maxBytes === 0) return 0;
  return Math.min(
    MOST_BYTES,
    Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2((maxBytes / LIMIT_PER_PLACE) * PLACE_BYTES))),
  );
}

export class Touches {
  readonly #heap: Heap;
  /** The first word. */
  readonly #at: number;
  readonly #bytes: number;
  readonly #bucketMask: number;

  constructor(heap: Heap, at: number, bytes: number) {
    this.#heap = heap;
    this.#at = at;
    this.#bytes = bytes;
    this.#bucketMask = bytes / BUCKET_BYTES - 1;
  }

  /** An entry was read. Looks before it writes: what many workers read is not written by each of them. */
  read(hash: number): void {
    const { words } = this.#heap;
    const bucket = this.#bucketOf(hash);
    const mark = ((hash >>> NAME_SHIFT) << USE_BITS) | READ;
    const first = words[bucket]!;
    if ((first & HALF) === mark || first >>> 16 === mark) return;
    const second = words[bucket + 1]!;
    if ((second & HALF) === mark || second >>> 16 === mark) return;
    this.#mark(words, bucket, mark);
  }

  /**
   * An entry was put. Inside the mutex, as all that follows. Where each place is another's, one of them loses a little:
   * what is left of entries that are gone must not stay.
   */
  put(hash: number): void {
    const { words } = this.#heap;
    const bucket = this.#bucketOf(hash);
    if (this.#mark(words, bucket, ((hash >>> NAME_SHIFT) << USE_BITS) | PUT)) return;
    const place = hash >>> 30;
    write(words, bucket, place, halfAt(words, bucket, place) - 1);
  }

  /** PUT, READ or 0. */
  useOf(hash: number): number {
    const { words } = this.#heap;
    const bucket = this.#bucketOf(hash);
    const place = placeOf(words, bucket, hash >>> NAME_SHIFT);
    return place < 0 ? 0 : halfAt(words, bucket, place) & USE;
  }

  /** The hand has passed over the entry. */
  lower(hash: number): void {
    const { words } = this.#heap;
    const bucket = this.#bucketOf(hash);
    const place = placeOf(words, bucket, hash >>> NAME_SHIFT);
    if (place >= 0) write(words, bucket, place, halfAt(words, bucket, place) - 1);
  }

  /** The entry is gone. */
  forget(hash: number): void {
    const { words } = this.#heap;
    const bucket = this.#bucketOf(hash);
    const place = placeOf(words, bucket, hash >>> NAME_SHIFT);
    if (place >= 0) write(words, bucket, place, 0);
  }

  /** All entries are gone. */
  clear(): void {
    this.#heap.words.fill(0, this.#at, this.#at + this.#bytes / 4);
  }

  #bucketOf(hash: number): number {
    return this.#at + (hash & this.#bucketMask) * BUCKET_WORDS;
  }

  /**
   * Gives the entry a place: its own, one that nobody has, or, for one that was read, that of one that was only put.
   * False when there is none.
   */
  #mark(words: Int32Array, bucket: number, mark: number): boolean {
    let chosen = -1;
    let least = mark & USE;
    for (let place = 0; place < PLACES; place++) {
      const half = halfAt(words, bucket, place);
      const use = half & USE;
      if (use !== 0 && half >>> USE_BITS === mark >>> USE_BITS) {
        if (use < (mark & USE)) write(words, bucket, place, mark);
        return true;
      }
      if (use >= least) continue;
      least = use;
      chosen = place;
    }
    if (chosen >= 0) write(words, bucket, chosen, mark);
    return chosen >= 0;
  }
}

function placeOf(words: Int32Array, bucket: number, name: number): number {
  for (let place = 0; place < PLACES; place++) {
    const half = halfAt(words, bucket, place);
    if (half >>> USE_BITS === name && (half & USE) !== 0) return place;
  }
  return -1;
}

function halfAt(words: Int32Array, bucket: number, place: number): number {
  return (words[bucket + (place >> 1)]! >>> ((place & 1) << 4)) & HALF;
}

function write(words: Int32Array, bucket: number, place: number, half: number): void {
  const at = bucket + (place >> 1);
  const shift = (place & 1) << 4;
  words[at] = (words[at]! & ~(HALF << shift)) | ((half & HALF) << shift);
}
