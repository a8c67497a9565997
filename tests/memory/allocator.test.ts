/** Blocks and extents of a heap, and what a worker that died inside leaves behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DRAFT, HEADER, type Heap, KIND, threadHeap } from "../../src/memory/index.js";
import { HEADER_END } from "../../src/memory/layout.js";
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
  for (const [index, { at, words }] of blocks.entries()) assert.ok(heap.words.subarray(at, at + words).every((word) => word === index + 1));
  for (const { at } of blocks) allocator.free(at);
});

test("what goes back is used again: the heap does not grow", () => {
  const used = allocator.usedWords();
  for (let round = 0; round < 3; round++) for (const at of Array.from({ length: 500 }, () => allocator.allocate(20, KIND.plain))) allocator.free(at);
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
