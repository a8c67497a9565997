/**
 * What becomes of words of shared memory in one case: those that carry structure, found by what stands in them, each
 * replaced by what is hardest on whoever follows it: bounds, places just beside the right one, other blocks, free ones,
 * its own block (a circle), places outside of all blocks.
 */
import fc from "fast-check";
import {
  BLOCK_HEADER_WORDS,
  BLOCKS_AT,
  EXTENT,
  FREE,
  HEADER,
  KIND,
  LIVE,
  PAGE,
  PAGE_WORDS,
  RECORD_WORDS,
  UNIT_BYTES,
} from "../../src/memory/layout.js";
import type { Heap } from "../../src/memory/index.js";
import type { ThreadHeap } from "../../src/memory/thread-heap.js";
import { pageStateWord } from "../../src/memory/page-table.js";

const kinds = [
  /** Words that name a block. */
  "link",
  /** Small numbers: counts, lengths, places, states, flags. */
  "count",
  /** Hashes, headers of records, bytes of messages. */
  "other",
  /** Zeros at the beginning of a block: links and counts that are not in use. */
  "empty",
  /** In front of each block. */
  "header",
  /** The heap's own. */
  "heap",
  /** Lists and rings of what is free, and the words of pages. */
  "freeList",
  /** What each page is. */
  "page",
  /** This worker's record, with its waiter nodes. */
  "record",
  /** One byte, of a message in the control or in the data region. */
  "byte",
] as const;
type Kind = (typeof kinds)[number];

const becomes = [
  ...["zero", "minusOne", "least", "most", "random", "small", "near", "flipped", "doubled", "shifted"],
  ...["itself", "block", "inBlock", "freeBlock", "beforeBlocks", "atEnd", "beyond", "copied"],
] as const;

export interface Change {
  readonly kind: Kind;
  /** Which of the words of that kind, as a share of their number. */
  readonly share: number;
  readonly becomes: string;
  readonly value: number;
}

/**
 * One of many, each as likely as the others: fast-check's own numbers lean to the ends of their range, and most of its
 * doubles are next to nothing.
 */
export const share: fc.Arbitrary<number> = fc.noBias(fc.nat({ max: 2 ** 30 - 1 })).map((part) => part / 2 ** 30);

const change: fc.Arbitrary<Change> = fc.record({
  // Links and counts lead on to others.
  kind: fc.constantFrom<Kind>("link", "link", "link", "count", "count", "count", ...kinds),
  share,
  becomes: fc.constantFrom(...becomes),
  value: fc.integer(),
});

/** Few: what comes first would hide the rest. */
export const changes: fc.Arbitrary<Change[]> = fc.array(change, { minLength: 1, maxLength: 4 });

/**
 * Words of the header that say which memory this is: others are refused before it is mapped, and nothing goes by them
 * later.
 */
const IDENTITY: readonly number[] = [HEADER.magic, HEADER.version, HEADER.heapId];

export interface Blocks {
  readonly used: number[];
  readonly free: number[];
}

/** Where the blocks of a heap begin that is whole. */
export function findBlocks({ allocator }: Heap): Blocks {
  const blocks: Blocks = { used: [], free: [] };
  allocator.forEachBlock((at, _, state) => (state === FREE ? blocks.free : blocks.used).push(at));
  return blocks;
}

export function corrupt(heap: ThreadHeap, list: readonly Change[]): void {
  const { words } = heap;
  const brk = words[HEADER.brk]!;
  const blocks = findBlocks(heap);
  const places = findPlaces(heap, blocks, brk);
  for (const { kind, share, becomes, value } of list) {
    const among = places[kind];
    if (among.length === 0) continue;
    const at = among[Math.floor(share * among.length)]!;
    if (kind === "byte") {
      if (at >= 0) heap.bytes[at] = value;
      else new Uint8Array(heap.buffers.data)[-1 - at] = value;
    } else words[at] = successor(words, at, becomes, value, blocks, brk, places.link);
  }
}

function findPlaces(heap: ThreadHeap, { used, free }: Blocks, brk: number): Record<Kind, number[]> {
  const { words, record } = heap;
  const places: Record<Kind, number[]> = {
    link: [],
    count: [],
    other: [],
    empty: [],
    header: [],
    heap: [],
    freeList: [],
    page: [],
    record: [],
    byte: [],
  };
  const known = new Set([...used, ...free]);
  for (const at of used) {
    for (let word = 1; word <= BLOCK_HEADER_WORDS; word++) places.header.push(at - word);
    const size = heap.allocator.sizeOfBlock(at);
    for (let word = at; word < at + size; word++) {
      const value = words[word]!;
      if (value === 0) {
        if (word < at + 32) places.empty.push(word);
        continue;
      }
      places[known.has(value) ? "link" : value > 0 && value < 8192 ? "count" : "other"].push(word);
      places.byte.push(word * 4 + (word & 3));
    }
    if (heap.allocator.kindOf(at) !== KIND.extent || (words[at - BLOCK_HEADER_WORDS]! & 0xff) !== LIVE) continue;
    // Bytes of the data region, as negative numbers.
    const start = words[at + EXTENT.unit]! * UNIT_BYTES;
    for (let index = 0; index < Math.min(64, words[at + EXTENT.length]!); index++)
      places.byte.push(-1 - (start + index));
  }
  for (let word = 0; word < HEADER.roomyPages; word++) if (!IDENTITY.includes(word)) places.heap.push(word);
  for (const lists of [HEADER.roomyPages, HEADER.freeExtents, HEADER.freeRuns])
    for (let word = lists; word < lists + 58; word++)
      if (words[word] !== 0 || word % 8 === 0) places.freeList.push(word);
  for (let page = BLOCKS_AT; page < brk; page += PAGE_WORDS) {
    for (let word = 0; word <= PAGE.previous; word++) places.freeList.push(page + word);
    places.page.push(pageStateWord(page));
  }
  for (const at of free) places.freeList.push(at, at - BLOCK_HEADER_WORDS);
  for (let word = record; word < record + RECORD_WORDS; word++) places.record.push(word);
  if (brk > words.length) throw new Error("a fresh heap ends before its view does");
  return places;
}

function successor(
  words: Int32Array,
  at: number,
  becomes: string,
  value: number,
  { used, free }: Blocks,
  brk: number,
  links: number[],
): number {
  const current = words[at]!;
  const some = (list: readonly number[]) => (list.length === 0 ? 0 : list[(value >>> 1) % list.length]!);
  switch (becomes) {
    case "zero":
      return 0;
    case "minusOne":
      return -1;
    case "least":
      return -0x80000000;
    case "most":
      return 0x7fffffff;
    case "small":
      return value & 63;
    case "near":
      return current + ((value & 7) - 4 || 4);
    case "flipped":
      return current ^ (1 << (value & 31));
    case "doubled":
      return current * 2;
    case "shifted":
      return current << (value & 31);
    case "itself": {
      let own = 0;
      for (const block of used) if (block <= at && block > own) own = block;
      return own;
    }
    case "block":
      return some(used);
    case "inBlock":
      return some(used) + ((value >>> 20) & 15);
    case "freeBlock":
      return some(free);
    case "beforeBlocks":
      return (value >>> 1) % BLOCKS_AT;
    case "atEnd":
      return brk + ((value & 15) - 8);
    case "beyond":
      return brk + ((value >>> 4) & 0xfffffff);
    case "copied":
      return words[some(links)]!;
    default:
      return value;
  }
}
