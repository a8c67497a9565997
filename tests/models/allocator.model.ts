import assert from "node:assert/strict";
import { task } from "../../src/index.js";
import {
  atomics,
  DRAFT,
  generationWord,
  LIVE,
  pageStateWord,
  stillStands,
  threadHeap,
} from "../../src/memory/index.js";
import { KIND } from "../../src/sync/kinds.js";
import {
  BLOCKS_AT,
  EXTENT,
  FREE,
  FREE_PAGE,
  HEADER,
  LARGE_PAGE,
  PAGE,
  PAGE_CODE_MASK,
  PAGE_WORDS,
  RUN,
  SPARE,
  TAIL_PAGE,
} from "../../src/memory/layout.js";
import { sweepInPiecesOf } from "../../src/memory/block-walk.js";
import { CLASSES, countOf } from "../../src/memory/size-class.js";
import type { Model } from "./model.js";

const { load, store } = atomics;

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
/** The same, page by page: others enter the allocator between two of them. */
const lookInPieces = task(import.meta, "lookInPieces", () => {
  sweepInPiecesOf(1);
  try {
    threadHeap().registry.reap(true);
  } finally {
    sweepInPiecesOf();
  }
});
/** Two drafts, each with a page for itself. */
const twoPages = task(import.meta, "twoPages", (_: Shared, index: number) => {
  const { allocator } = threadHeap();
  for (let count = 0; count < 2; count++) own(allocator.allocate(WHOLE_PAGE, KIND.plain, DRAFT), index);
});

const inUse = (): number => threadHeap().allocator.usedWords();

/** Each list and ring holds what the truth calls free, each piece once; and the truth is whole. */
function checkLists(): void {
  const { words, allocator } = threadHeap();
  const brk = words[HEADER.brk]!;
  const listed = new Set<number>();
  const list = (piece: number): void => {
    assert.ok(!listed.has(piece), `${piece} is listed twice`);
    listed.add(piece);
  };
  const codeOf = (page: number): number => words[pageStateWord(page)]! & PAGE_CODE_MASK;
  for (let head = HEADER.roomyPages; head < HEADER.roomyPages + CLASSES; head++) {
    const first = words[head]!;
    for (let page = first; page !== 0; page = words[page + PAGE.next] === first ? 0 : words[page + PAGE.next]!) {
      assert.equal(codeOf(page), head - HEADER.roomyPages + 1, `page ${page} is in the ring of another class`);
      list(page);
      for (let at = words[page + PAGE.free]!; at !== 0; at = words[at]!) list(at);
    }
  }
  const covered = new Set<number>();
  for (let head = HEADER.freeRuns; head < HEADER.freeRuns + 56; head++) {
    for (let run = words[head]!; run !== 0; run = words[run + RUN.next]!) {
      for (let page = run; page < run + words[run + RUN.length]! * PAGE_WORDS; page += PAGE_WORDS) {
        assert.ok(!covered.has(page), `page ${page} is in two runs`);
        covered.add(page);
      }
    }
  }
  for (let page = BLOCKS_AT, isFollowing = false; page < brk; page += PAGE_WORDS) {
    const code = codeOf(page);
    assert.equal(covered.has(page), code === FREE_PAGE, `page ${page} is ${code}`);
    assert.ok(code !== TAIL_PAGE || isFollowing, `page ${page} follows no first page`);
    isFollowing = code === TAIL_PAGE || code === LARGE_PAGE;
    if (code > 0 && code <= CLASSES)
      assert.equal(
        listed.has(page),
        words[page + PAGE.used]! < countOf(code - 1),
        `page ${page} has ${words[page + PAGE.used]} blocks in use`,
      );
  }
  const extents: { at: number; unit: number; end: number; isSpare: boolean }[] = [];
  const spares = new Set<number>();
  for (let head = HEADER.freeExtents; head < HEADER.freeExtents + 56; head++)
    for (let at = words[head]!; at !== 0; at = words[at + EXTENT.next]!) spares.add(at);
  allocator.forEachBlock((at, _, state) => {
    if (state === FREE) assert.ok(listed.delete(at), `block ${at} is free, but in no list`);
    else if (allocator.kindOf(at) === KIND.extent) {
      const unit = words[at + EXTENT.unit]!;
      extents.push({ at, unit, end: unit + words[at + EXTENT.units]!, isSpare: state === SPARE });
      assert.equal(spares.has(at), state === SPARE, `extent ${at}`);
    }
  });
  for (const left of listed) assert.equal(left % PAGE_WORDS, 0, `block ${left} is in use, but listed as free`);
  extents.sort((one, other) => one.unit - other.unit);
  for (const [index, { at, end, isSpare }] of extents.entries()) {
    const next = extents[index + 1];
    assert.equal(end, next?.unit ?? words[HEADER.dataBrk], "extents lie side by side");
    assert.equal(words[at + EXTENT.above], next?.at ?? 0);
    if (next === undefined) assert.equal(words[HEADER.lastExtent], at);
    else assert.ok(!(isSpare && next.isSpare), "two spare neighbours are one");
  }
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

/** Two blocks of that size fill a page. */
const HALF_PAGE = 2040;
/** As many words of shared content as there are, in the place of the block that was there before. */
const WHOLE_PAGE = 4000;
const CONTENT = 5;
const IMITATION = -7;

interface Changing extends Shared {
  /** A block that goes, and the generation that it has before. */
  seen: number;
  generation: number;
}

/**
 * A page of two blocks, of which one is in use, and another page of their class: with its last block the first one goes
 * back to all classes.
 */
const halves = task(import.meta, "halves", (): Changing => {
  const { allocator } = threadHeap();
  const { at } = shared();
  const [first, seen] = [allocator.allocate(HALF_PAGE, KIND.lock), allocator.allocate(HALF_PAGE, KIND.lock)];
  allocator.allocate(HALF_PAGE, KIND.lock);
  allocator.free(first);
  threadHeap().words[seen] = CONTENT;
  return { at, seen, generation: allocator.generationOf(seen), used: inUse() - HALF_PAGE };
});
/** The block goes, its page too, and what stands in its place then looks as its header and its content did. */
const imitate = task(import.meta, "imitate", ({ at, seen, generation }: Changing) => {
  const heap = threadHeap();
  store(heap.words, at + 3, 1);
  heap.allocator.free(seen);
  const large = heap.allocator.allocate(WHOLE_PAGE, KIND.plain, DRAFT);
  const { words } = heap;
  assert.equal(words[large - 4]! >>> 16, 1, "a page for itself");
  if (large < seen && seen < large + WHOLE_PAGE) {
    words[seen] = IMITATION;
    words[seen - 4] = (KIND.lock << 8) | LIVE;
    words[generationWord(seen)] = generation;
  }
  heap.allocator.free(large);
});
/** Somebody who holds nothing reads the block: what it read is the block's, or it knows. */
const read = task(import.meta, "read", ({ at, seen }: Changing) => {
  const { words } = threadHeap();
  const page = load(words, pageStateWord(seen));
  const generation = load(words, generationWord(seen));
  // As a slot of a table would say, the block is in use.
  if (load(words, at + 3) !== 0) return;
  const content = words[seen];
  if (stillStands(words, seen, page, generation))
    assert.equal(content, CONTENT, "another block's content passed for this one's");
});
/** A handle from before: once the block is being freed it names nothing. */
const meet = task(import.meta, "meet", ({ at, seen, generation }: Changing) => {
  const { words, allocator } = threadHeap();
  const isGoing = load(words, at + 3) === 1;
  const gone = isGoing && load(words, generationWord(seen)) !== generation;
  if (gone)
    assert.equal(allocator.isLive(seen, KIND.lock, generation), false, "another block's content passed for a header");
});
const largeAndFree = task(import.meta, "largeAndFree", (pages: number, _: Shared, index: number) => {
  const { allocator } = threadHeap();
  const at = allocator.allocate((pages - 1) * PAGE_WORDS + WHOLE_PAGE, KIND.plain, DRAFT);
  own(at, index);
  allocator.free(at);
});
/** Three extents in a row, of which the middle one is spare, and behind them one in use. */
const rowOfExtents = task(import.meta, "rowOfExtents", (): Changing => {
  const { allocator } = threadHeap();
  const { at } = shared();
  const row = [1, 2, 3, 4].map(() => allocator.allocateExtent(EXTENT_BYTES, LIVE, false).block);
  allocator.free(row[1]!);
  allocator.free(row[2]!);
  return { at, seen: row[0]!, generation: 0, used: inUse() - 8 };
});
/** Makes one of spare neighbours, then cuts it. */
const mergeAndCut = task(import.meta, "mergeAndCut", ({ seen }: Changing) => {
  const { allocator } = threadHeap();
  allocator.free(seen);
  const { block } = allocator.allocateExtent(EXTENT_BYTES, DRAFT, false);
  allocator.free(block);
});
/** Everybody has ended: if the block is still there, a death kept it. */
const changed = task(import.meta, "changed", ({ seen, used }: Changing) => {
  const { registry, allocator, self } = threadHeap();
  for (const worker of registry.workers()) if (worker !== self) registry.declareDead(worker);
  registry.reap(true);
  checkLists();
  let isThere = false;
  allocator.forEachBlock((at, _, state) => {
    if (at === seen && state === LIVE) isThere = true;
  });
  if (isThere) allocator.free(seen);
  assert.equal(inUse(), used, "words in use");
  checkLists();
});

export const models: Model[] = [
  {
    name: "two callers never get the same block",
    program: { setup: fresh, workers: [allocateTwo, allocateAndFree], check: settled },
  },
  {
    name: "two callers share a list of free blocks",
    program: { setup: worn, workers: [allocateTwo, allocateAndFree], check: settled },
  },
  {
    name: "three callers share a list of free blocks",
    program: { setup: worn, workers: [allocateAndFree, allocateAndFree, draft], check: settled },
  },
  {
    name: "a published block passes on to another worker",
    program: { setup: worn, workers: [publish, adopt], check: settled },
  },
  {
    name: "two callers never get the same extent",
    program: { setup: worn, workers: [draftExtent, draftExtent], check: settled },
  },
  {
    name: "who reads a block while its page goes to another class reads the block, or knows that it was freed",
    program: { setup: halves, workers: [read, imitate], check: changed },
  },
  {
    name: "a handle from before a page changed its class names nothing",
    program: { setup: halves, workers: [meet, imitate], check: changed },
  },
  {
    name: "two callers never get the same page",
    program: { setup: halves, workers: [imitate, largeAndFree.partial(1)], check: changed },
  },
  {
    name: "a worker dies while a page goes from one class to another",
    program: { setup: halves, workers: [imitate, allocateTwo], check: changed },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a worker dies while it takes pages in a row, or gives them back",
    program: { setup: halves, workers: [largeAndFree.partial(3), allocateAndFree], check: changed },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "a worker dies while extents become one, or are cut",
    program: { setup: rowOfExtents, workers: [mergeAndCut, draftExtent], check: changed },
    options: { deaths: 1, mortal: [0] },
  },
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
    name: "the drafts of a dead worker go back in pieces, between which pages change hands",
    program: { setup: fresh, workers: [twoPages, lookInPieces, largeAndFree.partial(2)], check: settled },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "whoever frees the drafts of a dead worker in pieces may die between two of them",
    program: { setup: fresh, workers: [twoPages, lookInPieces], check: settled },
    options: { deaths: 2, mortal: [0, 1] },
  },
  {
    name: "whoever frees the drafts of a dead worker may die too",
    program: { setup: worn, workers: [draft, look], check: settled },
    options: { deaths: 2, mortal: [0, 1] },
  },
];
