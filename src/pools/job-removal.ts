import type { Backlog } from "./backlog.js";
import type { Delays } from "./delays.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import type { Links } from "./link.js";
import type { TaskTimeouts } from "./task-timeouts.js";
import type { WorkerSet } from "./worker-set.js";
import { WorkerSlot } from "./worker-slot.js";

/** What the removal of jobs asks of its pool. */
interface RemovingPool {
  readonly states: JobStates;
  readonly links: Links;
}

/** Takes jobs from where they stand: one that is called off, or all at the pool's end. */
export class JobRemoval {
  readonly #states: JobStates;
  readonly #links: Links;
  readonly #workers: WorkerSet;
  readonly #dispatcher: Dispatcher;
  readonly #backlog: Backlog;
  readonly #delays: Delays;
  readonly #timeouts: TaskTimeouts;

  constructor(pool: RemovingPool, workers: WorkerSet, dispatcher: Dispatcher, delays: Delays, timeouts: TaskTimeouts) {
    this.#states = pool.states;
    this.#links = pool.links;
    this.#workers = workers;
    this.#dispatcher = dispatcher;
    this.#backlog = dispatcher.backlog;
    this.#delays = delays;
    this.#timeouts = timeouts;
  }

  /** It never runs, or is asked to stop and after `killGrace` ended with its worker. */
  one(job: Job, reason: unknown): void {
    const { state, holder } = job;
    if (state === "delayed") this.#delays.remove(job);
    else if (state === "queued") {
      this.#backlog.remove(job);
      this.#links.discard(job);
    } else if (holder instanceof WorkerSlot) {
      if (holder.takeBack(job)) this.#links.discard(job);
      else this.#timeouts.stop(holder, job, reason);
      // It was gone by that: its place is free.
      if (job.holder === undefined) this.#dispatcher.isFull = false;
    }
  }

  /** They fail, and the workers that run some of them are killed. */
  all(reason: () => unknown): void {
    for (const job of this.#delays.takeAll()) job.fail(reason());
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) {
      this.#links.discard(job);
      job.fail(reason());
    }
    for (const slot of this.#workers) {
      for (const job of [...slot.jobs]) {
        if (slot.takeBack(job)) this.#links.discard(job);
        job.fail(reason());
      }
      slot.link.hold(true);
      this.#workers.kill(slot, reason());
    }
  }

  /** Their futures stay as they are, since the program is about to end; what runs is asked to stop. */
  unheard(): void {
    this.#delays.takeAll();
    while (this.#backlog.take() !== undefined);
    for (const slot of this.#workers) {
      slot.retire();
      for (const job of [...slot.jobs]) {
        if (!slot.takeBack(job) && !job.isOver) this.#timeouts.stop(slot, job, undefined);
        if (!job.isOver) this.#states.settle(job);
      }
    }
  }
}
