/**
 * The allocator of a heap: blocks in the control region, extents in the data region.
 *
 * Truth and derived: the page table tells what each page is, each block's header whether it is FREE, DRAFT, LIVE or
 * SPARE; all lists are only an index of that. Every change is made under the heap's guard. The worker that enters the
 * guard after another died inside it rebuilds the lists from the truth. So a worker may be killed at any instruction. A
 * DRAFT belongs to the worker that allocated it until it is published, and goes back when that worker dies.
 */
import { CorruptError, OutOfMemoryError } from "../errors/index.js";
import { add, compareExchange, controlled, load, or, store, sub } from "#atomics";
import { BlockLists } from "./block-lists.js";
import { type Block, BlockWalk } from "./block-walk.js";
import { type Extent, Extents } from "./extents.js";
import { dropForgotten } from "./forgotten.js";
import { heapFull, noBlock } from "./heap-errors.js";
import { rebuildLists } from "./list-rebuild.js";
import type { Regions } from "./regions.js";
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_KIND_MASK,
  BLOCK_KIND_SHIFT,
  BLOCK_PAGES_SHIFT,
  BLOCK_STATE_MASK,
  DRAFT,
  EXTENT,
  FREE,
  HEADER,
  KIND,
  LARGE_PAGE,
  LENT,
  LIVE,
  PAGE_WORDS,
  SPARE,
  UNIT_BYTES,
} from "./layout.js";
import { enter, leave } from "./mutex.js";
import { PageTable, pageOf, pageStateWord } from "./page-table.js";
import { classOf, MOST_SHARED_WORDS, sizeOf } from "./size-class.js";
import { AT_ONCE, within } from "./time-limit.js";

const FEW_WORDS = 64;
/** More than any control region has. */
const MOST_PAGES_OF_BLOCK = 0xffff;

export class Allocator {
  readonly #heap: Regions;
  readonly #pages: PageTable;
  readonly #lists: BlockLists;
  readonly #extents: Extents;
  readonly #walk: BlockWalk;
  #isRebuilding = false;

  /** What this worker freed while a stopped one was inside. */
  readonly #owed: number[] = [];
  readonly #entering = (): true => {
    this.#enter();
    return true;
  };

  constructor(heap: Regions) {
    const rebuild = (): void => this.#rebuild();
    this.#heap = heap;
    this.#pages = new PageTable(heap, rebuild);
    this.#lists = new BlockLists(heap, this.#pages, rebuild);
    this.#extents = new Extents(
      heap,
      this.#pages,
      { take: (words) => this.#lists.take(classOf(words)), free: (at) => this.#freeBlock(at, this.#pages.classAt(at)) },
      rebuild,
    );
    this.#walk = new BlockWalk(heap, this.#pages, this.#lists, () => this.#enter());
  }

  /** A zeroed block of at least `words` words, as a LIVE object (references 1) or as this worker's DRAFT. */
  allocate(words: number, kind: number, state: typeof DRAFT | typeof LIVE = LIVE): number {
    try {
      return this.#allocate(words, kind, state);
    } catch (error) {
      this.#makeRoom(error);
      return this.#allocate(words, kind, state);
    }
  }

  /** Makes a DRAFT everybody's: from here on it survives this worker. */
  publish(at: number): void {
    this.#setState(at, LIVE);
  }

  /** Takes a published block as this worker's own again: from here on it goes back when this worker dies. */
  adopt(at: number): void {
    this.check(at);
    const { words, self } = this.#heap;
    words[at - BLOCK_HEADER_WORDS + BLOCK.owner] = self;
    this.#setState(at, DRAFT);
  }

  #setState(at: number, state: number): void {
    const { words } = this.#heap;
    const word = at - BLOCK_HEADER_WORDS + BLOCK.state;
    store(words, word, (words[word]! & ~BLOCK_STATE_MASK) | state);
  }

  /**
   * Gives a block back; an extent's pages too. It never waits for a worker that is stopped, since its callers have
   * committed already: the block is this worker's draft then, which goes back when this worker allocates or frees next,
   * or has died.
   */
  free(at: number): void {
    if (within(AT_ONCE, this.#entering) === undefined) {
      this.adopt(at);
      this.#owed.push(at);
      return;
    }
    try {
      const sizeClass = this.#pages.classAt(at);
      if (sizeClass < 0) noBlock(at);
      this.#free(at, sizeClass);
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  /** At least `bytes` bytes of the data region, described by a block. Zeroed only if `zeroed`. */
  allocateExtent(bytes: number, state: typeof DRAFT | typeof LIVE, zeroed: boolean): Extent {
    const heap = this.#heap;
    let taken: ReturnType<Extents["take"]>;
    try {
      taken = this.#allocateExtent(bytes, state);
    } catch (error) {
      this.#makeRoom(error);
      taken = this.#allocateExtent(bytes, state);
    }
    const { block, isFresh } = taken;
    const unit = heap.words[block + EXTENT.unit]!;
    if (zeroed && !isFresh) heap.data(unit, heap.words[block + EXTENT.units]! * UNIT_BYTES).fill(0);
    return { block, unit };
  }

  /** The extent that a block describes, and how many bytes it holds. */
  extentOf(block: number): Extent & { bytes: number } {
    const { words } = this.#heap;
    this.check(block);
    const units = words[block + EXTENT.units]!;
    if (this.kindOf(block) !== KIND.extent || !(units > 0))
      throw new CorruptError(`word ${block} of shared memory is not an extent`);
    return { block, unit: words[block + EXTENT.unit]!, bytes: units * UNIT_BYTES };
  }

  /** Frees what a dead worker had allocated and not published. */
  freeDraftsOf(worker: number): void {
    // A dead worker makes no more of them, and those that it has made stay. A successor's sweep begins anew.
    this.#walk.inPieces((header, words) => {
      if ((words[header + BLOCK.state]! & BLOCK_STATE_MASK) === DRAFT && words[header + BLOCK.owner] === worker)
        this.#free(header + BLOCK_HEADER_WORDS);
    });
  }

  /** `at`, if it is the start of a block in use; all of it is within reach then. @throws CorruptError */
  check(at: number): number {
    if (this.#pages.classAt(at) < 0) return noBlock(at);
    const state = this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.state]! & BLOCK_STATE_MASK;
    return state === DRAFT || state === LIVE ? at : noBlock(at);
  }

  retain(at: number): void {
    this.check(at);
    add(this.#heap.words, at - BLOCK_HEADER_WORDS + BLOCK.references, 1);
  }

  /**
   * Counts one hold more of a live block of this kind and generation, from a place that holds nothing itself; false
   * when it is gone, or its last holder is letting go of it. Inside the guard, where no block changes what it is: a
   * hold counted on a newcomer in its place could not be taken back safely.
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
    return (this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.state]! >>> BLOCK_KIND_SHIFT) & BLOCK_KIND_MASK;
  }

  /** How many words a block holds; 0 where none begins. */
  sizeOfBlock(at: number): number {
    return Math.max(0, this.#pages.sizeOfBlockAt(at));
  }

  /** Told apart from all other blocks that ever began there. */
  generationOf(at: number): number {
    return this.#heap.words[at - BLOCK_HEADER_WORDS + BLOCK.generation]!;
  }

  /** Whether `at` is the start of a live block of this kind and generation. */
  isLive(at: number, kind: number, generation: number): boolean {
    if (!Number.isInteger(at)) return false;
    const page = load(this.#heap.words, pageStateWord(at));
    if (this.#pages.classAt(at) < 0) return false;
    const { words } = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    return (
      (load(words, header + BLOCK.state) & ((1 << BLOCK_PAGES_SHIFT) - 1)) === ((kind << BLOCK_KIND_SHIFT) | LIVE) &&
      load(words, header + BLOCK.generation) === generation &&
      // Else what was read may be the content of another block, which stands in the place of the header.
      load(words, pageStateWord(at)) === page
    );
  }

  /** The objects that stand in the heap: live blocks that are more than plain memory of others. */
  objects(): Block[] {
    return this.#walk.objects();
  }

  /** Calls `visit` for each block, free ones too: where nobody allocates or frees meanwhile. */
  forEachBlock(visit: (at: number, size: number, state: number) => void): void {
    this.#walk.walk((header, words) => {
      const at = header + BLOCK_HEADER_WORDS;
      visit(at, this.sizeOfBlock(at), words[header + BLOCK.state]! & BLOCK_STATE_MASK);
    });
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
    return this.#inside(() => this.#walk.usedWords());
  }

  #enter(): void {
    const heap = this.#heap;
    const died = enter(heap, HEADER.guard);
    try {
      // Another worker may have allocated, and freed, beyond this thread's view.
      heap.catchUp();
      if (died) this.#rebuild();
      for (let at = this.#owed.pop(); at !== undefined; at = this.#owed.pop()) this.#free(at);
    } catch (error) {
      leave(heap, HEADER.guard);
      throw error;
    }
  }

  #inside<T>(section: () => T): T {
    this.#enter();
    try {
      return section();
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  #allocate(words: number, kind: number, state: number): number {
    if (words > MOST_SHARED_WORDS) return this.#allocatePages(words, kind, state);
    this.#enter();
    try {
      const sizeClass = classOf(words);
      const at = this.#lists.take(sizeClass);
      this.#clear(at, at + sizeOf(sizeClass));
      return this.#claim(at, kind, state);
    } finally {
      leave(this.#heap, HEADER.guard);
    }
  }

  /** Zeroed outside the guard, as a draft: others would wait for tens of milliseconds while 64 MiB get their pages. */
  #allocatePages(words: number, kind: number, state: number): number {
    const at = this.#inside(() => this.#claim(this.#takePages(words), kind, DRAFT));
    this.#clear(at, at + this.#pages.sizeOfBlockAt(at));
    if (state !== DRAFT) this.#setState(at, state);
    return at;
  }

  #allocateExtent(bytes: number, state: number): ReturnType<Extents["take"]> {
    return this.#inside(() => {
      const taken = this.#extents.take(bytes);
      this.#heap.words[taken.block + EXTENT.length] = 0;
      this.#claim(taken.block, KIND.extent, state);
      return taken;
    });
  }

  /** No room was found: spare pages, and what was forgotten without `free()`, go back. Throws `error` without any. */
  #makeRoom(error: unknown): void {
    if (!(error instanceof OutOfMemoryError)) throw error;
    const found = this.#inside(() => this.#lists.giveBackEmpty());
    if (!dropForgotten() && !found) throw error;
  }

  /** A block of whole pages, whose header says that it is FREE: from `claim` on it is in use. */
  #takePages(words: number): number {
    const count = Math.ceil((words + BLOCK_HEADER_WORDS) / PAGE_WORDS);
    if (!(count <= MOST_PAGES_OF_BLOCK)) heapFull("shared memory", words * 4);
    const first = this.#pages.take(count);
    const { words: all } = this.#heap;
    all[first + BLOCK.state] = (count << BLOCK_PAGES_SHIFT) | FREE;
    all[first + BLOCK.generation] = this.#pages.generationOf(first);
    this.#pages.useRun(first, count);
    return first + BLOCK_HEADER_WORDS;
  }

  /** Zeroes a block. */
  #clear(at: number, end: number): void {
    const all = this.#heap.words;
    // A call of `fill` takes longer than a few stores. Under control each store is a step.
    if (end - at > FEW_WORDS || controlled) all.fill(0, at, end);
    else for (let word = at; word < end; word++) all[word] = 0;
  }

  #claim(at: number, kind: number, state: number): number {
    const { words, self } = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    words[header + BLOCK.owner] = self;
    words[header + BLOCK.references] = 1;
    store(
      words,
      header + BLOCK.state,
      (words[header + BLOCK.state]! & (-1 << BLOCK_PAGES_SHIFT)) | (kind << BLOCK_KIND_SHIFT) | state,
    );
    return at;
  }

  #free(at: number, sizeClass: number = this.#pages.classAt(at)): void {
    const { words } = this.#heap;
    const state = words[at - BLOCK_HEADER_WORDS + BLOCK.state]!;
    if ((state & BLOCK_STATE_MASK) === FREE || (state & BLOCK_STATE_MASK) === SPARE) return;
    if (((state >>> BLOCK_KIND_SHIFT) & BLOCK_KIND_MASK) !== KIND.extent) {
      this.#freeBlock(at, sizeClass);
      return;
    }
    if (!(words[at + EXTENT.units]! > 0)) throw new CorruptError(`word ${at} of shared memory is not an extent`);
    words[at - BLOCK_HEADER_WORDS + BLOCK.generation]! += 1;
    this.#setState(at, SPARE);
    this.#extents.put(at);
  }

  /** Frees a block that is not FREE. A new generation first: a reader of the old one has read nothing later. */
  #freeBlock(at: number, sizeClass: number): void {
    const { words } = this.#heap;
    const header = at - BLOCK_HEADER_WORDS;
    const page = pageOf(at);
    words[header + BLOCK.generation]! += 1;
    if (sizeClass === LARGE_PAGE) {
      const pages = words[header + BLOCK.state]! >>> BLOCK_PAGES_SHIFT;
      store(words, header + BLOCK.state, (pages << BLOCK_PAGES_SHIFT) | FREE);
      this.#pages.raiseGeneration(page, words[header + BLOCK.generation]!);
      this.#pages.giveBack(page, pages);
    } else {
      store(words, header + BLOCK.state, FREE);
      this.#lists.put(at, sizeClass);
    }
  }

  #rebuild(): void {
    if (this.#isRebuilding) throw new CorruptError("the lists of free memory do not hold while they are made anew");
    this.#isRebuilding = true;
    try {
      rebuildLists(this.#heap, this.#pages, this.#lists, this.#extents, this.#walk);
    } finally {
      this.#isRebuilding = false;
    }
  }
}
