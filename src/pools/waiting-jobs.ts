import { CancelledError } from "../errors/index.js";
import type { Backlog } from "./backlog.js";
import type { Delays } from "./delays.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Job } from "./job.js";
import type { Links } from "./link.js";
import { Pause, type PausedPool, recalledFrom } from "./pause.js";
import type { WorkerSet } from "./worker-set.js";

/** What those who wait ask of their pool. */
interface WaitedFor extends PausedPool {
  readonly links: Links;
}

/** What a pool has taken on and nobody has begun, wherever it stands; and whether it may begin. */
export class WaitingJobs {
  readonly pause: Pause;
  readonly #pool: WaitedFor;
  readonly #workers: WorkerSet;
  readonly #backlog: Backlog;
  readonly #delays: Delays;

  constructor(pool: WaitedFor, workers: WorkerSet, dispatcher: Dispatcher, delays: Delays) {
    this.pause = new Pause(pool, workers, dispatcher);
    this.#pool = pool;
    this.#workers = workers;
    this.#backlog = dispatcher.backlog;
    this.#delays = delays;
  }

  /** Others than those who are there now begin them. */
  recycle(): void {
    this.#workers.retireAll();
    for (const job of recalledFrom(this.#workers).reverse()) this.#backlog.pushFront(job);
    if (!this.#pool.isBusy) this.#pool.settleDown();
    this.#pool.feedAnew();
  }

  /**
   * Takes those out that suit, the eldest first, for another scheduler. Nothing has their arguments any more but they.
   */
  take(suits: (job: Job) => boolean): Job[] {
    const jobs = recalledFrom(this.#workers, suits);
    for (const job of [...this.#backlog]) {
      if (!suits(job)) continue;
      this.#backlog.remove(job);
      jobs.push(job);
    }
    for (const job of jobs) this.#pool.links.discard(job);
    this.#pool.feedAnew();
    if (!this.#pool.isBusy) this.#pool.settleDown();
    return jobs;
  }

  /** All of them fail. */
  clear(): void {
    const reason = new CancelledError("the task waited in a pool that was cleared, and has not begun");
    const jobs = recalledFrom(this.#workers);
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) jobs.push(job);
    for (const job of jobs) this.#pool.links.discard(job);
    jobs.push(...this.#delays.takeAll());
    const maps = [...this.#pool.maps];
    // Last: a map that hears of it submits more.
    for (const job of jobs) job.fail(reason, true);
    for (const map of maps) map.failDelayed(reason);
    this.#pool.feedAnew();
    if (!this.#pool.isBusy) this.#pool.settleDown();
  }
}
