/**
 * A map in shared memory: a table of immutable entries (hash-table.ts, entry.ts), changed inside a mutex and read without it.
 *
 * A writer writes an entry as its own draft, outside the mutex; inside, one store puts it in the place of the one before, which becomes the writer's draft in turn.
 * So a worker killed at any instant has replaced the value or has not, and what it had in its hands goes back. The counts are made anew by the next one inside.
 * A reader looks a bounded number of times, and asks inside the mutex when writers were faster each time.
 */
import type { Facts } from "../codec/portrait.js";
import { encode, type Message } from "../codec/index.js";
import { Handle, heapOfReach, Monitor, MONITOR_WORDS, onInspect, onMonitorNames, type Reach, registerShared, wrap } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError, CorruptError, OutOfMemoryError, TooLargeError, KnownOptions, ownOptions } from "../errors/index.js";
import { atomics, generationWord, HEADER, type Heap, onDestroy, sharedNow, stillStands } from "../memory/index.js";
import {
  destroyEntry,
  discardEntry,
  draftEntry,
  dropValue,
  dueOf,
  ENTRY,
  endsOf,
  INSIDE,
  letGoOf,
  NEVER,
  openValue,
  publishEntry,
  reachEntry,
  readEntry,
  retireEntry,
  type TakenValue,
  takeValue,
  UNREAD,
  weightOf,
} from "./entry.js";
import { HashTable, TABLE_WORDS, UNSETTLED } from "./hash-table.js";
import { find, link, nameAt, nameBytes, unlink } from "./name-table.js";
import { keyAt, PackedKey } from "./packed-key.js";
import { show } from "./scalar-type.js";
import { checkSynchronous } from "./synchronous.js";
import { PUT, READ, touchBytesOf, Touches } from "./touches.js";
import { KIND } from "./kinds.js";

const { load, store } = atomics;

const MAP = {
  table: MONITOR_WORDS,
  /** Where hashes begin: another number in each map, so that nobody can choose keys whose hashes are alike. Set once. */
  seed: MONITOR_WORDS + TABLE_WORDS,
  /** Most words of memory, unsigned; 0 for no limit. Set once. */
  maxWeight: MONITOR_WORDS + TABLE_WORDS + 1,
  /** Milliseconds that an entry lasts, low and high word; 0 for ever. Set once. */
  ttlLow: MONITOR_WORDS + TABLE_WORDS + 2,
  ttlHigh: MONITOR_WORDS + TABLE_WORDS + 3,
  /** 1 once an entry was put that ends. */
  ends: MONITOR_WORDS + TABLE_WORDS + 4,
  /** The entry of its name (see name-table.ts), 0 for none. */
  name: MONITOR_WORDS + TABLE_WORDS + 5,
  /** A directory that `clear` detached and has not freed yet, 0 for none. */
  cleared: MONITOR_WORDS + TABLE_WORDS + 6,
  /** How many entries made way for others. */
  evictions: MONITOR_WORDS + TABLE_WORDS + 7,
  /** Bytes of `touches`, a power of two; 0 without a limit. Set once. */
  touchBytes: MONITOR_WORDS + TABLE_WORDS + 8,
  /** A byte for all hashes that end alike, PUT or READ: what became of one of their entries since the hand came by. Only a hint: written plainly, by readers too. */
  touches: MONITOR_WORDS + TABLE_WORDS + 9,
} as const;

/** Looks before a reader asks inside the mutex. */
const LOOKS = atomics.spins(64);
/** Some 140,000 years; an entry's end still fits where it stands. */
const MOST_TTL = 2 ** 52;
/** The share of a cache that makes way at once where memory is full. */
const WAY = 1 / 64;
/** Entries that one change looks at for whether they have ended. */
const SWEPT_PER_CHANGE = 4;
/** Entries that eviction passes over before it takes one that was put, and before it takes one all the same. */
const MOST_PASSED_OVER = { [PUT]: 64, [READ]: 128 } as const;

const packed = new PackedKey();

/** What it is bounded by. Said by whoever makes the map; who opens it later gets it as it is. */
export interface SharedMapOptions extends Reach {
  /** Most bytes of memory that the entries may take up; the least used make way for others. Absent or 0 for no limit. */
  maxBytes?: number | undefined;
  /** Milliseconds that an entry lasts unless `set` says otherwise. Absent or Infinity for ever. */
  ttl?: number | undefined;
}

/** How long an entry lasts. */
export interface EntryOptions {
  /** In milliseconds; Infinity for ever. */
  ttl?: number | undefined;
}

const MAP_OPTIONS = new KnownOptions<SharedMapOptions>(
  { across: true, label: true, maxBytes: true, ttl: true },
  { maxSize: "a map is bounded by maxBytes", maxEntries: "a map is bounded by maxBytes" },
);
const ENTRY_OPTIONS = new KnownOptions<EntryOptions>({ ttl: true });

/** What `stats` tells. */
export interface SharedMapStats {
  /** Entries. */
  readonly size: number;
  /** Memory that the entries take up, what holds them together aside. */
  readonly bytes: number;
  /** Entries that made way for others since the map was made, whoever put those. */
  readonly evictions: number;
  /** Calls of `get` in this worker that found something. */
  readonly hits: number;
  /** Calls of `get` in this worker that found nothing. */
  readonly misses: number;
}

/**
 * A map from strings to values that any worker of its reach reads and changes: the counterpart of Python's `Manager().dict()`, without the manager's process.
 *
 * A value is copied in by `set` and copied out by `get`: changing what `get` returned changes nothing in the map. Shared objects in a value (a Lock, a Queue) arrive as
 * themselves. `undefined` stands for "absent": it is no value, and putting it is refused. `null` is a value.
 * Nothing waits: `get` and `has` take no lock; a change holds one for about a microsecond.
 *
 * **A cache:** `maxBytes` limits the memory of the entries, some 50 bytes of each included; it is never exceeded. When there is no room, below that limit or because
 * all shared memory is full, entries that were not used lately are taken out (second chance, an approximation of least recently used). `ttl` ends entries: one that has ended is absent at once, its memory is given back by
 * later changes. Time is the machine's monotonic clock, the same in all processes; setting the date changes nothing.
 * **Death:** a worker killed at any instant has replaced a value or has not; all other entries stay whole and readable.
 * **Fairness:** of workers that change one key at once each wins in some order; `update` runs its function again for the others.
 *
 * **Errors:** `UnsendableError` (ERR_ALLCORES_UNSENDABLE) with the path of what cannot be stored; `TooLargeError` (ERR_ALLCORES_TOO_LARGE) for a value that is larger
 * than `maxBytes`; `OutOfMemoryError` (ERR_ALLCORES_OUT_OF_MEMORY); `FreedError` (ERR_ALLCORES_FREED) after `free()`. None of them changes the map.
 *
 * @example
 * ```ts
 * import { SharedMap } from "allcores";
 * const visits = new SharedMap<number>();
 * visits.set("/", 1);
 * visits.update("/", (count) => (count ?? 0) + 1);
 * console.log(visits.get("/"), visits.get("/about"), visits.size); // 2 undefined 1
 * console.log(visits.compareAndSet("/", 2, 10), [...visits]); // true [ [ '/', 10 ] ]
 * console.log([...visits.keys()], [...visits.values()], [...visits.entries()]); // [ '/' ] [ 10 ] [ [ '/', 10 ] ]
 * console.log(visits.has("/"), visits.delete("/"), visits.stats().size); // true true 0
 * visits.clear();
 * console.log(SharedMap.open<number>("visits").name); // visits
 * ```
 */
export class SharedMap<V = unknown> extends Monitor implements Iterable<[string, V]> {
  readonly #table: HashTable;
  readonly #seed: number;
  readonly #ttl: number;
  /** Of a cache. */
  readonly #touches: Touches | undefined = undefined;
  #hits = 0;
  #misses = 0;
  /** What this worker took out and frees once it has left the mutex. */
  #retired: number[] = [];

  /**
   * Makes an empty map without a name.
   *
   * @param options `maxBytes`: most bytes of its entries, the least used make way; `ttl`: milliseconds that an entry
   *   lasts; `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a block of shared memory.
   */
  constructor(options?: SharedMapOptions);
  constructor(options?: SharedMapOptions | Handle) {
    if (options instanceof Handle) {
      super(KIND.sharedMap, 0, options);
    } else {
      options = ownOptions(options);
      const bounds = boundsOf(options);
      super(KIND.sharedMap, sizeOf(bounds), options, MAP_OPTIONS);
      format(this.heap, this.at, bounds);
    }
    const { heap, at } = this;
    const { words } = heap;
    this.#table = new HashTable(heap, at + MAP.table);
    this.#seed = words[at + MAP.seed]!;
    this.#ttl = (words[at + MAP.ttlLow]! >>> 0) + words[at + MAP.ttlHigh]! * 2 ** 32 || NEVER;
    const touchBytes = words[at + MAP.touchBytes]!;
    if (touchBytes <= 0) return;
    if (MAP.touches + touchBytes / 4 > heap.allocator.sizeOfBlock(at))
      throw new CorruptError(`a map in shared memory says that it has ${touchBytes} bytes for what its entries are used`);
    this.#touches = new Touches(heap, at + MAP.touches, touchBytes);
  }

  /** @internal */
  static attach(handle: Handle): SharedMap {
    const { heap, at } = handle;
    heap.reserveWords(at + MAP.touches);
    heap.reserveWords(at + MAP.touches + heap.words[at + MAP.touchBytes]! / 4);
    return new SharedMap(handle as never);
  }

  /**
   * The map of that name, which is made if no living worker has it open. In a worker that has it open already it is the same object. It goes with the last worker that
   * has it open. Names across threads and names across processes are apart, and share their space with those of SharedMemory.
   *
   * @param name 1 to 255 bytes of text
   * @param options what the map is made with, if it is made now
   * @returns the map
   * @throws `ERR_ALLCORES_NAME_TAKEN` when something else has that name, `ERR_ALLCORES_ARGUMENT_TYPE`,
   *   `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** two atomic exchanges of the mutex that guards names, and a look at each name.
   */
  static open<V = unknown>(name: string, options?: SharedMapOptions): SharedMap<V> {
    const encoded = nameBytes(name);
    const bounds = boundsOf(options);
    const heap = heapOfReach(options, MAP_OPTIONS);
    const label = options?.label ?? name;
    heap.registry.reap();
    for (;;) {
      const known = find(heap, encoded, KIND.sharedMap);
      if (known !== 0) return wrap(heap, known, label, SharedMap.attach) as SharedMap<V>;
      const map = SharedMap.#make(heap, bounds, label);
      // Somebody may have been faster.
      if (link(heap, encoded, map.at, map.at + MAP.name)) return map as SharedMap<V>;
      map.free();
    }
  }

  static #make(heap: Heap, bounds: Bounds, label: string | undefined): SharedMap {
    const at = heap.allocator.allocate(sizeOf(bounds), KIND.sharedMap);
    format(heap, at, bounds);
    return wrap(heap, at, label, SharedMap.attach);
  }

  /** The name by which it is found; undefined when it has none, or no longer. */
  get name(): string | undefined {
    this.checkUsable();
    return nameAt(this.heap, this.at + MAP.name);
  }

  /**
   * Takes its name away at once, for a new one to use; whoever has it open keeps it. Does nothing when it has no name.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Death:** a worker that dies on the way leaves the name, or none. **Cost:** two atomic exchanges of the
   *   mutex that guards names.
   *
   * @example
   * ```ts
   * import { SharedMap } from "allcores";
   * const before = SharedMap.open<number>("prices");
   * before.unlink();
   * const after = SharedMap.open<number>("prices");
   * console.log(before.name, after.name); // undefined prices
   * ```
   */
  unlink(): void {
    this.checkUsable();
    unlink(this.heap, this.at + MAP.name);
  }

  /**
   * The value of a key. A copy, new at each call.
   *
   * @param key a string
   * @returns the value; undefined when it has none
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, `ERR_ALLCORES_FREED`, and what decoding may
   *   throw
   * @remarks **Cost:** a few atomic loads without its mutex, and the decoding.
   */
  get(key: string): V | undefined {
    if (this.at === 0) this.checkUsable();
    const its = packed.pack(key, this.#seed);
    const { heap } = this;
    const table = this.#table;
    const { hash } = its;
    for (let look = 0; look < LOOKS; look++) {
      const entry = table.find(its);
      if (entry === 0) return this.#missed();
      if (entry !== UNSETTLED) {
        const value = readEntry(heap, entry, table.page, table.generation);
        if (value === INSIDE) break;
        if (value !== UNREAD) return value === undefined ? this.#missed() : this.#hit(hash, value as V);
      }
      heap.catchUp();
    }
    const taken = this.#take(its);
    return taken === undefined ? this.#missed() : this.#hit(hash, openValue(heap, taken) as V);
  }

  /**
   * Whether a key has a value.
   *
   * @param key a string
   * @returns whether it has one
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** a few atomic loads without its mutex.
   */
  has(key: string): boolean {
    if (this.at === 0) this.checkUsable();
    const its = packed.pack(key, this.#seed);
    const { heap } = this;
    for (let look = 0; look < LOOKS; look++) {
      const entry = this.#table.find(its);
      if (entry === 0) return false;
      if (entry !== UNSETTLED) {
        const { words } = heap;
        const due = load(words, this.at + MAP.ends) === 0 ? NEVER : dueOf(words, entry);
        atomics.orderLoads();
        if (stillStands(words, entry, this.#table.page, this.#table.generation)) return due === NEVER || due > sharedNow();
      }
      heap.catchUp();
    }
    return this.#inside((now) => {
      const slot = this.#table.slotOf(its);
      return slot !== 0 && this.#lasts(this.#table.entryIn(slot), now);
    });
  }

  /**
   * Gives a key a value, in one step.
   *
   * @param key a string
   * @param value what is put
   * @param options `ttl`: milliseconds that the entry lasts, as the map says unless given
   * @returns the map
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, `ERR_ALLCORES_UNSENDABLE` or
   *   `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, and the encoding.
   */
  set(key: string, value: V, options?: EntryOptions): this {
    const due = this.#due(options);
    this.#put(key, this.#message(value, "value"), due);
    return this;
  }

  /**
   * Takes a key out, in one step.
   *
   * @param key a string
   * @returns whether it had a value
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex.
   */
  delete(key: string): boolean {
    this.checkUsable();
    return this.#change(packed.pack(key, this.#seed), 0);
  }

  /**
   * Replaces the value if it is `expected`, in one step; false when it is another. `undefined` as `expected` stands for "absent", as `next` it takes the key out.
   * Values are the same when they are encoded alike: of the same kind, with the same parts in the same order; NaN is NaN, 0 is not -0. A value that is replaced keeps its
   * time to last, unless `options.ttl` gives it another.
   *
   * @param key a string
   * @param expected what is to be there
   * @param next what is to come in its place
   * @param options `ttl`: milliseconds that the entry lasts
   * @returns whether it was replaced
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for
   *   a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `get` and `set`, and the encoding of `expected`.
   */
  compareAndSet(key: string, expected: V | undefined, next: V | undefined, options?: EntryOptions): boolean {
    this.checkUsable();
    const due = this.#due(options);
    const bytes = expected === undefined ? undefined : this.#bytes(expected);
    for (;;) {
      const seen = this.#look(key);
      const isExpected = seen === undefined ? bytes === undefined : bytes !== undefined && Buffer.compare(seen.taken.bytes, bytes) === 0;
      if (seen !== undefined) dropValue(this.heap, seen.taken);
      if (!isExpected) return false;
      if (this.#replace(key, next, "next", seen, options?.ttl === undefined ? (seen?.due ?? due) : due)) return true;
    }
  }

  /**
   * Replaces the value by `fn(value)` in one step and returns it; `fn` gets `undefined` for an absent key, and takes the key out by returning `undefined`. `fn` is run
   * again when another worker was faster, outside every lock: it should only compute, and must not be asynchronous. When it throws, nothing is changed.
   * The entry keeps its time to last, unless `options.ttl` gives it another.
   *
   * @param key a string
   * @param fn gives the new value of the one that is there; synchronous
   * @param options `ttl`: milliseconds that the entry lasts
   * @returns the new value
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, or a promise; `ERR_ALLCORES_UNSENDABLE` or
   *   `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`; what `fn` throws
   * @remarks **Cost:** as `get` and `set`, for each run of `fn`.
   */
  update<R extends V | undefined>(key: string, fn: (current: V | undefined) => R, options?: EntryOptions): R {
    this.checkUsable();
    if (typeof fn !== "function") throw new ArgumentTypeError(`update(key, fn): fn must be a function, got ${show(fn)}`);
    const due = this.#due(options);
    const { heap } = this;
    for (;;) {
      const seen = this.#look(key);
      const next = fn(seen === undefined ? undefined : (openValue(heap, seen.taken) as V));
      checkSynchronous(next, "update(key, fn)");
      if (this.#replace(key, next, "the result of fn", seen, options?.ttl === undefined ? (seen?.due ?? due) : due)) return next;
    }
  }

  /**
   * Takes everything out, in one step.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, and the freeing of each entry.
   */
  clear(): void {
    this.checkUsable();
    this.#freeCleared();
    this.#inside(() => {
      const { words, at } = this;
      const { directory } = this.#table;
      if (directory === 0 || load(words, at + MAP.cleared) !== 0) return;
      // Before it is detached: a death between the two must not lose it.
      store(words, at + MAP.cleared, directory);
      this.#table.detach();
      this.#touches?.clear();
    });
    this.#freeCleared();
  }

  /** @internal */
  protected override facts(): Facts {
    return { name: this.name, size: this.size };
  }

  /** How many keys have a value. Where entries may end it is counted, as long as that takes. */
  get size(): number {
    return this.#inside((now) => {
      if (now === 0) return this.#table.count;
      let count = 0;
      this.#table.forEach((slot) => {
        if (this.#lasts(this.#table.entryIn(slot), now)) count++;
      });
      return count;
    });
  }

  /**
   * Figures about a cache. `hits` and `misses` are this worker's.
   *
   * @returns the figures, plain data
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `size`.
   */
  stats(): SharedMapStats {
    const { size } = this;
    return { size, bytes: this.#table.weight * 4, evictions: load(this.words, this.at + MAP.evictions) >>> 0, hits: this.#hits, misses: this.#misses };
  }

  /**
   * The keys as they are at one instant, in no order that means anything. Changes wait while they are copied.
   *
   * @returns the keys, copies
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** a copy inside its mutex, some 0.1 ms for a thousand.
   */
  keys(): IterableIterator<string> {
    const keys: string[] = [];
    this.#inside((now) => {
      this.#table.forEach((slot) => {
        const entry = this.#table.entryIn(slot);
        if (this.#lasts(entry, now)) keys.push(this.#keyOf(entry));
      });
    });
    return keys.values();
  }

  /**
   * The values as they are at one instant; see `keys`.
   *
   * @returns the values, copies
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `keys`, and the decoding.
   */
  *values(): IterableIterator<V> {
    for (const [, value] of this.#snapshot()) yield value;
  }

  /**
   * Keys and values as they are at one instant; see `keys`.
   *
   * @returns pairs of both, copies
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `keys`, and the decoding.
   */
  entries(): IterableIterator<[string, V]> {
    return this.#snapshot().values();
  }

  /** Keys and values as they are at one instant; see `keys`. */
  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.entries();
  }

  /** @internal Counts anew: the entries themselves are committed by one store each. */
  protected rebuild(): void {
    const { heap, words, at } = this;
    heap.catchUp();
    if (words[at + MAP.cleared] !== 0 && words[at + MAP.cleared] === this.#table.directory) store(words, at + MAP.cleared, 0);
    this.#table.recount((entry) => {
      reachEntry(heap, entry);
      return weightOf(heap, entry);
    });
  }

  /** Runs `section` inside the mutex, within reach of everything; frees what it took out afterwards. */
  #inside<T>(section: (now: number) => T): T {
    try {
      return this.inside(() => {
        this.heap.catchUp();
        return section(load(this.words, this.at + MAP.ends) === 0 ? 0 : sharedNow());
      });
    } finally {
      if (this.#retired.length > 0) {
        const retired = this.#retired;
        this.#retired = [];
        for (const block of retired) this.heap.allocator.free(block);
      }
    }
  }

  #hit(hash: number, value: V): V {
    this.#hits++;
    this.#touches?.read(hash);
    return value;
  }

  #missed(): undefined {
    this.#misses++;
    return undefined;
  }

  #message(value: V, what: string): Message {
    this.checkUsable();
    if (value === undefined) throw new ArgumentTypeError(`${what} must not be undefined, which stands for "absent": delete() the key, or use null`);
    return encode(value, { to: this.heap.across, root: what, keeps: true });
  }

  #due(options: EntryOptions | undefined): number {
    this.checkUsable();
    if (options !== undefined && (typeof options !== "object" || options === null)) {
      throw new ArgumentTypeError(`options must be an object such as { ttl: 1000 }, got ${show(options)}`);
    }
    ENTRY_OPTIONS.check(options);
    options = ownOptions(options);
    const ttl = options?.ttl === undefined ? this.#ttl : checkTtl(options.ttl);
    return ttl === NEVER ? NEVER : sharedNow() + ttl;
  }

  #lasts(entry: number, now: number): boolean {
    return now === 0 || dueOf(this.heap.words, entry) > now;
  }

  #keyOf(entry: number): string {
    const { heap } = this;
    return keyAt(heap.bytes, entry + ENTRY.key, heap.words[entry + ENTRY.shape]!);
  }

  #take(its: PackedKey): TakenValue | undefined {
    return this.#inside((now) => {
      const slot = this.#table.slotOf(its);
      if (slot === 0) return undefined;
      const entry = this.#table.entryIn(slot);
      return this.#lasts(entry, now) ? takeValue(this.heap, entry) : undefined;
    });
  }

  /** What a key has, for whoever wants to replace just that. */
  #look(key: string): Seen | undefined {
    const its = packed.pack(key, this.#seed);
    return this.#inside((now) => {
      const slot = this.#table.slotOf(its);
      if (slot === 0) return undefined;
      const entry = this.#table.entryIn(slot);
      if (!this.#lasts(entry, now)) return undefined;
      const { words } = this.heap;
      return { taken: takeValue(this.heap, entry), entry, generation: load(words, generationWord(entry)), due: dueOf(words, entry) };
    });
  }

  /** Puts `next`, or nothing for undefined, in the place of what was seen; false when a key has something else by now. */
  #replace(key: string, next: V | undefined, what: string, seen: Seen | undefined, due: number): boolean {
    if (next !== undefined) return this.#put(key, this.#message(next, what), due, seen ?? null);
    if (seen !== undefined) return this.#change(packed.pack(key, this.#seed), 0, seen);
    return true;
  }

  /** A value as bytes to compare with. */
  #bytes(value: V): Uint8Array {
    const message = this.#message(value, "expected");
    const bytes = message.toBytes();
    // Whoever compares holds the objects itself.
    letGoOf(message.held);
    return bytes;
  }

  #snapshot(): [string, V][] {
    const { heap } = this;
    const taken: [string, TakenValue][] = [];
    this.#inside((now) => {
      this.#table.forEach((slot) => {
        const entry = this.#table.entryIn(slot);
        if (this.#lasts(entry, now)) taken.push([this.#keyOf(entry), takeValue(heap, entry)]);
      });
    });
    return taken.map(([key, value]) => [key, openValue(heap, value) as V]);
  }

  /** Gives a key a value: whatever it has, or only if that is what was seen; `null`: nothing. */
  #put(key: string, message: Message, due: number, seen?: Seen | null): boolean {
    const { heap } = this;
    let its: PackedKey;
    try {
      its = packed.pack(key, this.#seed);
    } catch (error) {
      letGoOf(message.held);
      throw error;
    }
    const entry = draftEntry(heap, its, message, due, () => this.#makeWay());
    message.release();
    let done = false;
    try {
      done = this.#changeWithRoom(its, entry, seen);
    } finally {
      if (!done) discardEntry(heap, entry);
    }
    return done;
  }

  #changeWithRoom(its: PackedKey, entry: number, seen: Seen | null | undefined): boolean {
    for (;;) {
      try {
        return this.#change(its, entry, seen);
      } catch (error) {
        // Nothing has been changed then: the table had to grow.
        if (!(error instanceof OutOfMemoryError) || !this.#makeWay()) throw error;
      }
    }
  }

  /**
   * In a cache, whose entries may go, what is least used makes way where memory is full: others use it too, and what entries of another size left is only free for all
   * when whole pages of them are. False when nothing is left to go.
   */
  #makeWay(): boolean {
    const table = this.#table;
    if (this.words[this.at + MAP.maxWeight] === 0) return false;
    return this.#inside((now) => {
      const { count } = table;
      const enough = table.weight - Math.ceil(table.weight * WAY);
      this.#evict(() => table.weight <= enough, 0, now);
      return table.count < count;
    });
  }

  /** Puts an entry, or none, in the place of a key's. False when the key has not what was seen, or nothing to take out. */
  #change(its: PackedKey, entry: number, seen?: Seen | null): boolean {
    const { heap } = this;
    const table = this.#table;
    return this.#inside((now) => {
      const slot = table.slotOf(its);
      const current = slot === 0 ? 0 : table.entryIn(slot);
      const lasting = current !== 0 && this.#lasts(current, now) ? current : 0;
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
      if (endsOf(heap.words, entry)) store(heap.words, this.at + MAP.ends, 1);
      publishEntry(heap, entry);
      if (slot === 0) {
        table.insert(its.hash, entry, weight);
      } else {
        table.replace(slot, entry, weight - before);
        retireEntry(heap, current, this.#retired);
      }
      this.#touches?.put(its.hash);
      return true;
    });
  }

  #remove(slot: number): void {
    const entry = this.#table.entryIn(slot);
    this.#touches?.forget(this.heap.words[slot]!);
    this.#table.remove(slot, weightOf(this.heap, entry));
    retireEntry(this.heap, entry, this.#retired);
  }

  /** Takes out what has ended, a few entries each time, and what is least used until `more` words fit. Never the entry that is being replaced. */
  #makeRoom(more: number, weight: number, replaced: number, now: number): void {
    const table = this.#table;
    const { words } = this.heap;
    const max = words[this.at + MAP.maxWeight]! >>> 0;
    if (now !== 0) {
      for (let looks = 0; looks < SWEPT_PER_CHANGE; looks++) {
        const slot = table.nextInTurn();
        if (slot === 0) break;
        const entry = table.entryIn(slot);
        if (entry !== replaced && !this.#lasts(entry, now)) this.#remove(slot);
      }
    }
    if (max === 0) return;
    if (weight > max) throw new TooLargeError(`an entry of ${weight * 4} bytes never fits into ${this.title}, whose maxBytes is ${max * 4}`);
    this.#evict(() => table.weight + more <= max, replaced, now);
  }

  /** Takes out what is least used until there is enough room, or nothing but `replaced` is left. */
  #evict(isEnough: () => boolean, replaced: number, now: number): void {
    const table = this.#table;
    const touches = this.#touches;
    const { words } = this.heap;
    let turns = MOST_PASSED_OVER[PUT] + MOST_PASSED_OVER[READ] + load(words, HEADER.brk);
    for (let passed = 0; !isEnough() && table.count > (replaced === 0 ? 0 : 1); ) {
      const slot = table.nextInTurn();
      // As many turns as there can be slots, each of them passed over as often as it may be.
      if (--turns < 0) throw new CorruptError(`${this.title} says that it holds more than can be found in it`);
      if (slot === 0) continue;
      const entry = table.entryIn(slot);
      if (entry === replaced) continue;
      const hash = words[slot]!;
      const use = touches?.useOf(hash) ?? 0;
      if (use > 0 && passed++ < MOST_PASSED_OVER[use === PUT ? PUT : READ] && this.#lasts(entry, now)) {
        touches?.lower(hash);
        continue;
      }
      this.#remove(slot);
      words[this.at + MAP.evictions]!++;
    }
  }

  /** Frees what `clear` took out, a segment at a time, so that nobody waits for all of it. */
  #freeCleared(): void {
    while (load(this.words, this.at + MAP.cleared) > 0) {
      this.#inside(() => {
        const { words, at, heap } = this;
        const directory = load(words, at + MAP.cleared);
        if (directory !== 0 && freeNext(heap, this.#table, directory)) store(words, at + MAP.cleared, 0);
      });
    }
  }
}

/** What a key had, by block and generation. */
interface Seen {
  readonly taken: TakenValue;
  readonly entry: number;
  readonly generation: number;
  readonly due: number;
}

interface Bounds {
  readonly maxWeight: number;
  readonly ttl: number;
}

function boundsOf(options: SharedMapOptions | undefined): Bounds {
  checkOptions(options);
  const { maxBytes = 0, ttl = NEVER } = options ?? {};
  if (typeof maxBytes !== "number") throw new ArgumentTypeError(`options.maxBytes must be a number, got ${show(maxBytes)}`);
  if (!(maxBytes >= 0)) throw new ArgumentRangeError(`options.maxBytes must be 0 (no limit) or more, got ${maxBytes}`);
  const words = maxBytes === NEVER ? 0 : Math.floor(maxBytes / 4);
  if (words > 0xffffffff) throw new ArgumentRangeError(`options.maxBytes must be less than 16 GiB, got ${maxBytes}`);
  return { maxWeight: maxBytes > 0 && words === 0 && maxBytes !== NEVER ? 1 : words, ttl: checkTtl(ttl) };
}

function checkOptions(options: unknown): void {
  if (options !== undefined && (typeof options !== "object" || options === null)) {
    throw new ArgumentTypeError(`options must be an object such as { across: "processes" }, got ${show(options)}`);
  }
}

function checkTtl(ttl: unknown): number {
  if (typeof ttl !== "number") throw new ArgumentTypeError(`options.ttl must be a number of milliseconds, got ${show(ttl)}`);
  if (!(ttl > 0)) throw new ArgumentRangeError(`options.ttl must be more than 0 milliseconds, got ${ttl}`);
  // The clock's moments are whole numbers of 53 bits: what ends after that never does.
  return ttl < MOST_TTL ? ttl : NEVER;
}

function sizeOf({ maxWeight }: Bounds): number {
  return MAP.touches + touchBytesOf(maxWeight * 4) / 4;
}

/** Writes the words of a new, empty map. */
function format({ words }: Heap, at: number, { maxWeight, ttl }: Bounds): void {
  // An explored program must do the same each time.
  words[at + MAP.seed] = atomics.controlled ? 1 : Math.floor(Math.random() * 2 ** 32);
  words[at + MAP.maxWeight] = maxWeight;
  words[at + MAP.touchBytes] = touchBytesOf(maxWeight * 4);
  if (ttl === NEVER) return;
  words[at + MAP.ttlLow] = Math.ceil(ttl);
  words[at + MAP.ttlHigh] = Math.floor(Math.ceil(ttl) / 2 ** 32);
}

function freeNext(heap: Heap, table: HashTable, directory: number): boolean {
  return table.destroyNext(directory, (entry) => {
    reachEntry(heap, entry);
    destroyEntry(heap, entry);
  });
}

registerShared(KIND.sharedMap, SharedMap);
onMonitorNames(KIND.sharedMap);
onInspect(KIND.sharedMap, { name: "SharedMap" });
onDestroy(KIND.sharedMap, (heap, at) => {
  heap.catchUp();
  // The name first: as long as it can be found, its memory is there.
  unlink(heap, at + MAP.name);
  const table = new HashTable(heap, at + MAP.table);
  for (const directory of new Set([table.directory, load(heap.words, at + MAP.cleared)])) {
    if (directory !== 0) while (!freeNext(heap, table, directory));
  }
});
