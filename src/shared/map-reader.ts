/**
 * How a SharedMap is read. Of one key without its mutex: the reader looks a bounded number of times, and then asks
 * inside. Of all keys inside, as they are at one instant.
 */
import { atomics, type Heap, sharedNow, stillStands } from "../memory/index.js";
import { dueOf, INSIDE, NEVER, openValue, readEntry, type TakenValue, takeValue, UNREAD } from "./entry.js";
import { type HashTable, UNSETTLED } from "./hash-table.js";
import type { MapContents, MapSection } from "./map-contents.js";
import { MAP } from "./map-layout.js";
import { PackedKey } from "./packed-key.js";

const { load } = atomics;

/** Looks before a reader asks inside the mutex. */
const LOOKS = atomics.spins(64);

const packed = new PackedKey();

export class MapReader<V> {
  /** Calls of `get` that found something, and that did not. */
  hits = 0;
  misses = 0;
  readonly #heap: Heap;
  readonly #at: number;
  readonly #seed: number;
  readonly #contents: MapContents;
  readonly #table: HashTable;
  readonly #inside: MapSection;

  constructor(heap: Heap, at: number, contents: MapContents, inside: MapSection) {
    this.#heap = heap;
    this.#at = at;
    this.#seed = contents.seed;
    this.#contents = contents;
    this.#table = contents.table;
    this.#inside = inside;
  }

  get(key: string): V | undefined {
    const its = packed.pack(key, this.#seed);
    const { hash } = its;
    let value = this.#read(its);
    if (value === INSIDE) {
      const taken = this.#inside((now) => this.#contents.take(its, now));
      value = taken === undefined ? undefined : openValue(this.#heap, taken);
    }
    if (value === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    this.#contents.touches?.read(hash);
    return value as V;
  }

  /** The value of a key, undefined when it has none; INSIDE when that has to be asked inside the mutex. */
  #read(its: PackedKey): unknown {
    const heap = this.#heap;
    const table = this.#table;
    for (let look = 0; look < LOOKS; look++) {
      const entry = table.find(its);
      if (entry === 0) return undefined;
      if (entry !== UNSETTLED) {
        const value = readEntry(heap, entry, table.page, table.generation);
        if (value !== UNREAD) return value;
      }
      heap.catchUp();
    }
    return INSIDE;
  }

  has(key: string): boolean {
    const its = packed.pack(key, this.#seed);
    const heap = this.#heap;
    const table = this.#table;
    for (let look = 0; look < LOOKS; look++) {
      const entry = table.find(its);
      if (entry === 0) return false;
      if (entry !== UNSETTLED) {
        const { words } = heap;
        const due = load(words, this.#at + MAP.ends) === 0 ? NEVER : dueOf(words, entry);
        atomics.orderLoads();
        if (stillStands(words, entry, table.page, table.generation)) return due === NEVER || due > sharedNow();
      }
      heap.catchUp();
    }
    return this.#inside((now) => this.#contents.entryOf(its, now) !== 0);
  }

  keys(): string[] {
    const keys: string[] = [];
    this.#inside((now) => this.#contents.forEach(now, (entry) => keys.push(this.#contents.keyOf(entry))));
    return keys;
  }

  entries(): [string, V][] {
    const heap = this.#heap;
    const taken: [string, TakenValue][] = [];
    this.#inside((now) =>
      this.#contents.forEach(now, (entry) => taken.push([this.#contents.keyOf(entry), takeValue(heap, entry)])),
    );
    return taken.map(([key, value]) => [key, openValue(heap, value) as V]);
  }
}
