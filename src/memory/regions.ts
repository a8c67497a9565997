import { exchange, load } from "#atomics";
import { BLOCKING, HEADER, RECORD, recordOf } from "./layout.js";
import type { WorkerLiveness, OwnLoop } from "./liveness.js";

/**
 * How far an object reaches: the threads of this process, every process of this program too, or every program of this
 * user on this machine.
 */
export type Across = "threads" | "processes" | "machine";

/** A part of the data region as a user may see it. */
export interface UserBuffer {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly byteOffset: number;
}

/**
 * Shared memory of one reach, and who the calling worker is there.
 * Two regions: control (words that the library owns, `words`) and data (bytes that users see), so that no view of a
 * user's shows a lock word.
 */
export abstract class Regions {
  /** Whether what stands in it can leave its process. */
  abstract readonly across: "threads" | "processes";
  /**
   * The control region, of fixed length: through a length-tracking view every atomic operation costs three times as
   * much.
   */
  words: Int32Array;
  /** The control region as bytes. */
  bytes: Uint8Array;
  /** Both are handed over once, when the heap is made, by what stands on it (see `onHeap`). */
  liveness!: WorkerLiveness;
  ownLoop!: OwnLoop;
  #self = 0;
  #record = 0;

  constructor(words: Int32Array) {
    this.words = words;
    this.bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  }

  /** The calling worker's id; enters it into the registry on first use. */
  get self(): number {
    if (this.#self === 0) this.#join();
    return this.#self;
  }

  /** The calling worker's id, 0 if it never used this heap. */
  get selfIfJoined(): number {
    return this.#self;
  }

  /** Where the calling worker's record stands. */
  get record(): number {
    if (this.#record === 0) this.#join();
    return this.#record;
  }

  get id(): number {
    return this.words[HEADER.heapId]!;
  }

  /** Whether other programs than this one write there too. */
  abstract readonly isForeign: boolean;

  /** The data region's windows: no extent crosses from one into another. */
  abstract readonly windowUnits: number;

  /** How far what stands in it reaches. */
  get reach(): Across {
    return this.words[HEADER.ofMachine] === 1 ? "machine" : this.across;
  }

  #join(): void {
    this.#self = this.liveness.join();
    this.#record = recordOf(this.#self);
    this.liveness.joined();
  }

  /** Wakes the worker of a record whose node was just granted something. */
  ring(record: number, kind: number): void {
    if (kind === BLOCKING) {
      const sleeps = exchange(this.words, record + RECORD.blocking, 0);
      if (sleeps === 1) this.wakeSleeper(record + RECORD.blocking);
      else if (sleeps !== 0) this.wakeElsewhere(sleeps);
    } else if (record === this.#record) {
      this.ownLoop.drainSoon();
    } else if (pressDoorbell(this.words, record + RECORD.doorbell)) {
      this.ringDoorbell(record);
    }
  }

  /** Makes sure that `words` reaches everything that any worker has allocated so far. */
  catchUp(): void {
    this.reserveWords(load(this.words, HEADER.brk));
  }

  /**
   * Makes sure that `words` reaches to `end`: memory that another worker added may lie beyond this thread's view.
   * @throws CorruptError where nobody has added any
   */
  abstract reserveWords(end: number): void;
  /** Adds memory from `brk` to `end`. @throws CorruptError when there is none before `brk` */
  abstract addWords(brk: number, end: number): void;
  /** First unit of an extent of `units` units at or after `brk`; adds memory as needed. */
  abstract placeExtent(brk: number, units: number): number;
  /** Sets real memory aside for an extent, where touching it could kill the process otherwise. */
  abstract reserveExtent(unit: number, units: number): void;
  /** A part of the data region, for the library's own copying. */
  abstract data(unit: number, bytes: number): Uint8Array;
  /** A part of the data region, for a user's view. */
  abstract userBuffer(unit: number, bytes: number): UserBuffer;
  /** Gives pages back to the system, where it can. */
  abstract discardExtent(unit: number, units: number): void;
  /** Sleeps while the word holds `expected`, at most `ms`. */
  abstract sleep(at: number, expected: number, ms: number): void;
  /** Whether `terminate()` ends such a sleep of the calling thread; else it is noticed after a slice. */
  abstract readonly isSleepCutShort: boolean;
  /** Wakes the one sleeper on a word. */
  abstract wakeSleeper(at: number): void;
  /**
   * What this worker's `blocking` word says here while it waits here too but sleeps in another heap, so that wakers
   * find it: where its record stands there. 0 when they could not.
   */
  abstract sleepingIn(bed: Regions): number;
  /** Wakes a worker that said it sleeps in another heap. */
  abstract wakeElsewhere(sleepingIn: number): void;
  /** Calls `onRing` once when this worker's doorbell rings, or already has. Does not keep the program alive. */
  abstract listen(onRing: () => void): void;
  abstract ringDoorbell(record: number): void;
}

/** Whether the doorbell was silent until now, so that it must be rung. */
function pressDoorbell(words: Int32Array, doorbell: number): boolean {
  return load(words, doorbell) === 0 && exchange(words, doorbell, 1) === 0;
}
