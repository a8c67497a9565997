/**
 * Which words of shared memory name workers, as each kind of object knows it, and how a slot's workers are struck out
 * of all of them.
 *
 * An id comes again once the generations of its slot are used up. So the slot rests then until every word that names
 * one of its workers, all of them dead, says GHOST instead: a worker that is dead for ever. What the word means stays
 * the same: a worker that finds it later takes over from a dead worker as before.
 * Rejected: wider ids. An owner word is one CAS, and the flags beside the id leave it 28 bits.
 */
import {
  atomics,
  GHOST,
  HEADER,
  type Heap,
  MAX_WORKERS,
  needKind,
  needKinds,
  RECORD,
  RECORD_WORDS,
  REGISTRY_AT,
  SLEEPERS,
  SLOT_MASK,
} from "../memory/index.js";
import { onRenew } from "../parking/index.js";

const { compareExchange, load } = atomics;

/**
 * Strikes a worker of the slot out of a word that holds an id, `shift` bits up; flags below it stay, and so does the
 * bit `flag` above it.
 */
export type Strike = (word: number, shift?: number, flag?: number) => void;
/** False when the object is busy: it is asked again. */
type Names = (heap: Heap, at: number, strike: Strike) => unknown;

const kinds = new Map<number, Names>();
const GUARDS = [HEADER.guard, HEADER.arenaGuard, HEADER.namesGuard, HEADER.addonGuard];

/**
 * Which words of an object of this kind name workers. Registered by the file that defines the kind, as its destroyer
 * is.
 */
export function onNames(kind: number, names: Names): void {
  kinds.set(kind, names);
}

/** Whether a kind has said which of its words name workers. */
export function namesKnown(kind: number): boolean {
  needKind(kind);
  return kinds.has(kind);
}

/**
 * Strikes the workers of a slot, none of which lives, out of all words. False when an object was busy: some may still
 * be named.
 */
function strikeOut(heap: Heap, slot: number): boolean {
  const strike: Strike = (word, shift = 0, flag = 0) => {
    for (;;) {
      const { words } = heap;
      const value = load(words, word);
      const named = value & ~flag;
      if (named <= 0 || ((named >>> shift) & SLOT_MASK) !== slot) return;
      const flags = value & (((1 << shift) - 1) | flag);
      if (compareExchange(words, word, value, (GHOST << shift) | flags) === value) return;
    }
  };
  for (const guard of GUARDS) strike(guard, 0, SLEEPERS);
  for (let record = REGISTRY_AT; record <= REGISTRY_AT + MAX_WORKERS * RECORD_WORDS; record += RECORD_WORDS)
    strike(record + RECORD.sweeper);
  let done = true;
  needKinds();
  heap.references.eachObject([...kinds.keys()], (at, kind) => {
    if (kinds.get(kind)!(heap, at, strike) === false) done = false;
  });
  return done;
}

onRenew(strikeOut);
