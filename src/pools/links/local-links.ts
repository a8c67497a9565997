import { realNow } from "../../memory/index.js";
import type { DeadlockReport } from "../../errors/deadlock-report.js";
import { StateError } from "../../errors/index.js";
import type { Job } from "../job.js";
import type { LinkedPool, LinkKind, Links, LinkWatch, WorkerLink } from "../link.js";
import type { PoolSettings } from "../pool-options.js";
import type { Pace } from "../rate-options.js";
import { LocalLink } from "./local-link.js";
import { LocalRun } from "./local-run.js";

/**
 * The kind of link to functions of this event loop. Nothing travels: arguments and results are the objects themselves.
 */
export function localKind(rate: Pace | undefined): LinkKind {
  return { boundary: "threads", lacks: [], isShared: true, check() {}, connect: (pool) => new LocalLinks(pool, rate) };
}

/** The one link of a pool whose tasks run on this event loop. */
class LocalLinks implements Links {
  readonly id = 0;
  readonly #pool: LinkedPool;
  readonly #rate: Pace | undefined;
  #link: LocalLink | undefined;
  #width: number | undefined;

  constructor(pool: LinkedPool, rate: Pace | undefined) {
    this.#pool = pool;
    this.#rate = rate;
  }

  nextName(): number {
    return 1;
  }

  now(): number {
    return this.#link?.ask() ?? realNow();
  }

  open(watch: LinkWatch, settings: PoolSettings): WorkerLink {
    this.#link = new LocalLink(watch, this.#pool, this.#width ?? settings.workers, this.#rate);
    return this.#link;
  }

  resize(width: number): void {
    this.#width = width;
    if (this.#link !== undefined) this.#link.width = width;
  }

  /** In the asynchronous context of who submits. */
  pack(job: Job): void {
    if (job.cargo === undefined) job.cargo = new LocalRun(job);
    else (job.cargo as LocalRun).renew();
  }

  keep(): void {}

  discard(): void {}

  /** A turn, unless this is one. */
  expect(): void {
    if (this.#link?.isDeferred === true && this.#pool.isWaiting) this.#link.ask();
  }

  settle(): void {}

  isAlive(): boolean {
    return false;
  }

  reportOf(): DeadlockReport {
    throw new StateError("tasks of one event loop that wait for each other run beside their places");
  }

  end(): void {}
}
