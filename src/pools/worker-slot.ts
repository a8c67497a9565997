import { realNow } from "../memory/index.js";
import type { Job } from "./job.js";
import type { JobHolder, JobStates } from "./job-states.js";
import type { LinkWatch, WorkerEnd, WorkerLink } from "./link.js";

/** Hears of what comes back. */
export interface SlotResults {
  readonly pace: number | undefined;
  outcome(
    slot: WorkerSlot,
    job: Job,
    value: unknown,
    threw: boolean,
    count: number,
    microseconds: number,
    now: number,
  ): void;
  outcomeLater(
    slot: WorkerSlot,
    job: Job,
    value: Promise<unknown>,
    threw: boolean,
    count: number,
    microseconds: number,
    now: number,
  ): Promise<void>;
  progress(job: Job, value: unknown, item: number): void;
}

/** What a worker's slot tells its pool. */
export interface SlotWatch {
  readonly states: JobStates;
  readonly results: SlotResults;
  arrived(slot: WorkerSlot): void;
  left(slot: WorkerSlot): void;
  refused(error: unknown): void;
  corrupt(slot: WorkerSlot): void;
  ended(slot: WorkerSlot, end: WorkerEnd): void;
}

/** What a job has told, and which of its items. */
interface SlotNews {
  readonly item: number;
  readonly value: unknown;
}

/** One worker of a pool and the jobs that it has, in the order in which it was given them. */
export class WorkerSlot implements LinkWatch, JobHolder {
  readonly name: string;
  readonly number: number;
  readonly link: WorkerLink;
  readonly #watch: SlotWatch;
  readonly #states: JobStates;
  readonly #results: SlotResults;
  readonly #jobs: Job[] = [];
  #heardAt = realNow();
  #isStalled = false;
  #isRetiring = false;
  #isClosed = false;
  #hasLeft = false;
  #isKilled = false;
  #initializer: Job | undefined;
  #served = 0;
  #crash: { readonly error: unknown } | undefined;
  #unresponsive: "blocked" | "stopped" | undefined;
  /** By the numbers of its jobs. */
  #news: Map<number, SlotNews> | undefined;
  readonly #onEnd: (() => void)[] = [];

  /** @throws when no worker can be started */
  constructor(name: string, number: number, watch: SlotWatch, open: (watch: LinkWatch) => WorkerLink) {
    this.name = name;
    this.number = number;
    this.#watch = watch;
    this.#states = watch.states;
    this.#results = watch.results;
    this.link = open(this);
  }

  get jobs(): readonly Job[] {
    return this.#jobs;
  }
  get heardAt(): number {
    return this.#heardAt;
  }
  get unresponsive(): "blocked" | "stopped" | undefined {
    return this.#unresponsive;
  }
  /** What it runs takes long: nothing goes behind it. */
  get isStalled(): boolean {
    return this.#isStalled;
  }
  /** It gets no more work, and ends when it has done what it has. */
  get isRetiring(): boolean {
    return this.#isRetiring;
  }
  /** It was told to end. */
  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** It has ended its work, and only waits for workers that its tasks started. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }
  /** It is being ended by the pool. */
  get isKilled(): boolean {
    return this.#isKilled;
  }
  /** The call of the pool's initializer, until it is done. */
  get initializer(): Job | undefined {
    return this.#initializer;
  }
  /** How many jobs it was given and did not give back. */
  get served(): number {
    return this.#served;
  }
  /** The uncaught error that ended it, as it has told itself. */
  get crash(): { readonly error: unknown } | undefined {
    return this.#crash;
  }
  /** What a job of its own last told. Kept until that job has ended. */
  newsOf(sequence: number): SlotNews | undefined {
    return this.#news?.get(sequence);
  }
  get isPreparing(): boolean {
    return this.#initializer !== undefined;
  }
  get isIdle(): boolean {
    return this.#jobs.length === 0 && !this.#isRetiring;
  }
  /** Whether it would begin another job now. */
  get hasPlace(): boolean {
    return this.#jobs.length < this.link.width && !this.#isRetiring;
  }
  /**
   * Whether jobs of its own wait: behind as many as it begins at a time, or for its loop, which one of those holds up.
   */
  get isBehind(): boolean {
    const { width } = this.link;
    return this.#jobs.length > width || (width > 1 && this.#jobs.some((job) => !this.hasBegun(job)));
  }
  /**
   * Whether it was asked to end one of several and its loop has not heard of that: if it never does, its end hits all
   * that it has begun.
   */
  get isDeaf(): boolean {
    const { link } = this;
    return link.width > 1 && this.#jobs.some((job) => job.isOver && link.hasHeard?.(job) !== true);
  }
  /** How many jobs stand behind those that it can have begun, and one more if it can begin no other now. */
  get ahead(): number {
    return Math.max(0, this.#jobs.length - this.link.width + 1);
  }

  /** The first job that it has begun, as far as it has one. */
  get firstBegun(): Job | undefined {
    const job = this.#jobs[0];
    return job !== undefined && this.hasBegun(job) ? job : undefined;
  }

  /** The jobs that it has begun. */
  get begun(): readonly Job[] {
    return this.#jobs.filter((job) => this.hasBegun(job));
  }

  hasBegun(job: Job): boolean {
    if (job.state === "running") return true;
    if (!this.link.hasBegun(job)) return false;
    if (job.state === "assigned") this.#states.begin(job);
    return true;
  }

  /** Gives it a job that was packed; false when it has no room. */
  send(job: Job): boolean {
    if (!this.link.send(job)) return false;
    this.#states.assign(job, this);
    const jobs = this.#jobs;
    if (this.link.depth === 0) job.at = jobs.length;
    // A worker that has nothing to do is not silent.
    else if (jobs.length === 0) this.#heardAt = realNow();
    jobs.push(job);
    this.#served++;
    return true;
  }

  /** Gives it the call of the pool's initializer, which can go to no other. */
  initialize(job: Job): void {
    this.#initializer = job;
    job.bind();
    this.send(job);
    this.#served--;
  }

  isInitialized(): void {
    this.#initializer = undefined;
  }

  /** Takes back a job that it has not begun, with its arguments; false when it has. */
  takeBack(job: Job): boolean {
    if (job.state !== "assigned" || !this.link.takeBack(job)) return false;
    this.#jobs.splice(this.#jobs.lastIndexOf(job), 1);
    this.#served--;
    this.#states.takeBack(job);
    return true;
  }

  /** The same, of a job too that has its place and whose function was not called. */
  recall(job: Job): boolean {
    if (this.takeBack(job)) return true;
    if (job.isOver || !this.link.recall(job)) return false;
    this.#leave(job);
    this.#served--;
    this.#states.release(job);
    return true;
  }

  /** A job of its own has ended. */
  release(job: Job, now: number): void {
    this.#leave(job);
    this.#heardAt = now;
    this.#isStalled = false;
    this.#news?.delete(job.sequence);
    this.#states.release(job);
  }

  #leave(job: Job): void {
    const jobs = this.#jobs;
    if (this.link.depth === 0) {
      // Nothing stands behind another: their order is nothing.
      const last = jobs.pop()!;
      if (last !== job) {
        jobs[job.at] = last;
        last.at = job.at;
      }
    } else if (jobs[0] === job) jobs.shift();
    else jobs.splice(jobs.indexOf(job), 1);
  }

  /** It can do no more: all that it has, which is the caller's to release. */
  surrender(): Job[] {
    return this.#jobs.splice(0);
  }

  stall(): void {
    this.#isStalled = true;
  }
  retire(): void {
    this.#isRetiring = true;
  }

  /** Tells it to end, since it has nothing to do; false when that cannot be said. */
  close(): boolean {
    this.#isClosed = true;
    this.#isRetiring = true;
    this.link.hold(true);
    return this.link.close();
  }

  /** It is to be killed. `unresponsive`: since it does not respond. */
  condemn(unresponsive?: "blocked" | "stopped"): void {
    this.#isRetiring = true;
    this.#isKilled = true;
    if (unresponsive !== undefined) this.#unresponsive = unresponsive;
  }

  /** Resolves once it has ended, or was given up. */
  get whenEnded(): Promise<void> {
    return new Promise((resolve) => this.#onEnd.push(resolve));
  }

  /** It has ended, or was given up. */
  remove(): void {
    this.link.detach();
    for (const tell of this.#onEnd.splice(0)) tell();
  }

  arrived(): void {
    this.#watch.arrived(this);
  }
  outcome(job: Job, value: unknown, threw: boolean, count: number, microseconds: number, now: number): void {
    this.#results.outcome(this, job, value, threw, count, microseconds, now);
  }
  outcomeLater(
    job: Job,
    value: Promise<unknown>,
    threw: boolean,
    count: number,
    microseconds: number,
    now: number,
  ): void {
    void this.#results.outcomeLater(this, job, value, threw, count, microseconds, now);
  }
  progress(job: Job, value: unknown, item: number): void {
    this.#news ??= new Map();
    this.#news.set(job.sequence, { item, value });
    this.#results.progress(job, value, item);
  }
  left(): void {
    this.#hasLeft = true;
    this.#isRetiring = true;
    this.#isClosed = true;
    this.link.hold(true);
    this.#watch.left(this);
  }
  refused(error: unknown): void {
    this.#watch.refused(error);
  }
  crashed(error: unknown): void {
    this.#crash = { error };
  }
  corrupt(): void {
    this.#watch.corrupt(this);
  }
  ended(end: WorkerEnd): void {
    this.#watch.ended(this, end);
  }
}
