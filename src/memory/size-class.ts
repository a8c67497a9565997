/**
 * Size classes: 4, 8, 12, 16, 24, 32, 48, ... words, powers of two and the halves between, so at most a third of a
 * block is wasted. From 128 on a class is as large as lets the same number of blocks, with their headers, fill a page.
 * What is larger than the last one takes whole pages.
 */
import { BLOCK_HEADER_WORDS, PAGE_HEADER_WORDS, PAGE_WORDS } from "./layout.js";

const ROOM = PAGE_WORDS - PAGE_HEADER_WORDS;

/** What the members of a class have in common. */
interface SizeClass {
  /** Blocks in a page. */
  readonly count: number;
  /** Words of a block, with its header. */
  readonly slot: number;
}

const all: readonly SizeClass[] = [
  4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1016, 1356, 2040,
].map((least) => {
  const count = Math.floor(ROOM / (least + BLOCK_HEADER_WORDS));
  return { count, slot: Math.floor(ROOM / count / 4) * 4 };
});

export const CLASSES = all.length;
/** As arrays of numbers: looked up for every block that is named by a word. */
const slots = Int32Array.from(all, ({ slot }) => slot);
const counts = Int32Array.from(all, ({ count }) => count);
const slotsInWord = Float64Array.from(all, ({ slot }) => 1 / slot);

/** The most that a block holds which shares its page with others. */
export const MOST_SHARED_WORDS = slots[CLASSES - 1]! - BLOCK_HEADER_WORDS;

const classes = Uint8Array.from({ length: MOST_SHARED_WORDS / 4 + 1 }, (_, fours) =>
  slots.findIndex((slot) => slot - BLOCK_HEADER_WORDS >= 4 * fours),
);

/** The class of blocks of at least so many words, of MOST_SHARED_WORDS at most. */
export function classOf(words: number): number {
  return classes[Math.max(0, words + 3) >>> 2]!;
}

/** How many words a block of the class takes up, with its header. */
export function slotOf(sizeClass: number): number {
  return slots[sizeClass]!;
}

/** How much a block of the class holds. */
export function sizeOf(sizeClass: number): number {
  return slots[sizeClass]! - BLOCK_HEADER_WORDS;
}

/** How many blocks of the class a page has. */
export function countOf(sizeClass: number): number {
  return counts[sizeClass]!;
}

/** Where block `index` of a page of that class begins, counted from the page. */
export function placeOf(sizeClass: number, index: number): number {
  return PAGE_HEADER_WORDS + BLOCK_HEADER_WORDS + index * slots[sizeClass]!;
}

/**
 * Which block of a page of that class begins at `place`; -1 where none does. By a product: a division would take longer
 * than the rest of a check.
 */
export function indexOf(sizeClass: number, place: number): number {
  const offset = place - PAGE_HEADER_WORDS - BLOCK_HEADER_WORDS;
  const index = ((offset + 0.5) * slotsInWord[sizeClass]!) | 0;
  return offset >= 0 && index * slots[sizeClass]! === offset ? index : -1;
}
