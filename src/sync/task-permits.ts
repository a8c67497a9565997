/**
 * What the running task of a pool's worker has taken of semaphores. When the task settles, what it has not given back
 * is used up: a later death of the worker gives back only what later tasks took. Elsewhere nothing is noted: a worker
 * of one task says by its end what becomes of its permits.
 *
 * A worker runs one task of its pool at a time. What a task leaves running behind it takes permits for the next one, as
 * far as anybody can tell.
 */
import { CorruptError } from "../errors/index.js";
import { atomics, type Heap, RECORD } from "../memory/index.js";
import { heapsEntered, markEnded } from "../parking/index.js";

export const useUp = Symbol("useUp");

interface Source {
  /** What this worker holds of it is used up. */
  [useUp](): void;
}

let isWatched = false;
/** Of which permits were taken since the last task settled. Held here, so that none is collected with permits held. */
const sources: Source[] = [];

/** From here on this worker has tasks of a pool, one after the other. */
export function watchTaskPermits(): void {
  isWatched = true;
  sources.length = 0;
}

/**
 * A permit was taken; true when its source is noted from here on, and needs not be noted again before it is used up.
 */
export function notePermit(source: Source): boolean {
  if (isWatched) sources.push(source);
  return isWatched;
}

/** An item of a chunk, or a task, is settled. */
export function settlePermits(): void {
  if (sources.length > 0) settle([]);
}

/** The same for what was handed to this worker, or what it has let go of. Its task, or chunk, is settled. */
export function settleAllPermits(): void {
  if (sources.length > 0 || heapsEntered().some(hasStrays)) settle(heapsEntered().filter(hasStrays));
}

function hasStrays({ words, record }: Heap): boolean {
  return atomics.load(words, record + RECORD.strays) === 1;
}

/** Marked first: killed half way, the worker has used up all of it or none. */
function settle(strayed: readonly Heap[]): void {
  markEnded(true);
  try {
    for (const source of sources) source[useUp]();
    for (const { words, record, references, self } of strayed) {
      // Before the look: what is handed over from here on is noted anew.
      atomics.store(words, record + RECORD.strays, 0);
      while (!references.endStraysOf(self)) atomics.pause(1);
    }
  } catch (error) {
    // Memory that was written over is no failure of the task.
    if (!(error instanceof CorruptError)) throw error;
  } finally {
    sources.length = 0;
    markEnded(false);
  }
}
