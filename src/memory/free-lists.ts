/**
 * Free pieces of one kind by their length: lists that are linked both ways, one for each power of two and each half
 * between. An index only, made anew from the truth whenever a word of it turns out to be wrong, so each link is looked
 * at from both sides before it is followed or changed.
 */
import type { Regions } from "./regions.js";

const LISTS = 56;
/** The heads, then a bit for each that may hold a piece: finding looks at few words. */
const LIST_WORDS = LISTS + 2;
/** Nothing fits. */
export const NONE = 0;
/** A word of the lists names what is no free piece. */
export const BROKEN = -1;
/** Pieces looked at in the one list whose pieces may fit or not. */
const FEW_LOOKS = 32;
/** A list that leads back into itself comes to an end. */
export const ALL_LOOKS = 2 ** 17;

/** Where the links of a piece stand, from its first word. */
interface Links {
  readonly next: number;
  readonly previous: number;
}

export class FreeLists {
  readonly #heap: Regions;
  readonly #heads: number;
  readonly #next: number;
  readonly #previous: number;
  readonly #lengthOf: (piece: number) => number;

  /** `lengthOf` tells how long a free piece is, and less than 0 of anything else. */
  constructor(heap: Regions, heads: number, { next, previous }: Links, lengthOf: (piece: number) => number) {
    this.#heap = heap;
    this.#heads = heads;
    this.#next = next;
    this.#previous = previous;
    this.#lengthOf = lengthOf;
  }

  clear(): void {
    this.#heap.words.fill(0, this.#heads, this.#heads + LIST_WORDS);
  }

  add(piece: number, length: number): void {
    const { words } = this.#heap;
    const list = listOf(length);
    const head = this.#heads + list;
    const first = words[head]!;
    words[piece + this.#next] = first;
    words[piece + this.#previous] = 0;
    if (first !== 0 && this.#lengthOf(first) >= 0) words[first + this.#previous] = piece;
    words[head] = piece;
    words[this.#mapOf(list)]! |= 1 << list;
  }

  /** Takes a piece out; false when it is not linked as it should be. */
  remove(piece: number, length: number): boolean {
    const { words } = this.#heap;
    const next = words[piece + this.#next]!;
    const previous = words[piece + this.#previous]!;
    const link = previous === 0 ? this.#heads + listOf(length) : previous + this.#next;
    if (words[link] !== piece || (next !== 0 && words[next + this.#previous] !== piece)) return false;
    words[link] = next;
    if (next !== 0) words[next + this.#previous] = previous;
    return true;
  }

  /**
   * A piece of at least that length, NONE or BROKEN. The shortest that a few looks find; all of them are looked at
   * where nothing else is left.
   */
  find(least: number, looksLeft: number = FEW_LOOKS): number {
    const { words } = this.#heap;
    let list = listOf(least);
    // In the first list some are too short.
    let piece = words[this.#heads + list]!;
    for (let looks = looksLeft; piece !== 0 && looks > 0; looks--) {
      const length = this.#lengthOf(piece);
      if (length < 0) return BROKEN;
      if (length >= least) return piece;
      piece = words[piece + this.#next]!;
    }
    while (++list < LISTS) {
      const map = this.#mapOf(list);
      const ahead = words[map]! & (-1 << list);
      list |= 31;
      if (ahead === 0) continue;
      list = (list & ~31) + 31 - Math.clz32(ahead & -ahead);
      piece = words[this.#heads + list]!;
      if (piece !== 0) return this.#lengthOf(piece) >= least ? piece : BROKEN;
      words[map] = words[map]! & ~(1 << list);
    }
    return NONE;
  }

  /** The word with the bit of a list: 32 lists share one. */
  #mapOf(list: number): number {
    return this.#heads + LISTS + (list >>> 5);
  }
}

function listOf(length: number): number {
  const log = 31 - Math.clz32(length);
  return Math.min(LISTS - 1, 2 * log + (log === 0 ? 0 : (length >>> (log - 1)) & 1));
}
