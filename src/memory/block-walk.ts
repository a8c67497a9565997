/** Walks over the pages and the blocks of a heap, in the order in which they stand. */
import { CorruptError } from "../errors/index.js";
import { load } from "#atomics";
import type { BlockLists } from "./block-lists.js";
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_KIND_MASK,
  BLOCK_KIND_SHIFT,
  BLOCK_PAGES_SHIFT,
  BLOCK_STATE_MASK,
  BLOCKS_AT,
  DRAFT,
  FREE_PAGE,
  HEADER,
  KIND,
  LARGE_PAGE,
  LIVE,
  PAGE_WORDS,
  TAIL_PAGE,
} from "./layout.js";
import { giveWay, leave } from "./mutex.js";
import { type PageTable, pageStateWord } from "./page-table.js";
import type { Regions } from "./regions.js";
import { CLASSES, placeOf } from "./size-class.js";

/** So many blocks are looked at in well under a millisecond. */
const PIECE = 8192;
let piece = PIECE;

/** For tests: how many blocks a sweep looks at before it lets others in; what it was without a number. */
export function sweepInPiecesOf(blocks: number = PIECE): void {
  piece = blocks;
}

/** An object in the control region. */
export interface Block {
  readonly at: number;
  /** Words. */
  readonly size: number;
  readonly kind: number;
  readonly references: number;
}

export class BlockWalk {
  readonly #heap: Regions;
  readonly #pages: PageTable;
  readonly #lists: BlockLists;
  readonly #enter: () => void;

  /** @param enter enters the guard, and makes the lists anew where a worker has died inside */
  constructor(heap: Regions, pages: PageTable, lists: BlockLists, enter: () => void) {
    this.#heap = heap;
    this.#pages = pages;
    this.#lists = lists;
    this.#enter = enter;
  }

  /** The objects that stand in the heap: live blocks that are more than plain memory of others. */
  objects(): Block[] {
    const found: Block[] = [];
    this.inPieces((header, words) => {
      const state = words[header + BLOCK.state]!;
      const kind = (state >>> BLOCK_KIND_SHIFT) & BLOCK_KIND_MASK;
      if ((state & BLOCK_STATE_MASK) !== LIVE || kind === KIND.plain || kind === KIND.extent) return;
      const references = load(words, header + BLOCK.references);
      found.push({ at: header + BLOCK_HEADER_WORDS, size: this.#sizeOf(header), kind, references });
    });
    return found;
  }

  /** How many words stand in blocks that are in use. Inside the guard. */
  usedWords(): number {
    let used = 0;
    this.walk((header, words) => {
      const state = words[header + BLOCK.state]! & BLOCK_STATE_MASK;
      if (state === DRAFT || state === LIVE) used += this.#sizeOf(header);
    });
    return used;
  }

  #sizeOf(header: number): number {
    return Math.max(0, this.#pages.sizeOfBlockAt(header + BLOCK_HEADER_WORDS));
  }

  /**
   * As `walk`, inside the guard, but for no longer than a piece takes: in a heap of millions of blocks the others would
   * wait for all of them. Between two pieces blocks come and go. So what `visit` looks for is either there from the
   * beginning on, and stays where it is, or need not be found.
   */
  inPieces(visit: (header: number, words: Int32Array) => void): void {
    const heap = this.#heap;
    const end = load(heap.words, HEADER.brk);
    for (let page = BLOCKS_AT; page < end; ) {
      let wasAwaited = false;
      const from = page;
      this.#enter();
      try {
        page = this.walk(visit, page, piece);
      } finally {
        wasAwaited = leave(heap, HEADER.guard);
      }
      // A worker that wrote another end over it has made the heap shorter.
      if (page === from) return;
      if (wasAwaited && page < end) giveWay(heap);
    }
  }

  /**
   * Calls `visit` for each block, which it may free: from that page on, and until there were about `most`. Returns the
   * page to go on with.
   */
  walk(
    visit: (header: number, words: Int32Array) => void,
    from: number = BLOCKS_AT,
    most: number = Number.POSITIVE_INFINITY,
  ): number {
    let left = most;
    const visitPage = (page: number, sizeClass: number): void => {
      const state = load(this.#heap.words, pageStateWord(page));
      const carved = sizeClass < 0 ? 1 : this.#lists.carvedIn(page, sizeClass);
      left -= carved;
      for (let index = 0; index < carved; index++) {
        // With its last block the page has gone back.
        if (load(this.#heap.words, pageStateWord(page)) !== state) return;
        visit(page + (sizeClass < 0 ? 0 : placeOf(sizeClass, index) - BLOCK_HEADER_WORDS), this.#heap.words);
      }
    };
    return this.walkPages(
      visitPage,
      () => left--,
      from,
      () => left > 0,
    );
  }

  /**
   * Calls `visit` for each page in use, with its class, or -1 and how many there are where a block begins that takes
   * them whole; `free` for others.
   */
  walkPages(
    visit: (page: number, sizeClass: number, count: number) => void,
    free?: (page: number, code: number) => void,
    from: number = BLOCKS_AT,
    goesOn: () => boolean = () => true,
  ): number {
    const brk = this.#heap.words[HEADER.brk]!;
    this.#heap.reserveWords(brk);
    let page = from;
    while (page < brk && goesOn()) {
      const code = this.#pages.codeOf(page);
      let count = 1;
      if (code === FREE_PAGE || code === TAIL_PAGE) {
        free?.(page, code);
      } else {
        if (code === LARGE_PAGE) count = this.#heap.words[page + BLOCK.state]! >>> BLOCK_PAGES_SHIFT;
        if (count === 0 || page + count * PAGE_WORDS > brk || (code !== LARGE_PAGE && code > CLASSES))
          throw new CorruptError(`the page table of shared memory says of the page at word ${page} what it cannot be`);
        visit(page, code === LARGE_PAGE ? -1 : code - 1, count);
      }
      page += count * PAGE_WORDS;
    }
    return page;
  }
}
