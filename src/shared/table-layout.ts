/**
 * Where what stands in the table of a SharedMap (hash-table.ts).
 *
 * TABLE_WORDS of its owner:
 *
 *   0   epoch: another number whenever the directory was replaced
 *   1   directory, 0 while the table is empty
 *   2   number of entries
 *   3   their weight: words of memory, unsigned
 *   4   hand: where the turn of `nextInTurn` stands, a hash
 *   5   and the slot of that hash's segment
 *
 * A directory: word 0 depth, then 2 ** depth cells, each a segment. A segment: word 0 how many of the highest bits all
 * its hashes share, 1 log2 of its slots, 2 slots that are not empty, 3 slots that hold an entry, then its slots: a
 * hash, and an entry, 0 (empty) or GONE.
 */
import { CorruptError } from "../errors/index.js";
import { ENTRY } from "./entry.js";
import type { PackedKey } from "./packed-key.js";

export const TABLE_WORDS = 6;
export const EPOCH = 0;
export const DIRECTORY = 1;
export const COUNT = 2;
export const WEIGHT = 3;
export const HAND = 4;
export const HAND_SLOT = 5;

export const DEPTH = 0;
export const CELLS = 1;

export const SHARED_BITS = 0;
export const SLOTS_LOG = 1;
export const USED = 2;
export const LIVE = 3;
export const SLOTS = 4;
export const SLOT_WORDS = 2;
/** In a slot, beside its hash. */
export const NAMED = 1;
export const GONE = -1;

export const LEAST_SLOTS_LOG = 3;
/** A segment that needs more is split, unless its hashes are too much alike. */
export const MOST_SLOTS_LOG = 9;
export const MOST_DEPTH = 22;

/** Which cell of a directory of this depth. In two steps: a shift by 32 is none. */
export function cellOf(hash: number, depth: number): number {
  return (hash >>> 1) >>> (31 - depth);
}

/** So many slots that half of them stay empty. */
export function slotsLogFor(entries: number): number {
  return Math.max(LEAST_SLOTS_LOG, 32 - Math.clz32(2 * entries - 1));
}

/** @throws CorruptError */
export function full(): never {
  throw new CorruptError("a segment of a map in shared memory is full, whatever it says");
}

/** Whether an entry is that of a key. */
export function isKeyOf(words: Int32Array, entry: number, key: PackedKey): boolean {
  if (words[entry + ENTRY.shape] !== key.shape) return false;
  const { length } = key;
  const known = key.words;
  for (let index = 0; index < length; index++) if (words[entry + ENTRY.key + index] !== known[index]) return false;
  return true;
}
