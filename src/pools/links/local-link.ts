import { clearRealTimeout, realNow, setRealTimeout } from "../../memory/index.js";
import { isThenable } from "../../sync/thenable.js";
import { workerState } from "../../workers/worker-state.js";
import type { Job } from "../job.js";
import type { LinkedPool, LinkWatch, WorkerLink } from "../link.js";
import type { Pace } from "../rate-options.js";
import type { LocalRun } from "./local-run.js";

const LONGEST_TIMER_MS = 0x7fffffff;
const DONE = { exitCode: 0, signal: undefined, cause: undefined, outOfMemory: false } as const;

/**
 * The way to the functions of this event loop: one worker, which has `width` places.
 *
 * A job has its place from the moment at which it is sent until its function has really ended, whatever became of its
 * future before; or until it is given up, since nothing can end a function. None begins within the call that submits
 * it: who submits has the future first. Jobs that were sent begin in the next turn, a microtask, in their order.
 */
export class LocalLink implements WorkerLink {
  readonly pid = process.pid;
  readonly threadId = 0;
  readonly worker = 0;
  readonly depth = 0;
  readonly isReady = true;
  readonly isAsleep = false;
  readonly isParent = false;
  width: number;
  readonly #watch: LinkWatch;
  readonly #pool: LinkedPool;
  readonly #rate: Pace | undefined;
  /** Those that begin in the next turn; and some that were called off meanwhile. */
  #admitted: LocalRun[] = [];
  /** Those that begin in this one. */
  #batch: LocalRun[] = [];
  /** What waits is being given out, to begin in this turn. */
  #isFeeding = false;
  /** When the first job of this turn was submitted or ended; undefined while no turn is on its way. */
  #turn: number | undefined;
  /** Outcomes of which the pool was told in this turn. */
  #told = 0;
  /** How many functions run whose places are their own. */
  #running = 0;
  /** The numbers of places whose tasks have asked for them. */
  readonly #numbers = new Set<number>();
  #rateTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #isKilled = false;
  #hasEnded = false;

  constructor(watch: LinkWatch, pool: LinkedPool, width: number, rate: Pace | undefined) {
    this.#watch = watch;
    this.#pool = pool;
    this.width = width;
    this.#rate = rate;
  }

  get isOpen(): boolean {
    return (
      !this.#isKilled && !this.#watch.isPreparing && (this.#rate === undefined || this.#rate.wait(this.#running) <= 0)
    );
  }

  /** With a rate it is the rate that says who may begin: that is asked when the turn has come. */
  get isDeferred(): boolean {
    return this.#rate !== undefined && !this.#isFeeding;
  }

  prepare(): boolean {
    return true;
  }

  send(job: Job): boolean {
    const run = job.cargo as LocalRun;
    run.isAdmitted = true;
    if (this.#rate !== undefined && !this.#watch.isPreparing) this.#rate.take(this.#running);
    if (this.#isFeeding) this.#batch.push(run);
    else {
      this.#admitted.push(run);
      this.ask();
    }
    return true;
  }

  /** A job that has its place is running for who asks. */
  takeBack(): boolean {
    return false;
  }

  recall(job: Job): boolean {
    const run = job.cargo as LocalRun;
    const wasAdmitted = run.isAdmitted;
    run.isAdmitted = false;
    return wasAdmitted;
  }

  hasBegun(): boolean {
    return true;
  }

  runningFor(job: Job): number {
    const run = job.cargo as LocalRun;
    return run.isRunning ? realNow() - run.since : 0;
  }

  cancel(job: Job, reason: unknown): boolean {
    const run = job.cargo as LocalRun;
    if (run.isAdmitted) {
      run.isAdmitted = false;
      return true;
    }
    run.callOff(reason);
    return false;
  }

  giveUp(job: Job): boolean {
    const run = job.cargo as LocalRun;
    if (run.isRunning) {
      run.leave();
      this.#running--;
    }
    this.#endIfKilled();
    return true;
  }

  receive(): number {
    const told = this.#told;
    this.#told = 0;
    return told;
  }

  look(): undefined {
    return undefined;
  }

  close(): boolean {
    this.#end();
    return true;
  }

  hold(): void {}

  kill(killGrace: number, _gaveUp: () => void, reason: unknown): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    clearRealTimeout(this.#rateTimer);
    for (const { cargo } of this.#watch.jobs.slice()) {
      const run = cargo as LocalRun;
      run.isAdmitted = false;
      if (run.isRunning) run.callOff(reason);
    }
    // It keeps the program alive: who waits for the end of the pool may wait for nothing else.
    if (this.#running > 0 && killGrace !== Number.POSITIVE_INFINITY)
      this.#killTimer = setRealTimeout(() => this.#end(), Math.min(killGrace, LONGEST_TIMER_MS));
    this.#endIfKilled();
  }

  #endIfKilled(): void {
    if (this.#isKilled && this.#running === 0) this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearRealTimeout(this.#killTimer);
    // Nobody hears of what goes on.
    for (const { cargo } of this.#watch.jobs) (cargo as LocalRun).isRunning = false;
    void Promise.resolve().then(() => this.#watch.ended(DONE));
  }

  bury(): void {}

  detach(): void {}

  salvage(): boolean {
    return false;
  }

  drop(): undefined {
    return undefined;
  }

  free(): void {}

  /** Asks for a turn. Gives the time, at which the clock is looked once a turn. */
  ask(): number {
    // Not queueMicrotask: on Node 20 it costs ten times as much.
    if (this.#turn === undefined) void Promise.resolve().then(this.#due);
    return (this.#turn ??= realNow());
  }

  readonly #due = (): void => {
    this.#turn = undefined;
    let runs = this.#admitted;
    // What they submit begins in another turn.
    if (runs.length > 0) this.#admitted = [];
    do {
      this.#beginAll(runs);
      this.#feed();
      runs = this.#batch;
      if (runs.length > 0) this.#batch = [];
    } while (runs.length > 0);
    if (this.#rate !== undefined) this.#comeAgain(this.#rate);
  };

  /** What waits takes the places that are free. */
  #feed(): void {
    if (this.#pool.isQuiet) {
      this.#told = 0;
      return;
    }
    if (this.#told === 0 && this.#watch.jobs.length >= this.width) return;
    this.#isFeeding = true;
    try {
      if (this.#told > 0) this.#watch.arrived();
      else if (this.#pool.isWaiting) this.#pool.feedAnew();
    } finally {
      this.#isFeeding = false;
    }
  }

  #comeAgain(rate: Pace): void {
    if (!this.#pool.isWaiting || this.#watch.jobs.length >= this.width || this.#watch.isPreparing || this.#isKilled)
      return;
    this.#rateTimer ??= setRealTimeout(
      () => {
        this.#rateTimer = undefined;
        this.ask();
      },
      Math.min(Math.max(0, Math.ceil(rate.wait(this.#running))), LONGEST_TIMER_MS),
    );
  }

  #beginAll(runs: readonly LocalRun[]): void {
    if (runs.length === 0) return;
    let now = realNow();
    for (const run of runs) if (run.isAdmitted) now = this.#begin(run, now);
  }

  /** Begins a job that has a place. Gives the time, if that has moved on because the function ended at once. */
  #begin(run: LocalRun, now: number): number {
    run.isAdmitted = false;
    run.isRunning = true;
    run.since = now;
    run.watch = this.#watch;
    run.numbers = this.#numbers;
    this.#running++;
    const isTracked = workerState.tracker !== undefined;
    const before = workerState.asyncJob;
    workerState.asyncJob = run;
    let value: unknown;
    let later: Promise<unknown> | undefined;
    let threw = false;
    try {
      value = run.runInAsyncScope(start, run);
      // Both ask the value for fields, which may be getters of the user's.
      if (isThenable(value)) later = Promise.resolve(value);
    } catch (error) {
      value = error;
      threw = true;
    }
    workerState.asyncJob = before;
    if (later === undefined) {
      const end = realNow();
      this.#left(run, value, threw, end);
      return end;
    }
    if (!isTracked) workerState.untracked++;
    // What ends in one turn shares a look at the clock and one at what waits. These come before the callers that await
    // the future.
    later.then(
      (result) => {
        if (!isTracked) workerState.untracked--;
        this.#left(run, result, false, this.ask());
      },
      (error) => {
        if (!isTracked) workerState.untracked--;
        this.#left(run, error, true, this.ask());
      },
    );
    return now;
  }

  /** The function of a job has ended. */
  #left(run: LocalRun, value: unknown, threw: boolean, end: number): void {
    // It was given up: nobody hears of it.
    if (!run.isRunning) return;
    run.leave();
    this.#running--;
    this.#told++;
    const { job } = run;
    const microseconds = Math.max(0, (end - run.since) * 1000);
    if (job.size > 1) this.#watch.outcome(job, undefined, false, 0, microseconds, end);
    else this.#watch.outcome(job, threw || !job.isChunk ? value : [value], threw, 1, microseconds, end);
    this.#endIfKilled();
  }
}

function start(this: LocalRun): unknown {
  const { tracker } = workerState;
  return tracker === undefined ? this.run() : tracker.run(this, () => this.run());
}
