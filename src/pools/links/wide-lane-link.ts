import { monotonicMs } from "../../memory/index.js";
import { ALONE, type Lane, MOST_AHEAD } from "../../workers/lane.js";
import { LaneTable } from "../../workers/lane-table.js";
import type { Job } from "../job.js";
import type { LinkWatch } from "../link.js";
import { LaneLink, type LanePool } from "./lane-link.js";
import type { StartedWorker } from "./started-worker.js";

/**
 * The way to a worker that has several tasks under way, whose results come in any order.
 *
 * Records of jobs that were begun stand in the lane until something is written over them, and only this side writes. So
 * which jobs were begun is noted before each record that is sent.
 */
export class WideLaneLink extends LaneLink {
  override readonly depth: number;
  readonly #table: LaneTable;
  readonly #width: number;
  /** Jobs that are not known to be begun, in their order. */
  readonly #waiting: Job[] = [];
  readonly #begun = new Set<Job>();
  /** Up to which count the worker's loop has to hear, to have heard that a job shall stop. */
  readonly #asks = new Map<Job, number>();

  constructor(pool: LanePool, lane: Lane, started: StartedWorker, watch: LinkWatch, width: number) {
    super(pool, lane, started, watch);
    this.#table = new LaneTable(lane, width);
    this.#width = width;
    this.depth = MOST_AHEAD - width;
  }

  /** The initializer has its worker for itself. */
  override get width(): number {
    return this.watch.isPreparing ? 1 : this.#width;
  }

  override prepare(job: Job): boolean {
    this.#note();
    return super.prepare(job);
  }

  override send(job: Job): boolean {
    this.#note();
    if (!super.send(job)) return false;
    this.#waiting.push(job);
    return true;
  }

  protected override kindOf(job: Job): number {
    return this.watch.isPreparing && this.watch.jobs.length === 0 ? super.kindOf(job) | ALONE : super.kindOf(job);
  }

  /** Jobs are begun in their order. */
  #note(): void {
    const waiting = this.#waiting;
    let begun = 0;
    while (begun < waiting.length && this.owner.isTaken(waiting[begun]!.at)) this.#begun.add(waiting[begun++]!);
    if (begun > 0) waiting.splice(0, begun);
  }

  override hasBegun(job: Job): boolean {
    this.#note();
    return this.#begun.has(job);
  }

  override takeBack(job: Job): boolean {
    if (this.hasBegun(job) || !super.takeBack(job)) return false;
    this.#waiting.splice(this.#waiting.lastIndexOf(job), 1);
    return true;
  }

  override runningFor({ sequence }: Job): number {
    const begunAt = this.#table.begunAt(sequence);
    return begunAt === 0 ? 0 : (monotonicMs() - begunAt) | 0;
  }

  /** Its entry names it, so the next one there never hears of it; the worker's loop hears of all together. */
  override cancel(job: Job): boolean {
    this.#asks.set(job, this.#table.ask(job.sequence));
    this.owner.wakeCancelled();
    return false;
  }

  hasHeard(job: Job): boolean {
    const ask = this.#asks.get(job);
    return ask !== undefined && ((this.#table.heard - ask) | 0) >= 0;
  }

  protected override takerOf(sequence: number, isLast: boolean): Job | undefined {
    const job = this.watch.jobs.find((job) => job.sequence === sequence);
    if (job !== undefined && isLast) {
      this.#note();
      this.#begun.delete(job);
      this.#asks.delete(job);
    }
    return job;
  }

  override mend(): boolean {
    const { jobs } = this.watch;
    const isUnderWay = ({ sequence }: Job) => this.#table.find(sequence) !== undefined;
    return this.owner.mend(jobs.length, () => jobs.filter(isUnderWay).length);
  }

  override salvage(job: Job): boolean {
    return !this.hasBegun(job) && super.salvage(job);
  }

  override drop(job: Job): number | undefined {
    if (!this.hasBegun(job)) return super.drop(job);
    // Its payload is the worker's once it was read; what stands there now may be another job's.
    const left = this.owner.isRead(job.at, job.sequence) ? this.owner.recover(job.at) : undefined;
    if (left !== undefined) this.pool.store.discard(left);
    return this.#table.itemOf(job.sequence);
  }
}
