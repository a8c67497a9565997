/**
 * Who does what when: the jobs of a pool, its workers, and the way between them.
 *
 * A job goes to a worker that is free, else to a new one, else behind others in the lane of a worker as long as those are short (`worker-set.ts`); what does not fit waits in
 * the backlog, by priority. What stands in a lane and was not begun is taken back when the job before it takes long, another worker is free, or it is called off
 * (`rebalancer.ts`). Results are looked for in the lanes while they come quickly, and waited for when not (`result-poller.ts`); many are drained at a time (`results.ts`).
 */
import { CancelledError, PoolFullError, StateError, TimeoutError } from "../errors/index.js";
import type { Boundary } from "../codec/index.js";
import { deadlineOf, type SyncWait } from "../parking/index.js";
import { Agenda } from "./agenda.js";
import { Backlog } from "./backlog.js";
import { type BlockingPool, blockUntilDone, type OpenMap, refuseMaps } from "./blocking-join.js";
import type { Call } from "./call.js";
import { Capacity } from "./capacity.js";
import type { CallLimits } from "./call-limits.js";
import { WorkerSet } from "./worker-set.js";
import { Delays } from "./delays.js";
import { Dispatcher } from "./dispatcher.js";
import { initializerCall, initializerError } from "./initializer.js";
import type { Dispatch } from "./dispatch.js";
import { endBeforeProgram, type Interruptible, unheard } from "./interrupt.js";
import type { Job } from "./job.js";
import { JobStates } from "./job-states.js";
import { lackError } from "./lack-error.js";
import type { Ability, LinkedPool, LinkKind, Links } from "./link.js";
import { isShedding, loadOf } from "./load.js";
import { LoadWaits } from "./load-waits.js";
import { WorkerSlot } from "./worker-slot.js";
import { NestedCalls, type NestedPool } from "./nested-calls.js";
import { TaskTimeouts } from "./task-timeouts.js";
import type { PoolHandle } from "./pool-handle.js";
import type { PoolSettings } from "./pool-options.js";
import type { PoolStats } from "./pool-stats.js";
import { Rebalancer } from "./rebalancer.js";
import { Pause } from "./pause.js";
import { Recovery } from "./recovery.js";
import { Results } from "./results.js";
import { Tally } from "./tally.js";
import { WaitingJobs } from "./waiting-jobs.js";
import { type FailedFuture, findOwner } from "../futures/unhandled-failures.js";
import { HangDetector } from "./hang-detector.js";

/** So many submissions in a row, and results are drained in between: the caller's loop may go on for long. */
const DRAIN_EVERY = 32;

export class Scheduler implements BlockingPool, Dispatch, Interruptible, NestedPool, LinkedPool {
  readonly settings: PoolSettings;
  readonly title: string;
  readonly tally = new Tally();
  readonly states = new JobStates();
  readonly agenda = new Agenda();
  /** Maps that were begun and have not ended. */
  readonly maps = new Set<OpenMap>();
  /** Who waits until there is less to do. */
  readonly loads: LoadWaits;
  readonly links: Links;
  readonly #kind: LinkKind;
  readonly #workers: WorkerSet;
  readonly #backlog = new Backlog(this.states);
  readonly #results: Results;
  readonly #rebalancer: Rebalancer;
  readonly #timeouts: TaskTimeouts;
  readonly #dispatcher: Dispatcher;
  readonly #recovery: Recovery;
  readonly #pause: Pause;
  readonly #waiting: WaitingJobs;
  readonly #nested = new NestedCalls(this);
  /** How many tasks may run at a time. */
  #places: number;
  readonly #capacity: Capacity;
  readonly #delays = new Delays(this.agenda, this.states);
  #isDraining = false;
  #isClosed = false;
  /** What still ran was given up. */
  #isEnded = false;
  #isOver = false;
  /** What this pool can do no work for. */
  #failure: unknown;
  #whyEnded: (() => unknown) | undefined;
  #ended: (() => void)[] = [];
  #sinceDrain = 0;

  constructor(title: string, settings: PoolSettings, kind: LinkKind) {
    kind.check(settings);
    this.title = title;
    this.settings = settings;
    this.#kind = kind;
    this.#places = settings.workers;
    this.#capacity = new Capacity(settings.workers);
    this.links = kind.connect(this);
    this.#results = new Results((job) => this.#timeouts.clear(job), this.agenda);
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
    this.loads = new LoadWaits(this, this.#workers);
    this.#pause = new Pause(this, this.#workers, this.#backlog, this.#dispatcher);
    this.#waiting = new WaitingJobs(this.links, this.#workers, this.#backlog, this.#delays, this.maps);
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
    return !this.#dispatcher.isFull && !this.#isClosed && this.#backlog.size === 0 && !this.loads.isAwaited;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isWaiting(): boolean {
    return this.#backlog.size > 0 && !this.isPaused;
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  now(): number {
    return this.links.now();
  }

  /** How many tasks may run at a time. */
  get workers(): number {
    return this.#places;
  }

  /** Whether there is no worker, and none to be had, that could take a job at once, and as many wait as may. */
  get isShedding(): boolean {
    const { maxQueue } = this.settings;
    return maxQueue !== Number.POSITIVE_INFINITY && isShedding(this.#workers, this.states, maxQueue, this.isPaused);
  }

  /** What the rest of a map fails of whose pool was terminated meanwhile; undefined where that is not the case. */
  get endReason(): unknown {
    return this.#whyEnded?.();
  }

  /** @throws StateError, InitializerError, MainGuardError once it takes no more work */
  checkOpen(verb: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed) throw new StateError(`this ${this.title} was closed: ${verb} before close(), or make a new pool`);
  }

  /** @throws PoolFullError when as many jobs wait as may */
  checkRoom(): void {
    if (this.isShedding)
      throw new PoolFullError(`this ${this.title} has ${this.settings.maxQueue} tasks waiting, as many as maxQueue allows: use trySubmit(), wait, or raise it`);
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
      // What was moved comes back by the port, most likely, and that wakes the loop in less time than looking takes from the worker where both share a core.
    } else this.links.expect(job.isBound);
  }

  /** Takes on what a task of this pool waits for. Where that runs in this thread it runs beside the places, which those who wait keep and do not use: so none is ever missing. */
  submitNested(job: Job): void {
    if (this.#kind.isShared) this.#pause.runsBeside(job);
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
    if (job.isOver) return false;
    this.#withdraw(job, reason);
    job.fail(reason, true);
    this.#dispatcher.feedSoon();
    if (!this.#isDraining) this.settleDown();
    return true;
  }

  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void {
    if (job.isOver) return;
    this.#withdraw(job, error);
    job.fail(error);
    this.#dispatcher.feedSoon();
    if (!this.#isDraining) this.settleDown();
  }

  #withdraw(job: Job, reason: unknown): void {
    const { state, holder } = job;
    if (state === "delayed") this.#delays.remove(job);
    else if (state === "queued") {
      this.#backlog.remove(job);
      this.links.discard(job);
    } else if (holder instanceof WorkerSlot) {
      if (holder.takeBack(job)) {
        this.links.discard(job);
      } else this.#timeouts.stop(holder, job, reason);
      // It was gone by that: its place is free.
      if (job.holder === undefined) this.#dispatcher.isFull = false;
    }
  }

  /** Another attempt at a job that failed; false when there is to be none. */
  retry(job: Call, error: unknown): boolean {
    if (this.#isEnded) return false;
    const delay = this.#delays.delayFor(job, error);
    // `retries.when` may close or terminate this pool, and call the job off.
    if (delay === undefined || this.#isEnded || job.isOver) return false;
    this.tally.retried++;
    const again = () => {
      this.#delays.remove(job);
      job.renew();
      this.#dispatcher.enqueue(job);
      this.feedAnew();
    };
    this.#delays.add(job, delay, again);
    return true;
  }

  /** A job is over. */
  settled(_job: Job, failure?: FailedFuture): void {
    if (failure === undefined) {
      this.tally.completed++;
      return;
    }
    if (failure.future.state === "cancelled") {
      this.tally.cancelled++;
      return;
    }
    this.tally.failed++;
    findOwner(failure, this.title);
  }

  resize(workers: number): void {
    this.#places = workers;
    this.#capacity.resize(workers);
    if (this.#kind.isShared) this.links.resize(workers);
    else this.#workers.resize(workers);
    for (const slot of this.#workers.surplus) this.#retire(slot);
    this.feedAnew();
  }

  /** Nothing more begins from here on, and no map takes from its input. */
  pause(): void {
    this.checkOpen("pause");
    this.#pause.begin();
    if (!this.#isDraining) this.settleDown();
  }

  /** Ends a pause. */
  start(): void {
    this.#pause.end();
  }

  /** Fails all that was not begun. */
  clear(): void {
    this.#waiting.fail(new CancelledError("the task waited in a pool that was cleared, and has not begun"));
    this.feedAnew();
    if (!this.#isDraining) this.settleDown();
  }

  stats(): PoolStats {
    const { workers, idle, running, queued, perWorker } = loadOf(this.#workers, this.tally, this.#kind.isShared ? this.#places : undefined);
    const durations = { wait: this.#results.wait.summary(), run: this.#results.run.summary() };
    const utilization = this.#capacity.utilization(this.#results.run.total);
    return { workers, idle, running, queued, ...this.tally, ...durations, utilization, perWorker };
  }

  close(): void {
    this.#pause.end();
    this.#isClosed = true;
    this.settleDown();
  }

  terminate(reason: () => unknown): void {
    this.#isClosed = true;
    this.#isEnded = true;
    this.#whyEnded ??= reason;
    const isPaused = this.isPaused;
    this.#pause.drop();
    for (const job of this.#delays.takeAll()) job.fail(reason());
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) {
      this.links.discard(job);
      job.fail(reason());
    }
    for (const slot of this.#workers) {
      for (const job of [...slot.jobs]) {
        if (slot.takeBack(job)) this.links.discard(job);
        job.fail(reason());
      }
      slot.link.hold(true);
      this.#workers.kill(slot, reason());
    }
    // A map that takes nothing from its input hears of the end by that alone.
    if (isPaused) for (const map of [...this.maps]) map.goOn();
    this.settleDown();
  }

  /** What tasks of this pool get to submit to it. */
  handle(): PoolHandle {
    this.checkOpen("ask for a handle");
    if (this.lacks("shared objects")) throw lackError(this.title, "shared objects", "pool.handle()", "submit from the program that made the pool");
    return this.#nested.handle();
  }

  slotOf(worker: number): WorkerSlot | undefined {
    for (const slot of this.#workers) if (slot.link.worker === worker) return slot;
    return undefined;
  }

  async interrupt(): Promise<void> {
    this.#isClosed = true;
    this.#isEnded = true;
    this.#delays.takeAll();
    while (this.#backlog.take() !== undefined);
    for (const slot of this.#workers) {
      slot.retire();
      for (const job of [...slot.jobs]) {
        if (!slot.takeBack(job) && !job.isOver) this.#timeouts.stop(slot, job, undefined);
        if (!job.isOver) this.states.settle(job);
      }
    }
    this.settleDown();
    await Promise.race([this.join(), this.#timeouts.endAll()]);
  }

  /** Waits until the workers have ended. */
  async join(): Promise<void> {
    this.#checkClosed("join");
    if (this.isDone) return;
    await new Promise<void>((resolve) => this.#ended.push(resolve));
  }

  /** The same, blocking this thread. */
  joinSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    const { blocking } = this.links;
    if (blocking === undefined) throw lackError(this.title, "a way past this event loop", "joinSync()", "await join() instead");
    this.#checkClosed("joinSync");
    // Whether its pool has work of it just now is a matter of time. After terminate() it goes on no more.
    if (this.#whyEnded === undefined) refuseMaps(this.title, this.maps);
    if (!this.isDone && !unheard(() => blockUntilDone(this, blocking, deadline)))
      throw new TimeoutError(`the work of this ${this.title} was not done within ${options?.timeout} ms; it goes on: join it again, or call terminate()`);
  }

  #checkClosed(verb: string): void {
    if (!this.#isClosed)
      throw new StateError(`${verb}() of ${/^[AEIO]/.test(this.title) ? "an" : "a"} ${this.title} would wait for ever: call close() or terminate() first`);
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
    if (this.settings.initializer !== undefined) this.#initialize(slot);
  }

  /** The initializer is the first that the worker gets, so that it is done before anything else. */
  #initialize(slot: WorkerSlot): void {
    const done = () => {
      slot.isInitialized();
      this.#recovery.prepared();
    };
    const threw = (cause: unknown) => this.fail(initializerError(this.title, this.#kind.isShared ? undefined : slot.name, cause));
    const job = initializerCall(this.settings, this.states, done, threw);
    slot.link.prepare(job);
    this.links.pack(job);
    slot.initialize(job);
    this.links.expect(false);
  }

  /** The pool can do no work: all that was submitted fails. */
  fail(failure: unknown): void {
    if (this.#isEnded) return;
    this.#failure = failure;
    this.terminate(() => failure);
  }

  #retire(slot: WorkerSlot): void {
    slot.retire();
    this.#rebalancer.from(slot, slot.link.width);
    this.settleDown();
  }

  /** Lets workers go that have no work and get none, and tells those who wait for the end. */
  settleDown(): void {
    const isLast = this.#isClosed && this.#backlog.size === 0 && this.#delays.size === 0 && !this.#delays.isDeciding;
    for (const slot of this.#workers) {
      if (slot.jobs.length > 0) continue;
      if (isLast || slot.isRetiring) this.#workers.dismiss(slot);
    }
    this.links.settle();
    this.loads.look();
    if (isLast && this.#workers.size === 0) this.#finished();
    else this.#workers.watchIdle();
  }

  #finished(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnded = true;
    this.#dispatcher.end();
    this.#rebalancer.end();
    this.#timeouts.end();
    this.#nested.end();
    this.#workers.end();
    this.links.end();
    for (const resolve of this.#ended.splice(0)) resolve();
  }

  end(slot: WorkerSlot): void {
    slot.condemn();
    this.#workers.kill(slot, undefined);
    const { killGrace } = this.settings;
    // A thread ends once the call of the system that it is in does: nobody waits for that.
    if (killGrace !== Number.POSITIVE_INFINITY) this.agenda.after(killGrace, () => this.#recovery.giveUp(slot)).unref();
  }

  get hasChildren(): boolean {
    for (const slot of this.#workers) if (slot.link.isParent) return true;
    return false;
  }

  async letParentsGo(): Promise<void> {
    const ends: Promise<void>[] = [];
    for (const slot of this.#workers) {
      if (!slot.link.isParent) continue;
      ends.push(slot.whenEnded);
      this.#retire(slot);
    }
    await Promise.all(ends);
  }
}

/** What ends the tasks of a pool that is terminated. */
export function terminated(): CancelledError {
  return new CancelledError("the pool was terminated before the task had ended");
}
