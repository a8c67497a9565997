/**
 * Who is told of waits that last: the parker calls here after a slice in vain, so that looking for deadlocks costs a
 * wait that ends sooner nothing.
 */
import type { Heap } from "../memory/heap.js";

/** One of the things that a wait is for. */
export interface WaitPlace {
  readonly heap: Heap;
  readonly key: number;
}

/** A blocking wait that has lasted a slice. */
export interface LongWait {
  /** What it is for: where there are several, as in a select, for whichever comes first. */
  readonly places: readonly WaitPlace[];
  /** The moment of `realNow()` when it began. */
  readonly since: number;
  /** The moment when it runs out. */
  readonly deadline: number;
  /** Whether it may end with an error: not so where the caller must have what it waits for, as a Condition its lock. */
  readonly refusable: boolean;
}

/** What an event loop awaits by one key. */
export interface LongAwait {
  readonly key: number;
  /** When it was seen first, since the last caller joined it. */
  readonly since: number;
  /** Whether no caller's time runs out, and no signal aborts one. */
  readonly isEndless: boolean;
  /** Where its first caller waits, if that was kept. */
  readonly origin: Error | undefined;
}

/** The one who watches over a long wait. */
export interface Watch {
  /** After each slice, when an attempt has failed. May throw what ends the wait. */
  look(): void;
  /** The wait is over, in whatever way: called once, before its caller goes on. */
  end(): void;
}

/** The one who watches over what an event loop awaits from one heap. */
export interface LoopWatch {
  /**
   * After each slice, when attempts have failed. `loops`: in how many heaps this thread's loop awaits something. Must
   * not throw.
   */
  look(awaits: readonly LongAwait[], loops: number): void;
  /** Something has changed. Called often: does nothing when nothing was done. */
  end(): void;
}

export interface Watcher {
  /** Called after a blocking wait's first slice. */
  blocks(wait: LongWait): Watch | undefined;
  /** Called after the first slice in which a loop awaited something. */
  awaits(heap: Heap): LoopWatch;
}

export let watcher: Watcher | undefined;
/** Whether awaiting callers remember where they wait. */
export let keepsOrigins = false;

/** From here on `by` is told of the long waits of this thread. */
export function watchLongWaits(by: Watcher): void {
  watcher = by;
}

export function keepOriginsOfAwaits(keep: boolean): void {
  keepsOrigins = keep;
}
