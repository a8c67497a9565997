/**
 * A map in shared memory: a table of immutable entries (hash-table.ts, entry.ts), changed inside a mutex and read
 * without it.
 *
 * A writer writes an entry as its own draft, outside the mutex. Inside, one store swaps it with the one before, which
 * becomes the writer's draft. A worker killed at any instant has replaced the value or has not, and its draft goes
 * back. The next worker inside counts anew.
 * A reader looks a bounded number of times, and asks inside the mutex when writers were faster each time.
 */
import type { Facts } from "../codec/portrait.js";
import { Handle, heapOfReach, Monitor, onInspect, onMonitorNames, registerShared, wrap } from "../objects/index.js";
import { ArgumentTypeError, ownOptions } from "../errors/index.js";
import { atomics, type Heap, onDestroy, sharedNow } from "../memory/index.js";
import { destroyContents, MapContents } from "./map-contents.js";
import { format, MAP, sizeOf, ttlOf } from "./map-layout.js";
import {
  type Bounds,
  boundsOf,
  dueFrom,
  type EntryOptions,
  MAP_OPTIONS,
  type SharedMapOptions,
} from "./map-options.js";
import type { SharedMapStats } from "./map-stats.js";
import { MapReader } from "./map-reader.js";
import { MapWriter } from "./map-writer.js";
import { find, link, nameAt, nameBytes, unlink } from "./name-table.js";
import { show } from "./scalar-type.js";
import { KIND } from "./kinds.js";

const { load } = atomics;

/**
 * A map from strings to values that any worker of its reach reads and changes: the counterpart of Python's
 * `Manager().dict()`, without the manager's process.
 *
 * A value is copied in by `set` and copied out by `get`: changing what `get` returned changes nothing in the map.
 * Shared objects in a value (a Lock, a Queue) arrive as themselves. `undefined` stands for "absent": it is no value,
 * and putting it is refused. `null` is a value. Nothing waits: `get` and `has` take no lock; a change holds one for
 * about a microsecond.
 *
 * **A cache:** `maxBytes` limits the memory of the entries, some 50 bytes of each included; it is never exceeded. When
 * there is no room, below that limit or because all shared memory is full, entries that were not used lately are taken
 * out (second chance, an approximation of least recently used). `ttl` ends entries: one that has ended is absent at
 * once, its memory is given back by later changes. Time is the machine's monotonic clock, the same in all processes;
 * setting the date changes nothing.
 * **Death:** a worker killed at any instant has replaced a value or has not; all other entries stay whole and readable.
 * **Fairness:** of workers that change one key at once each wins in some order; `update` runs its function again for
 * the others.
 *
 * **Errors:** `UnsendableError` (ERR_ALLCORES_UNSENDABLE) with the path of what cannot be stored; `TooLargeError`
 * (ERR_ALLCORES_TOO_LARGE) for a value that is larger than `maxBytes`; `OutOfMemoryError` (ERR_ALLCORES_OUT_OF_MEMORY);
 * `FreedError` (ERR_ALLCORES_FREED) after `free()`. None of them changes the map.
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
  readonly #contents: MapContents;
  readonly #reader: MapReader<V>;
  readonly #writer: MapWriter<V>;
  readonly #ttl: number;

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
    this.#ttl = ttlOf(heap, at);
    const inside = <T>(section: (now: number) => T): T => this.#inside(section);
    this.#contents = new MapContents(heap, at, () => this.title);
    this.#reader = new MapReader(heap, at, this.#contents, inside);
    this.#writer = new MapWriter(heap, this.#contents, inside);
  }

  /** @internal */
  static attach(handle: Handle): SharedMap {
    const { heap, at } = handle;
    heap.reserveWords(at + MAP.touches);
    heap.reserveWords(at + MAP.touches + heap.words[at + MAP.touchBytes]! / 4);
    return new SharedMap(handle as never);
  }

  /**
   * The map of that name, which is made if no living worker has it open. In a worker that has it open already it is the
   * same object. It goes with the last worker that has it open. Names across threads and names across processes are
   * apart, and share their space with those of SharedMemory.
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
   * Takes its name away at once, for a new one to use; workers that have it open keep it. Does nothing when it has no
   * name.
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
    return this.#reader.get(key);
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
    return this.#reader.has(key);
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
    this.#writer.put(key, this.#writer.message(value, "value"), due);
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
    return this.#writer.remove(key);
  }

  /**
   * Replaces the value if it is `expected`, in one step; false when it is another. `undefined` as `expected` stands for
   * "absent", as `next` it takes the key out. Values are the same when they are encoded alike: of the same kind, with
   * the same parts in the same order; NaN is NaN, 0 is not -0. A value that is replaced keeps its time to last, unless
   * `options.ttl` gives it another.
   *
   * @param key a string
   * @param expected what is to be there
   * @param next what is to come in its place
   * @param options `ttl`: milliseconds that the entry lasts
   * @returns whether it was replaced
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH`
   *   for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `get` and `set`, and the encoding of `expected`.
   */
  compareAndSet(key: string, expected: V | undefined, next: V | undefined, options?: EntryOptions): boolean {
    this.checkUsable();
    const due = this.#due(options);
    return this.#writer.compareAndSet(key, expected, next, due, options?.ttl === undefined);
  }

  /**
   * Replaces the value by `fn(value)` in one step and returns it; `fn` gets `undefined` for an absent key, and takes
   * the key out by returning `undefined`. `fn` is run again when another worker was faster, outside every lock: it
   * should only compute, and must not be asynchronous. When it throws, nothing is changed. The entry keeps its time to
   * last, unless `options.ttl` gives it another.
   *
   * @param key a string
   * @param fn gives the new value of the one that is there; synchronous
   * @param options `ttl`: milliseconds that the entry lasts
   * @returns the new value
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for a key that is no string, or a promise; `ERR_ALLCORES_UNSENDABLE` or
   *   `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`; what `fn`
   *   throws
   * @remarks **Cost:** as `get` and `set`, for each run of `fn`.
   */
  update<R extends V | undefined>(key: string, fn: (current: V | undefined) => R, options?: EntryOptions): R {
    this.checkUsable();
    if (typeof fn !== "function")
      throw new ArgumentTypeError(`update(key, fn): fn must be a function, got ${show(fn)}`);
    const due = this.#due(options);
    return this.#writer.update(key, fn, due, options?.ttl === undefined);
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
    this.#inside(() => this.#contents.clear());
    this.#freeCleared();
  }

  /** @internal */
  protected override facts(): Facts {
    return { name: this.name, size: this.size };
  }

  /** How many keys have a value. Where entries may end it is counted, as long as that takes. */
  get size(): number {
    return this.#inside((now) => this.#contents.size(now));
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
    return {
      size,
      bytes: this.#contents.table.weight * 4,
      evictions: load(this.words, this.at + MAP.evictions) >>> 0,
      hits: this.#reader.hits,
      misses: this.#reader.misses,
    };
  }

  /**
   * The keys as they are at one instant, in no order that means anything. Changes wait while they are copied.
   *
   * @returns the keys, copies
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** a copy inside its mutex, some 0.1 ms for a thousand.
   */
  keys(): IterableIterator<string> {
    return this.#reader.keys().values();
  }

  /**
   * The values as they are at one instant; see `keys`.
   *
   * @returns the values, copies
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `keys`, and the decoding.
   */
  *values(): IterableIterator<V> {
    for (const [, value] of this.#reader.entries()) yield value;
  }

  /**
   * Keys and values as they are at one instant; see `keys`.
   *
   * @returns pairs of both, copies
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** as `keys`, and the decoding.
   */
  entries(): IterableIterator<[string, V]> {
    return this.#reader.entries().values();
  }

  /** Keys and values as they are at one instant; see `keys`. */
  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.entries();
  }

  /** @internal Counts anew: the entries themselves are committed by one store each. */
  protected rebuild(): void {
    this.heap.catchUp();
    this.#contents.recount();
  }

  /** Runs `section` inside the mutex, within reach of everything; frees what it took out afterwards. */
  #inside<T>(section: (now: number) => T): T {
    try {
      return this.inside(() => {
        this.heap.catchUp();
        return section(load(this.words, this.at + MAP.ends) === 0 ? 0 : sharedNow());
      });
    } finally {
      this.#contents.freeRetired();
    }
  }

  #due(options: EntryOptions | undefined): number {
    this.checkUsable();
    return dueFrom(options, this.#ttl);
  }

  /** Frees what `clear` took out, a segment at a time, so that nobody waits for all of it. */
  #freeCleared(): void {
    while (load(this.words, this.at + MAP.cleared) > 0) {
      this.#inside(() => this.#contents.freeCleared());
    }
  }
}

registerShared(KIND.sharedMap, SharedMap);
onMonitorNames(KIND.sharedMap);
onInspect(KIND.sharedMap, { name: "SharedMap" });
onDestroy(KIND.sharedMap, (heap, at) => {
  heap.catchUp();
  // The name first: as long as it can be found, its memory is there.
  unlink(heap, at + MAP.name);
  destroyContents(heap, at);
});
