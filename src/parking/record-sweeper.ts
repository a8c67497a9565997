/**
 * Records without a living worker: the sweep of a dead worker's, and the renewal of a slot whose ids would come again.
 * One worker at a time does either, the one that has won the CAS on `sweeper`; if it ends too, the next takes it over.
 */
import { compareExchange, load, store } from "#atomics";
import type { Heap } from "../memory/heap.js";
import {
  DEAD,
  GENERATION_MASK,
  RECORD,
  RECORD_WORDS,
  recordOf,
  REGISTRY_AT,
  SLOT_BITS,
  STATE_BITS,
  STATE_MASK,
  VACANT,
} from "../memory/layout.js";
import { AT_ONCE, within } from "../memory/time-limit.js";
import { isRunning } from "../platform/index.js";
import { stateWord } from "./records.js";
import { sweep } from "./sweep.js";

let strikeOut: ((heap: Heap, slot: number) => boolean) | undefined;

/**
 * Strikes the dead workers of a slot out of all words; false when some may still be named: the slot stays worn then.
 */
export function onRenew(strike: (heap: Heap, slot: number) => boolean): void {
  strikeOut = strike;
}

/** Of who comes after the one that a vacant slot's state word names. */
export function nextGeneration(vacant: number): number {
  return ((vacant >>> (STATE_BITS + SLOT_BITS)) + 1) & GENERATION_MASK || 1;
}

/** Whether the next id of a vacant slot was used before: words may still name that worker. */
export function isWorn(words: Int32Array, record: number, vacant: number): boolean {
  return nextGeneration(vacant) <= load(words, record + RECORD.id) >>> SLOT_BITS;
}

/** Whether the thread that a record names still runs. */
export function kernelSaysRunning(words: Int32Array, record: number): boolean {
  return isRunning({
    pid: words[record + RECORD.pid]!,
    tid: words[record + RECORD.tid]!,
    startTime: words[record + RECORD.startTime]!,
  });
}

export class RecordSweeper {
  readonly #heap: Heap;
  /** This worker has no id yet, and so can enter no mutex: it sweeps nothing. */
  isJoining = false;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /**
   * Passes on what a dead worker had won but not taken, and gives back what it had allocated. Each step may be
   * repeated: wake-ups are passed on before the node is cleared, so a sweeper that dies between the two doubles a
   * wake-up rather than losing it. Where a stopped worker is inside the allocator the record stays DEAD, and is swept
   * at a later look: no wait for something else must hang on it.
   */
  sweep(record: number, dead: number): void {
    const heap = this.#heap;
    const { words } = heap;
    const isDead = stateWord(dead, DEAD);
    if (load(words, record + RECORD.state) !== isDead || !this.#claim(record)) return;
    // It may have been swept, and claimed by a newcomer, between the look and the claim.
    if (load(words, record + RECORD.state) === isDead) {
      // Until the next sweep of one that is not done the record says how its worker ended.
      if (sweep(heap, record, dead)) compareExchange(words, record + RECORD.state, isDead, stateWord(dead, VACANT));
    }
    this.#unclaim(record);
  }

  /**
   * A worn slot is nobody's until no word names its workers any more; then it is as good as new. Each step may be
   * repeated. Only a worker does it that is in the registry: it enters mutexes.
   */
  renew(record: number, word: number): void {
    const { words } = this.#heap;
    if ((word & STATE_MASK) !== VACANT || !isWorn(words, record, word) || !this.#claim(record)) return;
    // Nobody else renews it, and nobody joins there before the last store.
    if (load(words, record + RECORD.state) === word && isWorn(words, record, word)) {
      const slot = (record - REGISTRY_AT) / RECORD_WORDS;
      if (within(AT_ONCE, () => strikeOut?.(this.#heap, slot)) === true) store(words, record + RECORD.id, 0);
    }
    this.#unclaim(record);
  }

  /**
   * Whether the caller looks after this record without a living worker. One does at a time; the next when it is gone.
   */
  #claim(record: number): boolean {
    if (this.isJoining) return false;
    const { words, self } = this.#heap;
    const sweeper = load(words, record + RECORD.sweeper);
    if (sweeper !== 0 && (sweeper === self || this.#isRunning(sweeper))) return false;
    return compareExchange(words, record + RECORD.sweeper, sweeper, self) === sweeper;
  }

  /** Last: until here nobody else looks after this record. */
  #unclaim(record: number): void {
    compareExchange(this.#heap.words, record + RECORD.sweeper, this.#heap.self, 0);
  }

  /** Whether a worker's thread still runs, dead to the registry or not. */
  #isRunning(worker: number): boolean {
    const { words } = this.#heap;
    const record = recordOf(worker);
    return load(words, record + RECORD.id) === worker && kernelSaysRunning(words, record);
  }
}
