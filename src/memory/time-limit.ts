/**
 * The time limit of what this thread does now: until when it may wait for an internal mutex whose holder is stopped.
 *
 * An operation sets it round its own work, and `enter` reads it. There is none by default: a release, or a wait without
 * a time, waits until the holder goes on or dies. Once the limit is over and the holder is stopped, `enter` throws
 * STALLED, in place of entering. So a section that enters a mutex under a limit must not have committed anything
 * before; what follows a commit either needs no mutex, or does without it under a limit of its own, as `free` does.
 * Rejected: a deadline as a parameter. Sections nest (a queue's, then the allocator's), and each function in between
 * would have to hand it on.
 */
import { controlled } from "#atomics";
import { realNow } from "./clock.js";

/** A limit that is over already: for a try, and for all that an awaiting caller does, whose loop must go on. */
export const AT_ONCE = 0;

class Stalled extends Error {
  override readonly name = "Stalled";
}

/** One for all: it never leaves the library, and nobody reads its stack. */
const STALLED = new Stalled("an internal mutex is held by a worker that is stopped");

let limit = Number.POSITIVE_INFINITY;

/** What `section` returns; undefined if it could not enter a mutex in time. `until`: a moment of `realNow()`. */
export function within<T>(until: number, section: () => T): T | undefined {
  const outer = limit;
  limit = until;
  try {
    return section();
  } catch (error) {
    if (error === STALLED) return undefined;
    throw error;
  } finally {
    limit = outer;
  }
}

/**
 * As `within`, where a closure costs too much: sets the limit and returns the one before, to be set again on every way
 * out.
 */
export function limitTo(until: number): number {
  const outer = limit;
  limit = until;
  return outer;
}

/** Whether this is what `enter` throws then: the caller goes on as if there were nothing to be had yet. */
export function isStall(error: unknown): boolean {
  return error === STALLED;
}

/** Runs what must come to its end, since it follows a commit: it waits for a stopped holder, however long. */
export function untimed<T>(section: () => T): T {
  const outer = limit;
  limit = Number.POSITIVE_INFINITY;
  try {
    return section();
  } finally {
    limit = outer;
  }
}

/** How many milliseconds are left, 0 or less when it is over. The explorer's clock knows no stopped workers. */
export function timeLeft(): number {
  return limit === Number.POSITIVE_INFINITY || controlled ? Number.POSITIVE_INFINITY : limit - realNow();
}

/** The mutex cannot be entered within the limit. */
export function stall(): never {
  throw STALLED;
}
