/**
 * The data region: extents side by side, each described by a block of the control region, used (DRAFT or LIVE) or
 * SPARE.
 *
 * Where each begins and how long it is, and the state of its block, are the truth; lists, neighbours, `dataBrk` and
 * `dataCached` are derived. Spare neighbours become one, and what is left of one that is longer than needed becomes
 * another. Both pass through the same half-done state, which the next worker that enters after a death completes: a
 * spare extent within a spare one goes. Merging makes the lower one longer, then frees the upper one's block; cutting
 * writes the upper one down, then makes the lower one shorter.
 */
import { OutOfMemoryError } from "../errors/index.js";
import { store } from "#atomics";
import { ALL_LOOKS, BROKEN, FreeLists, NONE } from "./free-lists.js";
import type { Regions } from "./regions.js";
import {
  BLOCK,
  BLOCK_HEADER_WORDS,
  BLOCK_KIND_SHIFT,
  EXTENT,
  EXTENT_WORDS,
  HEADER,
  KIND,
  SPARE,
  UNIT_BYTES,
} from "./layout.js";
import type { PageTable } from "./page-table.js";

/** Spare extents up to this much stay resident for the next large message; beyond it, pages go back to the system. */
const CACHED_UNITS = (64 << 20) / UNIT_BYTES;
const LEAST_UNITS = 4;
/**
 * Lengths are rounded up to an eighth of a power of two, and to no more than so many units, so that what was cut fits
 * the next one.
 */
const MOST_STEP_UNITS = 1024;
const IS_SPARE = (KIND.extent << BLOCK_KIND_SHIFT) | SPARE;

/** Where the blocks come from that describe extents. */
interface Blocks {
  /** A block whose header says that it is FREE, out of all lists. */
  take(words: number): number;
  free(at: number): void;
}

/** A piece of the data region. */
export interface Extent {
  /** The block that describes it: what is retained, published and freed. */
  readonly block: number;
  /** First 64-byte unit. */
  readonly unit: number;
}

export class Extents {
  readonly #heap: Regions;
  readonly #pages: PageTable;
  readonly #blocks: Blocks;
  readonly #lists: FreeLists;
  readonly #mend: () => void;

  /** `mend` makes all that is derived anew. */
  constructor(heap: Regions, pages: PageTable, blocks: Blocks, mend: () => void) {
    this.#heap = heap;
    this.#pages = pages;
    this.#blocks = blocks;
    this.#mend = mend;
    this.#lists = new FreeLists(heap, HEADER.freeExtents, EXTENT, (block) => this.#spareUnits(block));
  }

  /**
   * A spare extent of at least so many bytes, out of its list, with memory of the system behind it. `isFresh` where
   * nobody ever had it.
   */
  take(bytes: number): { readonly block: number; readonly isFresh: boolean } {
    const units = roundedUp(Math.ceil(bytes / UNIT_BYTES));
    for (let tries = 0; ; tries++) {
      let block = this.#lists.find(units);
      if (block === NONE) {
        try {
          return this.#append(units);
        } catch (error) {
          block = error instanceof OutOfMemoryError ? this.#lists.find(units, ALL_LOOKS) : NONE;
          if (block === NONE) throw error;
        }
      }
      if (block !== BROKEN && this.#cut(block, units)) return { block, isFresh: false };
      this.#mend();
      if (tries > 0) return this.#append(units);
    }
  }

  /** Lists an extent whose block has just become SPARE, as one with its spare neighbours. */
  put(block: number): void {
    const heap = this.#heap;
    const { words } = heap;
    const units = words[block + EXTENT.units]!;
    words[block + EXTENT.resident] = 0;
    if (words[HEADER.dataCached]! > CACHED_UNITS) {
      heap.discardExtent(words[block + EXTENT.unit]!, units);
    } else {
      words[block + EXTENT.resident] = units;
      words[HEADER.dataCached]! += units;
    }
    this.#join(block);
  }

  /** Makes anew what is derived, from the blocks of all extents; completes what was left half done. */
  rebuild(blocks: number[]): void {
    const { words } = this.#heap;
    this.#lists.clear();
    words[HEADER.dataCached] = 0;
    const unitOf = (block: number): number => words[block + EXTENT.unit]!;
    blocks.sort((one, other) => unitOf(one) - unitOf(other));
    const spares: number[] = [];
    let last = 0;
    for (const block of blocks) {
      const units = words[block + EXTENT.units]!;
      words[block + EXTENT.below] = words[block + EXTENT.above] = 0;
      if (!(unitOf(block) >= 0 && units > 0)) continue;
      if (last !== 0) {
        const end = unitOf(last) + words[last + EXTENT.units]!;
        if (
          unitOf(block) <= end &&
          this.#spareUnits(last) > 0 &&
          this.#spareUnits(block) > 0 &&
          this.#shareWindow(last, block)
        ) {
          store(words, last + EXTENT.units, Math.max(end, unitOf(block) + units) - unitOf(last));
          words[last + EXTENT.resident] = 0;
          this.#blocks.free(block);
          continue;
        }
        words[last + EXTENT.above] = block;
        words[block + EXTENT.below] = last;
      }
      last = block;
      if (this.#spareUnits(block) > 0) spares.push(block);
    }
    for (const spare of spares) {
      const units = words[spare + EXTENT.units]!;
      const resident = words[spare + EXTENT.resident]!;
      words[spare + EXTENT.resident] = resident > 0 && resident <= units ? resident : 0;
      words[HEADER.dataCached]! += words[spare + EXTENT.resident]!;
      this.#lists.add(spare, units);
    }
    words[HEADER.lastExtent] = last;
    words[HEADER.dataBrk] = last === 0 ? 0 : unitOf(last) + words[last + EXTENT.units]!;
  }

  /** How long a spare extent is; -1 of what is none. */
  #spareUnits(block: number): number {
    const { words } = this.#heap;
    if (this.#pages.sizeOfBlockAt(block) < EXTENT_WORDS || words[block - BLOCK_HEADER_WORDS + BLOCK.state] !== IS_SPARE)
      return -1;
    const units = words[block + EXTENT.units]!;
    return units > 0 && words[block + EXTENT.unit]! >= 0 ? units : -1;
  }

  /** Whether two neighbours, if they are that, are spare and side by side. */
  #areOne(lower: number, upper: number): boolean {
    const { words } = this.#heap;
    if (lower === 0 || upper === 0) return false;
    const units = this.#spareUnits(lower);
    return (
      units > 0 &&
      this.#spareUnits(upper) > 0 &&
      words[lower + EXTENT.unit]! + units === words[upper + EXTENT.unit] &&
      this.#shareWindow(lower, upper)
    );
  }

  /** No extent crosses from one window of the data region into another. */
  #shareWindow(lower: number, upper: number): boolean {
    const { words, windowUnits } = this.#heap;
    return (
      Math.floor(words[lower + EXTENT.unit]! / windowUnits) ===
      Math.floor((words[upper + EXTENT.unit]! + words[upper + EXTENT.units]! - 1) / windowUnits)
    );
  }

  /** Lists a spare extent that no list has, as one with its spare neighbours. */
  #join(block: number): void {
    const { words } = this.#heap;
    const [below, above] = [words[block + EXTENT.below]!, words[block + EXTENT.above]!];
    if (
      (below !== 0 && words[below + EXTENT.above] !== block) ||
      (above !== 0 && words[above + EXTENT.below] !== block)
    ) {
      this.#mend();
      return;
    }
    if (this.#areOne(block, above)) {
      if (!this.#lists.remove(above, words[above + EXTENT.units]!)) {
        this.#mend();
        return;
      }
      this.#absorb(block, above);
    }
    if (!this.#areOne(below, block)) {
      this.#lists.add(block, words[block + EXTENT.units]!);
      return;
    }
    if (!this.#lists.remove(below, words[below + EXTENT.units]!)) {
      this.#mend();
      return;
    }
    this.#absorb(below, block);
    this.#lists.add(below, words[below + EXTENT.units]!);
  }

  /** Makes one of two spare neighbours, which no list has. */
  #absorb(lower: number, upper: number): void {
    const { words } = this.#heap;
    store(words, lower + EXTENT.units, words[lower + EXTENT.units]! + words[upper + EXTENT.units]!);
    words[lower + EXTENT.resident]! += words[upper + EXTENT.resident]!;
    this.#link(lower, words[upper + EXTENT.above]!);
    this.#blocks.free(upper);
  }

  /**
   * Takes a listed extent, and leaves what it has beyond `units` as another; false when it is not listed as it should
   * be.
   */
  #cut(block: number, units: number): boolean {
    const heap = this.#heap;
    const whole = heap.words[block + EXTENT.units]!;
    const left = whole - units;
    const rest = left < LEAST_UNITS || left < units >> 6 ? 0 : this.#describe();
    const { words } = heap;
    const unit = words[block + EXTENT.unit]!;
    const resident = words[block + EXTENT.resident]!;
    try {
      if (resident < whole) heap.reserveExtent(unit, rest === 0 ? whole : units);
    } catch (error) {
      if (rest !== 0) this.#blocks.free(rest);
      throw error;
    }
    if (this.#spareUnits(block) !== whole || !this.#lists.remove(block, whole)) {
      if (rest !== 0) this.#blocks.free(rest);
      return false;
    }
    words[HEADER.dataCached] = Math.max(0, words[HEADER.dataCached]! - resident);
    if (rest === 0) return true;
    const above = words[block + EXTENT.above]!;
    // Where the resident part stands is not known, only whether it is all.
    this.#write(rest, unit + units, left, resident === whole ? left : Math.max(0, resident - units));
    store(words, block + EXTENT.units, units);
    this.#link(block, rest);
    this.#link(rest, above);
    words[HEADER.dataCached]! += words[rest + EXTENT.resident]!;
    this.#lists.add(rest, left);
    return true;
  }

  /** An extent behind all others, or the last one made longer. */
  #append(units: number): { readonly block: number; readonly isFresh: boolean } {
    const heap = this.#heap;
    let last = heap.words[HEADER.lastExtent]!;
    let brk = heap.words[HEADER.dataBrk]!;
    if (this.#endOf(last) !== brk) {
      this.#mend();
      [last, brk] = [heap.words[HEADER.lastExtent]!, heap.words[HEADER.dataBrk]!];
    }
    const spare = last === 0 ? -1 : this.#spareUnits(last);
    if (spare > 0) {
      const unit = heap.words[last + EXTENT.unit]!;
      if (spare < units && heap.placeExtent(unit, units) === unit) {
        heap.reserveExtent(unit, units);
        const { words } = heap;
        if (this.#lists.remove(last, spare)) {
          words[HEADER.dataCached] = Math.max(0, words[HEADER.dataCached]! - words[last + EXTENT.resident]!);
          store(words, last + EXTENT.units, units);
          words[HEADER.dataBrk] = unit + units;
          return { block: last, isFresh: false };
        }
      }
    }
    const unit = heap.placeExtent(brk, units);
    heap.reserveExtent(unit, units);
    const block = this.#blocks.take(EXTENT_WORDS);
    if (unit > brk) {
      // The rest of a window.
      const gap = this.#describe();
      if (gap !== 0) {
        this.#write(gap, brk, unit - brk, 0);
        this.#link(last, gap);
        this.#link(gap, 0);
        this.#join(gap);
        last = heap.words[HEADER.lastExtent]!;
      }
    }
    this.#write(block, unit, units, units);
    this.#link(last, block);
    this.#link(block, 0);
    heap.words[HEADER.dataBrk] = unit + units;
    return { block, isFresh: true };
  }

  /** One past the last unit of an extent; 0 of none. */
  #endOf(block: number): number {
    const { words } = this.#heap;
    return block === 0
      ? 0
      : this.#pages.sizeOfBlockAt(block) < EXTENT_WORDS
        ? -1
        : words[block + EXTENT.unit]! + words[block + EXTENT.units]!;
  }

  /** A block to describe an extent that can be done without: 0 when there is no memory for it. */
  #describe(): number {
    try {
      return this.#blocks.take(EXTENT_WORDS);
    } catch (error) {
      if (error instanceof OutOfMemoryError) return 0;
      throw error;
    }
  }

  /** Writes a spare extent down. From the store of its state on it is one. */
  #write(block: number, unit: number, units: number, resident: number): void {
    const { words } = this.#heap;
    words[block + EXTENT.unit] = unit;
    words[block + EXTENT.units] = units;
    words[block + EXTENT.resident] = resident;
    store(words, block - BLOCK_HEADER_WORDS + BLOCK.state, IS_SPARE);
  }

  /** Makes two extents neighbours; 0 for none. */
  #link(lower: number, upper: number): void {
    const { words } = this.#heap;
    if (lower !== 0) words[lower + EXTENT.above] = upper;
    if (upper !== 0) words[upper + EXTENT.below] = lower;
    else words[HEADER.lastExtent] = lower;
  }
}

function roundedUp(units: number): number {
  const step = Math.min(MOST_STEP_UNITS, Math.max(LEAST_UNITS, 2 ** (28 - Math.clz32(units))));
  return Math.max(LEAST_UNITS, Math.ceil(units / step) * step);
}
