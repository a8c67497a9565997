/**
 * The state of a waiter node.
 *
 * A node's state is one word, sequence << 14 | wanted << 7 | granted, and every transition is one CAS on it:
 *   arm       wanted + 1    by the waiting worker
 *   grant     granted + 1   by a waker, only while granted < wanted: a wake-up is never given to nobody
 *   use       granted - n   by the waiting worker, which then attempts, still armed
 *   withdraw  wanted - 1    by the waiting worker, only while granted < wanted; otherwise it takes the grant too, which
 *                           the parker passes on
 *
 * What was used or withdrawn is pending until its attempt has succeeded or it is passed on: counted in the node before
 * it leaves the state, so a death in between doubles a wake-up rather than losing it.
 */
const COUNT_BITS = 7;
export const WANTED_ONE = 1 << COUNT_BITS;
export const COUNT_MASK = WANTED_ONE - 1;
/**
 * The rest, 18 bits: a waker that stands still between its look and its CAS must not find the same number again, with
 * another key.
 */
export const SEQUENCE_ONE = 1 << (2 * COUNT_BITS);
/** More local waiters than this for one key take another node. */
export const MOST_WANTED = COUNT_MASK;

export const wantedIn = (state: number): number => (state >>> COUNT_BITS) & COUNT_MASK;
export const grantedIn = (state: number): number => state & COUNT_MASK;

/** The same state with nobody wanting more than was granted. */
export const closedState = (state: number): number =>
  (state & ~(COUNT_MASK << COUNT_BITS)) | (grantedIn(state) << COUNT_BITS);
