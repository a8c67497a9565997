/**
 * Who does what when: the jobs of a pool, its workers, and the way between them.
 *
 * A job goes to a worker that is free, else to a new one, else behind others in the lane of a worker as long as those are short (`worker-set.ts`); what does not fit waits in
 * the backlog, by priority. What stands in a lane and was not begun is taken back when the job before it takes long, another worker is free, or it is called off
 * (`rebalancer.ts`). Results are looked for in the lanes while they come quickly, and waited for when not (`result-poller.ts`); many are drained at a time (`results.ts`).
 */
import { CancelledError, InitializerError, PoolFullError, StateError, TimeoutError, type WorkerDeath, textOfThrown } from "../errors/index.js";
import type { Boundary } from "../codec/index.js";
import { contain } from "../memory/index.js";
import { deadlineOf, type SyncWait } from "../parking/index.js";
import { Agenda, type Appointment } from "./agenda.js";
import { Backlog } from "./backlog.js";
import { type BlockingPool, blockUntilDone, type OpenMap, refuseMaps } from "./blocking-join.js";
import type { Call } from "./call.js";
import type { CallLimits } from "./call-limits.js";
import { WorkerSet } from "./worker-set.js";
import { stillbirthOf, stillbornError, unpreparedError, WorkerLoss } from "./death.js";
import { initializerCall } from "./initializer.js";
import type { Dispatch } from "./dispatch.js";
import { endBeforeProgram, hasEnded, type Interruptible, unheard } from "./interrupt.js";
import type { Job } from "./job.js";
import { JobStates } from "./job-states.js";
import { lackError } from "./lack-error.js";
import type { Ability, LinkedPool, LinkKind, Links, WorkerEnd } from "./link.js";
import { refused } from "./loss.js";
import { WorkerSlot } from "./worker-slot.js";
import { NestedCalls, type NestedPool } from "./nested-calls.js";
import { TaskTimeouts } from "./task-timeouts.js";
import type { PoolHandle } from "./pool-handle.js";
import type { PoolSettings } from "./pool-options.js";
import type { PoolStats } from "./pool-stats.js";
import { Rebalancer } from "./rebalancer.js";
import { Results } from "./results.js";
import { Tally } from "./tally.js";
import { type FailedFuture, findOwner } from "../futures/unhandled-failures.js";
import { reportUncaught } from "../futures/uncaught-hook.js";
import { HangDetector } from "./hang-detector.js";

/** So many submissions in a row, and results are drained in between: the caller's loop may go on for long. */
const DRAIN_EVERY = 32;
/** So many workers in a row that end before they have begun, and what waits fails; so many that end in the initializer, and the pool fails: they would be started for ever. */
const MOST_STILLBORN = 8;
/** How long after a worker could not be started for want of memory or descriptors it is tried again. */
const SHORT_MS = 50;

export class Scheduler implements BlockingPool, Dispatch, Interruptible, NestedPool, LinkedPool {
  readonly settings: PoolSettings;
  readonly title: string;
  readonly tally = new Tally();
  readonly states = new JobStates();
  readonly agenda = new Agenda();
  /** Maps that were begun and have not ended. */
  readonly maps = new Set<OpenMap>();
  readonly links: Links;
  readonly #kind: LinkKind;
  readonly #workers: WorkerSet;
  readonly #backlog = new Backlog(this.states);
  readonly #results: Results;
  readonly #rebalancer: Rebalancer;
  readonly #timeouts: TaskTimeouts;
  readonly #hangs: HangDetector;
  readonly #nested = new NestedCalls(this);
  /** How many tasks may run at a time. */
  #places: number;
  /** Jobs that wait for their next attempt. */
  readonly #retries = new Map<Job, Appointment>();
  /** How many more are asked about by `retries.when` at this moment. */
  #deciding = 0;
  /** Nothing that waits can be given to anybody before something comes back. */
  #isFull = false;
  #willFeed = false;
  /** Workers that ended before they had begun, since one had. */
  #stillborn: readonly WorkerDeath[] = [];
  /** Workers that ended while they ran the initializer, since one got through it. */
  #unprepared: readonly WorkerDeath[] = [];
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
  #again: Appointment | undefined;

  constructor(title: string, settings: PoolSettings, kind: LinkKind) {
    kind.check(settings);
    this.title = title;
    this.settings = settings;
    this.#kind = kind;
    this.#places = settings.workers;
    this.links = kind.connect(this);
    this.#results = new Results((job) => this.#timeouts.clear(job), this.agenda);
    this.#workers = new WorkerSet(this.links, settings, kind.isShared, this.agenda, {
      states: this.states,
      arrived: () => void this.drain(),
      results: this.#results,
      // What stands before it, since it ended unasked, goes to others.
      left: (slot) => this.#rebalancer.from(slot, 0),
      refused: (error) => this.#fail(error),
      corrupt: (slot) => this.#workers.kill(slot, undefined),
      hired: (slot) => this.#hired(slot),
      gaveUp: (slot) => this.#giveUp(slot),
      ended: (slot, end) => this.#lost(slot, end),
    });
    this.#rebalancer = new Rebalancer(this.#workers, this.#backlog, this);
    this.#timeouts = new TaskTimeouts(this.#workers, settings, this.#rebalancer, this, kind.isShared);
    this.#hangs = new HangDetector(title, this.#workers, settings, this.#rebalancer, this);
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
    return !this.#isFull && !this.#isClosed && this.#backlog.size === 0;
  }

  get isWaiting(): boolean {
    return this.#backlog.size > 0;
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
    if (maxQueue === Number.POSITIVE_INFINITY) return false;
    let workers = 0;
    let free = 0;
    let behind = 0;
    for (const slot of this.#workers) {
      if (slot.hasLeft) continue;
      workers++;
      const places = slot.link.width - slot.jobs.length;
      if (places < 0) behind -= places;
      else if (!slot.isRetiring && slot.link.isOpen) free += places;
    }
    const queued = this.states.count("queued");
    if (workers < this.#workers.most || free > queued) return false;
    return queued - free + behind + this.states.count("delayed") >= maxQueue;
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
    const slot = this.#isFull || this.#backlog.size > 0 ? undefined : this.#slotFor(job);
    this.links.pack(job);
    // Items of a map are counted by the map, as it takes them from its input.
    if (!job.isChunk) this.tally.submitted++;
    if (slot === undefined || !this.#assign(slot, job)) {
      this.links.keep(job);
      this.#backlog.push(job);
      if (job.call.priority !== 0) {
        this.#rebalancer.behind(job.call.priority);
        this.#isFull = false;
      }
      // In this thread each submission has asked for a turn, which gives out what waits as soon as there is room.
      if (isShared && this.#isFull) return;
      this.feed();
      // What was moved comes back by the port, most likely, and that wakes the loop in less time than looking takes from the worker where both share a core.
    } else this.links.expect(job.isBound);
  }

  /** Takes on what a task of this pool waits for. Where that runs in this thread it runs beside the places, which those who wait keep and do not use: so none is ever missing. */
  submitNested(job: Job): void {
    const slot = this.#kind.isShared ? this.#workers.any() : undefined;
    if (slot === undefined) {
      this.submit(job);
      return;
    }
    this.links.pack(job);
    this.tally.submitted++;
    this.#assign(slot, job);
  }

  /** Calls a job off: it never runs, or is asked to stop and after `killGrace` ended with its worker. */
  cancel(job: Job, reason: unknown): boolean {
    if (job.isOver) return false;
    this.#withdraw(job, reason);
    job.fail(reason, true);
    this.#feedSoon();
    if (!this.#isDraining) this.settleDown();
    return true;
  }

  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void {
    if (job.isOver) return;
    this.#withdraw(job, error);
    job.fail(error);
    this.#feedSoon();
    if (!this.#isDraining) this.settleDown();
  }

  /** A place may have become free. Once for all that are called off together: what is given out between two of them would be called off next. */
  #feedSoon(): void {
    if (this.#willFeed || this.#isFull || this.#backlog.size === 0) return;
    this.#willFeed = true;
    this.agenda.soon(() => {
      this.#willFeed = false;
      this.feed();
    });
  }

  #withdraw(job: Job, reason: unknown): void {
    const { state, holder } = job;
    if (state === "delayed") this.#undelay(job);
    else if (state === "queued") {
      this.#backlog.remove(job);
      this.links.discard(job);
    } else if (holder instanceof WorkerSlot) {
      if (holder.takeBack(job)) {
        this.links.discard(job);
      } else this.#timeouts.stop(holder, job, reason);
      // It was gone by that: its place is free.
      if (job.holder === undefined) this.#isFull = false;
    }
  }

  /** Another attempt at a job that failed; false when there is to be none. */
  retry(job: Call, error: unknown): boolean {
    if (this.#isEnded) return false;
    // `retries.when` may close or terminate this pool, and call the job off.
    this.#deciding++;
    const delay = job.call.retries.delayAfter(job.attempts, error, job.scope);
    this.#deciding--;
    if (delay === undefined || this.#isEnded || job.isOver) return false;
    this.tally.retried++;
    const again = () => {
      this.#undelay(job);
      job.renew();
      this.#enqueue(job);
      this.feedAnew();
    };
    this.states.delay(job);
    this.#retries.set(job, this.agenda.after(delay, again));
    return true;
  }

  #undelay(job: Job): void {
    this.#retries.get(job)?.clear();
    this.#retries.delete(job);
    this.states.undelay(job);
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
    if (this.#kind.isShared) this.links.resize(workers);
    else this.#workers.resize(workers);
    for (const slot of this.#workers.surplus) this.#retire(slot);
    this.feedAnew();
  }

  stats(): PoolStats {
    let idle = 0;
    let running = 0;
    for (const slot of this.#workers) {
      if (slot.unresponsive !== undefined || slot.hasLeft) continue;
      idle += Math.max(0, slot.link.width - slot.jobs.length);
      for (const job of slot.begun) if (!job.isOver && job !== slot.initializer) running++;
    }
    // A chunk whose outcomes have all come may still be running.
    running = Math.min(running, this.tally.open);
    const queued = this.tally.open - running;
    const durations = { wait: this.#results.wait.summary(), run: this.#results.run.summary() };
    const perWorker = [...this.#workers].flatMap((slot) => slot.link.look()?.worker ?? []);
    const { isShared } = this.#kind;
    if (isShared && this.#workers.size === 0) idle = this.#places;
    return { workers: isShared ? this.#places : this.#workers.size, idle, running, queued, ...this.tally, ...durations, perWorker };
  }

  close(): void {
    this.#isClosed = true;
    this.settleDown();
  }

  terminate(reason: () => unknown): void {
    this.#isClosed = true;
    this.#isEnded = true;
    this.#whyEnded ??= reason;
    for (const job of this.#takeDelayed()) job.fail(reason());
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
    this.#takeDelayed();
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
    return this.#workers.size === 0 && this.#backlog.size === 0 && this.#retries.size === 0;
  }

  get isBusy(): boolean {
    return this.#isDraining;
  }

  get limits(): Iterable<CallLimits> {
    const jobs: Job[] = [...this.#backlog, ...this.#retries.keys()];
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
      this.#isFull = false;
      // Nothing is left to be handed out or taken back: who waited for this comes the sooner.
      if (this.isExpecting || this.#backlog.size > 0) {
        if (this.#kind.isShared) this.feed();
        else {
          this.#rebalancer.unblock();
          this.feed();
          this.#rebalancer.balance();
        }
      }
      this.settleDown();
    }
    return found;
  }

  /** Encodes a job anew, with all that travels beside its message, and has it wait: another attempt, or the rest of a chunk whose worker died. */
  #enqueue(job: Job): void {
    try {
      this.links.pack(job);
      this.links.keep(job);
    } catch (error) {
      job.fail(error);
      return;
    }
    this.#backlog.push(job);
  }

  /** Gives a worker a job. */
  #assign(slot: WorkerSlot, job: Job): boolean {
    if (!slot.send(job)) return false;
    if (this.settings.taskTimeout !== Number.POSITIVE_INFINITY) this.#timeouts.guard(slot);
    if (this.#kind.isShared) return true;
    if (slot.served >= this.settings.maxTasksPerWorker) slot.retire();
    if (slot.jobs.length > slot.link.width) this.#rebalancer.patrolSoon();
    if (this.settings.unresponsive !== undefined) this.#hangs.over(slot);
    return true;
  }

  /** A worker that may take the job now and knows its task; undefined when there is none. */
  #slotFor(job: Job): WorkerSlot | undefined {
    const slot = this.#workers.pick();
    if (slot === undefined || !slot.link.prepare(job)) {
      this.#isFull = slot === undefined && this.#workers.refusal === undefined;
      return undefined;
    }
    return slot;
  }

  /** Gives what waits to whoever can take it. */
  feed(): void {
    let isAnyLost = false;
    while (!this.#isFull) {
      const job = this.#backlog.first();
      if (job === undefined) break;
      const slot = this.#slotFor(job);
      if (slot === undefined) {
        const { refusal } = this.#workers;
        if (refusal === undefined) break;
        // No worker is left and none can be started: that costs the first job, as a worker does that ends before it has begun. For the next it is tried again.
        this.#isFull = false;
        this.#backlog.remove(job);
        this.links.discard(job);
        for (const rest of job.lose(refused(refusal))) this.#enqueue(rest);
        isAnyLost = true;
        continue;
      }
      // First, because a job may come back from its worker while it is on its way there.
      this.#backlog.remove(job);
      try {
        if (this.#assign(slot, job)) continue;
        this.#isFull = true;
        this.#backlog.pushFront(job);
      } catch (error) {
        // Its submitter is no longer there to be thrown at.
        this.links.discard(job);
        job.fail(error);
      }
    }
    this.links.expect(false);
    // No worker could be started beside others; or nothing is on its way, so nothing will come back, and yet no lane had room, as one that is full of what was taken back.
    const isStuck = !this.#kind.isShared && (this.#workers.isShort || !this.isExpecting);
    if (isStuck && this.#backlog.size > 0) this.#again ??= this.agenda.after(SHORT_MS, () => this.#feedAgain());
    if (isAnyLost && !this.#isDraining) this.settleDown();
  }

  #feedAgain(): void {
    this.#again = undefined;
    // A worker that has left, or has nothing to do any more, may be what keeps the place of another.
    this.drain();
    this.feedAnew();
    this.settleDown();
  }

  feedAnew(): void {
    this.#isFull = false;
    this.feed();
  }

  #hired(slot: WorkerSlot): void {
    if (!this.#kind.isShared) endBeforeProgram(this);
    if (this.settings.initializer !== undefined) this.#initialize(slot);
  }

  /** The initializer is the first that the worker gets, so that it is done before anything else. */
  #initialize(slot: WorkerSlot): void {
    const done = () => {
      slot.isInitialized();
      this.#unprepared = [];
    };
    const job = initializerCall(this.settings, this.states, done, (error) => this.#initializerThrew(error, slot));
    slot.link.prepare(job);
    this.links.pack(job);
    slot.initialize(job);
    this.links.expect(false);
  }

  #initializerThrew(cause: unknown, slot: WorkerSlot): void {
    const text = textOfThrown(cause);
    const where = this.#kind.isShared ? "" : ` in ${slot.name}`;
    this.#fail(new InitializerError(`the initializer of this ${this.title} failed${where}: ${text}`, { cause }));
  }

  /** The pool can do no work: all that was submitted fails. */
  #fail(failure: unknown): void {
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
    const isLast = this.#isClosed && this.#backlog.size === 0 && this.#retries.size === 0 && this.#deciding === 0;
    for (const slot of this.#workers) {
      if (slot.jobs.length > 0) continue;
      if (isLast || slot.isRetiring) this.#workers.dismiss(slot);
    }
    this.links.settle();
    if (isLast && this.#workers.size === 0) this.#finished();
    else this.#workers.watchIdle();
  }

  #finished(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnded = true;
    this.#again?.clear();
    this.#rebalancer.end();
    this.#nested.end();
    this.#workers.end();
    this.links.end();
    for (const resolve of this.#ended.splice(0)) resolve();
  }

  /** A worker ended: what it ran fails or is tried again, what it had not begun goes to others. */
  #lost(slot: WorkerSlot, end: WorkerEnd): void {
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
    const wasCrowdedOut = !slot.link.isReady && (end.cause as { code?: unknown } | null | undefined)?.code === "ERR_ALLCORES_TOO_MANY_WORKERS";
    if (wasCrowdedOut) this.#rebalancer.from(slot, 0);
    if (crash !== undefined) end = { ...end, cause: end.cause ?? crash.error };
    this.#workers.remove(slot);
    const wasAsked = wasCrowdedOut || slot.isClosed || slot.isKilled || this.#isEnded;
    if (!wasAsked) this.tally.died++;
    const heard = this.#lose(slot, end);
    // An error between two tasks is no call's: nobody else could hear of it.
    if (!heard && !wasCrowdedOut && end.cause !== undefined && !end.outOfMemory && !this.#isEnded && !slot.isKilled)
      reportUncaught(end.cause, { name: slot.name });
    if (!wasAsked) {
      this.#countStillborn(slot, end);
      this.#countUnprepared(slot, end);
    }
    slot.link.free();
    if (this.#workers.size === 0) hasEnded(this);
    this.feedAnew();
    this.settleDown();
  }

  end(slot: WorkerSlot): void {
    slot.condemn();
    this.#workers.kill(slot, undefined);
    const { killGrace } = this.settings;
    // A thread ends once the call of the system that it is in does: nobody waits for that.
    if (killGrace !== Number.POSITIVE_INFINITY) this.agenda.after(killGrace, () => this.#giveUp(slot)).unref();
  }

  /** A worker that was killed and has not ended counts as ended. Its link stays, and what it holds is its own, until its thread is gone. */
  #giveUp(slot: WorkerSlot): void {
    if (!this.#workers.has(slot)) return;
    this.#results.take(slot);
    this.#workers.remove(slot);
    this.#lose(slot, { exitCode: undefined, signal: undefined, cause: undefined, outOfMemory: false });
    slot.link.hold(false);
    if (this.#workers.size === 0) hasEnded(this);
    this.feedAnew();
    this.settleDown();
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

  /** What becomes of the jobs of a worker that can do no more. Whether one of them bears its end: the cause of that is the cause of its error. */
  #lose(slot: WorkerSlot, end: WorkerEnd): boolean {
    const { link } = slot;
    const limits = this.settings.resourceLimits;
    const begun = new Set(slot.begun);
    const jobs = slot.surrender();
    // Nobody waits for the initializer: another worker runs it anew.
    if (jobs[0] !== undefined && jobs[0] === slot.initializer) {
      const job = jobs.shift()!;
      this.states.release(job);
      link.drop(job);
    }
    // One that never began has not run anything, but a worker that cannot start must not be started for ever.
    if (begun.size === 0 && !link.isReady && jobs[0] !== undefined) begun.add(jobs[0]);
    let isBorne = false;
    const fail = (job: Job, item: number) => {
      const ranFor = link.runningFor(job);
      this.states.release(job);
      for (const rest of job.lose(new WorkerLoss(slot, end, limits, item, ranFor))) this.#enqueue(rest);
    };
    for (const job of jobs.filter((job) => !begun.has(job)).reverse()) {
      if (!link.salvage(job)) {
        fail(job, 0);
        continue;
      }
      this.states.release(job);
      if (job.isOver) this.links.discard(job);
      else this.#backlog.pushFront(job);
    }
    for (const job of jobs) {
      if (!begun.has(job)) continue;
      // Nobody hears of the end of a call that was called off.
      if (!job.isOver) isBorne = true;
      fail(job, link.drop(job) ?? 0);
    }
    return isBorne;
  }

  /** One worker after the other that ends before it has begun: each cost the job that it was to take, now all fails that waits. What is submitted later is tried anew. */
  #countStillborn(slot: WorkerSlot, end: WorkerEnd): void {
    const isStillborn = !slot.link.isReady && ![...this.#workers].some(({ link }) => link.isReady);
    this.#stillborn = isStillborn ? [...this.#stillborn, stillbirthOf(slot, end)] : [];
    if (this.#stillborn.length < MOST_STILLBORN) return;
    const error = stillbornError(this.title, this.#stillborn, end.cause);
    this.#stillborn = [];
    const waiting = this.#takeDelayed();
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) {
      this.links.discard(job);
      waiting.push(job);
    }
    // Last: a map that hears of it submits more.
    for (const job of waiting) job.fail(error);
  }

  /** One worker after the other that ends while it runs the initializer. That costs no task, since none was begun; so the pool fails in the end. */
  #countUnprepared(slot: WorkerSlot, end: WorkerEnd): void {
    if (slot.initializer === undefined || !slot.link.isReady) return;
    this.#unprepared = [...this.#unprepared, stillbirthOf(slot, end)];
    if (this.#unprepared.length >= MOST_STILLBORN) this.#fail(unpreparedError(this.title, this.#unprepared, end.cause));
  }

  /** All that wait for their next attempt, which they do no more. */
  #takeDelayed(): Job[] {
    const jobs = [...this.#retries.keys()];
    for (const job of jobs) this.#undelay(job);
    return jobs;
  }
}

/** What ends the tasks of a pool that is terminated. */
export function terminated(): CancelledError {
  return new CancelledError("the pool was terminated before the task had ended");
}
