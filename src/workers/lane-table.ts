import { CorruptError } from "../errors/index.js";
import { atomics, monotonicMs } from "../memory/index.js";
import { ENTRY, ENTRY_WORDS, LANE, type Lane, MOST_AHEAD, TABLE } from "./lane.js";

const { load, store } = atomics;

/**
 * The table of a wide lane: an entry for each task that its worker has under way. An entry is filled before its job is
 * taken, and emptied after the job's last result was committed: who finds a job begun, and no result of it, finds it
 * here.
 *
 * A job that shall stop is named in its entry, so the next one there never hears of it. Then the lane's count of such
 * asks goes up, of which the worker's loop says what it has heard. `docs/design/pools.md` has the table of words.
 */
export class LaneTable {
  readonly width: number;
  readonly #words: Int32Array;
  readonly #lane: number;
  readonly #entries: number;
  /** How often a job was asked to stop. Only the pool's side counts. */
  #asked = 0;

  /** `width`: as its maker knows it; else as the lane says. @throws CorruptError where that can be none */
  constructor({ heap, at, words }: Lane, width = words[at + LANE.width]!) {
    if (!(width > 1 && width <= MOST_AHEAD))
      throw new CorruptError(`a pool's lane in shared memory is for ${width} tasks at a time`);
    this.width = width;
    this.#lane = at;
    this.#entries = at + TABLE.entries;
    heap.reserveWords(this.#entries + width * ENTRY_WORDS);
    this.#words = heap.words;
  }

  /** Worker: fills an entry for a job that is about to be taken. */
  fill(entry: number, sequence: number): void {
    const at = this.#at(entry);
    this.#words[at + ENTRY.item] = 0;
    store(this.#words, at + ENTRY.begunAt, monotonicMs());
    store(this.#words, at + ENTRY.sequence, sequence);
  }

  /** Worker: the job of this entry has sent its last result. */
  empty(entry: number): void {
    store(this.#words, this.#at(entry) + ENTRY.sequence, 0);
  }

  /** Worker: its time stands still. */
  stopClock(entry: number): void {
    store(this.#words, this.#at(entry) + ENTRY.begunAt, 0);
  }

  startClock(entry: number): void {
    store(this.#words, this.#at(entry) + ENTRY.begunAt, monotonicMs());
  }

  setItem(entry: number, item: number): void {
    this.#words[this.#at(entry) + ENTRY.item] = item;
  }

  /** Worker: whether the job of this entry shall stop. */
  isCancelled(entry: number, sequence: number): boolean {
    return load(this.#words, this.#at(entry) + ENTRY.cancelled) === sequence;
  }

  /** How often the pool has asked a job to stop. */
  get asked(): number {
    return load(this.#words, this.#lane + LANE.cancelled);
  }

  /** Of how many of these the worker's loop has heard. */
  get heard(): number {
    return load(this.#words, this.#lane + TABLE.heard);
  }

  set heard(asked: number) {
    store(this.#words, this.#lane + TABLE.heard, asked);
  }

  /** Pool: the entry of a job; undefined when the worker has it not under way. */
  find(sequence: number): number | undefined {
    for (let entry = 0; entry < this.width; entry++)
      if (load(this.#words, this.#at(entry) + ENTRY.sequence) === sequence) return entry;
    return undefined;
  }

  /** Pool: has a job stop. Gives the count that the worker's loop will say to have heard of; it is woken elsewhere. */
  ask(sequence: number): number {
    const entry = this.find(sequence);
    if (entry !== undefined) store(this.#words, this.#at(entry) + ENTRY.cancelled, sequence);
    this.#asked = (this.#asked + 1) | 0;
    store(this.#words, this.#lane + LANE.cancelled, this.#asked);
    return this.#asked;
  }

  /** Pool: when a job was begun, 0 while its module is loaded or where it is not under way. */
  begunAt(sequence: number): number {
    const entry = this.find(sequence);
    return entry === undefined ? 0 : load(this.#words, this.#at(entry) + ENTRY.begunAt);
  }

  /** Pool: which of its items a job runs. */
  itemOf(sequence: number): number {
    const entry = this.find(sequence);
    return entry === undefined ? 0 : this.#words[this.#at(entry) + ENTRY.item]!;
  }

  #at(entry: number): number {
    return this.#entries + entry * ENTRY_WORDS;
  }
}
