/** What takes part: a pool of some library, in one of its settings, behind one face. */
import type { Job } from "./jobs.js";

export type Model = "threads" | "processes";

/** A pool that is open. What its library has no word for is absent. */
export interface OpenPool {
  /** Hands over one job, copying what it is given. */
  run(job: Job, value?: unknown): Promise<unknown>;
  /** The library's own map, with a trivial function. */
  map?(items: readonly number[]): PromiseLike<readonly number[]>;
  /** What has bytes is moved by `run` too: it cannot copy them. */
  readonly movesAll?: true;
  /** There and back without a copy. */
  move?(buffer: ArrayBuffer): Promise<ArrayBuffer>;
  /** `burn` for a service: calls it off, in the way that the library documents, when the signal fires. */
  serve?(rounds: number, signal: AbortSignal): Promise<unknown>;
  /** Ends all workers. */
  close(): Promise<unknown>;
}

export interface Setting {
  readonly text: string;
  open(workers: number): OpenPool | Promise<OpenPool>;
}

export interface Contender {
  readonly library: string;
  readonly model: Model;
  readonly ours?: true;
  /** The first is the library's own choice; where speed of dispatch is measured, the fastest is found by trying. */
  readonly settings: readonly [Setting, ...Setting[]];
}
