/**
 * The free blocks of each size class, page by page: a page has a list of its free blocks, and those pages of a class
 * that have any, or room for blocks that were never made, stand in a ring.
 *
 * The first page of the ring serves until it is full, and a page that gets room again goes to the ring's end: so what
 * is allocated together stands together, and pages whose blocks are freed in order of age empty one after the other. A
 * page whose last block went goes back to all classes, unless it is the only one in its ring. All of it is derived, but
 * `carved`: blocks from there on have no header yet.
 */
import { CorruptError } from "../errors/index.js";
import { store } from "#atomics";
import type { Regions } from "./regions.js";
import { BLOCK, BLOCK_HEADER_WORDS, BLOCK_STATE_MASK, BLOCKS_AT, FREE, HEADER, PAGE } from "./layout.js";
import { type PageTable, pageOf } from "./page-table.js";
import { CLASSES, countOf, indexOf, placeOf } from "./size-class.js";

export class BlockLists {
  readonly #heap: Regions;
  readonly #pages: PageTable;
  readonly #mend: () => void;

  /** `mend` makes all that is derived anew. */
  constructor(heap: Regions, pages: PageTable, mend: () => void) {
    this.#heap = heap;
    this.#pages = pages;
    this.#mend = mend;
  }

  /** A block of the class, whose header says that it is FREE; out of its list. */
  take(sizeClass: number): number {
    const { words } = this.#heap;
    const page = words[HEADER.roomyPages + sizeClass]!;
    const at = words[page + PAGE.free]!;
    if (page === 0 || at === 0 || !this.#isFree(at, page, sizeClass)) return this.#takeNew(sizeClass);
    const next = words[at]!;
    words[page + PAGE.free] = next;
    words[page + PAGE.used]!++;
    if (next === 0 && words[page + PAGE.carved] === countOf(sizeClass)) this.#unlink(page, sizeClass);
    return at;
  }

  /** A block that was never made, unless the list did not hold. */
  #takeNew(sizeClass: number): number {
    const heap = this.#heap;
    const ring = HEADER.roomyPages + sizeClass;
    let page = heap.words[ring]!;
    if (page !== 0 && !this.#hasUncarved(page, sizeClass)) {
      this.#mend();
      page = heap.words[ring]!;
      const free = heap.words[page + PAGE.free]!;
      if (page !== 0 && free !== 0 && this.#isFree(free, page, sizeClass)) return this.take(sizeClass);
      if (page !== 0 && !this.#hasUncarved(page, sizeClass))
        throw new CorruptError(`shared memory says that page ${page} has room, which it has not`);
    }
    if (page === 0) page = this.#addPage(sizeClass);
    const { words } = heap;
    const carved = words[page + PAGE.carved]!;
    const header = page + placeOf(sizeClass, carved) - BLOCK_HEADER_WORDS;
    words[header + BLOCK.state] = FREE;
    words[header + BLOCK.generation] = this.#pages.generationOf(page);
    // The header first: a worker that believes in a block finds one.
    store(words, page + PAGE.carved, carved + 1);
    words[page + PAGE.used]!++;
    if (carved + 1 === countOf(sizeClass)) this.#unlink(page, sizeClass);
    return header + BLOCK_HEADER_WORDS;
  }

  /** Lists a block that was freed: its header says so. */
  put(at: number, sizeClass: number): void {
    const { words } = this.#heap;
    const page = pageOf(at);
    const next = words[page + PAGE.free]!;
    words[at] = next;
    words[page + PAGE.free] = at;
    const used = --words[page + PAGE.used]!;
    // Whether it was full is told by its links, not by how it looks now: a page in two places could not be taken out of
    // either.
    if (words[page + PAGE.next] === 0) this.#link(page, sizeClass);
    else if (used <= 0 && words[page + PAGE.next] !== page) this.#giveBack(page, sizeClass);
  }

  /** Gives back the one page that each class keeps although nothing is in it; true when there was any. */
  giveBackEmpty(): boolean {
    const { words } = this.#heap;
    let any = false;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      const page = words[HEADER.roomyPages + sizeClass]!;
      if (page === 0 || !this.#isOf(page, sizeClass) || words[page + PAGE.used]! > 0) continue;
      any = this.#giveBack(page, sizeClass) || any;
    }
    return any;
  }

  clear(): void {
    this.#heap.words.fill(0, HEADER.roomyPages, HEADER.roomyPages + CLASSES);
  }

  /** Makes what is derived of a page anew; true when nothing in it is in use, and it belongs to no ring. */
  relist(page: number, sizeClass: number): boolean {
    const { words } = this.#heap;
    const carved = this.carvedIn(page, sizeClass);
    let used = 0;
    let free = 0;
    this.#raiseGeneration(page, sizeClass);
    for (let index = carved - 1; index >= 0; index--) {
      const at = page + placeOf(sizeClass, index);
      if ((words[at - BLOCK_HEADER_WORDS + BLOCK.state]! & BLOCK_STATE_MASK) !== FREE) {
        used++;
        continue;
      }
      words[at] = free;
      free = at;
    }
    words[page + PAGE.used] = used;
    words[page + PAGE.free] = free;
    words[page + PAGE.next] = 0;
    if (used === 0) return true;
    if (free !== 0 || carved < countOf(sizeClass)) this.#link(page, sizeClass);
    return false;
  }

  /** How many blocks of a page have a header. */
  carvedIn(page: number, sizeClass: number): number {
    return Math.min(Math.max(0, this.#heap.words[page + PAGE.carved]!), countOf(sizeClass));
  }

  #raiseGeneration(page: number, sizeClass: number): void {
    const { words } = this.#heap;
    for (let index = this.carvedIn(page, sizeClass) - 1; index >= 0; index--)
      this.#pages.raiseGeneration(
        page,
        words[page + placeOf(sizeClass, index) - BLOCK_HEADER_WORDS + BLOCK.generation]!,
      );
  }

  /** Whether a word of a page's list names a free block of a page of that class. */
  #isFree(at: number, page: number, sizeClass: number): boolean {
    const { words } = this.#heap;
    if (
      page < BLOCKS_AT ||
      pageOf(at) !== page ||
      words[at - BLOCK_HEADER_WORDS + BLOCK.state] !== FREE ||
      this.#pages.codeOf(page) !== sizeClass + 1
    )
      return false;
    const index = indexOf(sizeClass, at - page);
    return index >= 0 && index < words[page + PAGE.carved]!;
  }

  /** Whether a page is of that class, has no free blocks, and room for more. */
  #hasUncarved(page: number, sizeClass: number): boolean {
    const { words } = this.#heap;
    const carved = words[page + PAGE.carved]!;
    return this.#isOf(page, sizeClass) && words[page + PAGE.free] === 0 && carved >= 0 && carved < countOf(sizeClass);
  }

  #isOf(page: number, sizeClass: number): boolean {
    return (
      page >= BLOCKS_AT &&
      page < this.#heap.words.length &&
      page === pageOf(page) &&
      this.#pages.codeOf(page) === sizeClass + 1
    );
  }

  #addPage(sizeClass: number): number {
    const page = this.#pages.take(1);
    const { words } = this.#heap;
    words.fill(0, page, page + PAGE.previous + 1);
    // What it says first, then that it says so.
    this.#pages.use(page, sizeClass + 1);
    this.#link(page, sizeClass);
    return page;
  }

  #link(page: number, sizeClass: number): void {
    const { words } = this.#heap;
    const ring = HEADER.roomyPages + sizeClass;
    const first = words[ring]!;
    if (first === 0) {
      words[page + PAGE.next] = words[page + PAGE.previous] = page;
      words[ring] = page;
      return;
    }
    const last = words[first + PAGE.previous]!;
    if (!(last >= BLOCKS_AT) || last !== pageOf(last) || words[last + PAGE.next] !== first) {
      this.#mend();
      return;
    }
    words[page + PAGE.next] = first;
    words[page + PAGE.previous] = last;
    words[last + PAGE.next] = page;
    words[first + PAGE.previous] = page;
  }

  /** False when it was not linked as it should be: all is made anew then. */
  #unlink(page: number, sizeClass: number): boolean {
    const { words } = this.#heap;
    const ring = HEADER.roomyPages + sizeClass;
    const next = words[page + PAGE.next]!;
    const previous = words[page + PAGE.previous]!;
    if (words[next + PAGE.previous] !== page || words[previous + PAGE.next] !== page) {
      this.#mend();
      return false;
    }
    if (next === page) {
      words[ring] = 0;
    } else {
      words[next + PAGE.previous] = previous;
      words[previous + PAGE.next] = next;
      if (words[ring] === page) words[ring] = next;
    }
    words[page + PAGE.next] = 0;
    return true;
  }

  /**
   * Gives the page back to all classes, if by the headers of its blocks none of them is in use: the count is only a
   * word.
   */
  #giveBack(page: number, sizeClass: number): boolean {
    const { words } = this.#heap;
    for (let index = this.carvedIn(page, sizeClass) - 1; index >= 0; index--) {
      if ((words[page + placeOf(sizeClass, index) - BLOCK_HEADER_WORDS + BLOCK.state]! & BLOCK_STATE_MASK) === FREE)
        continue;
      this.#mend();
      return false;
    }
    if (!this.#unlink(page, sizeClass)) return true;
    this.#raiseGeneration(page, sizeClass);
    this.#pages.giveBack(page, 1);
    return true;
  }
}
