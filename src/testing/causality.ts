/**
 * What an execution's past amounts to: a hash that two beginnings of executions share exactly when they have the same
 * events in the same causal order, whatever the order of those that do not depend on each other. From such beginnings
 * the program goes on alike, so one of them need not be explored further.
 *
 * Each event's hash covers its worker, its operation, the worker's event before it, and the events that it depends on:
 * the last write to its place, and, for a write, every read since. As CHESS's caching of happens-before graphs
 * (Musuvathi and Qadeer, "Partial-Order Reduction for Context-Bounded State Exploration", 2007).
 */
import { BEGIN, CLOCK } from "../platform/controlled-atomics.js";
import { CLOCK_MEMORY, LIFE_MEMORY, MOST_THREADS } from "./control-block.js";
import type { Trace } from "./trace.js";

/**
 * Two halves of a hash for each place: of its last write, and of the reads since, summed, since their order does not
 * matter.
 */
const PLACE_WORDS = 4;

const CLOCK_LOCATION = CLOCK_MEMORY * 2 ** 32;
const LIFE_LOCATION = LIFE_MEMORY * 2 ** 32;

export class Causality {
  readonly #places = new Map<number, number>();
  #placeHashes = new Int32Array(1 << 14);
  #placeCount = 0;
  /** The hash of each worker's last event, two halves. */
  readonly #threads = new Int32Array(MOST_THREADS * 2);
  /** Where more than one worker has been, one of them writing, in any execution so far. */
  readonly #conflicted = new Set<number>();
  readonly #readers = new Map<number, number>();
  readonly #writers = new Map<number, number>();
  /** How often a place turned out to be conflicted. */
  conflicts = 0;

  /** Begins with a new execution. */
  restart(): void {
    this.#places.clear();
    this.#placeCount = 0;
    this.#threads.fill(0);
  }

  /**
   * Whether workers meet at this place: where they never do, a switch before or after the operation makes no
   * difference.
   */
  isConflicted(location: number): boolean {
    return this.#conflicted.has(location);
  }

  /** The hash of everything up to now; `salt` for what else the future depends on. */
  key(salt: number): number {
    let low = mix(0x9e3779b9, salt);
    let high = mix(0x85ebca6b, salt);
    for (let word = 0; word < this.#threads.length; word += 2) {
      low = mix(low, this.#threads[word]!);
      high = mix(high, this.#threads[word + 1]! ^ word);
    }
    return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
  }

  /** Takes in what happened at a decision. */
  add(trace: Trace, decision: number): void {
    const thread = trace.chosen(decision);
    if (trace.killed(decision)) {
      this.#event(thread, 99, LIFE_LOCATION + thread, true);
      return;
    }
    if (trace.movedClock(decision)) this.#event(thread, 98 + (trace.fired(decision) ? 2 : 0), CLOCK_LOCATION, true);
    const operation = trace.operation(decision);
    if (operation === undefined) return;
    if (operation === BEGIN) this.#event(thread, operation, LIFE_LOCATION + thread, false);
    else
      this.#event(
        thread,
        operation,
        operation === CLOCK ? CLOCK_LOCATION : trace.location(decision),
        trace.wrote(decision),
      );
  }

  #event(thread: number, operation: number, location: number, writes: boolean): void {
    let place = this.#places.get(location);
    if (place === undefined) {
      place = this.#placeCount++ * PLACE_WORDS;
      this.#places.set(location, place);
      if (place + PLACE_WORDS > this.#placeHashes.length) {
        const more = new Int32Array(this.#placeHashes.length * 2);
        more.set(this.#placeHashes);
        this.#placeHashes = more;
      }
      this.#placeHashes.fill(0, place, place + PLACE_WORDS);
    }
    const hashes = this.#placeHashes;
    const what = mix(Math.imul(location | 0, 0x27d4eb2f) ^ (location / 2 ** 32), operation * 16 + thread);
    let low = mix(mix(this.#threads[thread * 2]!, what), hashes[place]!);
    let high = mix(mix(this.#threads[thread * 2 + 1]!, what ^ 0x5bd1e995), hashes[place + 1]!);
    if (writes) {
      low = mix(low, hashes[place + 2]! + 1);
      high = mix(high, hashes[place + 3]! + 1);
      hashes[place] = low;
      hashes[place + 1] = high;
      hashes[place + 2] = 0;
      hashes[place + 3] = 0;
    } else {
      hashes[place + 2] = hashes[place + 2]! + low;
      hashes[place + 3] = hashes[place + 3]! + high;
    }
    this.#threads[thread * 2] = low;
    this.#threads[thread * 2 + 1] = high;
    this.#meet(thread, location, writes);
  }

  #meet(thread: number, location: number, writes: boolean): void {
    if (this.#conflicted.has(location)) return;
    const readers = (this.#readers.get(location) ?? 0) | (1 << thread);
    const writers = (this.#writers.get(location) ?? 0) | (writes ? 1 << thread : 0);
    this.#readers.set(location, readers);
    this.#writers.set(location, writers);
    // One writer and another worker, be it a reader or a writer.
    if (writers === 0 || (readers & (readers - 1)) === 0) return;
    this.#conflicted.add(location);
    this.conflicts++;
  }
}

/** One round of MurmurHash3's mixing (Appleby, 2011). */
function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = hash ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  h ^= h >>> 16;
  return Math.imul(h, 0x85ebca6b);
}
