/** How waits are ended that somebody else waits: `cancelWaiters()`. One word of the object counts the calls. */
import { CancelledError } from "../errors/index.js";
import { atomics, type Heap } from "../memory/index.js";

const { add, load } = atomics;
const EVERYBODY = 0x7fffffff;

/**
 * Ends all waits for these keys that have begun. The count is the whole change, so a death after it costs time and
 * loses nobody. A waiter that is not woken compares the count at its next look.
 */
export function cancelWaits(heap: Heap, at: number, keys: readonly number[]): void {
  add(heap.words, at, 1);
  for (const key of keys) heap.waitQueue.wake(key, EVERYBODY);
}

/** The look of one wait, which begins now: whether it was ended since. Throws then. */
export function cancelCheck(heap: Heap, at: number, title: string): () => void {
  const began = load(heap.words, at);
  return () => {
    if (load(heap.words, at) !== began) throw new CancelledError(`the wait for ${title} was ended by cancelWaiters()`);
  };
}
