import type { Backlog } from "./backlog.js";
import type { OpenMap } from "./blocking-join.js";
import type { Delays } from "./delays.js";
import type { Links } from "./link.js";
import { recalledFrom } from "./pause.js";
import type { WorkerSet } from "./worker-set.js";

/** What a pool has taken on and nobody has begun, wherever it stands. */
export class WaitingJobs {
  readonly #links: Links;
  readonly #workers: WorkerSet;
  readonly #backlog: Backlog;
  readonly #delays: Delays;
  readonly #maps: Iterable<OpenMap>;

  constructor(links: Links, workers: WorkerSet, backlog: Backlog, delays: Delays, maps: Iterable<OpenMap>) {
    this.#links = links;
    this.#workers = workers;
    this.#backlog = backlog;
    this.#delays = delays;
    this.#maps = maps;
  }

  /** Fails all of them. */
  fail(reason: unknown): void {
    const jobs = recalledFrom(this.#workers);
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) jobs.push(job);
    for (const job of jobs) this.#links.discard(job);
    jobs.push(...this.#delays.takeAll());
    const maps = [...this.#maps];
    // Last: a map that hears of it submits more.
    for (const job of jobs) job.fail(reason, true);
    for (const map of maps) map.failDelayed(reason);
  }
}
