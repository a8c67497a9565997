/**
 * Forces a collection where shared memory has run out: the collector knows nothing of shared memory, so wrappers that
 * nobody can reach any more may fill it before their finalizers run. What the collection reaches was forgotten in
 * earlier turns of this thread's loop: what a WeakRef was made for, or told, stays until its turn ends.
 */
import { controlled } from "#atomics";
import { realNow, setRealImmediate } from "./clock.js";

/**
 * Collections in vain before they are held off, each for longer than the one before; and at most for how many times its
 * own length.
 */
const MOST_IN_VAIN = 4;
const LONGEST_HOLD_OFF = 64;
/** How often a thread looks for the collector that others hide at the same time. */
const MOST_TRIES = 8;

/** Who keeps what wrappers hold. */
export interface Keeper {
  /** Drops what wrappers held that the collector took. Whether there was any. */
  dropCollected(): boolean;
}

/**
 * This thread's, one for each heap: what one lets go of may hold objects of another. A heap that the thread has no more
 * is not kept.
 */
const keepers = new Set<WeakRef<Keeper>>();

/** From here on this one is asked where memory is full. */
export function addKeeper(keeper: Keeper): void {
  if (!controlled) keepers.add(new WeakRef(keeper));
}

/**
 * Has the collector run, and drops what wrappers held that it took: those that were forgotten in earlier turns of this
 * thread's loop. A worker that finds shared memory full calls it. False when nothing was dropped.
 */
export function dropForgotten(): boolean {
  return collectForgotten(() => {
    let dropped = false;
    for (const each of keepers) {
      const keeper = each.deref();
      if (keeper === undefined) keepers.delete(each);
      else dropped = keeper.dropCollected() || dropped;
    }
    return dropped;
  });
}

let gc: (() => void) | undefined;
let isOfThisTurn = false;
let inVain = 0;
let notBefore = 0;

/**
 * Runs a collection, then `drop`, which returns whether it found something to give back; false too where none makes
 * sense now.
 */
function collectForgotten(drop: () => boolean): boolean {
  const begin = realNow();
  // What an explored program does must not depend on the collector. A second collection in one turn reaches nothing
  // more.
  if (controlled || isOfThisTurn || begin < notBefore) return false;
  isOfThisTurn = true;
  setRealImmediate(() => {
    isOfThisTurn = false;
  }).unref();
  gc ??= exposeCollector();
  if (gc === undefined) return false;
  gc();
  const took = realNow() - begin;
  const found = drop();
  inVain = found ? 0 : inVain + 1;
  // A program that goes on with memory that is full, and in use, does not collect each time.
  notBefore = inVain < MOST_IN_VAIN ? 0 : begin + took * Math.min(LONGEST_HOLD_OFF, 2 ** (inVain - MOST_IN_VAIN + 1));
  return found;
}

/**
 * The collector, as the flag shows it to contexts that are made meanwhile. The flag is the process's: another thread
 * that does the same may put it back in between, so that there is nothing to be seen. Undefined where that happens each
 * time. Loaded on use: hardly a program needs it.
 */
export function exposeCollector(): (() => void) | undefined {
  const own = (globalThis as { gc?: () => void }).gc;
  if (typeof own === "function") return own;
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  const { runInNewContext } = process.getBuiltinModule("node:vm");
  try {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      setFlagsFromString("--expose-gc");
      const found = runInNewContext('typeof gc === "function" ? gc : undefined') as (() => void) | undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    setFlagsFromString("--no-expose-gc");
  }
}
