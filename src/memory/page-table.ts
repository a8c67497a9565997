/**
 * The pages of the control region: what each of them is, and which are free.
 *
 * The table is the truth. It stands in front of all pages, where no content of a block is ever written, so that a place
 * can be checked by what no user's bytes imitate: the page says which class its blocks are of, hence where they begin.
 * A page's epoch changes each time it comes into use: who reads the header of a block that it does not hold reads the
 * page's state before and after, and knows by an equal state that a header stood there all the time. Free runs are
 * derived: linked by their length, and merged with their neighbours, which are found by words in the first and the last
 * page of a run.
 */
import { CorruptError, OutOfMemoryError } from "../errors/index.js";
import { load, store } from "#atomics";
import { ALL_LOOKS, BROKEN, FreeLists, NONE } from "./free-lists.js";
import type { Regions } from "./regions.js";
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_PAGES_SHIFT,
  BLOCKS_AT,
  FREE_PAGE,
  HEADER,
  LARGE_PAGE,
  MOST_PAGES,
  PAGE,
  PAGE_CODE_MASK,
  PAGE_ENTRY,
  PAGE_ENTRY_WORDS,
  PAGE_EPOCH_SHIFT,
  PAGE_LOG,
  PAGE_TABLE_AT,
  PAGE_WORDS,
  RUN,
  TAIL_PAGE,
} from "./layout.js";
import { CLASSES, indexOf, sizeOf } from "./size-class.js";

const IN_PAGE = PAGE_WORDS - 1;

/** The page that a place is in. */
export function pageOf(at: number): number {
  return at & ~IN_PAGE;
}

/** Where the page table tells of the page that a place is in. */
export function entryOf(at: number): number {
  // Whatever `at` is: inside the table.
  return PAGE_TABLE_AT + (((at - BLOCKS_AT) >> PAGE_LOG) & (MOST_PAGES - 1)) * PAGE_ENTRY_WORDS;
}

/** The word that is another whenever the page around `at` was used for something else meanwhile. */
export function pageStateWord(at: number): number {
  return entryOf(at) + PAGE_ENTRY.state;
}

export class PageTable {
  readonly #heap: Regions;
  readonly #runs: FreeLists;
  readonly #mend: () => void;

  /** `mend` makes all that is derived anew. */
  constructor(heap: Regions, mend: () => void) {
    this.#heap = heap;
    this.#mend = mend;
    this.#runs = new FreeLists(heap, HEADER.freeRuns, RUN, (first) => this.#lengthOf(first));
  }

  /**
   * What the page is: FREE_PAGE, a class + 1, LARGE_PAGE or TAIL_PAGE. Read plainly: under the guard, or of a page with
   * a block that the caller came to know of by an atomic operation.
   */
  codeOf(page: number): number {
    return this.#heap.words[pageStateWord(page)]! & PAGE_CODE_MASK;
  }

  /**
   * The class of the block that begins at `at`, LARGE_PAGE where it takes whole pages, -1 where none does: by the
   * table, and by how many blocks of the page have a header. All of it is within reach then. In constant time: every
   * word that names a block is checked.
   */
  classAt(at: number): number {
    // Whole: what is rounded by `>>` would pass.
    if (!(at > BLOCKS_AT) || (at | 0) !== at) return -1;
    const page = pageOf(at);
    if (page >= this.#heap.words.length && !this.#reach(page)) return -1;
    const { words } = this.#heap;
    const sizeClass = (words[pageStateWord(at)]! & PAGE_CODE_MASK) - 1;
    if (sizeClass >>> 0 >= CLASSES)
      return sizeClass + 1 === LARGE_PAGE && this.#endOfLarge(page) > 0 && at === page + BLOCK_HEADER_WORDS
        ? LARGE_PAGE
        : -1;
    const index = indexOf(sizeClass, at - page);
    return index >= 0 && index < words[page + PAGE.carved]! ? sizeClass : -1;
  }

  /** How many words the block holds that begins at `at`; -1 where none does. */
  sizeOfBlockAt(at: number): number {
    const sizeClass = this.classAt(at);
    return sizeClass === LARGE_PAGE ? this.#endOfLarge(pageOf(at)) - at : sizeClass < 0 ? -1 : sizeOf(sizeClass);
  }

  /** Another worker may have added the page. */
  #reach(page: number): boolean {
    if (page >= load(this.#heap.words, HEADER.brk)) return false;
    this.#heap.reserveWords(page + PAGE_WORDS);
    return true;
  }

  /** Where a block ends that takes whole pages; 0 where it cannot. */
  #endOfLarge(page: number): number {
    const heap = this.#heap;
    const count = heap.words[page + BLOCK.state]! >>> BLOCK_PAGES_SHIFT;
    const end = page + count * PAGE_WORDS;
    if (count === 0 || end > load(heap.words, HEADER.brk)) return 0;
    heap.reserveWords(end);
    return end;
  }

  /** The generation of a block that begins in this page where the page table knows of none. */
  generationOf(page: number): number {
    return this.#heap.words[entryOf(page) + PAGE_ENTRY.generation]!;
  }

  /** Before a page is given back: none of its later blocks has a generation that one of its blocks had. */
  raiseGeneration(page: number, reached: number): void {
    const { words } = this.#heap;
    const word = entryOf(page) + PAGE_ENTRY.generation;
    if (((reached - words[word]!) | 0) > 0) words[word] = reached;
  }

  /** From here on the page is what `code` says. It had been free. */
  use(page: number, code: number): void {
    const { words } = this.#heap;
    const word = pageStateWord(page);
    store(words, word, (((words[word]! >>> PAGE_EPOCH_SHIFT) + 1) << PAGE_EPOCH_SHIFT) | code);
  }

  /**
   * Commits pages to one block, whose header stands there and says that it is FREE. The first page last: tails without
   * one are free.
   */
  useRun(first: number, count: number): void {
    for (let page = first + PAGE_WORDS; page < first + count * PAGE_WORDS; page += PAGE_WORDS)
      this.use(page, TAIL_PAGE);
    this.use(first, LARGE_PAGE);
  }

  /** `count` pages in a row. They are free until `use`: who dies in between leaves them so. @throws OutOfMemoryError */
  take(count: number): number {
    for (let tries = 0; tries < 2; tries++) {
      let run = this.#runs.find(count);
      if (run === NONE) {
        try {
          return this.#grow(count);
        } catch (error) {
          run = error instanceof OutOfMemoryError ? this.#runs.find(count, ALL_LOOKS) : NONE;
          if (run === NONE) throw error;
        }
      }
      if (run !== BROKEN && this.#split(run, count)) return run;
      this.#mend();
    }
    throw new CorruptError("the lists of free pages of shared memory name what is no free page");
  }

  #split(run: number, count: number): boolean {
    const length = this.#heap.words[run + RUN.length]!;
    if (!this.#runs.remove(run, length)) return false;
    if (length > count) this.#list(run + count * PAGE_WORDS, length - count);
    return true;
  }

  /** Gives pages back that nothing uses any more. The first one first: tails without one are free. */
  giveBack(first: number, count: number): void {
    const { words } = this.#heap;
    for (let page = first; page < first + count * PAGE_WORDS; page += PAGE_WORDS) this.release(page);
    const brk = words[HEADER.brk]!;
    let [from, end] = [first, first + count * PAGE_WORDS];
    if (from > BLOCKS_AT && this.codeOf(from - PAGE_WORDS) === FREE_PAGE) {
      const below = words[from - PAGE_WORDS + RUN.first]!;
      const length = this.#lengthOf(below);
      // Made anew, the lists have these pages too.
      if (below + length * PAGE_WORDS !== from || !this.#runs.remove(below, length)) {
        this.#mend();
        return;
      }
      from = below;
    }
    if (end < brk && this.codeOf(end) === FREE_PAGE) {
      const length = this.#lengthOf(end);
      if (length < 0 || !this.#runs.remove(end, length)) {
        this.#mend();
        return;
      }
      end += length * PAGE_WORDS;
    }
    this.#list(from, (end - from) / PAGE_WORDS);
  }

  /** In the table, and nowhere else. */
  release(page: number): void {
    const { words } = this.#heap;
    const word = pageStateWord(page);
    store(words, word, (words[word]! & ~PAGE_CODE_MASK) | FREE_PAGE);
  }

  clear(): void {
    this.#runs.clear();
  }

  /** Lists a run of pages that the table calls free. */
  #list(first: number, length: number): void {
    const { words } = this.#heap;
    words[first + RUN.length] = length;
    words[first + (length - 1) * PAGE_WORDS + RUN.first] = first;
    this.#runs.add(first, length);
  }

  /** Lists the pages between, which the table calls free and no list has. */
  relist(from: number, end: number): void {
    if (end > from) this.#list(from, (end - from) / PAGE_WORDS);
  }

  /** How long the free run is that begins there; -1 where none does. */
  #lengthOf(first: number): number {
    const { words } = this.#heap;
    const brk = words[HEADER.brk]!;
    if (!(first >= BLOCKS_AT && first < brk) || first % PAGE_WORDS !== 0 || this.codeOf(first) !== FREE_PAGE) return -1;
    const length = words[first + RUN.length]!;
    const last = first + (length - 1) * PAGE_WORDS;
    return length > 0 && last < brk && words[last + RUN.first] === first && this.codeOf(last) === FREE_PAGE
      ? length
      : -1;
  }

  /** Pages that were never handed out, behind those of a free run that ends there. */
  #grow(count: number): number {
    const heap = this.#heap;
    const brk = heap.words[HEADER.brk]!;
    if (!(brk >= BLOCKS_AT) || brk % PAGE_WORDS !== 0)
      throw new CorruptError(`shared memory says that it ends at word ${brk}, where no page does`);
    let first = brk;
    if (brk > BLOCKS_AT && this.codeOf(brk - PAGE_WORDS) === FREE_PAGE)
      first = heap.words[brk - PAGE_WORDS + RUN.first]!;
    const length = first === brk ? 0 : this.#lengthOf(first);
    if (first + length * PAGE_WORDS !== brk)
      throw new CorruptError("the last free pages of shared memory are not what they say");
    if (length >= count && this.#split(first, count)) return first;
    const end = first + count * PAGE_WORDS;
    heap.addWords(brk, end);
    for (let page = brk; page < end; page += PAGE_WORDS)
      if (this.codeOf(page) !== FREE_PAGE)
        throw new CorruptError(`shared memory says that it ends at word ${brk}, which is in use`);
    if (length > 0 && !this.#runs.remove(first, length))
      throw new CorruptError("the last free pages of shared memory are not linked as they say");
    // From here on they are free pages like others, no matter which worker dies.
    store(heap.words, HEADER.brk, end);
    return first;
  }
}
