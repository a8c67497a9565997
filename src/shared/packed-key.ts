/**
 * A key as words: four characters a word while all of them are Latin-1, two otherwise. Hashed and compared a word at a
 * time; lone surrogates stay what they are.
 */
import { ArgumentTypeError, CorruptError, TooLargeError } from "../errors/index.js";
import { show } from "./scalar-type.js";

const MOST_UNITS = 2 ** 24;
const KEPT_WORDS = 256;
const FACTOR = 0x9e3779b1 | 0;

/** One key at a time. It is valid until the next `pack`: between the two no user's code may run. */
export class PackedKey {
  words = new Int32Array(KEPT_WORDS);
  /** How many words the key has. */
  length = 0;
  /** Its number of UTF-16 units << 1, and 1 where a unit takes two bytes. */
  shape = 0;
  hash = 0;

  /** @throws ArgumentTypeError, TooLargeError */
  pack(key: string, seed: number): this {
    if (typeof key !== "string") throw new ArgumentTypeError(`the key must be a string, got ${show(key)}`);
    const units = key.length;
    if (units > MOST_UNITS)
      throw new TooLargeError(`a key of ${units} characters is longer than any key may be (${MOST_UNITS})`);
    let { words } = this;
    const most = (units + 3) >> 2;
    if (most > words.length) words = this.words = new Int32Array(most);
    else if (words.length > KEPT_WORDS && most <= KEPT_WORDS) words = this.words = new Int32Array(KEPT_WORDS);
    let hash = seed;
    let at = 0;
    let index = 0;
    for (const last = units - 4; index <= last; index += 4) {
      const first = key.charCodeAt(index);
      const second = key.charCodeAt(index + 1);
      const third = key.charCodeAt(index + 2);
      const fourth = key.charCodeAt(index + 3);
      if ((first | second | third | fourth) > 0xff) return this.#packWide(key, seed);
      const word = first | (second << 8) | (third << 16) | (fourth << 24);
      words[at++] = word;
      hash = Math.imul(hash ^ word, FACTOR);
      hash ^= hash >>> 15;
    }
    if (index < units) {
      let word = 0;
      for (let shift = 0; index < units; index++, shift += 8) {
        const unit = key.charCodeAt(index);
        if (unit > 0xff) return this.#packWide(key, seed);
        word |= unit << shift;
      }
      words[at++] = word;
      hash = Math.imul(hash ^ word, FACTOR);
      hash ^= hash >>> 15;
    }
    this.length = at;
    this.shape = units << 1;
    this.hash = finish(hash ^ units);
    return this;
  }

  #packWide(key: string, seed: number): this {
    const units = key.length;
    const most = (units + 1) >> 1;
    if (most > this.words.length) this.words = new Int32Array(most);
    const { words } = this;
    let hash = seed;
    for (let index = 0, at = 0; index < units; index += 2, at++) {
      const word = key.charCodeAt(index) | (index + 1 < units ? key.charCodeAt(index + 1) << 16 : 0);
      words[at] = word;
      hash = Math.imul(hash ^ word, FACTOR);
      hash ^= hash >>> 15;
    }
    this.length = most;
    this.shape = (units << 1) | 1;
    this.hash = finish(hash ^ units);
    return this;
  }
}

/** Lets every bit depend on every other: a table looks at the highest and the lowest. */
function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** How many words a key of this shape takes. */
export function keyWords(shape: number): number {
  const units = shape >>> 1;
  return (shape & 1) === 0 ? (units + 3) >> 2 : (units + 1) >> 1;
}

/** The key that stands at a word of shared memory. */
export function keyAt(bytes: Uint8Array, word: number, shape: number): string {
  const start = word * 4;
  const units = shape >>> 1;
  const wide = (shape & 1) !== 0;
  const length = wide ? units * 2 : units;
  if (!(start >= 0 && start + length <= bytes.length))
    throw new CorruptError(`an entry in shared memory says that its key has ${length} bytes`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
  // V8 looks twice at what may take two bytes a character: at a copy, since the entry may be freed, and written over,
  // meanwhile.
  return wide ? Buffer.from(text).toString("utf16le") : text.toString("latin1");
}
