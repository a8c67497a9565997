/**
 * Work that one of all who use a heap does for the others, now and then: a word of the header says when one of them last began.
 *
 * Whoever finds that long enough ago, and wins the CAS, has the turn. Nobody gives it back: one that dies over the work, or is stopped, keeps it for one interval, and the next one
 * begins anew. So the work must be one that may be begun by several, and left off anywhere.
 * Rejected: one appointed worker. Its own death would have to be noticed by somebody, and it would have to be awake.
 */
import { compareExchange, load } from "#atomics";
import { monotonicMs } from "./clock.js";

/** Whether the caller is to do the work now: nobody has begun it for `every` milliseconds. */
export function takeTurn(words: Int32Array, at: number, every: number): boolean {
  // Before the clock: then it is never later than that, unless the word was written over, and then it counts for nothing.
  const last = load(words, at);
  const now = monotonicMs();
  const ago = (now - last) | 0;
  return (last === 0 || ago < 0 || ago >= every) && compareExchange(words, at, last, now) === last;
}
