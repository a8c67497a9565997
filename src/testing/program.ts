import type { Task } from "../workers/task.js";

/**
 * A small concurrent program: what it shares, its workers, and what must be true at its end. All three are tasks (see
 * `task`), in a module of their own, because each worker loads that module. Everything that differs from execution to
 * execution must come from `setup`.
 */
export interface Program<Shared> {
  /**
   * Makes what the workers share: shared objects, alone or in an object or array. Runs before each execution; must not
   * wait.
   */
  readonly setup: Task<() => Shared | PromiseLike<Shared>>;
  /**
   * One entry a worker, run side by side; 1 to 6. Blocking (an ordinary function) or awaiting (an async one). The index
   * tells apart workers of one function.
   */
  readonly workers: readonly Task<(shared: Shared, index: number) => unknown>[];
  /** Throws unless everything is as it should be. Runs when all workers have ended; must not wait. */
  readonly check?: Task<(shared: Shared) => unknown> | undefined;
}

/** How far the schedules of a program are explored. */
export interface ExploreOptions {
  /**
   * Switches away from a worker that could have gone on, at most, in the schedules that are tried one and all. Default
   * 2.
   */
  readonly preemptions?: number | undefined;
  /** Workers that die, at most, in one schedule: each before any of its operations. Default 0. */
  readonly deaths?: number | undefined;
  /** Which workers may die, by index. Default all. */
  readonly mortal?: readonly number[] | undefined;
  /** Schedules tried at most; beyond, the exploration is not exhaustive. Default 1,000,000. */
  readonly schedules?: number | undefined;
  /** Milliseconds that the exploration may take; beyond, it is not exhaustive. Default: no limit. */
  readonly timeLimit?: number | undefined;
  /**
   * Schedules tried beyond those, with any number of switches: half by chance at each step, half by random priorities.
   * Default 100.
   */
  readonly walks?: number | undefined;
  /** Where chance begins: the same seed tries the same schedules. Default 1. */
  readonly seed?: number | undefined;
  /**
   * Whether accesses through `Value`, `SharedArray` and `Struct` that no synchronization orders count as failures.
   * Default true.
   */
  readonly races?: boolean | undefined;
  /** Operations in one schedule, at most; a longer one counts as a livelock. Default and most: 20,000. */
  readonly steps?: number | undefined;
  /**
   * Whether a failing schedule's table shows the library's own words too: how waiters are queued and woken. Default
   * false.
   */
  readonly internals?: boolean | undefined;
  /** Tries this one schedule alone: the `schedule` of an earlier failure. */
  readonly replay?: string | undefined;
  /** Told now and then how far it is. */
  readonly onProgress?: ((progress: ExploreProgress) => void) | undefined;
}

export interface ExploreProgress {
  /** Schedules tried so far. */
  readonly schedules: number;
  /** Pre-emptions in those that are being tried. */
  readonly preemptions: number;
  /** Schedules known that have not been tried yet. */
  readonly waiting: number;
}
