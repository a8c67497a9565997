/**
 * Every word of the layouts, one at a time, set to each of a few values that are wrong: the heap's header, a worker's
 * record with its nodes, and of each block that the objects of a subject stand in its header and its words. Nothing is
 * left to chance: case n is the same in every run.
 */
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_KIND_SHIFT,
  BLOCKS_AT,
  HEADER,
  NODE,
  NODE_WORDS,
  PAGE,
  PAGE_ENTRY,
  PAGE_HEADER_WORDS,
  PAGE_WORDS,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
} from "../../src/memory/layout.js";
import { KIND } from "../kinds.js";
import { pageStateWord } from "../../src/memory/page-table.js";
import type { Heap } from "../../src/memory/index.js";
import { type Blocks, findBlocks } from "./corruption.js";

/** A word that may be wrong, and what it is called. */
interface Place {
  readonly at: number;
  readonly name: string;
}

/** Words of a block that are walked; of longer ones those that say something too. */
const FIRST_WORDS = 32;
const MOST_WORDS = 64;
/**
 * Which memory it is, of which version: other memory is refused before it is used, and nothing goes by these words
 * later.
 */
const IDENTITY: readonly string[] = ["magic", "version", "heapId"];

const wrongs: Readonly<Record<string, (current: number, at: number, blocks: Blocks, brk: number) => number>> = {
  "0": () => 0,
  "-1": () => -1,
  "1": () => 1,
  "2": () => 2,
  "one more": (current) => current + 1,
  "one less": (current) => current - 1,
  "the greatest": () => 0x7fffffff,
  "the least": () => -0x80000000,
  "another block": (_current, at, { used }) => used[(at * 7) % used.length]!,
  "its own block": (_current, at, { used }) => used.findLast((block) => block - BLOCK_HEADER_WORDS <= at) ?? used[0]!,
  "the middle of a block": (_current, at, { used }) => used[(at * 5) % used.length]! + 1,
  "a free block": (_current, at, { free, used }) =>
    free.length === 0 ? used[0]! - BLOCK_HEADER_WORDS : free[at % free.length]!,
  "one past the end": (_current, _at, _blocks, brk) => brk,
  "far past the end": (_current, _at, _blocks, brk) => brk + 0x100000,
  "before all blocks": () => BLOCKS_AT - 1,
};
const wrongNames = Object.keys(wrongs);

/** How many values each word is set to. */
export const WRONGS = wrongNames.length;

const nameIn = (layout: Readonly<Record<string, number>>, offset: number): string =>
  Object.keys(layout).find((name) => layout[name] === offset) ?? String(offset);

function kindOf(heap: Heap, block: number): string {
  return nameIn(KIND, (heap.words[block - BLOCK_HEADER_WORDS + BLOCK.state]! >>> BLOCK_KIND_SHIFT) & 0xff);
}

/** The words of a heap that objects stand in, in an order that is the same each time. */
export function placesIn(heap: Heap): Place[] {
  const places: Place[] = [];
  for (const [name, at] of Object.entries(HEADER))
    if (!IDENTITY.includes(name)) places.push({ at, name: `HEADER.${name}` });
  for (const [list, end] of [
    ["roomyPages", HEADER.roomyPages + 18],
    ["freeExtents", HEADER.freeExtents + 58],
    ["freeRuns", HEADER.freeRuns + 58],
  ] as const) {
    for (let at = HEADER[list]; at < end; at++)
      if (heap.words[at] !== 0) places.push({ at, name: `HEADER.${list}[${at - HEADER[list]}]` });
  }
  for (let page = BLOCKS_AT; page < heap.words[HEADER.brk]!; page += PAGE_WORDS) {
    const entry = pageStateWord(page) - PAGE_ENTRY.state;
    for (const [name, offset] of Object.entries(PAGE_ENTRY))
      places.push({ at: entry + offset, name: `PAGE_ENTRY.${name} of page ${page}` });
    for (let offset = 0; offset < PAGE_HEADER_WORDS; offset++)
      places.push({ at: page + offset, name: `PAGE.${nameIn(PAGE, offset)} of page ${page}` });
  }
  for (let slot = 1; slot < heap.words[HEADER.workersHigh]!; slot++) {
    const record = REGISTRY_AT + slot * RECORD_WORDS;
    for (let offset = 0; offset < RECORD.nodes; offset++)
      places.push({ at: record + offset, name: `RECORD[${slot}].${nameIn(RECORD, offset)}` });
    for (let node = 0; node < 4; node++) {
      for (let offset = 0; offset < NODE_WORDS; offset++)
        places.push({
          at: record + RECORD.nodes + node * NODE_WORDS + offset,
          name: `RECORD[${slot}].nodes[${node}].${nameIn(NODE, offset)}`,
        });
    }
  }
  const { used, free } = findBlocks(heap);
  for (const block of used) {
    const kind = `${kindOf(heap, block)} at ${block}`;
    for (let offset = 0; offset < BLOCK_HEADER_WORDS; offset++)
      places.push({ at: block - BLOCK_HEADER_WORDS + offset, name: `BLOCK.${nameIn(BLOCK, offset)} of ${kind}` });
    const size = heap.allocator.sizeOfBlock(block);
    let count = 0;
    for (let offset = 0; offset < size && count < MOST_WORDS; offset++) {
      if (offset >= FIRST_WORDS && heap.words[block + offset] === 0) continue;
      count++;
      places.push({ at: block + offset, name: `word ${offset} of ${kind}` });
    }
  }
  for (const block of free)
    places.push(
      { at: block - BLOCK_HEADER_WORDS, name: `BLOCK.state of free ${block}` },
      { at: block, name: `the link of free ${block}` },
    );
  return places;
}

/** Sets one word to one wrong value; says which to which. Undefined where it is no other than it was. */
export function spoil(heap: Heap, places: readonly Place[], index: number): string | undefined {
  const { at, name } = places[Math.floor(index / WRONGS) % places.length]!;
  const wrong = wrongNames[index % WRONGS]!;
  const current = heap.words[at]!;
  const value = wrongs[wrong]!(current, at, findBlocks(heap), heap.words[HEADER.brk]!) | 0;
  if (value === current) return undefined;
  heap.words[at] = value;
  return `${name} = ${wrong} (${value} instead of ${current})`;
}
