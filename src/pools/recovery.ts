import type { WorkerDeath } from "../errors/index.js";
import { reportUncaught } from "../futures/uncaught-hook.js";
import { contain } from "../memory/index.js";
import type { Call } from "./call.js";
import { stillbirthOf, stillbornError, unpreparedError, WorkerLoss } from "./death.js";
import type { Delays } from "./delays.js";
import type { Dispatch } from "./dispatch.js";
import type { Dispatcher } from "./dispatcher.js";
import { hasEnded, type Interruptible } from "./interrupt.js";
import type { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import type { Links, WorkerEnd } from "./link.js";
import type { PoolSettings } from "./pool-options.js";
import type { Rebalancer } from "./rebalancer.js";
import type { Results } from "./results.js";
import type { Tally } from "./tally.js";
import type { WorkerSet } from "./worker-set.js";
import type { WorkerSlot } from "./worker-slot.js";

/**
 * So many workers in a row that end before they have begun, and what waits fails; so many that end in the initializer,
 * and the pool fails: they would be started for ever.
 */
const MOST_STILLBORN = 8;

/** What the recovery asks of its pool. */
interface RecoveringPool extends Dispatch, Interruptible {
  readonly settings: PoolSettings;
  readonly states: JobStates;
  readonly tally: Tally;
  readonly links: Links;
  /** What still ran was given up. */
  readonly isEnded: boolean;
  /** The pool can do no work: all that was submitted fails. */
  fail(failure: unknown): void;
}

/**
 * What a pool does after a failure. A call is tried again. The jobs of a worker that ended fail or go to others, and
 * too many ends in a row end what waits.
 */
export class Recovery {
  readonly #pool: RecoveringPool;
  readonly #workers: WorkerSet;
  readonly #dispatcher: Dispatcher;
  readonly #results: Results;
  readonly #rebalancer: Rebalancer;
  readonly #delays: Delays;
  /** Workers that ended before they had begun, since one had. */
  #stillborn: readonly WorkerDeath[] = [];
  /** Workers that ended while they ran the initializer, since one got through it. */
  #unprepared: readonly WorkerDeath[] = [];

  constructor(
    pool: RecoveringPool,
    workers: WorkerSet,
    dispatcher: Dispatcher,
    results: Results,
    rebalancer: Rebalancer,
    delays: Delays,
  ) {
    this.#pool = pool;
    this.#workers = workers;
    this.#dispatcher = dispatcher;
    this.#results = results;
    this.#rebalancer = rebalancer;
    this.#delays = delays;
  }

  /** A worker got through the initializer. */
  prepared(): void {
    this.#unprepared = [];
  }

  /** Another attempt at a job that failed; false when there is to be none. */
  retry(job: Call, error: unknown): boolean {
    const pool = this.#pool;
    if (pool.isEnded) return false;
    const delay = this.#delays.delayFor(job, error);
    // `retries.when` may close or terminate this pool, and call the job off.
    if (delay === undefined || pool.isEnded || job.isOver) return false;
    pool.tally.retried++;
    const again = () => {
      this.#delays.remove(job);
      job.renew();
      this.#dispatcher.enqueue(job);
      pool.feedAnew();
    };
    this.#delays.add(job, delay, again);
    return true;
  }

  /** A worker ended: what it ran fails or is tried again, what it had not begun goes to others. */
  lost(slot: WorkerSlot, end: WorkerEnd): void {
    contain("noting that a pool's worker ended", () => slot.link.bury());
    if (!this.#workers.has(slot)) {
      // It was given up before.
      slot.link.free();
      return;
    }
    // A result that was committed survives its sender.
    this.#results.take(slot);
    const { crash } = slot;
    // Others took the last slot of the heap while it began: what it was given goes to those that are there.
    const wasCrowdedOut =
      !slot.link.isReady &&
      (end.cause as { code?: unknown } | null | undefined)?.code === "ERR_ALLCORES_TOO_MANY_WORKERS";
    if (wasCrowdedOut) this.#rebalancer.from(slot, 0);
    if (crash !== undefined) end = { ...end, cause: end.cause ?? crash.error };
    this.#workers.remove(slot);
    const wasAsked = wasCrowdedOut || slot.isClosed || slot.isKilled || this.#pool.isEnded;
    if (!wasAsked) this.#pool.tally.died++;
    const heard = this.#lose(slot, end);
    // An error between two tasks is no call's: nobody else could hear of it.
    if (
      !heard &&
      !wasCrowdedOut &&
      end.cause !== undefined &&
      !end.outOfMemory &&
      !this.#pool.isEnded &&
      !slot.isKilled
    )
      reportUncaught(end.cause, { name: slot.name });
    if (!wasAsked) {
      this.#countStillborn(slot, end);
      this.#countUnprepared(slot, end);
    }
    slot.link.free();
    if (this.#workers.size === 0) hasEnded(this.#pool);
    this.#pool.feedAnew();
    this.#pool.settleDown();
  }

  /** Ends a worker that does not end its job, and gives it up if it has not ended after `killGrace`. */
  end(slot: WorkerSlot): void {
    slot.condemn();
    this.#workers.kill(slot, undefined);
    const { killGrace } = this.#pool.settings;
    // A thread ends once the call of the system that it is in does: nobody waits for that.
    if (killGrace !== Number.POSITIVE_INFINITY) this.#pool.agenda.after(killGrace, () => this.giveUp(slot)).unref();
  }

  /**
   * A worker that was killed and has not ended counts as ended. Its link stays, and what it holds is its own, until its
   * thread is gone.
   */
  giveUp(slot: WorkerSlot): void {
    if (!this.#workers.has(slot)) return;
    this.#results.take(slot);
    this.#workers.remove(slot);
    this.#lose(slot, { exitCode: undefined, signal: undefined, cause: undefined, outOfMemory: false });
    slot.link.hold(false);
    if (this.#workers.size === 0) hasEnded(this.#pool);
    this.#pool.feedAnew();
    this.#pool.settleDown();
  }

  /**
   * What becomes of the jobs of a worker that can do no more. Whether one of them bears its end: the cause of that is
   * the cause of its error.
   */
  #lose(slot: WorkerSlot, end: WorkerEnd): boolean {
    const { link } = slot;
    const limits = this.#pool.settings.resourceLimits;
    const begun = new Set(slot.begun);
    const jobs = slot.surrender();
    // Nobody waits for the initializer: another worker runs it anew.
    if (jobs[0] !== undefined && jobs[0] === slot.initializer) {
      const job = jobs.shift()!;
      this.#pool.states.release(job);
      link.drop(job);
    }
    // One that never began has not run anything, but a worker that cannot start must not be started for ever.
    if (begun.size === 0 && !link.isReady && jobs[0] !== undefined) begun.add(jobs[0]);
    let isBorne = false;
    const fail = (job: Job, item: number) => {
      const ranFor = link.runningFor(job);
      this.#pool.states.release(job);
      for (const rest of job.lose(new WorkerLoss(slot, end, limits, item, ranFor))) this.#dispatcher.enqueue(rest);
    };
    for (const job of jobs.filter((job) => !begun.has(job)).reverse()) {
      if (!link.salvage(job)) {
        fail(job, 0);
        continue;
      }
      this.#pool.states.release(job);
      if (job.isOver) this.#pool.links.discard(job);
      else this.#dispatcher.backlog.pushFront(job);
    }
    for (const job of jobs) {
      if (!begun.has(job)) continue;
      // Nobody hears of the end of a call that was called off.
      if (!job.isOver) isBorne = true;
      fail(job, link.drop(job) ?? 0);
    }
    return isBorne;
  }

  /**
   * One worker after the other that ends before it has begun: each cost the job that it was to take, now all fails that
   * waits. What is submitted later is tried anew.
   */
  #countStillborn(slot: WorkerSlot, end: WorkerEnd): void {
    const isStillborn = !slot.link.isReady && ![...this.#workers].some(({ link }) => link.isReady);
    this.#stillborn = isStillborn ? [...this.#stillborn, stillbirthOf(slot, end)] : [];
    if (this.#stillborn.length < MOST_STILLBORN) return;
    const error = stillbornError(this.#pool.title, this.#stillborn, end.cause);
    this.#stillborn = [];
    const waiting = this.#delays.takeAll();
    for (let job = this.#dispatcher.backlog.take(); job !== undefined; job = this.#dispatcher.backlog.take()) {
      this.#pool.links.discard(job);
      waiting.push(job);
    }
    // Last: a map that hears of it submits more.
    for (const job of waiting) job.fail(error);
  }

  /**
   * One worker after the other that ends while it runs the initializer. That costs no task, since none was begun; so
   * the pool fails in the end.
   */
  #countUnprepared(slot: WorkerSlot, end: WorkerEnd): void {
    if (slot.initializer === undefined || !slot.link.isReady) return;
    this.#unprepared = [...this.#unprepared, stillbirthOf(slot, end)];
    if (this.#unprepared.length >= MOST_STILLBORN)
      this.#pool.fail(unpreparedError(this.#pool.title, this.#unprepared, end.cause));
  }
}
