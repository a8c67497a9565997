import { ScheduleError } from "../errors/index.js";

/** What can go wrong under a schedule. */
export type FailureKind = "exception" | "check" | "deadlock" | "lost wake-up" | "livelock" | "race" | "divergence";

/** A schedule under which the program fails. */
export interface ExplorationFailure {
  /**
   * - `"exception"`: a worker threw; `"check"`: `check` threw.
   * - `"deadlock"`: everybody waits for ever. `"lost wake-up"`: everybody waited, but what somebody waited for was
   *   there.
   * - `"livelock"`: more steps than `options.steps`.
   * - `"race"`: accesses to one cell that nothing orders. `"divergence"`: the program differs from run to run.
   */
  readonly kind: FailureKind;
  /** What happened, in a sentence. */
  readonly message: string;
  /** What was thrown, as it was printed there. */
  readonly error: { readonly name: string; readonly message: string; readonly stack: string } | undefined;
  /** The schedule: give it as `options.replay` to see the same failure again. */
  readonly schedule: string;
  /** The schedule as a table, one column a worker. */
  readonly table: string;
}

/**
 * What an exploration came to.
 *
 * @example
 * ```ts
 * import { Exploration } from "allcores/testing";
 * const counts = { schedules: 12, steps: 300, isExhaustive: true, walks: 0, seed: 1, duration: 5 };
 * const exploration = new Exploration({ ...counts, failure: undefined });
 * exploration.throwIfFailed(); // nothing failed
 * console.log(String(exploration)); // no failure in 12 schedules (every schedule within the bounds; 0 by chance, seed 1)
 * ```
 */
export class Exploration {
  /** Schedules tried. */
  readonly schedules: number;
  /** Operations in all of them. */
  readonly steps: number;
  /** Whether every schedule within the bounds was covered. */
  readonly isExhaustive: boolean;
  /** Schedules tried by chance, among `schedules`. */
  readonly walks: number;
  /** The seed of chance. */
  readonly seed: number;
  /** Milliseconds that it took. */
  readonly duration: number;
  /** The first failure found, of those with the fewest pre-emptions; undefined when there was none. */
  readonly failure: ExplorationFailure | undefined;

  /**
   * Makes one from its counts. `explore` makes it; a program makes one to test what reads it.
   *
   * @param of its properties, `duration` in milliseconds
   * @throws nothing
   * @remarks **Cost:** one small object.
   */
  constructor(of: {
    schedules: number;
    steps: number;
    isExhaustive: boolean;
    walks: number;
    seed: number;
    duration: number;
    failure: ExplorationFailure | undefined;
  }) {
    this.schedules = of.schedules;
    this.steps = of.steps;
    this.isExhaustive = of.isExhaustive;
    this.walks = of.walks;
    this.seed = of.seed;
    this.duration = of.duration;
    this.failure = of.failure;
  }

  /**
   * The former name of `isExhaustive`.
   * @deprecated Use `isExhaustive`.
   */
  get exhaustive(): boolean {
    return this.isExhaustive;
  }

  /**
   * Throws a `ScheduleError` that shows the failure, if there was one.
   *
   * @throws `ERR_ALLCORES_SCHEDULE` when a schedule failed
   * @remarks **Cost:** none without a failure; else the text of its table.
   */
  throwIfFailed(): void {
    if (this.failure !== undefined) throw new ScheduleError(this.toString(), this.failure.schedule);
  }

  /** All of it as text: the failure with its schedule and table, or how much was tried in vain. */
  toString(): string {
    const { failure } = this;
    if (failure === undefined) {
      const extent = this.isExhaustive ? "every schedule within the bounds" : "not every schedule within the bounds";
      return `no failure in ${this.schedules} schedules (${extent}; ${this.walks} by chance, seed ${this.seed})`;
    }
    return [
      `${failure.kind} under schedule ${this.schedules} (seed ${this.seed}): ${failure.message}`,
      `again: { replay: ${JSON.stringify(failure.schedule)} }`,
      "",
      failure.table,
      ...(failure.error === undefined ? [] : ["", failure.error.stack]),
    ].join("\n");
  }
}
