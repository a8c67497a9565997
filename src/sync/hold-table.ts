/**
 * Who holds how many: the ledger of a semaphore, a read-write lock or a barrier, kept inside the object, one cell
 * (worker, count) per holder.
 *
 * The cells are the truth: totals elsewhere are derived from them, so a worker killed between two stores leaves nothing
 * half done. All access is inside the owner's mutex. Rejected: a ledger per worker that lists what it holds; counting
 * there and here cannot be one step.
 */
import { CorruptError } from "../errors/index.js";
import {
  atomics,
  BLOCK_HEADER_WORDS,
  DRAFT,
  generationWord,
  type Heap,
  KIND,
  pageStateWord,
  stillStands,
} from "../memory/index.js";
import type { Hold, Strike } from "../objects/index.js";

const { load, store } = atomics;

const WORKER = 0;
const COUNT = 1;
const CELL_WORDS = 2;

/** Layout of a table inside its object: the block of its cells once it has outgrown the inline ones, then those. */
export const HOLD_TABLE_WORDS = 12;
const MORE_AT = 0;
const INLINE_AT = 2;
const INLINE_CELLS = 5;
/** Layout of such a block: how many cells, then the cells. */
const BLOCK_CELLS = 0;
const BLOCK_CELLS_AT = 2;

/** In place of the worker: what the cell counts is used up. It still counts until it is struck out. */
const USED_UP = -1;

export class HoldTable {
  readonly #heap: Heap;
  readonly #at: number;
  /** Where this worker's cell was last seen. */
  #mine = 0;

  constructor(heap: Heap, at: number) {
    this.#heap = heap;
    this.#at = at;
  }

  /** How many this worker holds. */
  get mine(): number {
    return this.of(this.#heap.self);
  }

  /** How many a worker holds. */
  of(worker: number): number {
    const cell = this.#cellOf(worker, false);
    return cell === 0 ? 0 : this.#heap.words[cell + COUNT]!;
  }

  /** Changes what a worker holds: one store. */
  add(worker: number, change: number): void {
    const cell = this.#cellOf(worker, true);
    const { words } = this.#heap;
    store(words, cell + COUNT, words[cell + COUNT]! + change);
  }

  /** How many everybody holds. */
  get total(): number {
    let total = 0;
    this.#each((cell, words) => {
      total += words[cell + COUNT]!;
    });
    return total;
  }

  /**
   * Strikes out workers that are dead; returns how many they held. `mark` is called before anything is struck out: a
   * worker killed in between leaves word of it. What a worker held of whom `keeps` is true is used up instead.
   */
  reclaim(mark: () => void = () => {}, keeps: (worker: number) => boolean = () => false): number {
    const { registry } = this.#heap;
    let reclaimed = 0;
    this.#each((cell, words) => {
      const worker = words[cell + WORKER]!;
      if (worker === 0 || worker === USED_UP || registry.isAlive(worker)) return;
      const count = words[cell + COUNT]!;
      if (count > 0 && keeps(worker)) {
        store(words, cell + WORKER, USED_UP);
        return;
      }
      if (count > 0) mark();
      reclaimed += count;
      store(words, cell + COUNT, 0);
      store(words, cell + WORKER, 0);
    });
    return reclaimed;
  }

  /** What a worker holds is used up; returns how many that are. It counts until it is struck out. One store. */
  useUp(worker: number): number {
    const cell = this.#cellOf(worker, false);
    if (cell === 0) return 0;
    const { words } = this.#heap;
    const count = words[cell + COUNT]!;
    if (count > 0) store(words, cell + WORKER, USED_UP);
    return count;
  }

  /** The same for each worker that holds more than `most`. */
  useUpBeyond(most: number): void {
    this.#each((cell, words) => {
      if (words[cell + WORKER] !== 0 && words[cell + COUNT]! > most) store(words, cell + WORKER, USED_UP);
    });
  }

  /** How many are used up and not struck out yet. */
  get usedUp(): number {
    let used = 0;
    this.#each((cell, words) => {
      if (words[cell + WORKER] === USED_UP) used += words[cell + COUNT]!;
    });
    return used;
  }

  strikeOutUsedUp(): void {
    this.#each((cell, words) => {
      if (words[cell + WORKER] === USED_UP) store(words, cell + COUNT, 0);
    });
  }

  clear(): void {
    this.#each((cell, words) => store(words, cell + COUNT, 0));
  }

  /** The words that name workers. Inside the mutex. */
  names(strike: Strike): void {
    this.#each((cell) => strike(cell + WORKER));
  }

  /** The block that the table has outgrown its object into, 0 for none: freed with the object. */
  static overflowOf(heap: Heap, at: number): number {
    return heap.words[at + MORE_AT]!;
  }

  /**
   * Who holds how many, read by somebody outside the mutex. Cells that moved while they were read are read again;
   * should they move each time, nobody is named.
   */
  static holders(heap: Heap, at: number): Hold[] {
    heap.catchUp();
    const { words } = heap;
    for (let tries = 0; tries < 8; tries++) {
      const more = load(words, at + MORE_AT);
      if (more !== 0 && !(more >= BLOCK_HEADER_WORDS && more + BLOCK_CELLS_AT <= words.length)) return [];
      const page = more === 0 ? 0 : load(words, pageStateWord(more));
      const generation = more === 0 ? 0 : load(words, generationWord(more));
      // Asked again: it may have been freed before its generation was read.
      if (load(words, at + MORE_AT) !== more) continue;
      const first = more === 0 ? at + INLINE_AT : more + BLOCK_CELLS_AT;
      const end = Math.min(words.length, first + (more === 0 ? INLINE_CELLS : words[more + BLOCK_CELLS]!) * CELL_WORDS);
      const found: Hold[] = [];
      for (let cell = first; cell < end; cell += CELL_WORDS) {
        const worker = words[cell + WORKER]!;
        const count = words[cell + COUNT]!;
        if (worker > 0 && count > 0) found.push({ worker, count });
      }
      if (load(words, at + MORE_AT) === more && (more === 0 || stillStands(words, more, page, generation)))
        return found;
    }
    return [];
  }

  #cellOf(worker: number, add: boolean): number {
    const heap = this.#heap;
    if (
      worker === heap.self &&
      this.#mine !== 0 &&
      heap.words[this.#mine + WORKER] === worker &&
      this.#contains(this.#mine)
    )
      return this.#mine;
    let found = 0;
    let vacant = 0;
    this.#each((cell, words) => {
      const holder = words[cell + WORKER]!;
      if (holder === worker) found = cell;
      else if (vacant === 0 && (holder === 0 || words[cell + COUNT] === 0)) vacant = cell;
    });
    if (found === 0 && add) {
      found = vacant === 0 ? this.#grow() : vacant;
      store(heap.words, found + COUNT, 0);
      store(heap.words, found + WORKER, worker);
    }
    if (worker === heap.self) this.#mine = found;
    return found;
  }

  #contains(cell: number): boolean {
    const { words } = this.#heap;
    const more = words[this.#at + MORE_AT]!;
    if (more === 0) return cell < this.#at + HOLD_TABLE_WORDS && cell >= this.#at + INLINE_AT;
    return cell >= more + BLOCK_CELLS_AT && cell < more + BLOCK_CELLS_AT + words[more + BLOCK_CELLS]! * CELL_WORDS;
  }

  /** `words` reaches the cells: another worker may have moved them beyond this thread's view of a grown heap. */
  #each(visit: (cell: number, words: Int32Array) => void): void {
    const heap = this.#heap;
    const more = heap.words[this.#at + MORE_AT]!;
    if (more !== 0) heap.catchUp();
    const { words } = heap;
    if (
      more !== 0 &&
      !(words[heap.allocator.check(more) + BLOCK_CELLS]! >>> 0 <= heap.allocator.sizeOfBlock(more) / CELL_WORDS)
    )
      throw new CorruptError("a table of holders in shared memory has more cells than its block has room for");
    let cell = more === 0 ? this.#at + INLINE_AT : more + BLOCK_CELLS_AT;
    const end = cell + (more === 0 ? INLINE_CELLS : words[more + BLOCK_CELLS]!) * CELL_WORDS;
    for (; cell < end; cell += CELL_WORDS) visit(cell, words);
  }

  /**
   * Four times as many cells elsewhere; in use from the one store that names their block. Returns the first vacant one.
   */
  #grow(): number {
    const heap = this.#heap;
    const old = heap.words[this.#at + MORE_AT]!;
    const from = old === 0 ? this.#at + INLINE_AT : old + BLOCK_CELLS_AT;
    const cells = old === 0 ? INLINE_CELLS : heap.words[old + BLOCK_CELLS]!;
    const block = heap.allocator.allocate(BLOCK_CELLS_AT + cells * 4 * CELL_WORDS, KIND.plain, DRAFT);
    const { words } = heap;
    words[block + BLOCK_CELLS] = cells * 4;
    words.copyWithin(block + BLOCK_CELLS_AT, from, from + cells * CELL_WORDS);
    heap.allocator.publish(block);
    store(words, this.#at + MORE_AT, block);
    if (old !== 0) heap.allocator.free(old);
    return block + BLOCK_CELLS_AT + cells * CELL_WORDS;
  }
}
