import type { Lock, Pool, ThreadPool } from "../../index.js";

/** Ways to do a job, and what they are called. */
export const MODELS = {
  serial: "串行 serial",
  async: "异步 async",
  asyncPool: "异步池 async pool",
  threads: "线程 threads",
  processes: "进程 processes",
  gil: "线程+全局锁 threads + GIL",
} as const;
export type ComparedModel = keyof typeof MODELS;

/** One kind of work, of equal items, done in six ways that must come to the same results. */
export interface ComparedJob {
  readonly kind: "waiting" | "computing";
  readonly title: string;
  readonly workers: number;
  /** Items of a model that may gain. */
  readonly items: number;
  /** Items of those that cannot: a fifth. */
  readonly few: number;
  readonly cannotGain: readonly ComparedModel[];
  /** On the main thread, one item after the other. */
  serially(items: number): Promise<unknown[]>;
  /** On the main thread, all items at once. */
  asynchronously(items: number): Promise<unknown[]>;
  inPool(pool: Pool, items: number): PromiseLike<unknown[]>;
  /** In an AsyncPool, whose tasks run here. */
  inAsyncPool(pool: Pool, items: number): PromiseLike<unknown[]>;
  /** In threads of which only one computes at a time. */
  underGlobalLock(pool: ThreadPool, gil: Lock, items: number): PromiseLike<unknown[]>;
  /** Throws when the results are wrong. */
  check(results: readonly unknown[]): void;
}
