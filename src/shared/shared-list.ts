/**
 * A list in shared memory: a spine of cells, each of which names an immutable entry (entry.ts, without a key). Changed inside a mutex and read without it, as a SharedMap.
 *
 * The layout, in words, after those of a monitor: the epoch, another number whenever the spine was replaced; the spine.
 * A spine: word 0 the first cell in use, 1 one past the last, then the cells. What happens at its ends is committed by a store of word 0 or 1, a new item in its place by a
 * store of its cell, everything else by a store that puts another spine in its place.
 *
 * Reading follows hash-table.ts: the epoch before and after, the cell before and after the generation of the entry, and here also the two ends. A cell that falls out of
 * use is emptied before its entry is freed, so that nobody who saw the end before takes what stands in that memory later for the entry.
 */
import type { Facts } from "../codec/portrait.js";
import { encode, type Message } from "../codec/index.js";
import { type Handle, Monitor, MONITOR_WORDS, onInspect, onMonitorNames, type Reach, registerShared } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError, CorruptError } from "../errors/index.js";
import { atomics, DRAFT, generationWord, onDestroy, pageStateWord } from "../memory/index.js";
import {
  destroyEntry,
  discardEntry,
  draftEntry,
  dropValue,
  ENTRY,
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
} from "./entry.js";
import { show } from "./scalar-type.js";
import { checkSynchronous } from "./synchronous.js";
import { KIND } from "./kinds.js";

const { load, store } = atomics;

const LIST = { epoch: MONITOR_WORDS, spine: MONITOR_WORDS + 1 } as const;
const SIZE = MONITOR_WORDS + 2;

const FIRST = 0;
const END = 1;
const CELLS = 2;
const LEAST_CELLS = 14;
/** Looks before a reader asks inside the mutex. */
const LOOKS = atomics.spins(64);

/** Where an item was seen. */
interface Seen {
  readonly taken: TakenValue;
  readonly entry: number;
  readonly generation: number;
}

/**
 * A list of values that any worker of its reach reads and changes: the counterpart of Python's `Manager().list()`, without the manager's process.
 *
 * An item is copied in and copied out: changing what `get` returned changes nothing in the list. Shared objects in an item arrive as themselves. `null` and `undefined`
 * are items. Nothing waits: reading an item takes no lock; a change holds one for about a microsecond, or as long as copying a word for each item takes when it puts items
 * in or takes them out elsewhere than at the end.
 *
 * **Death:** a worker killed at any instant has made its change or has not; all other items stay whole and readable.
 *
 * **Errors:** `UnsendableError` (ERR_ALLCORES_UNSENDABLE) with the path of what cannot be stored; `ArgumentRangeError` (ERR_ALLCORES_ARGUMENT_RANGE) for an index that no
 * item has; `OutOfMemoryError` (ERR_ALLCORES_OUT_OF_MEMORY); `FreedError` (ERR_ALLCORES_FREED) after `free()`. None of them changes the list.
 *
 * @example
 * ```ts
 * import { SharedList } from "allcores";
 * const log = new SharedList<string>();
 * log.push("one", "two", "three");
 * log.set(0, "uno");
 * console.log(log.get(-1), log.shift(), log.length, [...log]); // three uno 2 [ 'two', 'three' ]
 * log.update(0, (text) => text.toUpperCase());
 * console.log(log.splice(0, 1), log.indexOf("three")); // [ 'TWO' ] 0
 * console.log(log.unshift("zero"), log.pop(), log.toArray()); // 2 three [ 'zero' ]
 * log.clear();
 * ```
 */
export class SharedList<T = unknown> extends Monitor implements Iterable<T> {
  /** What this worker took out and frees once it has left the mutex. */
  #retired: number[] = [];

  /**
   * Makes an empty list.
   *
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(options?: Reach);
  constructor(options?: Reach | Handle) {
    super(KIND.sharedList, SIZE, options);
  }

  /** @internal */
  static attach(handle: Handle): SharedList {
    handle.heap.reserveWords(handle.at + SIZE);
    return new SharedList(handle as never);
  }

  /** @internal */
  protected override facts(): Facts {
    return { length: this.length };
  }

  /** How many items it has. */
  get length(): number {
    if (this.at === 0) this.checkUsable();
    const { heap, at } = this;
    for (let look = 0; look < LOOKS; look++) {
      const { words } = heap;
      const epoch = load(words, at + LIST.epoch);
      const spine = load(words, at + LIST.spine);
      if (spine === 0) return 0;
      if (spine > 0 && spine + CELLS <= words.length) {
        const first = load(words, spine + FIRST);
        const end = load(words, spine + END);
        if (load(words, spine + FIRST) === first && load(words, at + LIST.epoch) === epoch) return end - first;
      }
      heap.catchUp();
    }
    return this.#inside(() => this.#length());
  }

  /**
   * The item at an index. A copy, new at each call.
   *
   * @param index counted from the end where it is negative
   * @returns the item; undefined when there is none
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_FREED`, and what decoding may throw
   * @remarks **Cost:** a few atomic loads without its mutex, and the decoding.
   */
  get(index: number): T | undefined {
    if (this.at === 0) this.checkUsable();
    checkIndex(index);
    const { heap } = this;
    for (let look = 0; look < LOOKS; look++) {
      const value = this.#read(index);
      if (value === INSIDE) break;
      if (value !== UNREAD) return value as T | undefined;
      heap.catchUp();
    }
    const taken = this.#inside(() => {
      const cell = this.#cellOf(index);
      return cell === 0 ? undefined : takeValue(heap, heap.words[cell]!);
    });
    return taken === undefined ? undefined : (openValue(heap, taken) as T);
  }

  /**
   * Replaces the item at an index.
   *
   * @param index counted from the end where it is negative
   * @param value what is to be there
   * @returns the list
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is none, `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for
   *   a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, and the encoding.
   */
  set(index: number, value: T): this {
    checkIndex(index);
    this.#put(index, this.#message(value, "value"), undefined);
    return this;
  }

  /**
   * Replaces the item at an index by `fn(item)` in one step and returns it. `fn` is run again when another worker changed what is there, outside every lock: it should only
   * compute, and must not be asynchronous. When it throws, nothing is changed.
   *
   * @param index counted from the end where it is negative
   * @param fn gives the new item of the one that is there; synchronous
   * @returns the new item
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such item, `ERR_ALLCORES_ARGUMENT_TYPE` for a promise;
   *   `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`; what `fn` throws
   * @remarks **Cost:** as `get` and `set`, for each run of `fn`.
   */
  update<R extends T>(index: number, fn: (current: T) => R): R {
    this.checkUsable();
    checkIndex(index);
    if (typeof fn !== "function") throw new ArgumentTypeError(`update(index, fn): fn must be a function, got ${show(fn)}`);
    const { heap } = this;
    for (;;) {
      const seen = this.#inside((): Seen => {
        const entry = heap.words[this.#cellOf(index) || this.#outside(index)]!;
        return { taken: takeValue(heap, entry), entry, generation: load(heap.words, generationWord(entry)) };
      });
      const next = fn(openValue(heap, seen.taken) as T);
      checkSynchronous(next, "update(index, fn)");
      if (this.#put(index, this.#message(next, "the result of fn"), seen)) return next;
    }
  }

  /**
   * Puts items at the end, all of them in one step.
   *
   * @param values the items
   * @returns how many items there are then
   * @throws `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, and the encoding.
   */
  push(...values: T[]): number {
    this.checkUsable();
    const entries = this.#entries(values);
    const { heap } = this;
    return this.#withEntries(entries, () => {
      let spine = this.#spine;
      const length = this.#length();
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
    });
  }

  /**
   * Takes the last item out.
   *
   * @returns the item; undefined when there is none
   * @throws `ERR_ALLCORES_FREED`, and what decoding may throw
   * @remarks **Cost:** two atomic exchanges of its mutex, and the decoding.
   */
  pop(): T | undefined {
    return this.#takeEnd(END);
  }

  /**
   * Takes the first item out.
   *
   * @returns the item; undefined when there is none
   * @throws `ERR_ALLCORES_FREED`, and what decoding may throw
   * @remarks **Cost:** two atomic exchanges of its mutex, and the decoding.
   */
  shift(): T | undefined {
    return this.#takeEnd(FIRST);
  }

  /**
   * Puts items at the beginning, all of them in one step.
   *
   * @param values the items
   * @returns how many items there are then
   * @throws `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, the encoding, and a copy of the list's table.
   */
  unshift(...values: T[]): number {
    this.#splice(0, 0, values);
    return this.length;
  }

  /**
   * Takes `deleteCount` items out from `start` on (all of them when it is left out) and puts others there, in one step. Indexes are those of `Array.prototype.splice`.
   *
   * @param start where, counted from the end where it is negative
   * @param deleteCount how many are taken out
   * @param values the items that are put there
   * @returns the items that were taken out
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`; `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`,
   *   `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, the encoding, and a copy of the list's table.
   */
  splice(start: number, deleteCount: number = Number.POSITIVE_INFINITY, ...values: T[]): T[] {
    this.checkUsable();
    if (typeof start !== "number" || typeof deleteCount !== "number") {
      throw new ArgumentTypeError(`splice(start, deleteCount): numbers, got ${show(start)} and ${show(deleteCount)}`);
    }
    return this.#splice(start, deleteCount, values);
  }

  /**
   * The index of the first item that is encoded as `value` is: objects are alike when they have the same parts in
   * the same order.
   *
   * @param value what is looked for
   * @returns the index, -1 when there is none
   * @throws `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross,
   *   `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** a comparison for each item, inside its mutex.
   */
  indexOf(value: T): number {
    this.checkUsable();
    const message = this.#message(value, "value");
    const bytes = message.toBytes();
    letGoOf(message.held);
    let index = -1;
    this.#inside(() => {
      const length = this.#length();
      for (let at = 0; at < length && index < 0; at++) {
        const taken = takeValue(this.heap, this.heap.words[this.#cellOf(at)]!);
        if (Buffer.compare(taken.bytes, bytes) === 0) index = at;
        dropValue(this.heap, taken);
      }
    });
    return index;
  }

  /**
   * Takes everything out, in one step.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its mutex, and the freeing of each item.
   */
  clear(): void {
    this.checkUsable();
    this.#inside(() => {
      const { heap } = this;
      const spine = this.#spine;
      if (spine === 0) return;
      const length = this.#length();
      const entries = Array.from({ length }, (_, index) => heap.words[this.#cellOf(index)]!);
      store(heap.words, this.at + LIST.spine, 0);
      this.#moveEpoch();
      for (const entry of entries) retireEntry(heap, entry, this.#retired);
      heap.allocator.adopt(spine);
      this.#retired.push(spine);
    });
  }

  /**
   * The items as they are at one instant. Changes wait while they are copied.
   *
   * @returns the items, copies
   * @throws `ERR_ALLCORES_FREED`, and what decoding may throw
   * @remarks **Cost:** a copy of all items inside its mutex, some 0.1 ms for a thousand.
   */
  toArray(): T[] {
    this.checkUsable();
    const { heap } = this;
    const taken = this.#inside(() => Array.from({ length: this.#length() }, (_, index) => takeValue(heap, heap.words[this.#cellOf(index)]!)));
    return taken.map((value) => openValue(heap, value) as T);
  }

  /** The items as they are at one instant; see `toArray`. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.toArray().values();
  }

  /** @internal Everything is committed by one store; but a worker that died may have replaced the spine and not moved the epoch. */
  protected rebuild(): void {
    this.heap.catchUp();
    this.#moveEpoch();
  }

  /** Runs `section` inside the mutex, within reach of everything; frees what it took out afterwards. */
  #inside<R>(section: () => R): R {
    try {
      return this.inside(() => {
        this.heap.catchUp();
        return section();
      });
    } finally {
      if (this.#retired.length > 0) {
        const retired = this.#retired;
        this.#retired = [];
        for (const block of retired) this.heap.allocator.free(block);
      }
    }
  }

  get #spine(): number {
    return load(this.heap.words, this.at + LIST.spine);
  }

  #cells(spine: number): number {
    return this.heap.allocator.sizeOfBlock(spine) - CELLS;
  }

  #length(): number {
    const spine = this.#spine;
    const { words } = this.heap;
    if (spine === 0) return 0;
    const [first, end] = [words[this.heap.allocator.check(spine) + FIRST]!, words[spine + END]!];
    if (!(first >= 0 && first <= end && end <= this.#cells(spine)))
      throw new CorruptError(`${this.title} says that its items stand from ${first} to ${end}, which they cannot`);
    return end - first;
  }

  /** The cell of an index, 0 when no item has it. Inside the mutex. */
  #cellOf(index: number): number {
    const length = this.#length();
    const from = index < 0 ? length + index : index;
    if (from < 0 || from >= length) return 0;
    const spine = this.#spine;
    return spine + CELLS + this.heap.words[spine + FIRST]! + from;
  }

  #outside(index: number): never {
    throw new ArgumentRangeError(`${this.title} has no item ${index}: it has ${this.#length()}`);
  }

  #moveEpoch(): void {
    const { words } = this.heap;
    store(words, this.at + LIST.epoch, (words[this.at + LIST.epoch]! + 1) | 0);
  }

  #message(value: T, what: string): Message {
    this.checkUsable();
    return encode(value, { to: this.heap.across, root: what, keeps: true });
  }

  /** An item read outside the mutex. */
  #read(index: number): unknown {
    const { heap, at } = this;
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
    if (load(words, cell) !== entry || load(words, spine + FIRST) !== first || load(words, spine + END) !== end) return UNREAD;
    if (load(words, at + LIST.epoch) !== epoch) return UNREAD;
    return readEntry(heap, entry, page, generation);
  }

  /** Puts a message in the place of an item: of whatever is there, or only of what was seen. */
  #put(index: number, message: Message, seen: Seen | undefined): boolean {
    const { heap } = this;
    const entry = draftEntry(heap, undefined, message, NEVER);
    message.release();
    let done = false;
    try {
      done = this.#inside(() => {
        const cell = this.#cellOf(index) || this.#outside(index);
        const current = heap.words[cell]!;
        if (seen !== undefined && (current !== seen.entry || load(heap.words, generationWord(current)) !== seen.generation)) return false;
        publishEntry(heap, entry);
        store(heap.words, cell, entry);
        retireEntry(heap, current, this.#retired);
        return true;
      });
    } finally {
      if (!done) discardEntry(heap, entry);
    }
    return done;
  }

  #entries(values: readonly T[]): number[] {
    const entries: number[] = [];
    try {
      for (const [index, value] of values.entries()) {
        const message = this.#message(value, `values[${index}]`);
        entries.push(draftEntry(this.heap, undefined, message, NEVER));
        message.release();
      }
    } catch (error) {
      for (const entry of entries) discardEntry(this.heap, entry);
      throw error;
    }
    return entries;
  }

  /** Runs `section`, which puts the entries into the list; gives them back when it fails. */
  #withEntries<R>(entries: readonly number[], section: () => R): R {
    let done = false;
    try {
      const result = this.#inside(section);
      done = true;
      return result;
    } finally {
      if (!done) for (const entry of entries) discardEntry(this.heap, entry);
    }
  }

  /** Takes an item out at one end. The end moves, then the cell is emptied, then the entry may be freed. */
  #takeEnd(which: typeof FIRST | typeof END): T | undefined {
    this.checkUsable();
    const { heap } = this;
    const taken = this.#inside(() => {
      if (this.#length() === 0) return undefined;
      const { words } = heap;
      const spine = this.#spine;
      const word = spine + which;
      const place = which === FIRST ? words[word]! : words[word]! - 1;
      const entry = words[spine + CELLS + place]!;
      const item = takeValue(heap, entry);
      store(words, word, which === FIRST ? place + 1 : place);
      store(words, spine + CELLS + place, 0);
      retireEntry(heap, entry, this.#retired);
      return item;
    });
    return taken === undefined ? undefined : (openValue(heap, taken) as T);
  }

  #splice(start: number, deleteCount: number, values: readonly T[]): T[] {
    const entries = this.#entries(values);
    const { heap } = this;
    const taken = this.#withEntries(entries, () => {
      const length = this.#length();
      const whole = Number.isNaN(start) ? 0 : Math.trunc(start);
      const from = whole < 0 ? Math.max(0, length + whole) : Math.min(whole, length);
      const count = Math.min(Math.max(Number.isNaN(deleteCount) ? 0 : Math.trunc(deleteCount), 0), length - from);
      if (count === 0 && entries.length === 0) return [];
      const removed = Array.from({ length: count }, (_, index) => heap.words[this.#cellOf(from + index)]!);
      this.#renew(from, count, entries, 0);
      return removed.map((entry) => {
        const item = takeValue(heap, entry);
        retireEntry(heap, entry, this.#retired);
        return item;
      });
    });
    return taken.map((item) => openValue(heap, item) as T);
  }

  /** Puts a new spine in the place of the old: with `entries` where `count` items from `from` on were, and room for at least `more` at the end. Returns it. */
  #renew(from: number, count: number, entries: readonly number[], more: number): number {
    const { heap } = this;
    const { allocator } = heap;
    const old = this.#spine;
    const length = this.#length();
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
    store(words, this.at + LIST.spine, spine);
    this.#moveEpoch();
    if (old !== 0) {
      allocator.adopt(old);
      this.#retired.push(old);
    }
    return spine;
  }
}

function checkIndex(index: unknown): void {
  if (typeof index !== "number") throw new ArgumentTypeError(`the index must be a number, got ${show(index)}`);
  if (!Number.isInteger(index)) throw new ArgumentRangeError(`the index must be a whole number, got ${index}`);
}

registerShared(KIND.sharedList, SharedList);
onMonitorNames(KIND.sharedList);
onInspect(KIND.sharedList, { name: "SharedList" });
onDestroy(KIND.sharedList, (heap, at) => {
  heap.catchUp();
  const { words } = heap;
  const spine = load(words, at + LIST.spine);
  if (spine === 0) return;
  const room = heap.allocator.sizeOfBlock(heap.allocator.check(spine)) - CELLS;
  if (!(words[spine + FIRST]! >= 0 && words[spine + END]! <= room)) throw new CorruptError("a list in shared memory has more items than there is room for");
  for (let place = words[spine + FIRST]!; place < words[spine + END]!; place++) {
    const entry = words[spine + CELLS + place]!;
    reachEntry(heap, entry);
    destroyEntry(heap, entry);
  }
  heap.allocator.free(spine);
});
