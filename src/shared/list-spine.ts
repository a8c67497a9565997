/**
 * The spine of a SharedList: a block of cells, each of which names an immutable entry (entry.ts, without a key). All
 * but `readLength` and `read` is for a caller inside the list's mutex who has caught up with the heap.
 *
 * The layout, in words, after those of a monitor: the epoch, another number whenever the spine was replaced; the spine.
 * A spine: word 0 the first cell in use, 1 one past the last, then the cells. What happens at its ends is committed by
 * a store of word 0 or 1, a new item in its place by a store of its cell, everything else by a store that puts another
 * spine in its place.
 *
 * Reading follows hash-table.ts: the epoch before and after, the cell before and after the generation of the entry, and
 * here also the two ends. A cell that falls out of use is emptied before its entry is freed, so that nobody who saw the
 * end before takes what stands in that memory later for the entry.
 */
import { ArgumentRangeError, CorruptError } from "../errors/index.js";
import { atomics, DRAFT, generationWord, type Heap, pageStateWord } from "../memory/index.js";
import { MONITOR_WORDS } from "../objects/index.js";
import {
  destroyEntry,
  ENTRY,
  publishEntry,
  reachEntry,
  readEntry,
  retireEntry,
  type TakenValue,
  takeValue,
  UNREAD,
} from "./entry.js";
import { KIND } from "./kinds.js";

const { load, store } = atomics;

export const LIST = { epoch: MONITOR_WORDS, spine: MONITOR_WORDS + 1 } as const;
export const LIST_WORDS = MONITOR_WORDS + 2;

export const FIRST = 0;
export const END = 1;
const CELLS = 2;
const LEAST_CELLS = 14;
/** Where an item was seen. */
export interface SeenValue {
  readonly taken: TakenValue;
  readonly entry: number;
  readonly generation: number;
}

export class ListSpine {
  readonly #heap: Heap;
  /** First word of the list. */
  readonly #at: number;
  readonly #title: () => string;
  /** What this worker took out and frees once it has left the mutex. */
  #retired: number[] = [];

  /** @param title what errors call the list */
  constructor(heap: Heap, at: number, title: () => string) {
    this.#heap = heap;
    this.#at = at;
    this.#title = title;
  }

  /** How many items there are; UNREAD when others change it. Outside the mutex. */
  readLength(): number | typeof UNREAD {
    const { words } = this.#heap;
    const at = this.#at;
    const epoch = load(words, at + LIST.epoch);
    const spine = load(words, at + LIST.spine);
    if (spine === 0) return 0;
    if (!(spine > 0 && spine + CELLS <= words.length)) return UNREAD;
    const first = load(words, spine + FIRST);
    const end = load(words, spine + END);
    return load(words, spine + FIRST) === first && load(words, at + LIST.epoch) === epoch ? end - first : UNREAD;
  }

  /**
   * The item at an index, undefined when there is none; UNREAD when others change it, INSIDE when it has to be read
   * inside. Outside the mutex.
   */
  read(index: number): unknown {
    const heap = this.#heap;
    const at = this.#at;
    const { words } = heap;
    const limit = words.length;
    const epoch = load(words, at + LIST.epoch);
    const spine = load(words, at + LIST.spine);
    if (spine === 0) return undefined;
    if (!(spine > 0 && spine + CELLS <= limit)) return UNREAD;
    const first = load(words, spine + FIRST);
    const end = load(words, spine + END);
    const place = index < 0 ? end + index : first + index;
    const cell = spine + CELLS + place;
    if (place < first || place >= end) {
      return load(words, spine + FIRST) === first && load(words, at + LIST.epoch) === epoch ? undefined : UNREAD;
    }
    if (!(cell > 0 && cell < limit)) return UNREAD;
    const entry = words[cell]!;
    if (!(entry > ENTRY.key && entry + ENTRY.key < limit)) return UNREAD;
    const page = load(words, pageStateWord(entry));
    const generation = load(words, generationWord(entry));
    if (load(words, cell) !== entry || load(words, spine + FIRST) !== first || load(words, spine + END) !== end)
      return UNREAD;
    if (load(words, at + LIST.epoch) !== epoch) return UNREAD;
    return readEntry(heap, entry, page, generation);
  }

  get #block(): number {
    return load(this.#heap.words, this.#at + LIST.spine);
  }

  #cells(spine: number): number {
    return this.#heap.allocator.sizeOfBlock(spine) - CELLS;
  }

  get length(): number {
    const spine = this.#block;
    const { words, allocator } = this.#heap;
    if (spine === 0) return 0;
    const [first, end] = [words[allocator.check(spine) + FIRST]!, words[spine + END]!];
    if (!(first >= 0 && first <= end && end <= this.#cells(spine)))
      throw new CorruptError(`${this.#title()} says that its items stand from ${first} to ${end}, which they cannot`);
    return end - first;
  }

  /** The cell of an index, 0 when no item has it. */
  #cellOf(index: number): number {
    const { length } = this;
    const from = index < 0 ? length + index : index;
    if (from < 0 || from >= length) return 0;
    const spine = this.#block;
    return spine + CELLS + this.#heap.words[spine + FIRST]! + from;
  }

  /** The entry at an index, 0 when no item has it. */
  entryAt(index: number): number {
    const cell = this.#cellOf(index);
    return cell === 0 ? 0 : this.#heap.words[cell]!;
  }

  /** What stands at an index, for a writer that wants to replace just that. @throws ArgumentRangeError */
  look(index: number): SeenValue {
    const entry = this.entryAt(index) || this.#outside(index);
    return { taken: takeValue(this.#heap, entry), entry, generation: load(this.#heap.words, generationWord(entry)) };
  }

  #outside(index: number): never {
    throw new ArgumentRangeError(`${this.#title()} has no item ${index}: it has ${this.length}`);
  }

  /**
   * Puts an entry in the place of an item: of whatever is there, or only of what was seen. False when that is gone.
   * @throws ArgumentRangeError
   */
  replace(index: number, entry: number, seen: SeenValue | undefined): boolean {
    const heap = this.#heap;
    const cell = this.#cellOf(index) || this.#outside(index);
    const current = heap.words[cell]!;
    if (seen !== undefined && (current !== seen.entry || load(heap.words, generationWord(current)) !== seen.generation))
      return false;
    publishEntry(heap, entry);
    store(heap.words, cell, entry);
    retireEntry(heap, current, this.#retired);
    return true;
  }

  /** Puts entries at the end; returns how many items there are then. */
  push(entries: readonly number[]): number {
    const heap = this.#heap;
    let spine = this.#block;
    const { length } = this;
    if (spine === 0 || heap.words[spine + END]! + entries.length > this.#cells(spine)) {
      if (entries.length > 0) spine = this.#renew(length, 0, [], entries.length);
      else return length;
    }
    const { words } = heap;
    const end = words[spine + END]!;
    for (const [index, entry] of entries.entries()) {
      words[spine + CELLS + end + index] = entry;
      publishEntry(heap, entry);
    }
    store(words, spine + END, end + entries.length);
    return length + entries.length;
  }

  /** Takes an item out at one end. The end moves, then the cell is emptied, then the entry may be freed. */
  takeEnd(which: typeof FIRST | typeof END): TakenValue | undefined {
    if (this.length === 0) return undefined;
    const heap = this.#heap;
    const { words } = heap;
    const spine = this.#block;
    const word = spine + which;
    const place = which === FIRST ? words[word]! : words[word]! - 1;
    const entry = words[spine + CELLS + place]!;
    const item = takeValue(heap, entry);
    store(words, word, which === FIRST ? place + 1 : place);
    store(words, spine + CELLS + place, 0);
    retireEntry(heap, entry, this.#retired);
    return item;
  }

  /**
   * Puts entries where `deleteCount` items from `start` on were; returns those. Indexes are those of
   * `Array.prototype.splice`.
   */
  splice(start: number, deleteCount: number, entries: readonly number[]): TakenValue[] {
    const heap = this.#heap;
    const { length } = this;
    const whole = Number.isNaN(start) ? 0 : Math.trunc(start);
    const from = whole < 0 ? Math.max(0, length + whole) : Math.min(whole, length);
    const count = Math.min(Math.max(Number.isNaN(deleteCount) ? 0 : Math.trunc(deleteCount), 0), length - from);
    if (count === 0 && entries.length === 0) return [];
    const removed = Array.from({ length: count }, (_, index) => this.entryAt(from + index));
    this.#renew(from, count, entries, 0);
    return removed.map((entry) => {
      const item = takeValue(heap, entry);
      retireEntry(heap, entry, this.#retired);
      return item;
    });
  }

  clear(): void {
    const heap = this.#heap;
    const spine = this.#block;
    if (spine === 0) return;
    const entries = Array.from({ length: this.length }, (_, index) => this.entryAt(index));
    store(heap.words, this.#at + LIST.spine, 0);
    this.moveEpoch();
    for (const entry of entries) retireEntry(heap, entry, this.#retired);
    heap.allocator.adopt(spine);
    this.#retired.push(spine);
  }

  /** After the spine was replaced, and before what was replaced is freed. */
  moveEpoch(): void {
    const { words } = this.#heap;
    store(words, this.#at + LIST.epoch, (words[this.#at + LIST.epoch]! + 1) | 0);
  }

  /**
   * Puts a new spine in the place of the old: with `entries` where `count` items from `from` on were, and room for at
   * least `more` at the end. Returns it.
   */
  #renew(from: number, count: number, entries: readonly number[], more: number): number {
    const heap = this.#heap;
    const { allocator } = heap;
    const old = this.#block;
    const length = this.length;
    const next = length - count + entries.length;
    const spine = allocator.allocate(CELLS + Math.max(LEAST_CELLS, Math.ceil((next + more) * 1.5)), KIND.plain, DRAFT);
    const { words } = heap;
    const first = old === 0 ? 0 : old + CELLS + words[old + FIRST]!;
    let cell = spine + CELLS;
    for (let index = 0; index < from; index++) words[cell++] = words[first + index]!;
    for (const entry of entries) words[cell++] = entry;
    for (let index = from + count; index < length; index++) words[cell++] = words[first + index]!;
    words[spine + END] = next;
    for (const entry of entries) publishEntry(heap, entry);
    allocator.publish(spine);
    store(words, this.#at + LIST.spine, spine);
    this.moveEpoch();
    if (old !== 0) {
      allocator.adopt(old);
      this.#retired.push(old);
    }
    return spine;
  }

  /** Frees what this worker took out. Outside the mutex. */
  freeRetired(): void {
    if (this.#retired.length === 0) return;
    const retired = this.#retired;
    this.#retired = [];
    for (const block of retired) this.#heap.allocator.free(block);
  }
}

/** Frees the items of a list that nobody holds any more, and its spine. */
export function destroySpine(heap: Heap, at: number): void {
  const { words } = heap;
  const spine = load(words, at + LIST.spine);
  if (spine === 0) return;
  const room = heap.allocator.sizeOfBlock(heap.allocator.check(spine)) - CELLS;
  if (!(words[spine + FIRST]! >= 0 && words[spine + END]! <= room))
    throw new CorruptError("a list in shared memory has more items than there is room for");
  for (let place = words[spine + FIRST]!; place < words[spine + END]!; place++) {
    const entry = words[spine + CELLS + place]!;
    reachEntry(heap, entry);
    destroyEntry(heap, entry);
  }
  heap.allocator.free(spine);
}
