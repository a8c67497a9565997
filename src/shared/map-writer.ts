/**
 * How a SharedMap is written: a writer writes an entry as its own draft, outside the mutex, and puts it in its place
 * inside. Where memory is full, what is least used in a cache makes way and the writer tries again.
 */
import { encode, type Message } from "../codec/index.js";
import { ArgumentTypeError, OutOfMemoryError } from "../errors/index.js";
import type { Heap } from "../memory/index.js";
import { discardEntry, draftEntry, dropValue, letGoOf, openValue } from "./entry.js";
import type { MapContents, MapSection, Seen } from "./map-contents.js";
import { PackedKey } from "./packed-key.js";
import { checkSynchronous } from "./synchronous.js";

const packed = new PackedKey();

export class MapWriter<V> {
  readonly #heap: Heap;
  readonly #seed: number;
  readonly #contents: MapContents;
  readonly #inside: MapSection;

  constructor(heap: Heap, contents: MapContents, inside: MapSection) {
    this.#heap = heap;
    this.#seed = contents.seed;
    this.#contents = contents;
    this.#inside = inside;
  }

  /** A value on its way in; `what` it is called in errors. */
  message(value: V, what: string): Message {
    if (value === undefined)
      throw new ArgumentTypeError(
        `${what} must not be undefined, which stands for "absent": delete() the key, or use null`,
      );
    return encode(value, { to: this.#heap.across, root: what, keeps: true });
  }

  /** A value as bytes to compare with. */
  #bytes(value: V): Uint8Array {
    const message = this.message(value, "expected");
    const bytes = message.toBytes();
    // The caller that compares holds the objects itself.
    letGoOf(message.held);
    return bytes;
  }

  /** What a key has, for a writer that wants to replace just that. */
  #look(key: string): Seen | undefined {
    const its = packed.pack(key, this.#seed);
    return this.#inside((now) => this.#contents.look(its, now));
  }

  /** Gives a key a value: whatever it has, or only if that is what was seen; `null`: nothing. */
  put(key: string, message: Message, due: number, seen?: Seen | null): boolean {
    const heap = this.#heap;
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

  /** Takes a key out: whatever it has, or only what was seen. False when it has not, or nothing. */
  remove(key: string, seen?: Seen): boolean {
    const its = packed.pack(key, this.#seed);
    return this.#inside((now) => this.#contents.change(its, 0, seen, now));
  }

  /**
   * Puts `next`, or nothing for undefined, in the place of what was seen; false when a key has something else by now.
   */
  #replace(key: string, next: V | undefined, what: string, seen: Seen | undefined, due: number): boolean {
    if (next !== undefined) return this.put(key, this.message(next, what), due, seen ?? null);
    return seen === undefined || this.remove(key, seen);
  }

  /**
   * Replaces what is encoded as `expected` is, undefined for nothing; false when a key has something else. `keepsDue`:
   * a value that is replaced keeps its end, and `due` is for a new one.
   */
  compareAndSet(key: string, expected: V | undefined, next: V | undefined, due: number, keepsDue: boolean): boolean {
    const bytes = expected === undefined ? undefined : this.#bytes(expected);
    for (;;) {
      const seen = this.#look(key);
      const isExpected =
        seen === undefined ? bytes === undefined : bytes !== undefined && Buffer.compare(seen.taken.bytes, bytes) === 0;
      if (seen !== undefined) dropValue(this.#heap, seen.taken);
      if (!isExpected) return false;
      if (this.#replace(key, next, "next", seen, keepsDue ? (seen?.due ?? due) : due)) return true;
    }
  }

  /** Replaces the value by what `fn` makes of it, outside the mutex: again when another worker was faster. */
  update<R extends V | undefined>(key: string, fn: (current: V | undefined) => R, due: number, keepsDue: boolean): R {
    for (;;) {
      const seen = this.#look(key);
      const next = fn(seen === undefined ? undefined : (openValue(this.#heap, seen.taken) as V));
      checkSynchronous(next, "update(key, fn)");
      if (this.#replace(key, next, "the result of fn", seen, keepsDue ? (seen?.due ?? due) : due)) return next;
    }
  }

  #changeWithRoom(its: PackedKey, entry: number, seen: Seen | null | undefined): boolean {
    for (;;) {
      try {
        return this.#inside((now) => this.#contents.change(its, entry, seen, now));
      } catch (error) {
        // Nothing has been changed then: the table had to grow.
        if (!(error instanceof OutOfMemoryError) || !this.#makeWay()) throw error;
      }
    }
  }

  #makeWay(): boolean {
    return this.#contents.isBounded && this.#inside((now) => this.#contents.makeWay(now));
  }
}
