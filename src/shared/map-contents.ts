/**
 * What a SharedMap holds: its words, its entries, and every change of them.
 *
 * All but `lasts` and `freeRetired` is for a caller inside the map's mutex who has caught up with the heap. `now` is
 * the moment to judge entries by, 0 while none can end.
 */
import { CorruptError, TooLargeError } from "../errors/index.js";
import { atomics, generationWord, HEADER, type Heap } from "../memory/index.js";
import {
  destroyEntry,
  dueOf,
  ENTRY,
  endsOf,
  publishEntry,
  reachEntry,
  retireEntry,
  type TakenValue,
  takeValue,
  weightOf,
} from "./entry.js";
import { HashTable } from "./hash-table.js";
import { MAP } from "./map-layout.js";
import { keyAt, type PackedKey } from "./packed-key.js";
import { PUT, READ, Touches } from "./touches.js";

const { load, store } = atomics;

/** The share of a cache that makes way at once where memory is full. */
const WAY = 1 / 64;
/** Entries that one change looks at for whether they have ended. */
const SWEPT_PER_CHANGE = 4;
/** Entries that eviction passes over before it takes one that was put, and before it takes one all the same. */
const MOST_PASSED_OVER = { [PUT]: 64, [READ]: 128 } as const;

/** Runs `section` inside the mutex of a map, with the moment to judge entries by. */
export type MapSection = <T>(section: (now: number) => T) => T;

/** What a key had, by block and generation. */
export interface Seen {
  readonly taken: TakenValue;
  readonly entry: number;
  readonly generation: number;
  readonly due: number;
}

export class MapContents {
  readonly table: HashTable;
  /** Where hashes begin. */
  readonly seed: number;
  /** Of a cache. */
  readonly touches: Touches | undefined = undefined;
  readonly #heap: Heap;
  readonly #at: number;
  readonly #title: () => string;
  /** What this worker took out and frees once it has left the mutex. */
  #retired: number[] = [];

  /** @param title what errors call the map */
  constructor(heap: Heap, at: number, title: () => string) {
    this.#heap = heap;
    this.#at = at;
    this.#title = title;
    this.seed = heap.words[at + MAP.seed]!;
    this.table = new HashTable(heap, at + MAP.table);
    const touchBytes = heap.words[at + MAP.touchBytes]!;
    if (touchBytes <= 0) return;
    if (MAP.touches + touchBytes / 4 > heap.allocator.sizeOfBlock(at))
      throw new CorruptError(
        `a map in shared memory says that it has ${touchBytes} bytes for what its entries are used`,
      );
    this.touches = new Touches(heap, at + MAP.touches, touchBytes);
  }

  /** Its entries may take up only so much memory, and make way for others. */
  get isBounded(): boolean {
    return this.#heap.words[this.#at + MAP.maxWeight] !== 0;
  }

  /** How many keys have a value. */
  size(now: number): number {
    if (now === 0) return this.table.count;
    let count = 0;
    this.forEach(now, () => count++);
    return count;
  }

  lasts(entry: number, now: number): boolean {
    return now === 0 || dueOf(this.#heap.words, entry) > now;
  }

  /** The entry of a key, 0 when it has none that lasts. */
  entryOf(its: PackedKey, now: number): number {
    const slot = this.table.slotOf(its);
    if (slot === 0) return 0;
    const entry = this.table.entryIn(slot);
    return this.lasts(entry, now) ? entry : 0;
  }

  keyOf(entry: number): string {
    const { bytes, words } = this.#heap;
    return keyAt(bytes, entry + ENTRY.key, words[entry + ENTRY.shape]!);
  }

  /** Calls `visit` for each entry that lasts. */
  forEach(now: number, visit: (entry: number) => void): void {
    this.table.forEach((slot) => {
      const entry = this.table.entryIn(slot);
      if (this.lasts(entry, now)) visit(entry);
    });
  }

  take(its: PackedKey, now: number): TakenValue | undefined {
    const entry = this.entryOf(its, now);
    return entry === 0 ? undefined : takeValue(this.#heap, entry);
  }

  /** What a key has, for a writer that wants to replace just that. */
  look(its: PackedKey, now: number): Seen | undefined {
    const entry = this.entryOf(its, now);
    if (entry === 0) return undefined;
    const { words } = this.#heap;
    return {
      taken: takeValue(this.#heap, entry),
      entry,
      generation: load(words, generationWord(entry)),
      due: dueOf(words, entry),
    };
  }

  /**
   * Puts an entry, or none, in the place of a key's. False when the key has not what was seen, or nothing to take out.
   */
  change(its: PackedKey, entry: number, seen: Seen | null | undefined, now: number): boolean {
    const heap = this.#heap;
    const { table } = this;
    const slot = table.slotOf(its);
    const current = slot === 0 ? 0 : table.entryIn(slot);
    const lasting = current !== 0 && this.lasts(current, now) ? current : 0;
    if (seen !== undefined && lasting !== (seen?.entry ?? 0)) return false;
    // By block and generation: the same bytes, put by another worker meanwhile, are another entry.
    if (seen && load(heap.words, generationWord(lasting)) !== seen.generation) return false;
    if (entry === 0) {
      if (current !== 0) this.#remove(slot);
      return lasting !== 0;
    }
    const weight = weightOf(heap, entry);
    const before = current === 0 ? 0 : weightOf(heap, current);
    if (slot === 0) table.reserve(its.hash);
    this.#makeRoom(weight - before, weight, current, now);
    // Before anybody finds it: who finds an entry that ends must look at the clock.
    if (endsOf(heap.words, entry)) store(heap.words, this.#at + MAP.ends, 1);
    publishEntry(heap, entry);
    if (slot === 0) {
      table.insert(its.hash, entry, weight);
    } else {
      table.replace(slot, entry, weight - before);
      retireEntry(heap, current, this.#retired);
    }
    this.touches?.put(its.hash);
    return true;
  }

  #remove(slot: number): void {
    const entry = this.table.entryIn(slot);
    this.touches?.forget(this.#heap.words[slot]!);
    this.table.remove(slot, weightOf(this.#heap, entry));
    retireEntry(this.#heap, entry, this.#retired);
  }

  /**
   * In a cache, whose entries may go, what is least used makes way where memory is full: others use it too, and what
   * entries of another size left is only free for all when whole pages of them are. False when nothing is left to go.
   */
  makeWay(now: number): boolean {
    const { table } = this;
    const { count } = table;
    const enough = table.weight - Math.ceil(table.weight * WAY);
    this.#evict(() => table.weight <= enough, 0, now);
    return table.count < count;
  }

  /**
   * Takes out what has ended, a few entries each time, and what is least used until `more` words fit. Never the entry
   * that is being replaced.
   */
  #makeRoom(more: number, weight: number, replaced: number, now: number): void {
    const { table } = this;
    const { words } = this.#heap;
    const max = words[this.#at + MAP.maxWeight]! >>> 0;
    if (now !== 0) {
      for (let looks = 0; looks < SWEPT_PER_CHANGE; looks++) {
        const slot = table.nextInTurn();
        if (slot === 0) break;
        const entry = table.entryIn(slot);
        if (entry !== replaced && !this.lasts(entry, now)) this.#remove(slot);
      }
    }
    if (max === 0) return;
    if (weight > max)
      throw new TooLargeError(
        `an entry of ${weight * 4} bytes never fits into ${this.#title()}, whose maxBytes is ${max * 4}`,
      );
    this.#evict(() => table.weight + more <= max, replaced, now);
  }

  /** Takes out what is least used until there is enough room, or nothing but `replaced` is left. */
  #evict(isEnough: () => boolean, replaced: number, now: number): void {
    const { table, touches } = this;
    const { words } = this.#heap;
    let turns = MOST_PASSED_OVER[PUT] + MOST_PASSED_OVER[READ] + load(words, HEADER.brk);
    for (let passed = 0; !isEnough() && table.count > (replaced === 0 ? 0 : 1); ) {
      const slot = table.nextInTurn();
      // As many turns as there can be slots, each of them passed over as often as it may be.
      if (--turns < 0) throw new CorruptError(`${this.#title()} says that it holds more than can be found in it`);
      if (slot === 0) continue;
      const entry = table.entryIn(slot);
      if (entry === replaced) continue;
      const hash = words[slot]!;
      const use = touches?.useOf(hash) ?? 0;
      if (use > 0 && passed++ < MOST_PASSED_OVER[use === PUT ? PUT : READ] && this.lasts(entry, now)) {
        touches?.lower(hash);
        continue;
      }
      this.#remove(slot);
      words[this.#at + MAP.evictions]!++;
    }
  }

  /**
   * Takes everything out by one store, for `freeCleared` to free. Does nothing while what was taken out before is not
   * freed.
   */
  clear(): void {
    const { words } = this.#heap;
    const at = this.#at;
    const { directory } = this.table;
    if (directory === 0 || load(words, at + MAP.cleared) !== 0) return;
    // Before it is detached: a death between the two must not lose it.
    store(words, at + MAP.cleared, directory);
    this.table.detach();
    this.touches?.clear();
  }

  /** Frees one segment of what `clear` took out. */
  freeCleared(): void {
    const { words } = this.#heap;
    const directory = load(words, this.#at + MAP.cleared);
    if (directory !== 0 && freeNext(this.#heap, this.table, directory)) store(words, this.#at + MAP.cleared, 0);
  }

  /** Counts anew, after a worker died inside: the entries themselves are committed by one store each. */
  recount(): void {
    const heap = this.#heap;
    const { words } = heap;
    const at = this.#at;
    if (words[at + MAP.cleared] !== 0 && words[at + MAP.cleared] === this.table.directory)
      store(words, at + MAP.cleared, 0);
    this.table.recount((entry) => {
      reachEntry(heap, entry);
      return weightOf(heap, entry);
    });
  }

  /** Frees what this worker took out. Outside the mutex. */
  freeRetired(): void {
    if (this.#retired.length === 0) return;
    const retired = this.#retired;
    this.#retired = [];
    for (const block of retired) this.#heap.allocator.free(block);
  }
}

/** Frees the entries of a map that nobody holds any more, and its table. */
export function destroyContents(heap: Heap, at: number): void {
  const table = new HashTable(heap, at + MAP.table);
  for (const directory of new Set([table.directory, load(heap.words, at + MAP.cleared)])) {
    if (directory !== 0) while (!freeNext(heap, table, directory));
  }
}

function freeNext(heap: Heap, table: HashTable, directory: number): boolean {
  return table.destroyNext(directory, (entry) => {
    reachEntry(heap, entry);
    destroyEntry(heap, entry);
  });
}
