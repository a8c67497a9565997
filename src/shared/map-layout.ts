/** The words of a SharedMap, after those of a monitor. */
import { atomics, type Heap } from "../memory/index.js";
import { MONITOR_WORDS } from "../objects/index.js";
import { NEVER } from "./entry.js";
import { TABLE_WORDS } from "./table-layout.js";
import type { Bounds } from "./map-options.js";
import { touchBytesOf } from "./touches.js";

export const MAP = {
  table: MONITOR_WORDS,
  /**
   * Where hashes begin: another number in each map, so that nobody can choose keys whose hashes are alike. Set once.
   */
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
  /**
   * A byte for all hashes that end alike, PUT or READ: what became of one of their entries since the hand came by. Only
   * a hint: written plainly, by readers too.
   */
  touches: MONITOR_WORDS + TABLE_WORDS + 9,
} as const;

/** How many words a map of these bounds takes. */
export function sizeOf({ maxWeight }: Bounds): number {
  return MAP.touches + touchBytesOf(maxWeight * 4) / 4;
}

/** Writes the words of a new, empty map. */
export function format({ words }: Heap, at: number, { maxWeight, ttl }: Bounds): void {
  // An explored program must do the same each time.
  words[at + MAP.seed] = atomics.controlled ? 1 : Math.floor(Math.random() * 2 ** 32);
  words[at + MAP.maxWeight] = maxWeight;
  words[at + MAP.touchBytes] = touchBytesOf(maxWeight * 4);
  if (ttl === NEVER) return;
  words[at + MAP.ttlLow] = Math.ceil(ttl);
  words[at + MAP.ttlHigh] = Math.floor(Math.ceil(ttl) / 2 ** 32);
}

/** Milliseconds that an entry lasts, as `format` wrote it. */
export function ttlOf({ words }: Heap, at: number): number {
  return (words[at + MAP.ttlLow]! >>> 0) + words[at + MAP.ttlHigh]! * 2 ** 32 || NEVER;
}
