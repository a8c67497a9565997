/**
 * Who does what when: the jobs of a pool, its members, and the way between them.
 *
 * A job goes to a member that is free, else to a new one, else behind others in the lane of a member as long as those are short; what does not fit waits in the
 * backlog, by priority. What stands in a lane and was not begun is taken back when the job before it takes long, another member is free, or it is called off.
 * Results are looked for in the lanes while they come quickly, and waited for when not; many are drained at a time.
 */
import { serve, type Served } from "../channels/served.js";
import type { Message } from "../codec/index.js";
import {
  CancelledError,
  DeadlockError,
  InitializerError,
  MemoryLimitError,
  PoolFullError,
  StateError,
  TimeoutError,
  UnknownClassError,
  WorkerDiedError,
} from "../errors/index.js";
import type { Future } from "../futures/future.js";
import { wasObserved } from "../futures/future.js";
import { EagerLook, HEADER, KIND } from "../memory/index.js";
import { LAST, Lane, MOST_AHEAD, PROGRESS, THREW_FLAG } from "../workers/lane.js";
import { decodeWithClasses } from "../workers/task-module.js";
import type { TaskIdentity } from "../workers/task.js";
import { reportUncaught } from "../workers/uncaught-hook.js";
import { Backlog } from "./backlog.js";
import { Call } from "./call.js";
import { defaultCall } from "./call-options.js";
import { type Durations, Histogram } from "./histogram.js";
import { endBeforeProgram, hasEnded, type Interruptible } from "./interrupt.js";
import type { Job } from "./job.js";
import { type NestedWork, PoolHandle } from "./pool-handle.js";
import { discard, Member } from "./member.js";
import type { PoolSettings } from "./pool-options.js";
import type { StartedWorker, WorkerEnd, WorkerModel } from "./worker-model.js";

/** What may stand in a lane ahead of its member: about so much work. */
const AHEAD_MS = 1;
/** A member that has not been heard of for so long holds nothing back: what stands behind its job goes elsewhere. */
const STALE_MS = 2;
const MOST_PATROL_MS = 50;
/** Less work than this goes behind other work of a member that is awake: waking another would take as long. */
const WAKE_MS = 0.1;
/** Jobs shorter than this are not worth moving to a member that is free. */
const WORTH_MOVING_MS = 0.1;
/** So many submissions in a row, and results are drained in between: the caller's loop may go on for long. */
const DRAIN_EVERY = 32;
/** Unheard errors that are told of when the pool ends. */
const MOST_REPORTED = 10;
const LONGEST_TIMER_MS = 0x7fffffff;

/** What a pool has done and does. Durations are in milliseconds. */
export interface PoolStats {
  /** Workers that are alive. */
  readonly workers: number;
  readonly idle: number;
  /** Tasks that are being run, and tasks that wait. */
  readonly running: number;
  readonly queued: number;
  readonly submitted: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retried: number;
  /** Workers that ended without having been asked to. */
  readonly died: number;
  /** From the call to its result, less the run. */
  readonly wait: Durations;
  /** What the workers spent on it. A chunk of `map` counts as one. */
  readonly run: Durations;
}

export class Scheduler implements Interruptible {
  readonly settings: PoolSettings;
  readonly model: WorkerModel;
  readonly title: string;
  readonly #members = new Set<Member>();
  readonly #backlog: Backlog;
  /** The block whose place is what this pool waits for; 0 until there are workers. */
  #key = 0;
  readonly #tasks = new Map<string, number>();
  readonly #look: EagerLook;
  #workers: number;
  /** Jobs in lanes. */
  #inFlight = 0;
  /** Jobs that wait for their next attempt. */
  readonly #retries = new Map<Job, NodeJS.Timeout>();
  /** Nothing that waits can be given to anybody before something comes back. */
  #isFull = false;
  #isWatching = false;
  #isAsleep = false;
  #isDraining = false;
  #isClosed = false;
  /** What still ran was given up. */
  #isEnded = false;
  #isOver = false;
  #failure: InitializerError | undefined;
  #ended: (() => void)[] = [];
  /** Mean of what jobs took lately, in milliseconds. */
  #pace: number | undefined;
  #sinceDrain = 0;
  #patrol: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #news: (() => void)[] = [];
  readonly #unheard: { readonly future: Future<unknown>; readonly error: unknown }[] = [];
  readonly #counts = { submitted: 0, completed: 0, failed: 0, cancelled: 0, retried: 0, died: 0 };
  readonly #wait = new Histogram();
  readonly #run = new Histogram();

  constructor(title: string, settings: PoolSettings, model: WorkerModel) {
    model.check(settings);
    this.title = title;
    this.settings = settings;
    this.model = model;
    this.#workers = settings.workers;
    this.#backlog = new Backlog(model);
    this.#look = new EagerLook(
      () => {
        if (this.drain() === 0) return false;
        this.#isWatching = false;
        this.#watch();
        return true;
      },
      () => this.#sleep(),
    );
  }

  get boundary(): "threads" | "processes" {
    return this.model.boundary;
  }

  get workers(): number {
    return this.#workers;
  }

  /** Whether there is no worker, and none to be had, that could take a job at once, and as many wait as may. */
  get isShedding(): boolean {
    const { maxQueue } = this.settings;
    if (maxQueue === Number.POSITIVE_INFINITY) return false;
    let busy = 0;
    let waiting = this.#backlog.size + this.#retries.size;
    for (const member of this.#members) {
      if (member.isRetiring) continue;
      if (member.inFlight.length === 0) return false;
      busy++;
      waiting += member.inFlight.length - 1;
    }
    return busy >= this.#workers && waiting >= maxQueue;
  }

  /** @throws StateError, InitializerError once it takes no more work */
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
    if (++this.#sinceDrain >= DRAIN_EVERY) this.drain();
    const task = this.#numberOf(job.task);
    const member = this.#isFull || this.#backlog.size > 0 ? undefined : this.#memberFor(task);
    const message = job.encode();
    if (message.attachments.length > 0) job.beside = { attachments: message.attachments, transfer: message.transfer };
    this.#counts.submitted++;
    if (member === undefined || !member.knows(task) || !this.#assign(member, job, task, message)) {
      job.payload = this.#backlog.keep(message);
      this.#backlog.push(job);
      if (job.call.priority !== 0) this.#recallBehind(job.call.priority);
      this.#feed();
    } else this.#watch();
    if (job.beside !== undefined) message.release();
  }

  /** Calls a job off: it never runs, or is asked to stop and after `killGrace` ended with its worker. */
  cancel(job: Job, reason: unknown): boolean {
    if (job.isOver) return false;
    this.#withdraw(job);
    job.fail(reason, true);
    if (!this.#isDraining) this.#settleDown();
    return true;
  }

  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void {
    if (job.isOver) return;
    this.#withdraw(job);
    job.fail(error);
    if (!this.#isDraining) this.#settleDown();
  }

  #withdraw(job: Job): void {
    const timer = this.#retries.get(job);
    if (timer !== undefined) {
      clearTimeout(timer);
      this.#retries.delete(job);
    } else if (job.isWaiting) {
      this.#backlog.remove(job);
      this.#discard(job);
    } else if (job.member?.recall(job) === true) {
      this.#inFlight--;
      this.#isFull = false;
      this.#discard(job);
    } else if (job.member !== undefined) {
      this.#stop(job.member, job);
    }
  }

  /** Another attempt at a job that failed; false when there is to be none. */
  retry(job: Job, error: unknown): boolean {
    if (this.#isEnded) return false;
    const delay = job.call.retries.delayAfter(job.attempts, error);
    if (delay === undefined) return false;
    this.#counts.retried++;
    const again = () => {
      this.#retries.delete(job);
      this.#resubmit(job);
    };
    this.#retries.set(job, setTimeout(again, Math.min(delay, LONGEST_TIMER_MS)));
    return true;
  }

  /** A job is over. */
  settled(_job: Job, failure?: { readonly future: Future<unknown>; readonly error: unknown }): void {
    if (failure === undefined) {
      this.#counts.completed++;
      return;
    }
    if (failure.future.state === "cancelled") {
      this.#counts.cancelled++;
      return;
    }
    this.#counts.failed++;
    if (this.#unheard.length < MOST_REPORTED) this.#unheard.push(failure);
    else {
      const heard = this.#unheard.findIndex(({ future }) => wasObserved(future));
      if (heard >= 0) this.#unheard[heard] = failure;
    }
  }

  resize(workers: number): void {
    this.#workers = workers;
    const active = [...this.#members].filter((member) => !member.isRetiring);
    // Those without work first.
    active.sort((a, b) => a.inFlight.length - b.inFlight.length);
    for (const member of active.slice(0, Math.max(0, active.length - workers))) this.#retire(member);
    this.#isFull = false;
    this.#feed();
  }

  stats(): PoolStats {
    let idle = 0;
    let running = 0;
    let queued = this.#backlog.size + this.#retries.size;
    for (const member of this.#members) {
      if (member.inFlight.length === 0) idle++;
      else {
        const begun = member.inHand === undefined ? 0 : 1;
        running += begun;
        queued += member.inFlight.length - begun;
      }
    }
    return { workers: this.#members.size, idle, running, queued, ...this.#counts, wait: this.#wait.summary(), run: this.#run.summary() };
  }

  close(): void {
    this.#isClosed = true;
    this.#settleDown();
  }

  terminate(reason: () => unknown): void {
    this.#isClosed = true;
    this.#isEnded = true;
    for (const [job, timer] of this.#retries) {
      clearTimeout(timer);
      job.fail(reason());
    }
    this.#retries.clear();
    for (let job = this.#backlog.first(); job !== undefined; job = this.#backlog.first()) {
      this.#backlog.shift(job);
      this.#discard(job);
      job.fail(reason());
    }
    for (const member of this.#members) {
      for (const job of [...member.inFlight]) {
        if (member.recall(job)) {
          this.#inFlight--;
          this.#discard(job);
        }
        job.fail(reason());
      }
      member.isRetiring = true;
      member.worker.hold(true);
      member.worker.kill();
    }
    this.#settleDown();
  }

  /** What tasks of this pool get to submit to it. */
  handle(): PoolHandle {
    this.checkOpen("ask for a handle");
    this.#nested ??= serve<NestedWork>({ submit: (caller, url, name, args) => this.#submitNested(caller, url, name, args) }, { across: this.boundary });
    return new PoolHandle(this.#nested);
  }

  /**
   * A task of this pool waits for another: refused when then every worker would wait so, which nobody could ever end. One that is not waiting comes back sooner or
   * later, and takes what is in the backlog.
   */
  async #submitNested(caller: number, url: string, name: string, args: unknown[]): Promise<unknown> {
    const isOwn = [...this.#members].some((member) => member.lane.worker === caller);
    const before = this.#nestedCallers.get(caller) ?? 0;
    if (isOwn && this.#nestedCallers.size + (before === 0 ? 1 : 0) >= this.#workers) {
      throw new DeadlockError(
        `a task of this ${this.title} waits for the task "${name}" of the same pool, and so do all of its ${this.#workers} workers: none is left to run it. Give it more workers, or submit it from outside`,
      );
    }
    this.checkOpen("submit");
    const call = new Call(this, { url, name, bound: [] }, defaultCall(this.settings), args);
    this.submit(call);
    if (isOwn) this.#nestedCallers.set(caller, before + 1);
    try {
      return await call.future;
    } finally {
      const left = (this.#nestedCallers.get(caller) ?? 0) - 1;
      if (left > 0) this.#nestedCallers.set(caller, left);
      else this.#nestedCallers.delete(caller);
    }
  }
  #nested: Served<NestedWork> | undefined;
  /** Workers of this pool whose tasks wait for others of it, and for how many. */
  readonly #nestedCallers = new Map<number, number>();

  async interrupt(): Promise<void> {
    this.#isClosed = true;
    this.#isEnded = true;
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
    for (let job = this.#backlog.first(); job !== undefined; job = this.#backlog.first()) this.#backlog.shift(job);
    for (const member of this.#members) {
      member.isRetiring = true;
      for (const job of [...member.inFlight]) {
        if (member.recall(job)) this.#inFlight--;
        else if (!job.isOver) this.#stop(member, job);
        job.isOver = true;
      }
    }
    this.#settleDown();
    await this.join();
  }

  /** Waits until the workers have ended. */
  async join(): Promise<void> {
    if (!this.#isClosed) throw new StateError(`join() of a ${this.title} would wait for ever: call close() or terminate() first`);
    if (this.#isDone) return;
    await new Promise<void>((resolve) => this.#ended.push(resolve));
  }

  get #isDone(): boolean {
    return this.#members.size === 0 && this.#backlog.size === 0 && this.#retries.size === 0;
  }

  /** Takes in all results that are there; returns how many records there were. */
  drain(): number {
    this.#sinceDrain = 0;
    if (this.#isDraining) return 0;
    this.#isDraining = true;
    let found = 0;
    try {
      for (const member of this.#members) found += this.#drainMember(member);
    } finally {
      this.#isDraining = false;
    }
    if (found > 0) {
      this.#isFull = false;
      this.#unblock();
      this.#feed();
      this.#balance();
      this.#settleDown();
    }
    return found;
  }

  #drainMember(member: Member): number {
    const { owner } = member;
    let found = 0;
    let now = 0;
    while (owner.receive()) {
      found++;
      const job = member.inFlight[0];
      const { kind, count, time } = owner;
      let value: unknown;
      let failed: unknown;
      let isUndecoded = false;
      let later: ReturnType<typeof owner.detach> | undefined;
      try {
        value = owner.read();
      } catch (error) {
        if (error instanceof UnknownClassError) later = owner.detach();
        else {
          isUndecoded = true;
          failed = error;
        }
      }
      owner.release();
      if (job === undefined) continue;
      if (kind & PROGRESS) {
        if (!isUndecoded && later === undefined) this.#tell(() => job.progress(value));
        continue;
      }
      const at = job.outcomes;
      job.outcomes += count;
      const threw = isUndecoded || (kind & THREW_FLAG) !== 0;
      const last = (kind & LAST) !== 0;
      if (last) {
        if (now === 0) now = performance.now();
        member.inFlight.shift();
        this.#inFlight--;
        member.heardAt = now;
        member.isStalled = false;
        const ran = time / 1000;
        this.#pace = this.#pace === undefined ? ran : this.#pace * 0.9 + ran * 0.1;
        this.#run.add(ran);
        this.#wait.add(now - job.submittedAt - ran);
        job.member = undefined;
      }
      if (later === undefined) {
        if (last && count === 0 && !threw) this.#finish(job, time);
        else {
          job.deliver(isUndecoded ? failed : value, threw, at, count);
          if (last) this.#finish(job, time);
        }
      } else void this.#deliverLater(job, later, threw, at, count, last ? time : undefined);
    }
    return found;
  }

  /** News, and what follows them, in order and outside of whatever called here. */
  #tell(news: () => void): void {
    if (this.#news.push(news) === 1)
      queueMicrotask(() => {
        for (const tell of this.#news.splice(0)) tell();
      });
  }

  /** A result comes after the news that were before it. */
  #finish(job: Job, time: number): void {
    job.endedAfter = time;
    if (job.undelivered > 0) return;
    if (this.#news.length > 0) this.#tell(() => job.finish(time));
    else job.finish(time);
  }

  /** A value of a class whose module is not loaded here: that is done first. */
  async #deliverLater(job: Job, record: { read(): unknown; free(): void }, threw: boolean, at: number, count: number, time: number | undefined): Promise<void> {
    job.undelivered++;
    if (time !== undefined) job.endedAfter = time;
    let value: unknown;
    try {
      value = await decodeWithClasses(record.read);
    } catch (error) {
      threw = true;
      value = error;
    }
    record.free();
    job.deliver(value, threw, at, count);
    if (--job.undelivered === 0 && job.endedAfter !== undefined) job.finish(job.endedAfter);
  }

  #resubmit(job: Job): void {
    job.renew();
    try {
      const message = job.encode();
      if (message.attachments.length > 0) job.beside = { attachments: message.attachments, transfer: message.transfer };
      job.payload = this.#backlog.keep(message);
    } catch (error) {
      job.fail(error);
      return;
    }
    this.#backlog.push(job);
    this.#isFull = false;
    this.#feed();
  }

  /** Puts a job into a lane. */
  #assign(member: Member, job: Job, task: number, payload: Message | NonNullable<Job["payload"]>): boolean {
    // What goes through the port is not taken back: it goes to a member that has nothing else to do.
    if (job.beside !== undefined && member.inFlight.length > 0) return false;
    if (!member.send(job, task, payload)) return false;
    this.#inFlight++;
    job.payload = undefined;
    if (job.beside !== undefined && job.beside.transfer.length > 0) {
      job.beside = undefined;
      job.isBound = true;
    }
    if (member.served >= this.settings.maxTasksPerWorker) member.isRetiring = true;
    if (member.inFlight.length > 1) this.#patrolSoon();
    if (this.settings.taskTimeout !== Number.POSITIVE_INFINITY && !member.isGuarded) this.#guard(member);
    return true;
  }

  /** A member that may take a job now and knows the task; undefined when there is none. */
  #memberFor(task: number): Member | undefined {
    const member = this.#freeMember();
    if (member === undefined || !member.define(task, this.#identities[task]!, this.boundary)) {
      this.#isFull = member === undefined;
      return undefined;
    }
    return member;
  }
  readonly #identities: TaskIdentity[] = [];

  #numberOf(task: TaskIdentity): number {
    if (task === this.#lastTask) return this.#lastNumber;
    const key = `${task.url}#${task.name}`;
    let number = this.#tasks.get(key);
    if (number === undefined) {
      number = this.#identities.push(task) - 1;
      this.#tasks.set(key, number);
    }
    this.#lastTask = task;
    return (this.#lastNumber = number);
  }
  #lastTask: TaskIdentity | undefined;
  #lastNumber = 0;

  #freeMember(): Member | undefined {
    let starting: Member | undefined;
    let shortest: Member | undefined;
    let active = 0;
    const lazily = this.#pace === undefined ? 0 : Math.min(MOST_AHEAD, WAKE_MS / Math.max(this.#pace, 1e-4));
    for (const member of this.#members) {
      if (member.isRetiring) continue;
      active++;
      const ahead = member.inFlight.length;
      if (ahead < lazily && !member.isStalled && member.isReady && !member.owner.isAsleep) return member;
      if (ahead === 0) {
        if (member.isReady) return member;
        starting ??= member;
      } else if (!member.isStalled && (shortest === undefined || ahead < shortest.inFlight.length)) shortest = member;
    }
    if (starting !== undefined) return starting;
    if (active < this.#workers) return this.#hire();
    return shortest !== undefined && shortest.inFlight.length < this.#mostAhead ? shortest : undefined;
  }

  /** How many jobs may stand in one lane. */
  get #mostAhead(): number {
    if (this.#pace === undefined || this.#pace >= AHEAD_MS / 2) return 2;
    return Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / Math.max(this.#pace, 1e-4)));
  }

  /** Gives what waits to whoever can take it. */
  #feed(): void {
    while (!this.#isFull) {
      const job = this.#backlog.first();
      if (job === undefined) break;
      const task = this.#numberOf(job.task);
      const member = this.#memberFor(task);
      if (member === undefined) break;
      // First, because a job may come back from its lane while it is on its way there.
      this.#backlog.shift(job);
      try {
        if (this.#assign(member, job, task, job.payload!)) continue;
        this.#isFull = true;
        this.#backlog.pushFront(job);
      } catch (error) {
        // Its submitter is no longer there to be thrown at.
        this.#discard(job);
        job.fail(error);
      }
    }
    this.#watch();
  }

  #hire(): Member {
    const { heap } = this.model;
    const { name, initializer } = this.settings;
    const full = `${name ?? "PoolWorker"}-${name === undefined ? heap.registry.nextName(HEADER.poolNames) : ++this.#named}`;
    if (this.#key === 0) {
      this.#key = heap.allocator.allocate(1, KIND.plain);
      heap.references.hold(this.#key, this);
    }
    const lane = Lane.create(heap, this.#key);
    let member: Member | undefined;
    let worker: StartedWorker;
    try {
      worker = this.model.start(full, lane.at, this.settings, (end) => member !== undefined && this.#lost(member, end));
    } catch (error) {
      lane.free();
      throw error;
    }
    member = new Member(full, lane, worker);
    this.#members.add(member);
    endBeforeProgram(this);
    if (this.#isAsleep) member.owner.raiseFlag();
    if (initializer !== undefined) this.#initialize(member, initializer.task, initializer.args);
    return member;
  }
  #named = 0;

  /** The initializer goes first into the lane, so that it is done before anything else. */
  #initialize(member: Member, task: TaskIdentity, args: readonly unknown[]): void {
    const failed = (error: unknown) => this.#fail(error, member);
    const owner = {
      boundary: this.boundary,
      cancel: () => false,
      retry: () => false,
      settled: (_job: Job, failure?: { error: unknown }) => {
        if (failure !== undefined) failed(failure.error);
      },
    };
    const job = new Call(owner, task, { ...defaultCall(this.settings), retries: NO_RETRIES }, args);
    job.isBound = true;
    const number = this.#numberOf(task);
    member.define(number, task, this.boundary);
    const message = job.encode();
    if (message.attachments.length > 0) job.beside = { attachments: message.attachments, transfer: message.transfer };
    member.send(job, number, message);
    member.served--;
    this.#inFlight++;
    this.#watch();
  }

  /** The pool can do no work: all that was submitted fails. */
  #fail(cause: unknown, member: Member): void {
    if (this.#isEnded) return;
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new InitializerError(`the initializer of this ${this.title} failed in ${member.name}: ${text}`, { cause });
    this.terminate(() => this.#failure);
  }

  #watch(): void {
    if (this.#isWatching || this.#inFlight === 0) return;
    this.#isWatching = true;
    if (!this.#look.start()) this.#sleep();
  }

  /** Waits until a worker says that there is a result. Meanwhile the program stays alive. */
  #sleep(): void {
    const { parker } = this.model.heap;
    const attempt = () => {
      // Raised before the last look: a worker commits first and looks at the flag second, so one of the two sees the other.
      this.#isAsleep = true;
      for (const member of this.#members) member.owner.raiseFlag();
      return this.drain() > 0 || this.#inFlight === 0 || undefined;
    };
    void parker.waitUntil(this.#key, attempt, Number.POSITIVE_INFINITY, undefined, true).then(() => {
      this.#isAsleep = false;
      this.#isWatching = false;
      for (const member of this.#members) member.owner.lowerFlag();
      this.drain();
      this.#watch();
    });
  }

  /** Looks after jobs that stand behind long ones, less and less often. */
  #patrolSoon(after = STALE_MS): void {
    this.#patrol ??= setTimeout(() => {
      this.#patrol = undefined;
      this.drain();
      this.#unblock();
      for (const member of this.#members) {
        if (member.inFlight.length <= 1) continue;
        this.#patrolSoon(Math.min(2 * after, MOST_PATROL_MS));
        break;
      }
      this.#isFull = false;
      this.#feed();
    }, after).unref();
  }

  /**
   * Somebody is free: what stands behind long jobs comes back, before anything that was submitted later. As long as nobody is, it stays: its own member may be the
   * next that is free, and then needs nobody to tell it what to do.
   */
  #unblock(): void {
    let idle = false;
    for (const member of this.#members) if (member.isIdle && member.isReady) idle = true;
    if (!idle) return;
    const now = performance.now();
    for (const member of this.#members) {
      // Its first job too, if it has not begun that: a new worker takes a while.
      if (member.inFlight.length === 0 || (member.inFlight.length === 1 && member.isReady) || now - member.heardAt <= STALE_MS) continue;
      member.isStalled = true;
      this.#takeBack(member, 0);
    }
  }

  /** Takes back what a member has not begun, but for the first `keep` of its jobs. */
  #takeBack(member: Member, keep: number): void {
    for (const job of member.inFlight.slice(keep).reverse()) {
      if (job.isBound || !member.recall(job)) continue;
      this.#inFlight--;
      this.#backlog.pushFront(job);
    }
  }

  /** A job of this priority goes before others that were only put into lanes. */
  #recallBehind(priority: number): void {
    for (const member of this.#members) {
      for (const job of member.inFlight.slice(1).reverse()) {
        if (job.isBound || job.call.priority >= priority || !member.recall(job)) continue;
        this.#inFlight--;
        this.#backlog.pushFront(job);
      }
    }
    this.#isFull = false;
  }

  /** Nothing waits and a member is free: it gets a job that stands behind another. */
  #balance(): void {
    if (this.#backlog.size > 0 || this.#pace === undefined || this.#pace < WORTH_MOVING_MS) return;
    for (const free of this.#members) {
      if (!free.isIdle || !free.isReady) continue;
      let longest: Member | undefined;
      for (const member of this.#members) if (member.inFlight.length > (longest?.inFlight.length ?? 1)) longest = member;
      const job = longest?.inFlight.at(-1);
      if (job === undefined || job.isBound || longest?.recall(job) !== true) return;
      this.#inFlight--;
      this.#backlog.pushFront(job);
      this.#feed();
    }
  }

  /** Asks the job that a member runs to stop, and ends the member if it does not. */
  #stop(member: Member, job: Job): void {
    const { sequence } = job;
    member.owner.cancel(sequence);
    const { killGrace } = this.settings;
    if (killGrace === Number.POSITIVE_INFINITY) return;
    setTimeout(
      () => {
        if (!this.#members.has(member) || member.inFlight[0] !== job || job.sequence !== sequence) return;
        // Nothing else can be begun from here on: the end hits this job or nobody.
        this.#takeBack(member, 1);
        this.drain();
        if (!this.#members.has(member) || member.inFlight[0] !== job) return;
        member.isRetiring = true;
        member.isKilled = true;
        member.worker.kill();
        this.#isFull = false;
        this.#feed();
      },
      Math.min(killGrace, LONGEST_TIMER_MS),
    ).unref();
  }

  /** Watches how long a member's jobs run. */
  #guard(member: Member): void {
    const { taskTimeout } = this.settings;
    const again = (ms: number) => setTimeout(check, Math.min(Math.max(1, ms), LONGEST_TIMER_MS)).unref();
    const check = () => {
      this.drain();
      if (!this.#members.has(member) || member.inFlight.length === 0) {
        member.isGuarded = false;
        return;
      }
      const job = member.inHand;
      const left = job === undefined || job.isOver ? taskTimeout : taskTimeout - member.runningFor;
      if (job !== undefined && left <= 0) {
        this.expire(job, new TimeoutError(`the task "${job.task.name}" ran for longer than the pool's taskTimeout of ${taskTimeout} ms and was called off`));
        again(taskTimeout);
      } else again(left);
    };
    member.isGuarded = true;
    again(taskTimeout);
  }

  #retire(member: Member): void {
    member.isRetiring = true;
    this.#takeBack(member, 1);
    this.#settleDown();
  }

  #dismiss(member: Member): void {
    if (member.isClosed) return;
    member.isClosed = true;
    member.isRetiring = true;
    member.worker.hold(true);
    // A lane without jobs has room for a word.
    if (!member.owner.close()) member.worker.kill();
  }

  /** Lets members go that have no work and get none, and tells those who wait for the end. */
  #settleDown(): void {
    const isLast = this.#isClosed && this.#backlog.size === 0 && this.#retries.size === 0;
    for (const member of this.#members) {
      if (member.inFlight.length > 0) continue;
      if (isLast || member.isRetiring) this.#dismiss(member);
    }
    // Otherwise the wait, and the program with it, would go on to its next slice.
    if (this.#isAsleep && this.#inFlight === 0) this.model.heap.waitQueue.wake(this.#key, 1);
    if (isLast && this.#members.size === 0) this.#finished();
    else if (this.settings.idleTimeout !== Number.POSITIVE_INFINITY) this.#watchIdle();
  }

  #watchIdle(): void {
    if (this.#idleTimer !== undefined) return;
    const { idleTimeout } = this.settings;
    let next = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const member of this.#members) if (member.isIdle) next = Math.min(next, member.heardAt + idleTimeout - now);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#idleTimer = setTimeout(
      () => {
        this.#idleTimer = undefined;
        for (const member of this.#members) if (member.isIdle && performance.now() - member.heardAt >= idleTimeout) this.#dismiss(member);
        this.#watchIdle();
      },
      Math.min(Math.max(1, Math.ceil(next)), LONGEST_TIMER_MS),
    );
    this.#idleTimer.unref();
  }

  #finished(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnded = true;
    clearTimeout(this.#patrol);
    clearTimeout(this.#idleTimer);
    this.#nested?.[Symbol.dispose]();
    const unheard = this.#unheard.splice(0).filter(({ future }) => !wasObserved(future));
    for (const { error } of unheard) reportUncaught(error, { name: this.title });
    if (this.#key !== 0) this.model.heap.references.drop(this.#key);
    for (const resolve of this.#ended.splice(0)) resolve();
  }

  /** A worker ended: what it had in hand fails or is tried again, what it had not begun goes to others. */
  #lost(member: Member, end: WorkerEnd): void {
    const { lane } = member;
    if (lane.worker !== 0) this.model.heap.registry.declareDead(lane.worker);
    // A result that was committed survives its sender.
    this.#drainMember(member);
    this.#members.delete(member);
    const jobs = member.inFlight.splice(0);
    this.#inFlight -= jobs.length;
    if (!member.isClosed && !member.isKilled && !this.#isEnded) this.#counts.died++;
    const first = jobs[0];
    // One that never began has not run anything, but a worker that cannot start must not be started for ever.
    const isGuilty = first !== undefined && (member.owner.isTaken(first.position) || lane.worker === 0);
    for (const job of jobs.slice(isGuilty ? 1 : 0).reverse()) {
      const payload = member.owner.recall(job.position);
      job.member = undefined;
      if (payload === undefined || (job.beside === undefined && member.owner.isAttached(job.position))) {
        for (const rest of job.lose(this.#death(member, end, job), 0)) this.#resume(rest);
        continue;
      }
      job.payload = payload;
      if (job.isOver) this.#discard(job);
      else this.#backlog.pushFront(job);
    }
    if (isGuilty) {
      const payload = member.owner.recall(first.position);
      if (payload !== undefined) discard(this.model.heap, payload, undefined);
      first.member = undefined;
      for (const rest of first.lose(this.#death(member, end, first), payload === undefined ? member.owner.item : 0)) this.#resume(rest);
    }
    lane.free();
    if (this.#members.size === 0) hasEnded(this);
    this.#isFull = false;
    this.#feed();
    this.#settleDown();
  }

  #resume(job: Job): void {
    try {
      job.payload = this.#backlog.keep(job.encode());
    } catch (error) {
      job.fail(error);
      return;
    }
    this.#backlog.push(job);
  }

  #death(member: Member, { exitCode, signal, cause, outOfMemory }: WorkerEnd, job: Job): Error {
    const { heap, rss } = this.settings.resourceLimits;
    const rest = `while it ran the task "${job.task.name}"; the pool goes on with another worker`;
    if (outOfMemory) {
      const limits = [heap === undefined ? "" : `heap: ${heap} MB`, rss === undefined ? "" : `rss: ${rss} MB`].filter((text) => text !== "").join(", ");
      return new MemoryLimitError(`${member.name} took more memory than resourceLimits allow (${limits}) ${rest}`, cause === undefined ? undefined : { cause });
    }
    const how = signal !== undefined ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
    return new WorkerDiedError(`${member.name} ${how} ${rest}`, { exitCode, signal, ...(cause === undefined ? {} : { cause }) });
  }

  #discard(job: Job): void {
    const { payload, beside } = job;
    job.payload = undefined;
    job.beside = undefined;
    if (payload !== undefined) discard(this.model.heap, payload, beside?.attachments);
  }
}

const NO_RETRIES = { limit: 0, delayAfter: () => undefined } as never;

/** What ends the tasks of a pool that is terminated. */
export function terminated(): CancelledError {
  return new CancelledError("the pool was terminated before the task had ended");
}
