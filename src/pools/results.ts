import type { Agenda } from "./agenda.js";
import { Capacity } from "./capacity.js";
import type { Job } from "./job.js";
import type { PoolAccount } from "./pool-account.js";
import type { PoolStats } from "./pool-stats.js";
import type { WorkerSlot } from "./worker-slot.js";

/** What comes back from the workers of a pool, and how it reaches the jobs. */
export class Results {
  readonly #account: PoolAccount;
  readonly capacity: Capacity;
  #pace: number | undefined;
  readonly #abandonedEnds: (job: Job) => void;
  readonly #agenda: Agenda;
  readonly #news: (() => void)[] = [];
  /**
   * Jobs of whose outcomes some classes are being loaded: how many times, and what their workers spent on them once
   * they have ended.
   */
  readonly #loading = new Map<Job, { times: number; spent: number | undefined }>();

  /** `abandonedEnds`: a job that was called off has left its worker. `places`: how many tasks may run at a time. */
  constructor(abandonedEnds: (job: Job) => void, agenda: Agenda, places: number, account: PoolAccount) {
    this.#account = account;
    this.capacity = new Capacity(places);
    this.#abandonedEnds = abandonedEnds;
    this.#agenda = agenda;
  }

  /** Mean of what jobs took lately, in milliseconds, where some may stand behind others. */
  get pace(): number | undefined {
    return this.#pace;
  }

  /** What is told of them. */
  summary(): Pick<PoolStats, "wait" | "run" | "utilization"> {
    const { run, wait } = this.#account;
    return { wait: wait.summary(), run: run.summary(), utilization: this.capacity.utilization(run.total) };
  }

  /** Takes in what has come from a worker; returns how much that was. */
  take(slot: WorkerSlot): number {
    return slot.link.receive();
  }

  outcome(
    slot: WorkerSlot,
    job: Job,
    value: unknown,
    threw: boolean,
    count: number,
    microseconds: number,
    now: number,
  ): void {
    const at = job.receive(count);
    const isLast = microseconds >= 0;
    if (threw) this.#account.threw?.(job, value);
    if (isLast) this.#ended(slot, job, microseconds, now);
    if (!isLast || count > 0 || threw) job.deliver(value, threw, at, count);
    if (isLast) this.#finish(job, microseconds);
  }

  async outcomeLater(
    slot: WorkerSlot,
    job: Job,
    later: Promise<unknown>,
    threw: boolean,
    count: number,
    microseconds: number,
    now: number,
  ): Promise<void> {
    const at = job.receive(count);
    const loading = this.#loading.get(job) ?? { times: 0, spent: undefined };
    this.#loading.set(job, loading);
    loading.times++;
    if (microseconds >= 0) {
      this.#ended(slot, job, microseconds, now);
      loading.spent = microseconds;
    }
    let value: unknown;
    try {
      value = await later;
    } catch (error) {
      threw = true;
      value = error;
    }
    job.deliver(value, threw, at, count);
    if (--loading.times > 0) return;
    this.#loading.delete(job);
    if (loading.spent !== undefined) job.finish(loading.spent);
  }

  /** A map tells them by itself: outcomes of some items may come while others of the same part have news. */
  progress(job: Job, value: unknown, item: number): void {
    if (job.isChunk) job.progress(value, item);
    else this.#tell(() => job.progress(value, item));
  }

  #ended(slot: WorkerSlot, job: Job, microseconds: number, now: number): void {
    if (job.isOver) this.#abandonedEnds(job);
    slot.release(job, now);
    const ran = microseconds / 1000;
    if (slot.link.depth > 0) this.#pace = this.#pace === undefined ? ran : this.#pace * 0.9 + ran * 0.1;
    const account = this.#account;
    account.run.add(ran);
    account.wait.add(now - job.submittedAt - ran);
    account.ended?.(job, microseconds);
  }

  /** News, and what follows them, in order and outside of whatever called here. */
  #tell(news: () => void): void {
    if (this.#news.push(news) === 1)
      this.#agenda.soon(() => {
        for (const tell of this.#news.splice(0)) tell();
      });
  }

  /** A result comes after the news that were before it. */
  #finish(job: Job, microseconds: number): void {
    const loading = this.#loading.size === 0 ? undefined : this.#loading.get(job);
    if (loading !== undefined) {
      loading.spent = microseconds;
      return;
    }
    if (this.#news.length > 0) this.#tell(() => job.finish(microseconds));
    else job.finish(microseconds);
  }
}
