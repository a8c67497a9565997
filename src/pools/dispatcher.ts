import type { Appointment } from "./agenda.js";
import type { Backlog } from "./backlog.js";
import type { Dispatch } from "./dispatch.js";
import type { HangDetector } from "./hang-detector.js";
import type { Job } from "./job.js";
import type { Links } from "./link.js";
import { refused } from "./loss.js";
import type { PoolSettings } from "./pool-options.js";
import type { Rebalancer } from "./rebalancer.js";
import type { TaskTimeouts } from "./task-timeouts.js";
import type { WorkerSet } from "./worker-set.js";
import type { WorkerSlot } from "./worker-slot.js";

/** How long after a worker could not be started for want of memory or descriptors it is tried again. */
const SHORT_MS = 50;

/** What the dispatcher asks of its pool. */
interface DispatchingPool extends Dispatch {
  readonly settings: PoolSettings;
  readonly links: Links;
  /** Something is on its way back. */
  readonly isExpecting: boolean;
  /** It takes in results just now, and looks at what is left by itself. */
  readonly isBusy: boolean;
}

/** What has an eye on the jobs that a worker has been given. */
interface Watchers {
  readonly rebalancer: Rebalancer;
  readonly timeouts: TaskTimeouts;
  readonly hangs: HangDetector;
}

/**
 * Gives jobs to workers: one at once where a worker can take it, those of the backlog in their order as soon as one
 * can.
 */
export class Dispatcher {
  readonly backlog: Backlog;
  /** Nothing is to be given to anybody. */
  isPaused = false;
  readonly #pool: DispatchingPool;
  readonly #settings: PoolSettings;
  readonly #links: Links;
  readonly #workers: WorkerSet;
  readonly #isShared: boolean;
  readonly #rebalancer: Rebalancer;
  readonly #timeouts: TaskTimeouts;
  readonly #hangs: HangDetector;
  #isFull = false;
  #willFeed = false;
  #again: Appointment | undefined;

  /** `isShared`: there is one worker, which takes all jobs. */
  constructor(
    pool: DispatchingPool,
    workers: WorkerSet,
    backlog: Backlog,
    isShared: boolean,
    { rebalancer, timeouts, hangs }: Watchers,
  ) {
    this.#pool = pool;
    this.#settings = pool.settings;
    this.#links = pool.links;
    this.#workers = workers;
    this.backlog = backlog;
    this.#isShared = isShared;
    this.#rebalancer = rebalancer;
    this.#timeouts = timeouts;
    this.#hangs = hangs;
  }

  /** Nothing that waits can be given to anybody: not before something comes back, or while the pool is paused. */
  get isFull(): boolean {
    return this.#isFull;
  }

  set isFull(isFull: boolean) {
    this.#isFull = isFull || this.isPaused;
  }

  /**
   * A place may have become free. Once for all that are called off together: what is given out between two of them
   * would be called off next.
   */
  feedSoon(): void {
    if (this.#willFeed || this.isFull || this.backlog.size === 0) return;
    this.#willFeed = true;
    this.#pool.agenda.soon(() => {
      this.#willFeed = false;
      this.feed();
    });
  }

  /**
   * Encodes a job anew, with all that travels beside its message, and has it wait: another attempt, or the rest of a
   * chunk whose worker died.
   */
  enqueue(job: Job): void {
    try {
      this.#links.pack(job);
      this.#links.keep(job);
    } catch (error) {
      job.fail(error);
      return;
    }
    this.backlog.push(job);
  }

  /** Gives a worker a job. */
  assign(slot: WorkerSlot, job: Job): boolean {
    if (!slot.send(job)) return false;
    const { taskTimeout } = job.call;
    if (taskTimeout !== Number.POSITIVE_INFINITY) this.#timeouts.guard(slot, taskTimeout);
    if (this.#isShared) return true;
    if (slot.served >= this.#settings.maxTasksPerWorker) slot.retire();
    const { length } = slot.jobs;
    const { width } = slot.link;
    // One that is given a place may have to wait for its worker's loop.
    if (length > width || (width > 1 && length > 1)) this.#rebalancer.patrolSoon();
    if (this.#settings.unresponsive !== undefined) this.#hangs.over(slot);
    return true;
  }

  /** A worker that may take the job now and knows its task; undefined when there is none. */
  slotFor(job: Job): WorkerSlot | undefined {
    const slot = this.#workers.pick();
    if (slot === undefined || !slot.link.prepare(job)) {
      this.isFull = slot === undefined && this.#workers.refusal === undefined;
      return undefined;
    }
    return slot;
  }

  /** Gives what waits to the workers that can take it. */
  feed(): void {
    let isAnyLost = false;
    while (!this.isFull) {
      const job = this.backlog.first();
      if (job === undefined) break;
      const slot = this.slotFor(job);
      if (slot === undefined) {
        const { refusal } = this.#workers;
        if (refusal === undefined) break;
        // No worker is left and none can be started: that costs the first job, as a worker does that ends before it has
        // begun. For the next it is tried again.
        this.isFull = false;
        this.backlog.remove(job);
        this.#links.discard(job);
        for (const rest of job.lose(refused(refusal))) this.enqueue(rest);
        isAnyLost = true;
        continue;
      }
      // First, because a job may come back from its worker while it is on its way there.
      this.backlog.remove(job);
      try {
        if (this.assign(slot, job)) continue;
        this.isFull = true;
        this.backlog.pushFront(job);
      } catch (error) {
        // Its submitter is no longer there to be thrown at.
        this.#links.discard(job);
        job.fail(error);
      }
    }
    this.#links.expect(false);
    // No worker could be started beside others; or nothing is on its way, so nothing will come back, and yet no lane
    // had room, as one that is full of what was taken back.
    const isStuck = !this.#isShared && !this.isPaused && (this.#workers.isShort || !this.#pool.isExpecting);
    if (isStuck && this.backlog.size > 0) this.#again ??= this.#pool.agenda.after(SHORT_MS, () => this.#feedAgain());
    if (isAnyLost && !this.#pool.isBusy) this.#pool.settleDown();
  }

  #feedAgain(): void {
    this.#again = undefined;
    // A worker that has left, or has nothing to do any more, may be what keeps the place of another.
    this.#pool.drain();
    this.isFull = false;
    this.feed();
    this.#pool.settleDown();
  }

  /** The pool is over. */
  end(): void {
    this.#again?.clear();
    this.#timeouts.end();
  }
}
