import { AsyncResource } from "node:async_hooks";
import { type RunningJob, workerState } from "../../workers/worker-state.js";
import type { Job } from "../job.js";
import type { LinkWatch } from "../link.js";
import { functionOf } from "./local-task.js";

/**
 * A job on this event loop, as its own function sees it; and the asynchronous context of who submitted it, in which all
 * attempts run.
 */
export class LocalRun extends AsyncResource implements RunningJob {
  declare readonly job: Job;
  /** It has a place, and begins in the next turn. */
  declare isAdmitted: boolean;
  /** Its function runs, and its place is its own. */
  declare isRunning: boolean;
  /** When it began. */
  declare since: number;
  /** Which places are numbered, once it has begun. */
  declare numbers: Set<number> | undefined;
  /** Its place's number, once its function has asked; 0 before. */
  declare private number: number;
  /** Hears of the outcomes, once it has begun. */
  declare watch: LinkWatch | undefined;
  declare private controller: AbortController | undefined;
  declare private calledOff: { readonly reason: unknown } | undefined;
  /** Which of its items runs. */
  declare private item: number;

  constructor(job: Job) {
    super("AsyncPool");
    this.job = job;
    this.isAdmitted = false;
    this.isRunning = false;
    this.since = 0;
    this.numbers = undefined;
    this.number = 0;
    this.watch = undefined;
    this.controller = undefined;
    this.calledOff = undefined;
    this.item = 0;
  }

  get attempt(): number {
    return this.job.attempts;
  }

  get cancelled(): boolean {
    return this.calledOff !== undefined;
  }

  /** Made for those only who ask for it: an AbortSignal costs more than all the rest of a job. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.calledOff !== undefined) this.controller.abort(this.calledOff.reason);
    }
    return this.controller.signal;
  }

  /** Given to those only who ask for it: the lowest that no other task has. */
  get slot(): number | undefined {
    if (this.number === 0 && this.isRunning && this.numbers !== undefined) {
      do this.number++;
      while (this.numbers.has(this.number));
      this.numbers.add(this.number);
    }
    return this.number === 0 ? undefined : this.number;
  }

  /** Its place is another's. */
  leave(): void {
    this.isRunning = false;
    if (this.number === 0) return;
    this.numbers?.delete(this.number);
    this.number = 0;
  }

  progress(value: unknown): void {
    if (!this.job.isOver) this.job.progress(value, this.item);
  }

  /** Asks what runs to stop. */
  callOff(reason: unknown): void {
    this.calledOff ??= { reason };
    this.controller?.abort(reason);
  }

  /** Another attempt of the same job. */
  renew(): void {
    this.controller = undefined;
    this.calledOff = undefined;
  }

  /** Runs it; gives a promise if it has not ended then. */
  run(): unknown {
    const { job } = this;
    return job.size === 1 ? job.run(functionOf(job.task), 0) : this.runAll();
  }

  /** Items of a chunk, one after the other. */
  private async runAll(): Promise<void> {
    const { job } = this;
    for (let index = 0; index < job.size && !job.isOver; index++) {
      let value: unknown;
      let threw = false;
      this.item = index;
      try {
        value = await this.runBehind(index);
      } catch (error) {
        threw = true;
        value = error;
      }
      if (this.isRunning) this.watch?.outcome(job, threw ? value : [value], threw, 1, -1, 0);
      if (threw && job.stops) return;
    }
  }

  /** An item after another: what is done around the first is done here. */
  private runBehind(index: number): unknown {
    const { job } = this;
    const before = workerState.asyncJob;
    workerState.asyncJob = this;
    try {
      return job.run(functionOf(job.task), index);
    } finally {
      workerState.asyncJob = before;
    }
  }
}
