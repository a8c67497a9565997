/**
 * How long one of a crowd sleeps in one piece. Each waking for nothing costs the same, and one waiter that wakes is
 * enough to see that nobody looks after the workers: so the more wait, the longer each sleeps, and somebody wakes as
 * often as before.
 *
 * All sleep to a phase of the clock that they share, and the phases of the slots lie apart by the golden ratio: the
 * wakings of any crowd are spread over the slice, also of one that began to wait at the same moment. So one that looks
 * and dies is replaced in time, no matter which waiters are left.
 * Rejected: deputies, a few that wake often while the others sleep. They may die together with the one that looks.
 */
import { slice } from "#atomics";

/** How long one that waits with few others sleeps. */
export const SLICE_MS = slice(700);
/** A crowd is twice as large as the last before its slice is twice as long. */
const FEW = 4;
const MOST_DOUBLINGS = 3;
/** What is less than this away counts as now. */
const LEAST_MS = 100;

/**
 * Of any slots, those that follow each other too, the fractions of these products lie well apart (Knuth, The Art of
 * Computer Programming, 3, 6.4: Fibonacci hashing).
 */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The slice of each of so many who wait. */
export function sliceOf(crowd: number): number {
  let most = SLICE_MS;
  for (let doubling = 0; doubling < MOST_DOUBLINGS && crowd >= FEW << (doubling + 1); doubling++) most *= 2;
  return most;
}

/** How long the worker of a slot sleeps from `now` on, at most a slice and a little: until its phase comes. */
export function untilPhase(slot: number, now: number, most: number): number {
  const left = (((slot * GOLDEN) % 1) * most - (now % most) + 2 * most) % most;
  return left < LEAST_MS ? left + most : left;
}
