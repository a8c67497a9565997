/**
 * The core of a pool: its jobs, its workers, and the way between them. Those of one pool may share a `PoolAccount`.
 * A job goes to a free worker, else to a new one, else behind short jobs in a worker's lane (`worker-set.ts`), else
 * into the backlog, by priority. The rebalancer takes back what was not begun, where it would come sooner elsewhere.
 * The pool looks for results while they come quickly, and sleeps otherwise (`result-poller.ts`, `results.ts`).
 */
import type { Boundary } from "../codec/index.js";
import { deadlineOf, type SyncWait } from "../parking/index.js";
import { Agenda } from "./agenda.js";
import { Backlog } from "./backlog.js";
import { type BlockingPool, joinBlocking, type OpenMap, refuseMaps } from "./blocking-join.js";
import type { Call } from "./call.js";
import type { CallLimits } from "./call-limits.js";
import { Closing } from "./closing.js";
import { WorkerSet } from "./worker-set.js";
import { Delays } from "./delays.js";
import { Dispatcher } from "./dispatcher.js";
import { initialize } from "./initializer.js";
import type { Dispatch } from "./dispatch.js";
import { endBeforeProgram, type Interruptible } from "./interrupt.js";
import type { Job } from "./job.js";
import { JobStates } from "./job-states.js";
import { lackError } from "./lack-error.js";
import type { Ability, LinkedPool, LinkKind, Links } from "./link.js";
import { isShedding, loadOf, refuseFull } from "./load.js";
import { LoadWaits } from "./load-waits.js";
import type { WorkerSlot } from "./worker-slot.js";
import { NestedCalls, type NestedPool } from "./nested-calls.js";
import { PoolAccount } from "./pool-account.js";
import { TaskTimeouts } from "./task-timeouts.js";
import type { PoolHandle } from "./pool-handle.js";
import type { PoolSettings } from "./pool-options.js";
import type { PoolStats } from "./pool-stats.js";
import { Rebalancer } from "./rebalancer.js";
import { Recovery } from "./recovery.js";
import { Results } from "./results.js";
import type { Tally } from "./tally.js";
import { WaitingJobs } from "./waiting-jobs.js";
import { type FailedFuture, findOwner } from "../futures/unhandled-failures.js";
import { JobRemoval } from "./job-removal.js";
import { HangDetector } from "./hang-detector.js";

/** So many submissions in a row, and results are drained in between: the caller's loop may go on for long. */
const DRAIN_EVERY = 32;

export class Scheduler implements BlockingPool, Dispatch, Interruptible, NestedPool, LinkedPool {
  readonly settings: PoolSettings;
  readonly title: string;
  readonly tally: Tally;
  readonly states = new JobStates();
  readonly agenda = new Agenda();
  /** Maps that were begun and have not ended. */
  readonly maps: Set<OpenMap>;
  readonly loads: LoadWaits;
  readonly waiting: WaitingJobs;
  readonly links: Links;
  readonly #kind: LinkKind;
  readonly #workers: WorkerSet;
  readonly #backlog = new Backlog(this.states);
  readonly #results: Results;
  readonly #rebalancer: Rebalancer;
  readonly #timeouts: TaskTimeouts;
  readonly #dispatcher: Dispatcher;
  readonly #recovery: Recovery;
  readonly #nested = new NestedCalls(this);
  #most: number;
  readonly #delays = new Delays(this.agenda, this.states);
  readonly #removal: JobRemoval;
  readonly #closing: Closing;
  #isDraining = false;
  #sinceDrain = 0;

  constructor(title: string, settings: PoolSettings, kind: LinkKind, account = new PoolAccount()) {
    kind.check(settings);
    ({ tally: this.tally, maps: this.maps } = account);
    this.title = title;
    this.settings = settings;
    this.#kind = kind;
    this.#most = settings.workers;
    this.#closing = new Closing(title);
    this.links = kind.connect(this);
    this.#results = new Results((job) => this.#timeouts.clear(job), this.agenda, this.places, account);
    this.#workers = new WorkerSet(this.links, settings, kind.isShared, this.agenda, {
      states: this.states,
      arrived: () => void this.drain(),
      results: this.#results,
      // What stands before it, since it ended unasked, goes to others.
      left: (slot) => this.#rebalancer.from(slot, 0),
      refused: (error) => this.fail(error),
      corrupt: (slot) => this.#workers.kill(slot, undefined),
      hired: (slot) => this.#hired(slot),
      gaveUp: (slot) => this.#recovery.giveUp(slot),
      ended: (slot, end) => this.#recovery.lost(slot, end),
    });
    this.#rebalancer = new Rebalancer(this.#workers, this.#backlog, this);
    this.#timeouts = new TaskTimeouts(this.#workers, settings, this.#rebalancer, this, kind.isShared);
    const hangs = new HangDetector(title, this.#workers, settings, this.#rebalancer, this);
    const watchers = { rebalancer: this.#rebalancer, timeouts: this.#timeouts, hangs };
    this.#dispatcher = new Dispatcher(this, this.#workers, this.#backlog, kind.isShared, watchers);
    this.#recovery = new Recovery(this, this.#workers, this.#dispatcher, this.#results, this.#rebalancer, this.#delays);
    this.loads = account.loads ?? new LoadWaits(this, this.#workers);
    this.waiting = new WaitingJobs(this, this.#workers, this.#dispatcher, this.#delays);
    this.#removal = new JobRemoval(this, this.#workers, this.#dispatcher, this.#delays, this.#timeouts);
  }

  get boundary(): Boundary {
    return this.#kind.boundary;
  }

  lacks(ability: Ability): boolean {
    return this.#kind.lacks.includes(ability);
  }

  get isExpecting(): boolean {
    return this.states.inFlight > 0;
  }

  get isQuiet(): boolean {
    return !this.#dispatcher.isFull && !this.#closing.isClosed && this.#backlog.size === 0 && !this.loads.isAwaited;
  }

  get isEnded(): boolean {
    return this.#closing.isEnded;
  }

  get isWaiting(): boolean {
    return this.#backlog.size > 0 && !this.isPaused;
  }

  get isPaused(): boolean {
    return this.#dispatcher.isPaused;
  }
  now(): number {
    return this.links.now();
  }

  get workers(): number {
    return this.#most;
  }
  get places(): number {
    return this.#most * this.settings.tasksPerWorker;
  }

  /** Whether there is no worker, and none to be had, that could take a job at once, and as many wait as may. */
  get isShedding(): boolean {
    const { maxQueue } = this.settings;
    return maxQueue !== Number.POSITIVE_INFINITY && isShedding(this.#workers, this.states, maxQueue, this.isPaused);
  }

  /** What the rest of a map fails of whose pool was terminated meanwhile; undefined where that is not the case. */
  get endReason(): unknown {
    return this.#closing.reason;
  }

  /** @throws StateError, InitializerError, MainGuardError once it takes no more work */
  checkOpen(verb: string): void {
    this.#closing.checkOpen(verb);
  }

  /** @throws PoolFullError when as many jobs wait as may */
  checkRoom(): void {
    if (this.isShedding) refuseFull(this.title, this.settings.maxQueue);
  }

  /** Takes a job on. @throws UnsendableError, ReachError: nothing has changed then */
  submit(job: Job): void {
    const { isShared } = this.#kind;
    if (!isShared && ++this.#sinceDrain >= DRAIN_EVERY) this.drain();
    const slot = this.#dispatcher.isFull || this.#backlog.size > 0 ? undefined : this.#dispatcher.slotFor(job);
    this.links.pack(job);
    // Items of a map are counted by the map, as it takes them from its input.
    if (!job.isChunk) this.tally.submitted++;
    if (slot === undefined || !this.#dispatcher.assign(slot, job)) {
      this.links.keep(job);
      this.#backlog.push(job);
      if (job.call.priority !== 0) {
        this.#rebalancer.behind(job.call.priority);
        this.#dispatcher.isFull = false;
      }
      // In this thread each submission has asked for a turn, which gives out what waits as soon as there is room.
      if (isShared && this.#dispatcher.isFull) return;
      this.#dispatcher.feed();
      // What was moved comes back by the port, most likely. That wakes the loop sooner than looking finds it.
    } else this.links.expect(job.isBound);
  }

  /**
   * Takes on what a task of this pool waits for. In this thread it runs beside the places: tasks that wait keep theirs.
   */
  submitNested(job: Job): void {
    if (this.#kind.isShared) this.waiting.pause.runsBeside(job);
    const slot = this.#kind.isShared && !this.isPaused ? this.#workers.any() : undefined;
    if (slot === undefined) {
      this.submit(job);
      return;
    }
    this.links.pack(job);
    this.tally.submitted++;
    this.#dispatcher.assign(slot, job);
  }

  /** Calls a job off: it never runs, or is asked to stop and after `killGrace` ended with its worker. */
  cancel(job: Job, reason: unknown): boolean {
    return this.#callOff(job, reason, true);
  }

  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void {
    this.#callOff(job, error, false);
  }

  #callOff(job: Job, reason: unknown, isCancelled: boolean): boolean {
    if (job.isOver) return false;
    this.#removal.one(job, reason);
    job.fail(reason, isCancelled);
    this.#dispatcher.feedSoon();
    if (!this.#isDraining) this.settleDown();
    return true;
  }

  /** Another attempt at a job that failed; false when there is to be none. */
  retry(job: Call, error: unknown): boolean {
    return this.#recovery.retry(job, error);
  }

  /** A job is over. */
  settled(_job: Job, failure?: FailedFuture): void {
    if (this.tally.callEnded(failure)) findOwner(failure, this.title);
  }

  resize(workers: number): void {
    this.#most = workers;
    this.#results.capacity.resize(this.places);
    if (this.#kind.isShared) this.links.resize(workers);
    else this.#workers.resize(workers);
    for (const slot of this.#workers.surplus) this.#retire(slot);
    this.feedAnew();
  }

  stats(): PoolStats {
    const { perWorker, ...load } = loadOf(this.#workers, this.tally, this.#kind.isShared ? this.#most : undefined);
    return { ...load, ...this.tally, ...this.#results.summary(), perWorker };
  }

  close(): void {
    this.waiting.pause.end();
    this.#closing.close();
    this.settleDown();
  }

  terminate(reason: () => unknown): void {
    this.#closing.end(reason);
    this.waiting.pause.drop(() => this.#removal.all(reason));
    this.settleDown();
  }

  /** What tasks of this pool get to submit to it. */
  handle(): PoolHandle {
    this.checkOpen("ask for a handle");
    return this.#nested.handle();
  }

  slotOf(worker: number): WorkerSlot | undefined {
    return this.#workers.of(worker);
  }

  async interrupt(): Promise<void> {
    this.#closing.end();
    this.#removal.unheard();
    this.settleDown();
    await Promise.race([this.join(), this.#timeouts.endAll()]);
  }

  /** Waits until the workers have ended. */
  async join(): Promise<void> {
    this.#closing.checkClosed("join");
    if (!this.isDone) await this.#closing.whenOver();
  }

  joinSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    const { blocking } = this.links;
    if (blocking === undefined)
      throw lackError(this.title, "a way past this event loop", "joinSync()", "await join() instead");
    this.#closing.checkClosed("joinSync");
    // Whether its pool has work of it just now is a matter of time. After terminate() it goes on no more.
    if (!this.#closing.isTerminated) refuseMaps(this.title, this.maps);
    joinBlocking(this, blocking, deadline, options?.timeout);
  }

  get isDone(): boolean {
    return this.#workers.size === 0 && this.#backlog.size === 0 && this.#delays.size === 0;
  }

  get isBusy(): boolean {
    return this.#isDraining;
  }

  get limits(): Iterable<CallLimits> {
    const jobs: Job[] = [...this.#backlog, ...this.#delays];
    for (const slot of this.#workers) jobs.push(...slot.jobs);
    return [...this.maps, ...jobs].flatMap(({ limits }) => limits ?? []);
  }

  get slots(): Iterable<WorkerSlot> {
    return this.#workers;
  }

  /** Takes in all results that are there; returns how many records there were. */
  drain(): number {
    this.#sinceDrain = 0;
    if (this.#isDraining) return 0;
    this.#isDraining = true;
    let found = 0;
    try {
      for (const slot of this.#workers) found += this.#results.take(slot);
    } finally {
      this.#isDraining = false;
    }
    if (found > 0) {
      this.#dispatcher.isFull = false;
      // Nothing is left to be handed out or taken back: who waited for this comes the sooner.
      if (this.isExpecting || this.#backlog.size > 0) {
        if (this.#kind.isShared) this.#dispatcher.feed();
        else {
          this.#rebalancer.unblock();
          this.#dispatcher.feed();
          this.#rebalancer.balance();
        }
      }
      this.settleDown();
    }
    return found;
  }

  feed(): void {
    this.#dispatcher.feed();
  }

  feedAnew(): void {
    this.#dispatcher.isFull = false;
    this.#dispatcher.feed();
  }

  #hired(slot: WorkerSlot): void {
    if (!this.#kind.isShared) endBeforeProgram(this);
    if (this.settings.initializer !== undefined)
      initialize(slot, this, this.#kind.isShared, () => this.#recovery.prepared());
  }

  /** The pool can do no work: all that was submitted fails. */
  fail(failure: unknown): void {
    if (this.isEnded) return;
    this.#closing.fail(failure);
    this.terminate(() => failure);
  }

  #retire(slot: WorkerSlot): void {
    slot.retire();
    this.#rebalancer.from(slot, slot.link.width);
    this.settleDown();
  }

  /** Lets workers go that have no work and get none, and tells those who wait for the end. */
  settleDown(): void {
    const isLast =
      this.#closing.isClosed && this.#backlog.size === 0 && this.#delays.size === 0 && !this.#delays.isDeciding;
    for (const slot of this.#workers)
      if (slot.jobs.length === 0 && (isLast || slot.isRetiring)) this.#workers.dismiss(slot);
    this.links.settle();
    this.loads.look();
    if (isLast && this.#workers.size === 0) this.#finished();
    else this.#workers.tend(!this.#closing.isClosed);
  }

  #finished(): void {
    if (!this.#closing.finish()) return;
    this.#dispatcher.end();
    this.#rebalancer.end();
    this.#nested.end();
    this.#workers.end();
    this.links.end();
    this.#closing.tell();
  }

  end(slot: WorkerSlot): void {
    this.#recovery.end(slot);
  }

  get hasChildren(): boolean {
    return this.#workers.parents.length > 0;
  }

  async letParentsGo(): Promise<void> {
    const { parents } = this.#workers;
    const ends = parents.map(({ whenEnded }) => whenEnded);
    for (const slot of parents) this.#retire(slot);
    await Promise.all(ends);
  }
}
