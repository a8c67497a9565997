import { realNow, setRealTimeout } from "../memory/index.js";
import { TimeoutError } from "../errors/index.js";
import type { Appointment } from "./agenda.js";
import type { Dispatch } from "./dispatch.js";
import type { Job } from "./job.js";
import type { PoolSettings } from "./pool-options.js";
import type { Rebalancer } from "./rebalancer.js";
import type { WorkerSet } from "./worker-set.js";
import type { WorkerSlot } from "./worker-slot.js";

const LONGEST_TIMER_MS = 0x7fffffff;
/**
 * How long a program that ends waits for workers that it has killed: a thread within a call of the system ends with the
 * program.
 */
const KILL_MS = 500;
/** Between two looks at a job that goes on after it was called off, beside others. */
const LEAST_LOOK_MS = 50;

/** Jobs that run for too long, or go on after they were asked to stop. */
export class TaskTimeouts {
  readonly #workers: WorkerSet;
  readonly #settings: PoolSettings;
  readonly #rebalancer: Rebalancer;
  readonly #dispatch: Dispatch;
  /** Where jobs run in this thread the program lives as long as what waits for them. */
  readonly #isShared: boolean;
  /** Until jobs that were called off are to have ended. */
  readonly #graces = new Map<Job, Appointment>();
  /** Workers whose jobs are watched: the next look at each, so many milliseconds after it was arranged. */
  readonly #guards = new Map<WorkerSlot, { readonly ms: number; readonly look: Appointment }>();

  constructor(
    workers: WorkerSet,
    settings: PoolSettings,
    rebalancer: Rebalancer,
    dispatch: Dispatch,
    isShared: boolean,
  ) {
    this.#workers = workers;
    this.#settings = settings;
    this.#rebalancer = rebalancer;
    this.#dispatch = dispatch;
    this.#isShared = isShared;
  }

  /** Asks a job that a worker runs to stop, and ends the worker if it does not. */
  stop(slot: WorkerSlot, job: Job, reason: unknown): void {
    const { sequence } = job;
    if (slot.link.cancel(job, reason)) {
      slot.release(job, realNow());
      return;
    }
    // What waits until its loop has heard.
    if (!this.#isShared && slot.link.width > 1) this.#rebalancer.patrolSoon();
    const { killGrace } = this.#settings;
    if (killGrace === Number.POSITIVE_INFINITY) return;
    this.clear(job);
    this.#graces.set(
      job,
      this.#after(killGrace, () => this.#end(slot, job, sequence)),
    );
  }

  /** A job that was called off has left its worker. */
  clear(job: Job): void {
    const grace = this.#graces.get(job);
    if (grace === undefined) return;
    grace.clear();
    this.#graces.delete(job);
  }

  /**
   * Ends every worker that has not ended by itself when `killGrace` is over, whether it has a job or not; resolves when
   * there has been time for that. The program is about to end.
   */
  async endAll(): Promise<void> {
    const { killGrace } = this.#settings;
    if (killGrace === Number.POSITIVE_INFINITY) return new Promise(() => {});
    await sleep(killGrace);
    for (const slot of this.#workers) {
      slot.condemn();
      this.#workers.kill(slot, undefined);
    }
    await sleep(KILL_MS);
  }

  #end(slot: WorkerSlot, job: Job, sequence: number): void {
    this.#graces.delete(job);
    const isItsOwn = () => this.#workers.has(slot) && job.holder === slot && job.sequence === sequence;
    if (!isItsOwn()) return;
    if (slot.link.giveUp(job)) {
      slot.release(job, realNow());
      this.#dispatch.feedAnew();
      this.#dispatch.settleDown();
      return;
    }
    // Nothing else can be begun from here on: the end hits what was begun or nobody.
    this.#rebalancer.from(slot, 1);
    this.#dispatch.drain();
    if (!isItsOwn()) return;
    if (this.#isBearable(slot, job)) {
      // Asked once more: that its loop has heard before says nothing of what it does now.
      slot.link.cancel(job, undefined);
      this.#graces.set(
        job,
        this.#after(Math.max(LEAST_LOOK_MS, this.#settings.killGrace), () => this.#end(slot, job, sequence)),
      );
    } else this.#dispatch.end(slot);
    this.#dispatch.feedAnew();
  }

  /** Others that were not called off go on beside it: it keeps its place, as it takes nothing else from them. */
  #isBearable(slot: WorkerSlot, job: Job): boolean {
    return slot.link.hasHeard?.(job) === true && slot.jobs.some((other) => !other.isOver);
  }

  #after(ms: number, then: () => void): Appointment {
    const appointment = this.#dispatch.agenda.after(ms, then);
    return this.#isShared ? appointment : appointment.unref();
  }

  /** Watches how long a worker's jobs run: it was given one that may run for so many milliseconds. */
  guard(slot: WorkerSlot, taskTimeout: number): void {
    const guard = this.#guards.get(slot);
    // It was arranged before, so it comes no later.
    if (guard !== undefined && guard.ms <= taskTimeout) return;
    guard?.look.clear();
    this.#guards.set(slot, { ms: taskTimeout, look: this.#after(Math.max(1, taskTimeout), () => this.#look(slot)) });
  }

  /** The pool is over. */
  end(): void {
    for (const { look } of this.#guards.values()) look.clear();
    this.#guards.clear();
  }

  #look(slot: WorkerSlot): void {
    this.#guards.delete(slot);
    this.#dispatch.drain();
    if (!this.#workers.has(slot)) return;
    let least = Number.POSITIVE_INFINITY;
    for (const job of [...slot.jobs]) {
      const { taskTimeout } = job.call;
      if (job.isOver || taskTimeout === Number.POSITIVE_INFINITY) continue;
      const left = slot.hasBegun(job) ? taskTimeout - slot.link.runningFor(job) : taskTimeout;
      if (left > 0) least = Math.min(least, left);
      else this.#dispatch.expire(job, ranTooLong(job));
    }
    if (least < Number.POSITIVE_INFINITY) this.guard(slot, least);
  }
}

function ranTooLong({ task, call }: Job): TimeoutError {
  return new TimeoutError(
    `the task "${task.name}" ran for longer than its taskTimeout of ${call.taskTimeout} ms and was called off`,
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setRealTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS)));
}
