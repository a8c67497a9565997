/**
 * What memory/ asks of the registry, which knows the workers of a heap. It gets that handed to it: the registry stands
 * above it, in parking/.
 */
import type { ThreadStat } from "../platform/index.js";

/** Who uses a heap, and who of them lives. */
export interface WorkerLiveness {
  /** Enters the calling thread; returns its worker id. */
  join(): number;
  /** The calling worker's id and record are known from here on. */
  joined(): void;
  /** The heap's memory begins anew: this thread has never used it. */
  forget(): void;
  /** As far as is known. One load. */
  isAlive(worker: number): boolean;
  /** Asks the kernel too. */
  confirmAlive(worker: number): boolean;
  /** What the kernel tells of a worker's thread; undefined where it does not. */
  threadStatOf(worker: number): ThreadStat | undefined;
}

/** What looks after the waits of the calling thread's event loop. */
export interface OwnLoop {
  /** It was granted something by this very thread: no doorbell is needed. */
  drainSoon(): void;
}
