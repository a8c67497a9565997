/**
 * The table of a SharedMap: extendible hashing (Fagin, Nievergelt, Pippenger, Strong: "Extendible hashing", 1979). The
 * highest bits of a hash choose a cell of the directory, which names a segment; the lowest bits choose the slot in it
 * where probing begins. However large the table is, growing rebuilds one segment.
 *
 * Changes are made inside the owner's mutex. The truth is what the directory leads to (table-layout.ts says where what
 * stands); all counts, and the weight, are derived. Each change is committed by one store: of a slot's entry, or of the
 * directory, which is replaced as a whole whenever a segment is.
 *
 * Finding needs no mutex. A reader reads plainly, then looks whether it still held:
 * - The epoch is the same as before: the directory and the segments that were read were the table's. It moves after the
 *   directory was replaced and before what was replaced is freed, or anything else changes. A worker killed between the
 *   two frees nothing, and the next one inside moves it first.
 * - The slot names the entry both before and after the generation of the entry's block was read, and at the end the
 *   generation and the state of its page are the same (see memory/sighting.ts): what was read of the entry is whole.
 *   One look at the slot is not enough: it may name the same block again, freed and written anew meanwhile.
 * A key that is there all the time is found: its slot is never emptied, nor any slot before it, as long as its segment
 * lives.
 *
 * Rejected: chains of entries, whose links would lead from an entry that was taken out into what took its neighbour's
 * place; one table that grows as a whole, which holds writers up for as long as it is large; splitting a segment in
 * place, cell by cell, which a worker killed half-way leaves with two owners of one entry.
 */
import { atomics, DRAFT, generationWord, type Heap, KIND, pageStateWord, stillStands } from "../memory/index.js";
import { CorruptError } from "../errors/index.js";
import { ENTRY } from "./entry.js";
import type { PackedKey } from "./packed-key.js";
import { Segments } from "./segments.js";
import {
  CELLS,
  COUNT,
  DEPTH,
  DIRECTORY,
  EPOCH,
  GONE,
  HAND,
  HAND_SLOT,
  LIVE,
  MOST_DEPTH,
  MOST_SLOTS_LOG,
  NAMED,
  SHARED_BITS,
  SLOT_WORDS,
  SLOTS,
  SLOTS_LOG,
  USED,
  WEIGHT,
  cellOf,
  full,
  isKeyOf,
  slotsLogFor,
} from "./table-layout.js";

const { load, orderLoads, store } = atomics;

/** Between two looks whether the slots are still the table's. */
const STEPS_BETWEEN_LOOKS = 64;

/** What was read did not hold: look again, after catching up with the heap. */
export const UNSETTLED = -1;

export class HashTable {
  readonly #heap: Heap;
  readonly #segments: Segments;
  /** First of its words. */
  readonly #at: number;
  /** Of the block of the entry that `find` returned, and of the page around it. */
  generation = 0;
  page = 0;

  constructor(heap: Heap, at: number) {
    this.#heap = heap;
    this.#at = at;
    this.#segments = new Segments(heap);
  }

  /** How many entries there are. */
  get count(): number {
    return load(this.#heap.words, this.#at + COUNT);
  }

  get weight(): number {
    return load(this.#heap.words, this.#at + WEIGHT) >>> 0;
  }

  /**
   * The entry of a key, 0 when there is none, UNSETTLED when others change it. Outside the mutex. A caller that reads
   * the entry looks at its generation again afterwards.
   */
  find(key: PackedKey): number {
    const { words } = this.#heap;
    const at = this.#at;
    const limit = words.length;
    const epoch = load(words, at + EPOCH);
    const directory = words[at + DIRECTORY]!;
    if (directory === 0) return this.#settled(words, epoch, 0);
    if (!(directory > 0 && directory + CELLS < limit)) return UNSETTLED;
    const { hash } = key;
    const cell = directory + CELLS + cellOf(hash, words[directory + DEPTH]!);
    if (!(cell < limit)) return UNSETTLED;
    const segment = words[cell]!;
    if (!(segment > 0 && segment + SLOTS < limit)) return UNSETTLED;
    const mask = (1 << words[segment + SLOTS_LOG]!) - 1;
    for (let index = hash & mask, step = 0; step <= mask; index = (index + 1) & mask, step++) {
      const slot = segment + SLOTS + index * SLOT_WORDS;
      if (!(slot + NAMED < limit)) return UNSETTLED;
      const entry = words[slot + NAMED]!;
      if (entry === 0) return this.#settled(words, epoch, 0);
      if (words[slot] === hash && entry > 0) {
        if (!(entry > ENTRY.key && entry + ENTRY.key + key.length < limit)) return UNSETTLED;
        const page = load(words, pageStateWord(entry));
        const generation = load(words, generationWord(entry));
        if (load(words, slot + NAMED) !== entry || load(words, at + EPOCH) !== epoch) return UNSETTLED;
        if (isKeyOf(words, entry, key)) {
          this.generation = generation;
          this.page = page;
          return entry;
        }
        // Another key of the same hash, or an entry that was freed meanwhile.
        orderLoads();
        if (!stillStands(words, entry, page, generation)) return UNSETTLED;
      }
      if (step % STEPS_BETWEEN_LOOKS === STEPS_BETWEEN_LOOKS - 1 && load(words, at + EPOCH) !== epoch) return UNSETTLED;
    }
    return this.#settled(words, epoch, 0);
  }

  // All that follows: inside the mutex, and caught up with the heap.

  /** The slot of a key, 0 when it has none. */
  slotOf(key: PackedKey): number {
    const segment = this.#segmentOf(key.hash);
    if (segment === 0) return 0;
    const { words } = this.#heap;
    const { hash } = key;
    const mask = this.#segments.slotsOf(segment) - 1;
    for (let index = hash & mask, step = 0; step <= mask; index = (index + 1) & mask, step++) {
      const slot = segment + SLOTS + index * SLOT_WORDS;
      const entry = words[slot + NAMED]!;
      if (entry === 0) return 0;
      if (entry !== GONE && words[slot] === hash && isKeyOf(words, entry, key)) return slot;
    }
    return 0;
  }

  entryIn(slot: number): number {
    return this.#heap.words[slot + NAMED]!;
  }

  /** Makes room for one more entry of this hash. When there is no memory for it, it throws and has changed nothing. */
  reserve(hash: number): void {
    const segment = this.#segmentOf(hash);
    const { words } = this.#heap;
    if (segment !== 0 && 4 * (words[segment + USED]! + 1) <= 3 * this.#segments.slotsOf(segment)) return;
    this.#renew(segment);
  }

  /** Puts the entry of a new key, for which there is room. */
  insert(hash: number, entry: number, weight: number): void {
    const { words } = this.#heap;
    const segment = this.#segmentOf(hash);
    const mask = this.#segments.slotsOf(segment) - 1;
    let index = hash & mask;
    for (let step = 0; words[segment + SLOTS + index * SLOT_WORDS + NAMED]! > 0; index = (index + 1) & mask)
      if (step++ > mask) full();
    const slot = segment + SLOTS + index * SLOT_WORDS;
    if (words[slot + NAMED] === 0) words[segment + USED]!++;
    words[segment + LIVE]!++;
    words[this.#at + COUNT]!++;
    words[this.#at + WEIGHT]! += weight;
    // The hash first: a reader that sees the entry sees its hash.
    words[slot] = hash;
    store(words, slot + NAMED, entry);
  }

  /** Puts another entry in the place of the key's. */
  replace(slot: number, entry: number, heavier: number): void {
    const { words } = this.#heap;
    words[this.#at + WEIGHT]! += heavier;
    store(words, slot + NAMED, entry);
  }

  remove(slot: number, weight: number): void {
    const { words } = this.#heap;
    words[this.#segmentOf(words[slot]!) + LIVE]!--;
    words[this.#at + COUNT]!--;
    words[this.#at + WEIGHT]! -= weight;
    store(words, slot + NAMED, GONE);
  }

  /** Calls `visit` for each slot that holds an entry. It may remove that one. */
  forEach(visit: (slot: number) => void): void {
    this.#segments.forEach(load(this.#heap.words, this.#at + DIRECTORY), (segment) => {
      const slots = this.#segments.slotsOf(segment);
      for (let index = 0; index < slots; index++) {
        const slot = segment + SLOTS + index * SLOT_WORDS;
        if (this.#heap.words[slot + NAMED]! > 0) visit(slot);
      }
    });
  }

  /** The next slot in turn that holds an entry; 0 when some segments in a row hold none. */
  nextInTurn(): number {
    const { words } = this.#heap;
    const at = this.#at;
    for (let segments = 0; segments < 3; segments++) {
      const hand = words[at + HAND]! >>> 0;
      const segment = this.#segmentOf(hand);
      if (segment === 0) return 0;
      const slots = this.#segments.slotsOf(segment);
      const from = words[at + HAND_SLOT]!;
      if (!(from >= 0)) throw new CorruptError(`a map in shared memory goes on at slot ${from} of a segment`);
      for (let index = from; index < slots; index++) {
        const slot = segment + SLOTS + index * SLOT_WORDS;
        if (words[slot + NAMED]! > 0) {
          words[at + HAND_SLOT] = index + 1;
          return slot;
        }
      }
      const hashes = 2 ** (32 - words[segment + SHARED_BITS]!);
      words[at + HAND] = (Math.floor(hand / hashes) + 1) * hashes;
      words[at + HAND_SLOT] = 0;
    }
    return 0;
  }

  /** Counts anew what a worker that died inside may have left half counted. */
  recount(weightOf: (entry: number) => number): void {
    const { words } = this.#heap;
    const at = this.#at;
    // It may have died between replacing the directory and moving the epoch.
    this.#moveEpoch();
    let count = 0;
    let weight = 0;
    this.#segments.forEach(load(words, at + DIRECTORY), (segment) => {
      let used = 0;
      let live = 0;
      const end = segment + SLOTS + this.#segments.slotsOf(segment) * SLOT_WORDS;
      for (let slot = segment + SLOTS; slot < end; slot += SLOT_WORDS) {
        const entry = words[slot + NAMED]!;
        if (entry === 0) continue;
        used++;
        if (entry === GONE) continue;
        live++;
        weight += weightOf(entry);
      }
      words[segment + USED] = used;
      words[segment + LIVE] = live;
      count += live;
    });
    words[at + COUNT] = count;
    words[at + WEIGHT] = weight;
  }

  get directory(): number {
    return load(this.#heap.words, this.#at + DIRECTORY);
  }

  /** Empties the table in one step. What it held stays in the directory that it had, for `destroyNext`. */
  detach(): void {
    const { words } = this.#heap;
    store(words, this.#at + DIRECTORY, 0);
    this.#moveEpoch();
    words[this.#at + COUNT] = 0;
    words[this.#at + WEIGHT] = 0;
  }

  /**
   * Frees the next segment of a directory that no table has any more, and calls `destroy` for its entries; with the
   * last one, the directory. True when it is gone.
   */
  destroyNext(directory: number, destroy: (entry: number) => void): boolean {
    const { allocator } = this.#heap;
    const { words } = this.#heap;
    const end = directory + CELLS + 2 ** this.#segments.depthOf(directory);
    for (let cell = directory + CELLS; cell < end; cell++) {
      const segment = words[cell]!;
      if (segment === 0) continue;
      const last = segment + SLOTS + this.#segments.slotsOf(segment) * SLOT_WORDS;
      for (let slot = segment + SLOTS; slot < last; slot += SLOT_WORDS) {
        const entry = words[slot + NAMED]!;
        if (entry <= 0) continue;
        // Out of the slot before it is freed: who goes on after a death must not free it again.
        store(words, slot + NAMED, 0);
        destroy(entry);
      }
      for (let other = cell; other < end && words[other] === segment; other++) words[other] = 0;
      allocator.free(segment);
      return false;
    }
    allocator.free(directory);
    return true;
  }

  #settled<T>(words: Int32Array, epoch: number, result: T): T | typeof UNSETTLED {
    orderLoads();
    return load(words, this.#at + EPOCH) === epoch ? result : UNSETTLED;
  }

  #moveEpoch(): void {
    const { words } = this.#heap;
    store(words, this.#at + EPOCH, (words[this.#at + EPOCH]! + 1) | 0);
  }

  #segmentOf(hash: number): number {
    const { words } = this.#heap;
    const directory = words[this.#at + DIRECTORY]!;
    return directory === 0 ? 0 : words[directory + CELLS + cellOf(hash, this.#segments.depthOf(directory))]!;
  }

  /** Replaces a segment by one with more room, or by two, without what is gone; or makes the first. */
  #renew(old: number): void {
    const { allocator } = this.#heap;
    const before = this.#heap.words;
    const directory = before[this.#at + DIRECTORY]!;
    const depth = old === 0 ? 0 : this.#segments.depthOf(directory);
    const bits = old === 0 ? 0 : before[old + SHARED_BITS]!;
    const live = old === 0 ? 0 : before[old + LIVE]!;
    if (live !== 0 && !(live >>> 0 <= this.#segments.slotsOf(old)))
      throw new CorruptError(`a segment of a map in shared memory says that it holds ${live} entries`);
    // Not where the hashes are so much alike that the directory would grow without use.
    const split =
      slotsLogFor(live + 1) > MOST_SLOTS_LOG &&
      bits < MOST_DEPTH &&
      (bits < depth || 2 ** depth <= 64 + before[this.#at + COUNT]! / 32);
    const side = 31 - bits;
    const counts: [number, number] = [live, 0];
    if (split) {
      counts[0] = 0;
      this.#segments.forEachEntry(old, (its) => counts[((its >>> side) & 1) as 0 | 1]++);
    }
    const newDepth = split && bits === depth ? depth + 1 : depth;
    const drafts: number[] = [];
    const allocate = (words: number): number => {
      const block = allocator.allocate(words, KIND.plain, DRAFT);
      drafts.push(block);
      return block;
    };
    const segment = (count: number): number => {
      const slotsLog = slotsLogFor(count + 1);
      const block = allocate(SLOTS + 2 ** slotsLog * SLOT_WORDS);
      this.#heap.words[block + SHARED_BITS] = split ? bits + 1 : bits;
      this.#heap.words[block + SLOTS_LOG] = slotsLog;
      return block;
    };
    let parts: [number, number];
    let renewed: number;
    try {
      const first = segment(counts[0]);
      parts = [first, split ? segment(counts[1]) : first];
      renewed = allocate(CELLS + 2 ** newDepth);
    } catch (error) {
      for (const block of drafts) allocator.free(block);
      throw error;
    }
    const { words } = this.#heap;
    if (old !== 0) {
      this.#segments.forEachEntry(old, (its, entry) => {
        const part = parts[split ? (((its >>> side) & 1) as 0 | 1) : 0];
        const mask = (1 << words[part + SLOTS_LOG]!) - 1;
        let index = its & mask;
        for (let step = 0; words[part + SLOTS + index * SLOT_WORDS + NAMED] !== 0; index = (index + 1) & mask)
          if (step++ > mask) full();
        words[part + SLOTS + index * SLOT_WORDS] = its;
        words[part + SLOTS + index * SLOT_WORDS + NAMED] = entry;
        words[part + USED]!++;
        words[part + LIVE]!++;
      });
    }
    words[renewed + DEPTH] = newDepth;
    for (let cell = 0; cell < 2 ** newDepth; cell++) {
      const known = old === 0 ? 0 : words[directory + CELLS + (cell >>> (newDepth - depth))]!;
      words[renewed + CELLS + cell] =
        known !== old ? known : parts[split ? (((cell >>> (newDepth - bits - 1)) & 1) as 0 | 1) : 0];
    }
    for (const block of drafts) allocator.publish(block);
    store(words, this.#at + DIRECTORY, renewed);
    this.#moveEpoch();
    if (old === 0) return;
    allocator.free(old);
    allocator.free(directory);
  }
}
