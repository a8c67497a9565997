import type { Lock, Pool, ThreadPool } from "allcores";

/** One piece of work, done in six ways that must all come to the same results. */
export interface Job<R> {
  title: string;
  workers: number;
  /** On the main thread, one item after the other. */
  serially(): R[] | Promise<R[]>;
  /** On the main thread, all items at once. */
  asynchronously(): Promise<R[]>;
  inPool(pool: Pool): PromiseLike<R[]>;
  /** In threads of which only one computes at a time, as in CPython: each gives the lock back after a slice of computing and while it waits. */
  underGlobalLock(pool: ThreadPool, gil: Lock): PromiseLike<R[]>;
  /** Throws when the results are wrong. */
  check(results: R[]): void;
}
