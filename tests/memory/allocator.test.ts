/** Blocks and extents of a heap, and what a worker that died inside leaves behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DRAFT, HEADER, type Heap, threadHeap } from "../../src/memory/index.js";
import { KIND } from "../kinds.js";
import { generationWord, pageStateWord, stillStands, ThreadHeap } from "../../src/memory/index.js";
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_STATE_MASK,
  BLOCKS_AT,
  EXTENT,
  HEADER_END,
  LIVE,
  PAGE_WORDS,
} from "../../src/memory/layout.js";
import { createThreadHeap } from "../../src/memory/thread-heap.js";
import { CorruptError, OutOfMemoryError } from "../../src/index.js";
import { Lock } from "../../src/sync/lock.js";

const heap: Heap = threadHeap();
const { allocator } = heap;
assert.ok(heap.self > 0);
/** An id that is nobody's. */
const DEAD_WORKER = (7 << 10) | 900;

test("a freed block is handed out again, zeroed, under a new generation", () => {
  const at = allocator.allocate(8, KIND.lock);
  const generation = allocator.generationOf(at);
  heap.words[at] = 99;
  assert.equal(allocator.isLive(at, KIND.lock, generation), true);
  allocator.free(at);
  assert.equal(allocator.isLive(at, KIND.lock, generation), false);
  const again = allocator.allocate(8, KIND.lock);
  assert.equal(again, at);
  assert.equal(heap.words[at], 0);
  assert.equal(allocator.isLive(at, KIND.lock, generation), false);
  assert.equal(allocator.isLive(at, KIND.lock, allocator.generationOf(at)), true);
  allocator.free(again);
});

test("freeing twice does nothing", () => {
  const at = allocator.allocate(8, KIND.plain);
  allocator.free(at);
  allocator.free(at);
  const [one, two] = [allocator.allocate(8, KIND.plain), allocator.allocate(8, KIND.plain)];
  assert.notEqual(one, two);
  allocator.free(one);
  allocator.free(two);
});

test("blocks of all sizes lie apart", () => {
  const sizes = [1, 3, 4, 5, 16, 17, 100, 1000, 5000];
  const blocks = sizes.map((words) => ({ words, at: allocator.allocate(words, KIND.plain) }));
  for (const [index, { at, words }] of blocks.entries()) heap.words.fill(index + 1, at, at + words);
  for (const [index, { at, words }] of blocks.entries())
    assert.ok(heap.words.subarray(at, at + words).every((word) => word === index + 1));
  for (const { at } of blocks) allocator.free(at);
});

test("what goes back is used again: the heap does not grow", () => {
  const used = allocator.usedWords();
  for (let round = 0; round < 3; round++)
    for (const at of Array.from({ length: 500 }, () => allocator.allocate(20, KIND.plain))) allocator.free(at);
  const brk = heap.words[HEADER.brk];
  for (const at of Array.from({ length: 500 }, () => allocator.allocate(20, KIND.plain))) allocator.free(at);
  assert.equal(heap.words[HEADER.brk], brk);
  assert.equal(allocator.usedWords(), used);
});

test("a worker that died inside the guard: the free lists are made anew", () => {
  const at = allocator.allocate(8, KIND.plain);
  allocator.free(at);
  const used = allocator.usedWords();
  heap.words.fill(0, HEADER.roomyPages, HEADER_END);
  Atomics.store(heap.words, HEADER.guard, DEAD_WORKER);
  const again = allocator.allocate(8, KIND.plain);
  assert.equal(heap.words[HEADER.guard], 0);
  allocator.free(again);
  const found = Array.from({ length: 50 }, () => allocator.allocate(8, KIND.plain));
  assert.ok(found.includes(at));
  for (const block of found) allocator.free(block);
  assert.equal(allocator.usedWords(), used);
});

test("drafts of a dead worker go back, what it published stays", () => {
  const [draft, published] = [allocator.allocate(8, KIND.lock, DRAFT), allocator.allocate(8, KIND.lock, DRAFT)];
  const generation = allocator.generationOf(published);
  allocator.publish(published);
  allocator.freeDraftsOf(heap.self);
  assert.equal(allocator.isLive(published, KIND.lock, generation), true);
  assert.equal(allocator.allocate(8, KIND.plain), draft);
  allocator.free(draft);
  allocator.free(published);
});

test("extents: zeroed on demand, reused, apart", () => {
  const one = allocator.allocateExtent(1000, DRAFT, true);
  const two = allocator.allocateExtent(1000, DRAFT, true);
  heap.data(one.unit, 1000).fill(1);
  heap.data(two.unit, 1000).fill(2);
  assert.ok(heap.data(one.unit, 1000).every((byte) => byte === 1));
  allocator.free(one.block);
  const again = allocator.allocateExtent(1000, DRAFT, true);
  assert.equal(again.unit, one.unit);
  assert.ok(heap.data(again.unit, 1000).every((byte) => byte === 0));
  allocator.free(again.block);
  allocator.free(two.block);
});

test("ten thousand objects, made and freed, leave the heap as it was", () => {
  new Lock().free();
  const used = allocator.usedWords();
  for (let round = 0; round < 10; round++) {
    const locks = Array.from({ length: 1000 }, () => new Lock());
    for (const lock of locks) lock.free();
  }
  // The ledger of what this worker holds may have grown; it is used again.
  const after = allocator.usedWords();
  const locks = Array.from({ length: 1000 }, () => new Lock());
  for (const lock of locks) lock.free();
  assert.equal(allocator.usedWords(), after);
  assert.ok(after - used < 2000, `${after - used} words more`);
});

/** A heap of so much, so that it is soon full. */
function small(mebibytes: number): ThreadHeap {
  return new ThreadHeap(createThreadHeap(mebibytes * 2 ** 20));
}
function fill({ allocator }: ThreadHeap, words: number): number[] {
  const blocks: number[] = [];
  try {
    for (;;) blocks.push(allocator.allocate(words, KIND.plain));
  } catch (error) {
    assert.ok(error instanceof OutOfMemoryError);
  }
  return blocks;
}

test("memory that was given back serves every other size", () => {
  const full = small(4);
  const room = 2 ** 20 - BLOCKS_AT;
  const used = full.self && full.allocator.usedWords();
  for (const words of [4, 1356, 60, 20_000, 100, 2040, 5000, 8]) {
    const blocks = fill(full, words);
    const held = blocks.reduce((sum, at) => sum + 4 + full.allocator.sizeOfBlock(at), 0);
    assert.ok(held > 0.85 * room, `blocks of ${words} words: ${held} of ${room}`);
    assert.equal(new Set(blocks).size, blocks.length);
    for (const at of blocks) full.allocator.free(at);
    assert.equal(full.allocator.usedWords(), used);
  }
});

test("a page serves another size as soon as its last block is gone, others stay", () => {
  const full = small(4);
  const blocks = fill(full, 500);
  const kept = blocks.filter((_, index) => index % 2 === 0);
  for (const [index, at] of kept.entries()) full.words[at] = index;
  for (const [index, at] of blocks.entries()) if (index % 2 === 1) full.allocator.free(at);
  // Of each page some are in use: nothing can be moved.
  assert.deepEqual(fill(full, 3000), []);
  for (const at of kept.splice(kept.length / 2)) full.allocator.free(at);
  const larger = fill(full, 3000);
  assert.ok(larger.length > 0.4 * (blocks.length / 7));
  for (const at of larger) full.words.fill(-1, at, at + 3000);
  for (const [index, at] of kept.entries()) assert.equal(full.words[at], index);
});

test("pages that were given back become one with their free neighbours, and a run of them is cut", () => {
  const { allocator, words } = small(4);
  const pages = (count: number) => allocator.allocate(count * PAGE_WORDS - BLOCK_HEADER_WORDS, KIND.plain);
  const row = [1, 2, 3, 4].map(() => pages(2));
  const brk = words[HEADER.brk];
  // Alone; below a free run; above one.
  for (const index of [1, 0, 2]) allocator.free(row[index]!);
  const whole = pages(6);
  assert.equal(whole, row[0]);
  assert.equal(words[HEADER.brk], brk);
  allocator.free(whole);
  const parts = [1, 2, 3].map((count) => pages(count));
  assert.equal(words[HEADER.brk], brk, "cut, not added");
  // Between two free runs.
  for (const index of [0, 2, 1]) allocator.free(parts[index]!);
  assert.equal(pages(6), whole);
  assert.equal(words[HEADER.brk], brk);
});

test("a handle or a reader from before a page changed its class finds nothing, whatever stands there", () => {
  const full = small(2);
  const { allocator } = full;
  const blocks = fill(full, 2040);
  const at = blocks[1]!;
  const generation = allocator.generationOf(at);
  const page = full.words[pageStateWord(at)]!;
  assert.equal(allocator.isLive(at, KIND.plain, generation), true);
  for (const block of blocks) allocator.free(block);
  const large = fill(full, 4000);
  const around = large.find((block) => block < at && at < block + 4000)!;
  full.words[generationWord(at)] = generation;
  full.words[at - 4] = (KIND.plain << 8) | LIVE;
  assert.equal(allocator.isLive(at, KIND.plain, generation), false);
  assert.equal(stillStands(full.words, at, page, generation), false);
  assert.throws(() => allocator.check(at), CorruptError);
  assert.throws(() => allocator.free(at), CorruptError);
  assert.equal(allocator.check(around), around);
  for (const block of large) allocator.free(block);
  // And when the class comes back: no generation is given twice.
  for (const block of fill(full, 2040)) if (block === at) assert.notEqual(allocator.generationOf(block), generation);
  assert.equal(allocator.isLive(at, KIND.plain, generation), false);
  assert.equal(stillStands(full.words, at, page, generation), false);
});

test("of all words of a page only the beginnings of its blocks name one", () => {
  const full = small(2);
  const blocks = new Set([...fill(full, 100).slice(0, 200), 0]);
  blocks.delete(0);
  const page = Math.min(...blocks) & -PAGE_WORDS;
  full.words.fill(2, page + 8, page + PAGE_WORDS);
  let found = 0;
  for (let at = page - 5; at < page + PAGE_WORDS; at++) if (full.allocator.sizeOfBlock(at) > 0) found++;
  assert.equal(found, 30 + (full.allocator.sizeOfBlock(page - 4) > 0 ? 1 : 0));
  for (const odd of [Number.NaN, 0.5, -1, 2 ** 31, 2 ** 40, BLOCKS_AT + 12.5])
    assert.throws(() => full.allocator.check(odd), CorruptError);
});

test("extents become one with their neighbours, and are cut", () => {
  const { allocator, words } = heap;
  const before = allocator.usedWords();
  const row = [1, 2, 3, 4].map(() => allocator.allocateExtent(2 ** 20, LIVE, false));
  const brk = heap.words[HEADER.dataBrk];
  for (const index of [1, 0, 2]) allocator.free(row[index]!.block);
  const whole = allocator.allocateExtent(3 * 2 ** 20, LIVE, false);
  assert.equal(whole.unit, row[0]!.unit);
  assert.equal(heap.words[HEADER.dataBrk], brk);
  allocator.free(whole.block);
  const parts = [0, 1, 2, 3].map(() => allocator.allocateExtent(600_000, LIVE, false));
  assert.equal(heap.words[HEADER.dataBrk], brk, "cut, not added");
  for (const { block } of parts) assert.ok(words[block + EXTENT.units]! * 64 >= 600_000);
  for (const { block } of [...parts, row[3]!]) allocator.free(block);
  assert.equal(allocator.usedWords(), before);
});

test("a sweep lets others in after each piece of the heap, and leaves out none", () => {
  const own = new ThreadHeap(createThreadHeap());
  assert.ok(own.self > 0);
  const used = own.allocator.usedWords();
  const blocks = Array.from({ length: 40_000 }, () => own.allocator.allocate(4, KIND.plain, DRAFT));
  for (const at of blocks) own.words[at - BLOCK_HEADER_WORDS + BLOCK.owner] = DEAD_WORKER;
  let entries = 0;
  const { catchUp } = own;
  // Called on each way in.
  own.catchUp = () => {
    entries++;
    catchUp.call(own);
  };
  own.allocator.freeDraftsOf(DEAD_WORKER);
  assert.ok(entries > 3, `it was entered ${entries} times`);
  assert.equal(own.allocator.usedWords(), used);
});

test("a block of whole pages is zeroed outside the guard, as a draft, and is live afterwards", () => {
  const heap = threadHeap();
  const words = 3 * PAGE_WORDS;
  // So that no memory is added, and the words stay the same view.
  const first = heap.allocator.allocate(words, KIND.plain);
  heap.words.fill(7, first, first + words);
  heap.allocator.free(first);
  const seen: number[][] = [];
  const view = heap.words;
  view.fill = (value, from, to) => {
    seen.push([view[HEADER.guard]!, view[from! - BLOCK_HEADER_WORDS + BLOCK.state]! & BLOCK_STATE_MASK]);
    return Int32Array.prototype.fill.call(view, value, from, to) as Int32Array<SharedArrayBuffer>;
  };
  try {
    const at = heap.allocator.allocate(words, KIND.plain);
    assert.deepEqual(seen, [[0, DRAFT]]);
    assert.equal(view[at - BLOCK_HEADER_WORDS + BLOCK.state]! & BLOCK_STATE_MASK, LIVE);
    assert.ok(view.subarray(at, at + words).every((word) => word === 0));
    heap.allocator.free(at);
  } finally {
    delete (view as { fill?: unknown }).fill;
  }
});
