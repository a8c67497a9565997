import assert from "node:assert/strict";
import { task } from "../../src/index.js";
import { BLOCK, BLOCK_HEADER_WORDS, BLOCKS_AT, DRAFT, EXTENT, HEADER, KIND, LIVE, threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

interface Shared {
  /** A block: its first word takes the block that a worker hands on. */
  at: number;
  /** Words in use before anybody began. */
  used: number;
}

/** A size that nothing else has, so that the workers meet at one free list. */
const WORDS = 24;
const EXTENT_BYTES = 256;

function shared(): Shared {
  const { allocator } = threadHeap();
  const at = allocator.allocate(4, KIND.plain);
  return { at, used: inUse() };
}

const fresh = task(import.meta, "fresh", shared);
/** Two blocks and an extent have been used before. */
const worn = task(import.meta, "worn", () => {
  const { allocator } = threadHeap();
  const made = shared();
  const blocks = [allocator.allocate(WORDS, KIND.plain), allocator.allocate(WORDS, KIND.plain)];
  const { block } = allocator.allocateExtent(EXTENT_BYTES, LIVE, false);
  for (const each of [...blocks, block]) allocator.free(each);
  return { ...made, used: inUse() };
});

/** Nobody else writes to a block of this worker's. */
function own(at: number, index: number): void {
  const { words } = threadHeap();
  words[at + 1] = index + 1;
  words[at + 2] = index + 1;
  assert.equal(words[at + 1], index + 1, "somebody else has this block too");
}

const allocateAndFree = task(import.meta, "allocateAndFree", (_: Shared, index: number) => {
  const { allocator } = threadHeap();
  const at = allocator.allocate(WORDS, KIND.plain);
  own(at, index);
  allocator.free(at);
});
const allocateTwo = task(import.meta, "allocateTwo", (_: Shared, index: number) => {
  const { allocator } = threadHeap();
  const first = allocator.allocate(WORDS, KIND.plain);
  const second = allocator.allocate(WORDS, KIND.plain);
  assert.notEqual(first, second);
  own(first, index);
  own(second, index);
  allocator.free(first);
  allocator.free(second);
});
/** A draft goes back when its worker dies, in whatever step. */
const draft = task(import.meta, "draft", (_: Shared, index: number) => {
  const { allocator } = threadHeap();
  const at = allocator.allocate(WORDS, KIND.plain, DRAFT);
  own(at, index);
  allocator.free(at);
});
const draftExtent = task(import.meta, "draftExtent", () => {
  const { allocator } = threadHeap();
  const { block } = allocator.allocateExtent(EXTENT_BYTES, DRAFT, false);
  const { words } = threadHeap();
  words[block + EXTENT.length] = 7;
  assert.equal(words[block + EXTENT.length], 7, "somebody else has this extent too");
  allocator.free(block);
});
/** Whoever comes second takes over what the first has published; the last one of the two frees it. */
const publish = task(import.meta, "publish", ({ at }: Shared, index: number) => {
  const heap = threadHeap();
  const block = heap.allocator.allocate(WORDS, KIND.plain, DRAFT);
  own(block, index);
  heap.allocator.publish(block);
  heap.words[at] = block;
});
const adopt = task(import.meta, "adopt", ({ at }: Shared, index: number) => {
  const heap = threadHeap();
  const block = heap.words[at]!;
  if (block === 0) return;
  heap.words[at] = 0;
  heap.allocator.adopt(block);
  own(block, index);
  heap.allocator.free(block);
});
/** The draft of a dead worker is freed by whoever looks, once. */
const look = task(import.meta, "look", () => threadHeap().registry.reap(true));

/** Words in use, without the blocks that describe unused extents: those stay. */
function inUse(): number {
  const used = threadHeap().allocator.usedWords();
  let unused = 0;
  eachBlock((at, _, isUnusedExtent) => {
    if (isUnusedExtent) unused += threadHeap().allocator.sizeOfBlock(at);
  });
  return used - unused;
}

function eachBlock(visit: (at: number, isFree: boolean, isUnusedExtent: boolean) => void): void {
  const { words, allocator } = threadHeap();
  for (let header = BLOCKS_AT; header < words[HEADER.brk]!; ) {
    const at = header + BLOCK_HEADER_WORDS;
    const state = words[header + BLOCK.state]! & 0xff;
    visit(at, state === 0, (words[header + BLOCK.identity]! & 0xff) === KIND.extent && state === LIVE && words[at + EXTENT.used] === 0);
    header = at + allocator.sizeOfBlock(at);
  }
}

/** The free lists hold what the headers call free, each block once. */
function checkLists(): void {
  const { words } = threadHeap();
  const listed = new Set<number>();
  for (let head = HEADER.freeBlocks; head < HEADER.freeBlocks + 56; head++) {
    for (let at = words[head]!; at !== 0; at = words[at]!) {
      assert.ok(!listed.has(at), `block ${at} is listed twice`);
      listed.add(at);
    }
  }
  for (let head = HEADER.freeExtents; head < HEADER.freeExtents + 56; head++) {
    for (let at = words[head]!; at !== 0; at = words[at + EXTENT.next]!) {
      assert.ok(!listed.has(at), `extent ${at} is listed twice`);
      listed.add(at);
    }
  }
  let free = 0;
  eachBlock((at, isFree, isUnusedExtent) => {
    if (!isFree && !isUnusedExtent) return;
    free++;
    assert.ok(listed.has(at), `block ${at} is free, but in no list`);
  });
  assert.equal(free, listed.size, "a block in use is listed as free");
}

/** Everybody has ended: what is in use is what was in use before. */
const settled = task(import.meta, "settled", ({ at, used }: Shared) => {
  const heap = threadHeap();
  for (const worker of heap.registry.workers()) if (worker !== heap.self) heap.registry.declareDead(worker);
  heap.registry.reap(true);
  // Freed unless it was: whoever published it may have been the last one.
  const left = heap.words[at]!;
  if (left !== 0) heap.allocator.free(left);
  assert.equal(inUse(), used, "words in use");
  checkLists();
});

export const models: Model[] = [
  { name: "two callers never get the same block", program: { setup: fresh, workers: [allocateTwo, allocateAndFree], check: settled } },
  { name: "two callers share a list of free blocks", program: { setup: worn, workers: [allocateTwo, allocateAndFree], check: settled } },
  { name: "three callers share a list of free blocks", program: { setup: worn, workers: [allocateAndFree, allocateAndFree, draft], check: settled } },
  { name: "a published block passes on to another worker", program: { setup: worn, workers: [publish, adopt], check: settled } },
  { name: "two callers never get the same extent", program: { setup: worn, workers: [draftExtent, draftExtent], check: settled } },
  {
    name: "a worker dies while it allocates or frees, the next one rebuilds",
    program: { setup: worn, workers: [draft, allocateTwo], check: settled },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a worker dies while it makes new blocks",
    program: { setup: fresh, workers: [draft, allocateAndFree], check: settled },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a worker dies while it allocates or frees an extent",
    program: { setup: worn, workers: [draftExtent, draftExtent], check: settled },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "whoever frees the drafts of a dead worker may die too",
    everyday: false,
    program: { setup: worn, workers: [draft, look], check: settled },
    options: { deaths: 2, mortal: [0, 1] },
  },
];
