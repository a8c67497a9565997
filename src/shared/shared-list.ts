/**
 * A list in shared memory: a spine of cells, each of which names an immutable entry (list-spine.ts, entry.ts). Changed
 * inside a mutex and read without it, as a SharedMap.
 */
import type { Facts } from "../codec/portrait.js";
import { encode, type Message } from "../codec/index.js";
import { type Handle, Monitor, onInspect, onMonitorNames, type Reach, registerShared } from "../objects/index.js";
import { ArgumentRangeError, ArgumentTypeError } from "../errors/index.js";
import { atomics, onDestroy } from "../memory/index.js";
import { discardEntry, draftEntry, dropValue, INSIDE, letGoOf, NEVER, openValue, takeValue, UNREAD } from "./entry.js";
import { destroySpine, END, FIRST, LIST_WORDS, ListSpine, type SeenValue } from "./list-spine.js";
import { show } from "./scalar-type.js";
import { checkSynchronous } from "./synchronous.js";
import { KIND } from "./kinds.js";

/** Looks before a reader asks inside the mutex. */
const LOOKS = atomics.spins(64);

/**
 * A list of values that any worker of its reach reads and changes: the counterpart of Python's `Manager().list()`,
 * without the manager's process.
 *
 * An item is copied in and copied out: changing what `get` returned changes nothing in the list. Shared objects in an
 * item arrive as themselves. `null` and `undefined` are items. Nothing waits: reading an item takes no lock; a change
 * holds one for about a microsecond, or as long as copying a word for each item takes when it puts items in or takes
 * them out elsewhere than at the end.
 *
 * **Death:** a worker killed at any instant has made its change or has not; all other items stay whole and readable.
 *
 * **Errors:** `UnsendableError` (ERR_ALLCORES_UNSENDABLE) with the path of what cannot be stored; `ArgumentRangeError`
 * (ERR_ALLCORES_ARGUMENT_RANGE) for an index that no item has; `OutOfMemoryError` (ERR_ALLCORES_OUT_OF_MEMORY);
 * `FreedError` (ERR_ALLCORES_FREED) after `free()`. None of them changes the list.
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
  readonly #spine: ListSpine;

  /**
   * Makes an empty list.
   *
   * @param options `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(options?: Reach);
  constructor(options?: Reach | Handle) {
    super(KIND.sharedList, LIST_WORDS, options);
    this.#spine = new ListSpine(this.heap, this.at, () => this.title);
  }

  /** @internal */
  static attach(handle: Handle): SharedList {
    handle.heap.reserveWords(handle.at + LIST_WORDS);
    return new SharedList(handle as never);
  }

  /** @internal */
  protected override facts(): Facts {
    return { length: this.length };
  }

  /** How many items it has. */
  get length(): number {
    if (this.at === 0) this.checkUsable();
    for (let look = 0; look < LOOKS; look++) {
      const length = this.#spine.readLength();
      if (length !== UNREAD) return length as number;
      this.heap.catchUp();
    }
    return this.#inside(() => this.#spine.length);
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
      const value = this.#spine.read(index);
      if (value === INSIDE) break;
      if (value !== UNREAD) return value as T | undefined;
      heap.catchUp();
    }
    const taken = this.#inside(() => {
      const entry = this.#spine.entryAt(index);
      return entry === 0 ? undefined : takeValue(heap, entry);
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
   * Replaces the item at an index by `fn(item)` in one step and returns it. `fn` is run again when another worker
   * changed what is there, outside every lock: it should only compute, and must not be asynchronous. When it throws,
   * nothing is changed.
   *
   * @param index counted from the end where it is negative
   * @param fn gives the new item of the one that is there; synchronous
   * @returns the new item
   * @throws `ERR_ALLCORES_ARGUMENT_RANGE` when there is no such item, `ERR_ALLCORES_ARGUMENT_TYPE` for a promise;
   *   `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot cross, `ERR_ALLCORES_OUT_OF_MEMORY`;
   *   what `fn` throws
   * @remarks **Cost:** as `get` and `set`, for each run of `fn`.
   */
  update<R extends T>(index: number, fn: (current: T) => R): R {
    this.checkUsable();
    checkIndex(index);
    if (typeof fn !== "function")
      throw new ArgumentTypeError(`update(index, fn): fn must be a function, got ${show(fn)}`);
    const { heap } = this;
    for (;;) {
      const seen = this.#inside(() => this.#spine.look(index));
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
    return this.#withEntries(entries, () => this.#spine.push(entries));
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
   * Takes `deleteCount` items out from `start` on (all of them when it is left out) and puts others there, in one step.
   * Indexes are those of `Array.prototype.splice`.
   *
   * @param start where, counted from the end where it is negative
   * @param deleteCount how many are taken out
   * @param values the items that are put there
   * @returns the items that were taken out
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`; `ERR_ALLCORES_UNSENDABLE` or `ERR_ALLCORES_REACH` for a value that cannot
   *   cross, `ERR_ALLCORES_OUT_OF_MEMORY`, `ERR_ALLCORES_FREED`
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
      const { length } = this.#spine;
      for (let at = 0; at < length && index < 0; at++) {
        const taken = takeValue(this.heap, this.#spine.entryAt(at));
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
    this.#inside(() => this.#spine.clear());
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
    const taken = this.#inside(() =>
      Array.from({ length: this.#spine.length }, (_, index) => takeValue(heap, this.#spine.entryAt(index))),
    );
    return taken.map((value) => openValue(heap, value) as T);
  }

  /** The items as they are at one instant; see `toArray`. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.toArray().values();
  }

  /**
   * @internal Everything is committed by one store; but a worker that died may have replaced the spine and not moved
   *   the epoch.
   */
  protected rebuild(): void {
    this.heap.catchUp();
    this.#spine.moveEpoch();
  }

  /** Runs `section` inside the mutex, within reach of everything; frees what it took out afterwards. */
  #inside<R>(section: () => R): R {
    try {
      return this.inside(() => {
        this.heap.catchUp();
        return section();
      });
    } finally {
      this.#spine.freeRetired();
    }
  }

  #message(value: T, what: string): Message {
    this.checkUsable();
    return encode(value, { to: this.heap.across, root: what, keeps: true });
  }

  /** Puts a message in the place of an item: of whatever is there, or only of what was seen. */
  #put(index: number, message: Message, seen: SeenValue | undefined): boolean {
    const { heap } = this;
    const entry = draftEntry(heap, undefined, message, NEVER);
    message.release();
    let done = false;
    try {
      done = this.#inside(() => this.#spine.replace(index, entry, seen));
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

  #takeEnd(which: typeof FIRST | typeof END): T | undefined {
    this.checkUsable();
    const taken = this.#inside(() => this.#spine.takeEnd(which));
    return taken === undefined ? undefined : (openValue(this.heap, taken) as T);
  }

  #splice(start: number, deleteCount: number, values: readonly T[]): T[] {
    const entries = this.#entries(values);
    const taken = this.#withEntries(entries, () => this.#spine.splice(start, deleteCount, entries));
    return taken.map((item) => openValue(this.heap, item) as T);
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
  destroySpine(heap, at);
});
