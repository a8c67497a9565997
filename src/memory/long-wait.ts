/**
 * Who is told of waits that last: the parker calls here after a slice in vain, so that looking for deadlocks costs a wait that ends sooner nothing.
 */
import type { Heap } from "./heap.js";

/** A blocking wait that has lasted a slice. */
export interface LongWait {
  readonly heap: Heap;
  readonly key: number;
  /** The moment (on this thread's `performance.now()`) when it began. */
  readonly since: number;
  /** The moment when it runs out. */
  readonly deadline: number;
  /** Whether it may end with an error: not so where the caller must have what it waits for, as a Condition its lock. */
  readonly refusable: boolean;
}

/** The one who watches over a long wait. */
export interface Watch {
  /** After each slice, when an attempt has failed. May throw what ends the wait. */
  look(): void;
  /** The wait is over, in whatever way: called once, before its caller goes on. */
  end(): void;
}

export let watchOver: ((wait: LongWait) => Watch | undefined) | undefined;

/** From here on `begin` is told of each long wait of this thread. */
export function onLongWait(begin: typeof watchOver): void {
  watchOver = begin;
}
