import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { atomics, RECORD } from "../../src/memory/index.js";
import { KIND } from "../kinds.js";
import { BLOCK_HEADER_WORDS, MAX_WORKERS, SLOT_MASK } from "../../src/memory/layout.js";
import { ThreadHeap, threadHeap } from "../../src/memory/thread-heap.js";
import "../../src/parking/index.js";

/**
 * Another worker of the same heap. The kernel finds it running, since it is this very thread; dead is what is declared
 * dead.
 */
const another = (): ThreadHeap => new ThreadHeap(threadHeap().buffers);

describe("registry", () => {
  it("gives a slot again under a new id, and the old id stays dead", () => {
    const first = another().self;
    threadHeap().registry.declareDead(first);
    const second = another().self;
    assert.equal(second & SLOT_MASK, first & SLOT_MASK);
    assert.notEqual(second, first);
    assert.equal(threadHeap().registry.isAlive(first), false);
    assert.equal(threadHeap().registry.isAlive(second), true);
    threadHeap().registry.declareDead(second);
  });

  it("does not touch a newcomer when its slot's last worker is declared dead again", () => {
    const { registry } = threadHeap();
    const first = another().self;
    registry.declareDead(first);
    const second = another();
    const lock = second.allocator.allocate(4, KIND.lock);
    second.references.hold(lock, second);
    registry.declareDead(first);
    registry.confirmAlive(first);
    assert.equal(registry.isAlive(second.self), true);
    assert.equal(second.allocator.isLive(lock, KIND.lock, second.allocator.generationOf(lock)), true);
    registry.declareDead(second.self);
  });

  it("takes a sweep over from a sweeper that is gone, and not from one that runs", () => {
    const heap = threadHeap();
    const dead = another();
    const block = dead.allocator.allocate(4, KIND.lock);
    dead.references.hold(block, dead);
    const generation = dead.allocator.generationOf(block);
    const gone = another().self;
    heap.registry.declareDead(gone);
    heap.registry.markDead(dead.self);
    const sweeper = dead.record + RECORD.sweeper;
    const running = another().self;
    atomics.store(heap.words, sweeper, running);
    heap.registry.reap(true);
    assert.equal(heap.allocator.isLive(block, KIND.lock, generation), true);
    atomics.store(heap.words, sweeper, gone);
    heap.registry.reap(true);
    assert.equal(heap.allocator.isLive(block, KIND.lock, generation), false);
    heap.registry.declareDead(running);
  });

  it("gives back what a dead worker held and had drafted", () => {
    const heap = threadHeap();
    const before = heap.allocator.usedWords();
    const dead = another();
    dead.references.hold(dead.allocator.allocate(100, KIND.lock), dead);
    dead.allocator.allocate(200, KIND.plain, 1);
    dead.allocator.allocateExtent(10_000, 1, false);
    const drafted = heap.allocator.usedWords();
    assert.ok(drafted > before);
    heap.registry.declareDead(dead.self);
    // The extent's own description stays, unused, for the next extent of its size.
    assert.ok(heap.allocator.usedWords() <= before + 8);
  });

  it("has room for as many workers as it says, and tells when it has not", () => {
    const heaps: ThreadHeap[] = [];
    assert.throws(
      () => {
        for (let count = 0; count <= MAX_WORKERS; count++) {
          const heap = another();
          heap.self;
          heaps.push(heap);
        }
      },
      { code: "ERR_ALLCORES_TOO_MANY_WORKERS" },
    );
    for (const heap of heaps) threadHeap().registry.declareDead(heap.self);
    assert.ok(threadHeap().registry.workers().length <= 2);
  });
});

describe("heap growth", () => {
  it("lets a worker with an older view allocate, free and read what lies beyond it", () => {
    const older = another();
    older.self;
    const before = older.words.length;
    const newer = another();
    const blocks: number[] = [];
    while (newer.words.length === before) blocks.push(newer.allocator.allocate(4096, KIND.plain));
    const beyond = blocks.at(-1)!;
    assert.ok(beyond + 4096 > before);
    newer.words[beyond] = 7;
    newer.allocator.free(beyond);
    const again = older.allocator.allocate(4096, KIND.plain);
    assert.equal(again, beyond);
    assert.equal(older.words[again], 0);
    assert.ok(again - BLOCK_HEADER_WORDS < older.words.length);
    older.allocator.free(again);
    for (const block of blocks.slice(0, -1)) older.allocator.free(block);
    for (const heap of [older, newer]) threadHeap().registry.declareDead(heap.self);
  });
});
