/**
 * The allocator of a heap: blocks in the control region, extents in the data region.
 *
 * Truth and derived: each block's header tells its class and whether it is FREE, DRAFT or LIVE; the free lists are only an index of that.
 * Every change is made under the heap's guard. Whoever enters the guard after a worker died inside it rebuilds the free lists from the headers,
 * so a worker may be killed at any instruction. A DRAFT belongs to the worker that allocated it until it is published, and goes back when that worker dies.
 */
import { CorruptError, OutOfMemoryError } from "../errors/index.js";
import { add, compareExchange, load, or, store, sub } from "#atomics";
import type { Heap } from "./heap.js";
import { BLOCK, BLOCK_HEADER_WORDS, BLOCKS_AT, DRAFT, EXTENT, FREE, HEADER, KIND, LENT, LIVE, UNIT_BYTES } from "./layout.js";
import { enter, leave } from "./mutex.js";
import { CLASSES, classOf, sizeOf } from "./size-class.js";

/** Freed extents up to this much stay resident for the next large message; beyond it, pages go back to the system. */
const CACHED_UNITS = (64 << 20) / 64;
const EXTENT_WORDS = 8;
/** In an unused extent's length: its pages went back to the system. */
const DISCARDED = -1;
const STATE_MASK = 0xff;
const CLASS_SHIFT = 8;

/** A piece of the data region. */
export interface Extent {
  /** The block that describes it: what is retained, published and freed. */
  readonly block: number;
  /** First 64-byte unit. */
  readonly unit: number;
}

/** An object in the control region. */
export interface Block {
  readonly at: number;
  /** Words. */
  readonly size: number;
  readonly kind: number;
  readonly references: number;
}

export class Allocator {
  readonly #heap: Heap;
  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** A zeroed block of at least `words` words, as a LIVE object (references 1) or as this worker's DRAFT. */
  allocate(words: number, kind: number, state: typeof DRAFT | typeof LIVE = LIVE): number {
    const heap = this.#heap;
    this.#enter();
    try {
      const at = this.#allocate(words, kind, state);
      heap.words.fill(0, at, at + sizeOf(classOf(words)));
      return at;
    } finally {
      leave(heap, HEADER.guard);
    }
  }

  /** Makes a DRAFT everybody's: from here on it survives this worker. */
  publish(at: number): void {
    const { words } = this.#heap;
    store(words, at - BLOCK_HEADER_WORDS + BLOCK.state, (words[at - BLOCK_HEADER_WORDS + BLOCK.state]! & ~STATE_MASK) | LIVE);
  }

  /** Takes a published block as this worker's own again: from here on it goes back when this worker dies. */
  adopt(at: number): void {
    this.check(at);
    const { words, self } = this.#heap;
    words[at - BLOCK_HEADER_WORDS + BLOCK.owner] = self;
    store(words, at - BLOCK_HEADER_WORDS + BLOCK.state, (words[at - BLOCK_HEADER_WORDS + BLOCK.state]! & ~STATE_MASK) | DRAFT);
  }

  /** Gives a block back; an extent's pages too. */
  free(at: number): void {
    this.#enter();
    try {
      if (!this.#isBlock(at)) noBlock(at);
      this.#free(at);
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  /** At least `bytes` bytes of the data region, described by a block. Zeroed only if `zeroed`. */
  allocateExtent(bytes: number, state: typeof DRAFT | typeof LIVE, zeroed: boolean): Extent {
    const heap = this.#heap;
    const units = Math.max(4, Math.ceil(bytes / UNIT_BYTES));
    const sizeClass = classOf(units);
    const size = sizeOf(sizeClass);
    const head = HEADER.freeExtents + sizeClass;
    let block: number;
    let unit: number;
    this.#enter();
    try {
      block = heap.words[head]!;
      if (block !== 0 && !this.#isListedExtent(block, sizeClass)) {
        this.#rebuild();
        block = heap.words[head]!;
      }
      if (block !== 0) {
        unit = heap.words[block + EXTENT.unit]!;
        if (heap.words[block + EXTENT.length] === DISCARDED) heap.reserveExtent(unit, size);
        else heap.words[HEADER.dataCached] = Math.max(0, heap.words[HEADER.dataCached]! - size);
        heap.words[head] = heap.words[block + EXTENT.next]!;
      } else {
        zeroed = false;
        const brk = heap.words[HEADER.dataBrk]!;
        unit = heap.placeExtent(brk, size);
        heap.reserveExtent(unit, size);
        // Before anything names the place: a death in between loses it, in the other order two extents would share it.
        heap.words[HEADER.dataBrk] = unit + size;
        try {
          block = this.#allocate(EXTENT_WORDS, KIND.plain, FREE);
        } catch (error) {
          heap.words[HEADER.dataBrk] = brk;
          throw error;
        }
        const { words } = heap;
        words[block + EXTENT.unit] = unit;
        words[block + EXTENT.sizeClass] = sizeClass;
        words[block + EXTENT.used] = 0;
        // The kind after the place: whoever rebuilds takes it for plain memory until then.
        words[block - BLOCK_HEADER_WORDS + BLOCK.identity] = (words[block - BLOCK_HEADER_WORDS + BLOCK.identity]! & ~0xff) | KIND.extent;
      }
      heap.words[block + EXTENT.length] = 0;
      // Whose, then used: after a death in between the rebuild lists it, after a death later it goes back with the other drafts. In the other order it would be lost.
      this.#claim(block, state);
      store(heap.words, block + EXTENT.used, 1);
    } finally {
      leave(heap, HEADER.guard);
    }
    if (zeroed) heap.data(unit, size * UNIT_BYTES).fill(0);
    return { block, unit };
  }

  /** The extent that a block describes, and how many bytes it holds. */
  extentOf(block: number): Extent & { bytes: number } {
    const { words } = this.#heap;
    const sizeClass = words[block + EXTENT.sizeClass]!;
    if (!(sizeClass >>> 0 < CLASSES)) throw new CorruptError(`word ${block} of shared memory is not an extent`);
    return { block, unit: words[block + EXTENT.unit]!, bytes: sizeOf(sizeClass) * UNIT_BYTES };
  }

  /** Frees what a dead worker had allocated and not published. */
  freeDraftsOf(worker: number): void {
    this.#enter();
    try {
      this.#walk((header, words) => {
        if ((words[header + BLOCK.state]! & STATE_MASK) === DRAFT && words[header + BLOCK.owner] === worker) this.#free(header + BLOCK_HEADER_WORDS);
      });
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  /** `at`, if it is the start of a block in use; all of it is within reach then. For what a word of shared memory names. @throws CorruptError */
  check(at: number): number {
    return this.#isBlock(at) && (this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.state]! & STATE_MASK) !== FREE ? at : noBlock(at);
  }

  /** Whether a block may stand there; all that it says it has is within reach then. */
  #isBlock(at: number): boolean {
    const heap = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    const brk = load(heap.words, HEADER.brk);
    if (!(header >= BLOCKS_AT && at < brk)) return false;
    if (at > heap.words.length) heap.reserveWords(at);
    const sizeClass = heap.words[header + BLOCK.state]! >>> CLASS_SHIFT;
    if (sizeClass >= CLASSES) return false;
    const end = at + sizeOf(sizeClass);
    if (end > brk) return false;
    heap.reserveWords(end);
    return true;
  }

  retain(at: number): void {
    this.check(at);
    add(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.references, 1);
  }

  /**
   * Counts one hold more of a live block of this kind and generation, from a place that holds nothing itself; false when it is gone, or its last holder is letting go of it.
   * Inside the guard, where no block changes what it is: a hold counted on a newcomer in its place could not be taken back safely.
   */
  retainLive(at: number, kind: number, generation: number): boolean {
    this.#enter();
    try {
      if (!this.isLive(at, kind, generation)) return false;
      const { words } = this.#heap;
      const word = at - BLOCK_HEADER_WORDS + BLOCK.references;
      for (let count = load(words, word); count > 0; ) {
        const seen = compareExchange(words, word, count, count + 1);
        if (seen === count) return true;
        count = seen;
      }
      return false;
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  /** Lets go of one reference; true when it was the last, so that the caller must destroy the object. */
  letGo(at: number): boolean {
    this.check(at);
    return sub(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.references, 1) === 1;
  }

  kindOf(at: number): number {
    return this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.identity]! & 0xff;
  }

  /** How many words a block holds. */
  sizeOfBlock(at: number): number {
    return sizeOf(this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.state]! >>> CLASS_SHIFT);
  }

  generationOf(at: number): number {
    return this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.identity]! >>> 8;
  }

  /** Whether `at` is the start of a live block of this kind and generation. */
  isLive(at: number, kind: number, generation: number): boolean {
    const { words } = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    return (
      Number.isInteger(at) &&
      header >= BLOCKS_AT &&
      at < load(words, HEADER.brk) &&
      (load(words, header + BLOCK.state) & STATE_MASK) === LIVE &&
      words[header + BLOCK.identity]! >>> 0 === ((generation << 8) | kind) >>> 0
    );
  }

  /** The objects that stand in the heap: live blocks that are more than plain memory of others. */
  objects(): Block[] {
    const found: Block[] = [];
    this.#enter();
    try {
      this.#walk((header, words) => {
        const state = words[header + BLOCK.state]!;
        const kind = words[header + BLOCK.identity]! & 0xff;
        if ((state & STATE_MASK) !== LIVE || kind === KIND.plain || kind === KIND.extent) return;
        found.push({ at: header + BLOCK_HEADER_WORDS, size: sizeOf(state >>> CLASS_SHIFT), kind, references: words[header + BLOCK.references]! });
      });
      return found;
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  /** A message that counts no hold names the object from now on. */
  markLent(at: number): void {
    or(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.owner, LENT);
  }

  isLent(at: number): boolean {
    return (load(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.owner) & LENT) !== 0;
  }

  /** How many workers and messages hold an object. */
  referencesTo(at: number): number {
    return load(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.references);
  }

  /** How many words stand in blocks that are in use: what leak tests look at. */
  usedWords(): number {
    let used = 0;
    this.#enter();
    try {
      this.#walk((header, words) => {
        const state = words[header + BLOCK.state]!;
        if ((state & STATE_MASK) !== FREE) used += sizeOf(state >>> CLASS_SHIFT);
      });
      return used;
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  #enter(): void {
    const heap = this.#heap;
    const died = enter(heap, HEADER.guard);
    try {
      // Another worker may have allocated, and freed, beyond this thread's view.
      heap.catchUp();
      if (died) this.#rebuild();
    } catch (error) {
      leave(heap, HEADER.guard);
      throw error;
    }
  }

  #allocate(size: number, kind: number, state: number): number {
    const heap = this.#heap;
    const sizeClass = classOf(size);
    const head = HEADER.freeBlocks + sizeClass;
    let at = heap.words[head]!;
    if (at !== 0 && !this.#isListed(at, (sizeClass << CLASS_SHIFT) | FREE)) {
      // Free lists are only an index.
      this.#rebuild();
      at = heap.words[head]!;
    }
    if (at !== 0) {
      heap.words[head] = heap.words[at]!;
    } else {
      const brk = heap.words[HEADER.brk]!;
      const end = brk + BLOCK_HEADER_WORDS + sizeOf(sizeClass);
      if (!(brk >= BLOCKS_AT)) throw new CorruptError(`shared memory says that it ends at word ${brk}, which is before its first block`);
      heap.addWords(brk, end);
      at = brk + BLOCK_HEADER_WORDS;
      // The class first, then brk: a walk never meets a block without its size.
      heap.words[brk + BLOCK.state] = (sizeClass << CLASS_SHIFT) | FREE;
      heap.words[HEADER.brk] = end;
    }
    const { words } = heap;
    const identity = at - BLOCK_HEADER_WORDS + BLOCK.identity;
    words[identity] = (words[identity]! & ~0xff) | kind;
    this.#claim(at, state);
    return at;
  }

  /** Whether a word of a free list names a block that is free and of that class. */
  #isListed(at: number, state: number): boolean {
    const { words } = this.#heap;
    return at >= BLOCKS_AT + BLOCK_HEADER_WORDS && words[at - BLOCK_HEADER_WORDS + BLOCK.state] === state;
  }

  /** Whether a word of a free list names an extent of that class that is not used. */
  #isListedExtent(block: number, sizeClass: number): boolean {
    const { words } = this.#heap;
    return (
      block >= BLOCKS_AT + BLOCK_HEADER_WORDS &&
      (words[block - BLOCK_HEADER_WORDS + BLOCK.identity]! & 0xff) === KIND.extent &&
      words[block + EXTENT.sizeClass] === sizeClass &&
      words[block + EXTENT.used] === 0
    );
  }

  #claim(at: number, state: number): void {
    const { words, self } = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    words[header + BLOCK.owner] = self;
    words[header + BLOCK.references] = 1;
    store(words, header + BLOCK.state, (words[header + BLOCK.state]! & ~STATE_MASK) | state);
  }

  #free(at: number): void {
    const { words } = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    const state = words[header + BLOCK.state]!;
    if ((state & STATE_MASK) === FREE) return;
    if ((words[header + BLOCK.identity]! & 0xff) === KIND.extent) {
      if (words[at + EXTENT.used] !== 0) this.#freeExtent(at);
      return;
    }
    words[header + BLOCK.identity] = (words[header + BLOCK.identity]! & ~0xff) + 0x100;
    store(words, header + BLOCK.state, (state & ~STATE_MASK) | FREE);
    const head = HEADER.freeBlocks + (state >>> CLASS_SHIFT);
    words[at] = words[head]!;
    words[head] = at;
  }

  /** A freed extent keeps its block, LIVE but unused, and goes to its own list. */
  #freeExtent(block: number): void {
    const { words } = this.#heap;
    const sizeClass = words[block + EXTENT.sizeClass]!;
    if (!(sizeClass >>> 0 < CLASSES)) throw new CorruptError(`word ${block} of shared memory is not an extent`);
    const header = block - BLOCK_HEADER_WORDS;
    // Unused first: from here on the rebuild lists it. As a draft it is not freed again with its owner's others: those are in use.
    store(words, block + EXTENT.used, 0);
    store(words, header + BLOCK.state, (words[header + BLOCK.state]! & ~STATE_MASK) | LIVE);
    if (words[HEADER.dataCached]! > CACHED_UNITS) {
      words[block + EXTENT.length] = DISCARDED;
      this.#heap.discardExtent(words[block + EXTENT.unit]!, sizeOf(sizeClass));
    } else {
      words[block + EXTENT.length] = 0;
      words[HEADER.dataCached] = words[HEADER.dataCached]! + sizeOf(sizeClass);
    }
    words[block + EXTENT.next] = words[HEADER.freeExtents + sizeClass]!;
    words[HEADER.freeExtents + sizeClass] = block;
  }

  #walk(visit: (header: number, words: Int32Array) => void): void {
    const brk = this.#heap.words[HEADER.brk]!;
    this.#heap.reserveWords(brk);
    const { words } = this.#heap;
    for (let header = BLOCKS_AT; header < brk; ) {
      // Before the visit: it may free the block, never resize it.
      const sizeClass = words[header + BLOCK.state]! >>> CLASS_SHIFT;
      if (sizeClass >= CLASSES) throw new CorruptError(`the header of a block of shared memory, at word ${header}, is not one`);
      const next = header + BLOCK_HEADER_WORDS + sizeOf(sizeClass);
      visit(header, words);
      header = next;
    }
  }

  #rebuild(): void {
    this.#heap.words.fill(0, HEADER.freeBlocks, HEADER.freeBlocks + CLASSES);
    this.#heap.words.fill(0, HEADER.freeExtents, HEADER.freeExtents + CLASSES);
    this.#walk((header, words) => {
      const at = header + BLOCK_HEADER_WORDS;
      const state = words[header + BLOCK.state]!;
      if ((state & STATE_MASK) === FREE) {
        words[at] = words[HEADER.freeBlocks + (state >>> CLASS_SHIFT)]!;
        words[HEADER.freeBlocks + (state >>> CLASS_SHIFT)] = at;
      } else if ((words[header + BLOCK.identity]! & 0xff) === KIND.extent && words[at + EXTENT.used] === 0) {
        // A draft here is one that was about to be used, or no longer is.
        words[header + BLOCK.state] = (state & ~STATE_MASK) | LIVE;
        if (!(words[at + EXTENT.sizeClass]! >>> 0 < CLASSES)) return;
        words[at + EXTENT.next] = words[HEADER.freeExtents + words[at + EXTENT.sizeClass]!]!;
        words[HEADER.freeExtents + words[at + EXTENT.sizeClass]!] = at;
      }
    });
  }
}

export function heapFull(what: string, bytes: number): never {
  throw new OutOfMemoryError(`${what} has no room for ${bytes} more bytes; free() what is no longer needed, or put large data into SharedMemory`);
}

function noBlock(at: number): never {
  throw new CorruptError(`a word of shared memory names word ${at} as a block, which it is not`);
}

export function notThere(unit: number, bytes: number): never {
  throw new CorruptError(`a word of shared memory names ${bytes} bytes at unit ${unit} of the data region, which are not there`);
}
