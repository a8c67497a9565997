/** What the records of a heap's workers say of them, read without the registry. */
import { load } from "#atomics";
import type { Heap } from "../memory/heap.js";
import {
  ALIVE,
  HEADER,
  MAX_WORKERS,
  RECORD,
  RECORD_WORDS,
  recordOf,
  REGISTRY_AT,
  STATE_BITS,
  STATE_MASK,
} from "../memory/layout.js";

/** A state, and whose it is. */
export function stateWord(worker: number, state: number): number {
  return (worker << STATE_BITS) | state;
}

/** As far as the registry knows. One load. */
export function isAliveIn(words: Int32Array, worker: number): boolean {
  return load(words, recordOf(worker) + RECORD.state) === stateWord(worker, ALIVE);
}

/** The ids of all workers alive. */
export function livingWorkers(words: Int32Array): number[] {
  const high = Math.min(load(words, HEADER.workersHigh), MAX_WORKERS + 1);
  const alive: number[] = [];
  for (let slot = 1; slot < high; slot++) {
    const word = load(words, REGISTRY_AT + slot * RECORD_WORDS + RECORD.state);
    if ((word & STATE_MASK) === ALIVE) alive.push(word >>> STATE_BITS);
  }
  return alive;
}

/** The worker id of a record, 0 unless it is alive. */
export function livingIn({ words }: Heap, record: number): number {
  const word = load(words, record + RECORD.state);
  return (word & STATE_MASK) === ALIVE ? word >>> STATE_BITS : 0;
}
