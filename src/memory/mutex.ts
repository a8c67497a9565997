/**
 * The internal mutex: one word that holds the id of the worker inside, 0 for nobody. It guards sections of well under a microsecond.
 *
 * Waiters spin, then nap; nobody is ever woken, so there is no wake-up to lose. A holder that died is noticed by its id: `enter` then
 * returns true, and the caller rebuilds what the dead worker may have left half done from the words that are the truth.
 * Rejected: parking here. The parker's own wait would then need a second waiter node, and a contended section is over before a futex call is.
 */
import { CorruptError } from "../errors/index.js";
import { compareExchange, load, pauseWhile, spins, store } from "#atomics";
import type { Heap } from "./heap.js";
import { GHOST } from "./layout.js";

const SPINS = spins(200);
const LONGEST_NAP_MS = 1;
const NAPS_BETWEEN_LOOKS = spins(16);

/** Enters; true when the section was left by a worker that died inside it. Must not be nested in itself. */
export function enter(heap: Heap, at: number): boolean {
  return compareExchange(heap.words, at, 0, heap.self) === 0 ? false : enterSlow(heap, at);
}

function enterSlow(heap: Heap, at: number): boolean {
  const { words, self } = heap;
  let nap = 0.05;
  for (let naps = 0; ; naps++) {
    for (let spin = 0; spin < SPINS; spin++) {
      if (load(words, at) === 0 && compareExchange(words, at, 0, self) === 0) return false;
    }
    const holder = load(words, at);
    // Sections are not nested, so this worker is not inside: somebody else wrote its id there.
    if (holder === self) throw new CorruptError(`the mutex at word ${at} of shared memory says that this very worker is inside`);
    if (holder !== 0 && !(naps % NAPS_BETWEEN_LOOKS === NAPS_BETWEEN_LOOKS - 1 ? heap.registry.confirmAlive(holder) : heap.registry.isAlive(holder))) {
      if (compareExchange(words, at, holder, self) === holder) return true;
    }
    pauseWhile(words, at, holder, nap);
    nap = Math.min(nap * 2, LONGEST_NAP_MS);
  }
}

/**
 * Enters if that is possible without waiting, for who may be inside another section, which waiting could close into a circle. As `enter`; undefined when somebody is inside, this
 * very worker perhaps.
 */
export function tryEnter(heap: Heap, at: number): boolean | undefined {
  const { words, self } = heap;
  for (let spin = 0; spin < SPINS; spin++) {
    const holder = load(words, at);
    if (holder === self) return undefined;
    if (holder !== 0 && heap.registry.isAlive(holder)) continue;
    if (compareExchange(words, at, holder, self) === holder) return holder !== 0;
  }
  return undefined;
}

export function leave(heap: Heap, at: number): void {
  store(heap.words, at, 0);
}

/** Leaves what a dead worker had left half done to the next one. */
export function leaveUnmended(heap: Heap, at: number): void {
  store(heap.words, at, GHOST);
}
