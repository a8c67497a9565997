/**
 * Who does what when: the jobs of a pool, its members, and the way between them.
 *
 * A job goes to a member that is free, else to a new one, else behind others in the lane of a member as long as those are short (`crew.ts`); what does not fit waits in
 * the backlog, by priority. What stands in a lane and was not begun is taken back when the job before it takes long, another member is free, or it is called off
 * (`recall.ts`). Results are looked for in the lanes while they come quickly, and waited for when not (`lookout.ts`); many are drained at a time (`results.ts`).
 */
import type { Message } from "../codec/index.js";
import { CancelledError, InitializerError, PoolFullError, StateError, type WorkerDeath, textOfThrown } from "../errors/index.js";
import { clearRealTimeout, contain, queueRealMicrotask, RECORD, setRealTimeout } from "../memory/index.js";
import { kernelTells } from "../platform/index.js";
import { CHUNK } from "../workers/lane.js";
import { Backlog } from "./backlog.js";
import type { Call } from "./call.js";
import { Crew } from "./crew.js";
import { refused, stillbirthOf, stillbornError, unpreparedError, WorkerLoss } from "./death.js";
import { initializerCall } from "./initializer.js";
import type { Dispatch } from "./dispatch.js";
import { endBeforeProgram, hasEnded, type Interruptible } from "./interrupt.js";
import type { Job } from "./job.js";
import { Lookout } from "./lookout.js";
import { discard, type Member } from "./member.js";
import { NestedCalls, type NestedPool } from "./nested-calls.js";
import { Overtime } from "./overtime.js";
import type { PoolHandle } from "./pool-handle.js";
import type { PoolSettings } from "./pool-options.js";
import type { PoolStats } from "./pool-stats.js";
import { lookAt } from "./pool-worker.js";
import { Recall } from "./recall.js";
import { Results } from "./results.js";
import { Tally } from "./tally.js";
import { TaskNumbers } from "./task-numbers.js";
import { type FailedFuture, findOwner } from "../futures/unheard.js";
import { reportUncaught } from "../futures/uncaught-hook.js";
import { Vigil } from "./vigil.js";
import type { WorkerEnd, WorkerModel } from "./worker-model.js";

/** So many submissions in a row, and results are drained in between: the caller's loop may go on for long. */
const DRAIN_EVERY = 32;
/** So many workers in a row that end before they have begun, and what waits fails; so many that end in the initializer, and the pool fails: they would be started for ever. */
const MOST_STILLBORN = 8;
/** How long after a worker could not be started for want of memory or descriptors it is tried again. */
const SHORT_MS = 50;
const LONGEST_TIMER_MS = 0x7fffffff;

export class Scheduler implements Dispatch, Interruptible, NestedPool {
  readonly settings: PoolSettings;
  readonly model: WorkerModel;
  readonly title: string;
  readonly tally = new Tally();
  readonly #crew: Crew;
  readonly #backlog: Backlog;
  readonly #results: Results;
  readonly #lookout: Lookout;
  readonly #recall: Recall;
  readonly #overtime: Overtime;
  readonly #vigil: Vigil;
  readonly #nested = new NestedCalls(this);
  readonly #tasks = new TaskNumbers();
  /** Jobs that wait for their next attempt. */
  readonly #retries = new Map<Job, NodeJS.Timeout>();
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
  #ended: (() => void)[] = [];
  #sinceDrain = 0;
  #again: NodeJS.Timeout | undefined;

  constructor(title: string, settings: PoolSettings, model: WorkerModel) {
    model.check(settings);
    this.title = title;
    this.settings = settings;
    this.model = model;
    this.#backlog = new Backlog(model);
    this.#crew = new Crew(model, settings, {
      hired: (member) => this.#hired(member),
      gaveUp: (member) => this.#giveUp(member),
      lost: (member, end) => this.#lost(member, end),
    });
    this.#results = new Results(
      this.#crew,
      (error) => this.#fail(error),
      (member) => this.#left(member),
    );
    this.#lookout = new Lookout(this.#crew, model, () => this.drain());
    this.#recall = new Recall(this.#crew, this.#backlog, this);
    this.#overtime = new Overtime(this.#crew, settings, this.#recall, this);
    this.#vigil = new Vigil(title, this.#crew, () => model.heap, settings, this.#recall, this);
  }

  get boundary(): "threads" | "processes" {
    return this.model.boundary;
  }

  get workers(): number {
    return this.#crew.most;
  }

  /** Whether there is no worker, and none to be had, that could take a job at once, and as many wait as may. */
  get isShedding(): boolean {
    const { maxQueue } = this.settings;
    if (maxQueue === Number.POSITIVE_INFINITY) return false;
    let busy = 0;
    let waiting = this.#backlog.size + this.#retries.size;
    for (const member of this.#crew) {
      if (member.hasLeft) continue;
      if (member.inFlight.length === 0 && !member.isRetiring) return false;
      busy++;
      waiting += Math.max(0, member.inFlight.length - 1);
    }
    return busy >= this.#crew.most && waiting >= maxQueue;
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
    if (++this.#sinceDrain >= DRAIN_EVERY) this.drain();
    const task = this.#tasks.of(job.task);
    const member = this.#isFull || this.#backlog.size > 0 ? undefined : this.#memberFor(task);
    const message = job.encode();
    if (message.attachments.length > 0) job.beside = { attachments: message.attachments, transfer: message.transfer };
    // Items of a map are counted by the map, as it takes them from its input.
    if ((job.kind & CHUNK) === 0) this.tally.submitted++;
    if (member === undefined || !member.knows(task) || !this.#assign(member, job, task, message)) {
      job.payload = this.#backlog.keep(message);
      this.#backlog.push(job);
      if (job.call.priority !== 0) {
        this.#recall.behind(job.call.priority);
        this.#isFull = false;
      }
      this.feed();
      // What was moved comes back by the port, most likely, and that wakes the loop in less time than looking takes from the worker where both share a core.
    } else this.#lookout.watch(job.isBound);
    if (job.beside !== undefined) message.release();
  }

  /** Calls a job off: it never runs, or is asked to stop and after `killGrace` ended with its worker. */
  cancel(job: Job, reason: unknown): boolean {
    if (job.isOver) return false;
    this.#withdraw(job);
    job.fail(reason, true);
    this.#feedSoon();
    if (!this.#isDraining) this.#settleDown();
    return true;
  }

  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void {
    if (job.isOver) return;
    this.#withdraw(job);
    job.fail(error);
    this.#feedSoon();
    if (!this.#isDraining) this.#settleDown();
  }

  /** A place may have become free. Once for all that are called off together: what is given out between two of them would be called off next. */
  #feedSoon(): void {
    if (this.#willFeed || this.#isFull || this.#backlog.size === 0) return;
    this.#willFeed = true;
    queueRealMicrotask(() => {
      this.#willFeed = false;
      this.feed();
    });
  }

  #withdraw(job: Job): void {
    const timer = this.#retries.get(job);
    if (timer !== undefined) {
      clearRealTimeout(timer);
      this.#retries.delete(job);
    } else if (job.isWaiting) {
      this.#backlog.remove(job);
      this.#discard(job);
    } else if (job.member?.recall(job) === true) {
      this.#crew.inFlight--;
      this.#isFull = false;
      this.#discard(job);
    } else if (job.member !== undefined) {
      this.#overtime.stop(job.member, job);
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
      this.#retries.delete(job);
      job.renew();
      this.#enqueue(job);
      this.feedAnew();
    };
    this.#retries.set(job, setRealTimeout(again, Math.min(delay, LONGEST_TIMER_MS)));
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
    this.#crew.most = workers;
    for (const member of this.#crew.surplus) this.#retire(member);
    this.feedAnew();
  }

  stats(): PoolStats {
    let idle = 0;
    let running = 0;
    for (const member of this.#crew) {
      if (member.unresponsive !== undefined || member.hasLeft) continue;
      if (member.inFlight.length === 0) idle++;
      else if (member.inHand !== undefined && !member.inHand.isOver && member.inHand !== member.initializer) running++;
    }
    // A chunk whose outcomes have all come may still be in hand.
    running = Math.min(running, this.tally.open);
    const queued = this.tally.open - running;
    const durations = { wait: this.#results.wait.summary(), run: this.#results.run.summary() };
    const perWorker = [...this.#crew].map((member) => lookAt(member, this.model.heap).worker);
    return { workers: this.#crew.size, idle, running, queued, ...this.tally, ...durations, perWorker };
  }

  close(): void {
    this.#isClosed = true;
    this.#settleDown();
  }

  terminate(reason: () => unknown): void {
    this.#isClosed = true;
    this.#isEnded = true;
    for (const [job, timer] of this.#retries) {
      clearRealTimeout(timer);
      job.fail(reason());
    }
    this.#retries.clear();
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) {
      this.#discard(job);
      job.fail(reason());
    }
    for (const member of this.#crew) {
      for (const job of [...member.inFlight]) {
        if (member.recall(job)) {
          this.#crew.inFlight--;
          this.#discard(job);
        }
        job.fail(reason());
      }
      member.worker.hold(true);
      this.#crew.kill(member);
    }
    this.#settleDown();
  }

  /** What tasks of this pool get to submit to it. */
  handle(): PoolHandle {
    this.checkOpen("ask for a handle");
    return this.#nested.handle();
  }

  get id(): number {
    return this.#crew.key;
  }

  memberOf(worker: number): Member | undefined {
    for (const member of this.#crew) if (member.lane.worker === worker) return member;
    return undefined;
  }

  async interrupt(): Promise<void> {
    this.#isClosed = true;
    this.#isEnded = true;
    for (const timer of this.#retries.values()) clearRealTimeout(timer);
    this.#retries.clear();
    while (this.#backlog.take() !== undefined);
    for (const member of this.#crew) {
      member.isRetiring = true;
      for (const job of [...member.inFlight]) {
        if (member.recall(job)) this.#crew.inFlight--;
        else if (!job.isOver) this.#overtime.stop(member, job);
        job.isOver = true;
      }
    }
    this.#settleDown();
    await Promise.race([this.join(), this.#overtime.endAll()]);
  }

  /** Waits until the workers have ended. */
  async join(): Promise<void> {
    if (!this.#isClosed) throw new StateError(`join() of a ${this.title} would wait for ever: call close() or terminate() first`);
    if (this.#isDone) return;
    await new Promise<void>((resolve) => this.#ended.push(resolve));
  }

  get #isDone(): boolean {
    return this.#crew.size === 0 && this.#backlog.size === 0 && this.#retries.size === 0;
  }

  /** Takes in all results that are there; returns how many records there were. */
  drain(): number {
    this.#sinceDrain = 0;
    if (this.#isDraining) return 0;
    this.#isDraining = true;
    let found = 0;
    try {
      for (const member of this.#crew) found += this.#results.take(member);
    } finally {
      this.#isDraining = false;
    }
    if (found > 0) {
      this.#isFull = false;
      // Nothing is left to be handed out or taken back: who waited for this comes the sooner.
      if (this.#crew.inFlight > 0 || this.#backlog.size > 0) {
        this.#recall.unblock();
        this.feed();
        this.#recall.balance();
      }
      this.#settleDown();
    }
    return found;
  }

  /** Encodes a job anew, with all that travels beside its message, and has it wait: another attempt, or the rest of a chunk whose worker died. */
  #enqueue(job: Job): void {
    try {
      const message = job.encode();
      job.beside = message.attachments.length > 0 ? { attachments: message.attachments, transfer: message.transfer } : undefined;
      job.payload = this.#backlog.keep(message);
      if (job.beside !== undefined) message.release();
    } catch (error) {
      job.fail(error);
      return;
    }
    this.#backlog.push(job);
  }

  /** Puts a job into a lane. */
  #assign(member: Member, job: Job, task: number, payload: Message | NonNullable<Job["payload"]>): boolean {
    // What goes through the port is not taken back: it goes to a member that has nothing else to do.
    if (job.beside !== undefined && member.inFlight.length > 0) return false;
    if (!member.send(job, task, payload)) return false;
    this.#crew.inFlight++;
    job.payload = undefined;
    if (job.beside !== undefined && job.beside.transfer.length > 0) {
      job.beside = undefined;
      job.isBound = true;
    }
    if (member.served >= this.settings.maxTasksPerWorker) member.isRetiring = true;
    if (member.inFlight.length > 1) this.#recall.patrolSoon();
    if (this.settings.taskTimeout !== Number.POSITIVE_INFINITY && !member.isGuarded) this.#overtime.guard(member);
    if (this.settings.unresponsive !== undefined && !member.isWatched) this.#vigil.over(member);
    return true;
  }

  /** A member that may take a job now and knows the task; undefined when there is none. */
  #memberFor(task: number): Member | undefined {
    const member = this.#crew.pick();
    if (member === undefined || !member.define(task, this.#tasks.identity(task), this.boundary)) {
      this.#isFull = member === undefined && this.#crew.refusal === undefined;
      return undefined;
    }
    return member;
  }

  /** Gives what waits to whoever can take it. */
  feed(): void {
    let isAnyLost = false;
    while (!this.#isFull) {
      const job = this.#backlog.first();
      if (job === undefined) break;
      const task = this.#tasks.of(job.task);
      const member = this.#memberFor(task);
      if (member === undefined) {
        const { refusal } = this.#crew;
        if (refusal === undefined) break;
        // No worker is left and none can be started: that costs the first job, as a worker does that ends before it has begun. For the next it is tried again.
        this.#isFull = false;
        this.#backlog.remove(job);
        this.#discard(job);
        for (const rest of job.lose(refused(refusal))) this.#enqueue(rest);
        isAnyLost = true;
        continue;
      }
      // First, because a job may come back from its lane while it is on its way there.
      this.#backlog.remove(job);
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
    this.#lookout.watch();
    // No worker could be started beside others; or nothing is on its way, so nothing will come back, and yet no lane had room, as one that is full of what was taken back.
    const isStuck = this.#crew.isShort || this.#crew.inFlight === 0;
    if (isStuck && this.#backlog.size > 0) this.#again ??= setRealTimeout(() => this.#feedAgain(), SHORT_MS);
    if (isAnyLost && !this.#isDraining) this.#settleDown();
  }

  #feedAgain(): void {
    this.#again = undefined;
    // A member that has left, or has nothing to do any more, may be what keeps the place of another.
    this.drain();
    this.feedAnew();
    this.#settleDown();
  }

  feedAnew(): void {
    this.#isFull = false;
    this.feed();
  }

  #hired(member: Member): void {
    endBeforeProgram(this);
    this.#lookout.include(member);
    if (this.settings.initializer !== undefined) this.#initialize(member);
  }

  /** The initializer goes first into the lane, so that it is done before anything else. */
  #initialize(member: Member): void {
    const done = () => {
      member.initializer = undefined;
      this.#unprepared = [];
    };
    const job = initializerCall(this.settings, this.boundary, done, (error) => this.#initializerThrew(error, member));
    member.initializer = job;
    const number = this.#tasks.of(job.task);
    member.define(number, job.task, this.boundary);
    const message = job.encode();
    if (message.attachments.length > 0) job.beside = { attachments: message.attachments, transfer: message.transfer };
    member.send(job, number, message);
    member.served--;
    this.#crew.inFlight++;
    this.#lookout.watch();
  }

  #initializerThrew(cause: unknown, member: Member): void {
    const text = textOfThrown(cause);
    this.#fail(new InitializerError(`the initializer of this ${this.title} failed in ${member.name}: ${text}`, { cause }));
  }

  /** The pool can do no work: all that was submitted fails. */
  #fail(failure: unknown): void {
    if (this.#isEnded) return;
    this.#failure = failure;
    this.terminate(() => failure);
  }

  #retire(member: Member): void {
    member.isRetiring = true;
    this.#recall.from(member, 1);
    this.#settleDown();
  }

  /** Lets members go that have no work and get none, and tells those who wait for the end. */
  #settleDown(): void {
    const isLast = this.#isClosed && this.#backlog.size === 0 && this.#retries.size === 0 && this.#deciding === 0;
    for (const member of this.#crew) {
      if (member.inFlight.length > 0) continue;
      if (isLast || member.isRetiring) this.#crew.dismiss(member);
    }
    this.#lookout.settle();
    if (isLast && this.#crew.size === 0) this.#finished();
    else this.#crew.watchIdle();
  }

  #finished(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnded = true;
    clearRealTimeout(this.#again);
    this.#recall.end();
    this.#nested.end();
    this.#crew.end();
    for (const resolve of this.#ended.splice(0)) resolve();
  }

  /** A worker ended: what it had in hand fails or is tried again, what it had not begun goes to others. */
  #lost(member: Member, end: WorkerEnd): void {
    const { lane } = member;
    contain("noting that a pool's worker ended", () => this.#declareDead(member));
    if (!this.#crew.has(member)) {
      // It was given up before.
      contain("giving back the lane of a worker that ended", () => lane.free());
      return;
    }
    // A result that was committed survives its sender.
    this.#results.take(member);
    const { crash } = member;
    // Others took the last slot of the heap while it began: what it was given goes to those that are there.
    const wasCrowdedOut = !member.isReady && (end.cause as { code?: unknown } | null | undefined)?.code === "ERR_ALLCORES_TOO_MANY_WORKERS";
    if (wasCrowdedOut) this.#recall.from(member, 0);
    if (crash !== undefined) end = { ...end, cause: crash.error };
    this.#crew.remove(member);
    const wasAsked = wasCrowdedOut || member.isClosed || member.isKilled || this.#isEnded;
    if (!wasAsked) this.tally.died++;
    const heard = this.#lose(member, end);
    // An error between two tasks is no call's: nobody else could hear of it.
    if (!heard && !wasCrowdedOut && end.cause !== undefined && !end.outOfMemory && !this.#isEnded && !member.isKilled)
      reportUncaught(end.cause, { name: member.name });
    if (!wasAsked) {
      this.#countStillborn(member, end);
      this.#countUnprepared(member, end);
    }
    contain("giving back the lane of a worker that ended", () => lane.free());
    if (this.#crew.size === 0) hasEnded(this);
    this.feedAnew();
    this.#settleDown();
  }

  /** What it held passes on. Its lane may name somebody else by now: only who is gone by the kernel's word is declared dead, where there is one. */
  #declareDead({ lane, worker }: Member): void {
    const { registry, words } = this.model.heap;
    const id = lane.worker;
    if (id === 0 || words[registry.recordOf(id) + RECORD.pid] !== worker.pid) return;
    if (this.model.boundary === "processes") registry.declareDead(id);
    else if (!kernelTells) registry.declareDead(id);
    else registry.confirmAlive(id);
  }

  end(member: Member): void {
    member.isKilled = true;
    this.#crew.kill(member);
    const { killGrace } = this.settings;
    // A thread ends once the call of the system that it is in does: nobody waits for that.
    if (killGrace !== Number.POSITIVE_INFINITY) setRealTimeout(() => this.#giveUp(member), Math.min(killGrace, LONGEST_TIMER_MS)).unref();
  }

  /** A member that was killed and has not ended counts as ended. Its lane stays, and what it holds is its own, until its thread is gone. */
  #giveUp(member: Member): void {
    if (!this.#crew.has(member)) return;
    this.#results.take(member);
    this.#crew.remove(member);
    this.#lose(member, { exitCode: undefined, signal: undefined, cause: undefined, outOfMemory: false });
    member.worker.hold(false);
    if (this.#crew.size === 0) hasEnded(this);
    this.feedAnew();
    this.#settleDown();
  }

  /** A member has ended its work, and waits for workers that its tasks started. What stands in its lane, since it ended unasked, goes to others. */
  #left(member: Member): void {
    member.hasLeft = true;
    member.isRetiring = true;
    member.isClosed = true;
    member.worker.hold(true);
    this.#recall.from(member, 0);
  }

  get hasChildren(): boolean {
    for (const member of this.#crew) if (member.owner.isParent) return true;
    return false;
  }

  async letParentsGo(): Promise<void> {
    const ends: Promise<void>[] = [];
    for (const member of this.#crew) {
      if (!member.owner.isParent) continue;
      ends.push(new Promise((resolve) => member.onEnd.push(resolve)));
      this.#retire(member);
    }
    await Promise.all(ends);
  }

  /** What becomes of the jobs of a member that can do no more. Whether one of them bears its end: the cause of that is the cause of its error. */
  #lose(member: Member, end: WorkerEnd): boolean {
    const { lane } = member;
    const limits = this.settings.resourceLimits;
    const jobs = member.inFlight.splice(0);
    this.#crew.inFlight -= jobs.length;
    // Nobody waits for the initializer: another worker runs it anew.
    if (jobs[0] !== undefined && jobs[0] === member.initializer) {
      const { position } = jobs.shift()!;
      const payload = member.owner.recall(position) ?? member.owner.recover(position);
      if (payload !== undefined) discard(this.model.heap, payload);
    }
    const first = jobs[0];
    // One that never began has not run anything, but a worker that cannot start must not be started for ever.
    // Nobody hears of the end of a call that was called off.
    const wasOver = first?.isOver === true;
    const isGuilty = first !== undefined && (member.owner.isTaken(first.position) || lane.worker === 0);
    for (const job of jobs.slice(isGuilty ? 1 : 0).reverse()) {
      const payload = member.owner.recall(job.position);
      job.member = undefined;
      if (payload === undefined || (job.beside === undefined && member.owner.isAttached(job.position))) {
        for (const rest of job.lose(new WorkerLoss(member, end, limits, 0))) this.#enqueue(rest);
        continue;
      }
      job.payload = payload;
      if (job.isOver) this.#discard(job);
      else this.#backlog.pushFront(job);
    }
    if (isGuilty) {
      const payload = member.owner.recall(first.position);
      const left = payload ?? member.owner.recover(first.position);
      if (left !== undefined) discard(this.model.heap, left);
      first.member = undefined;
      for (const rest of first.lose(new WorkerLoss(member, end, limits, payload === undefined ? member.owner.item : 0))) this.#enqueue(rest);
    }
    return isGuilty && !wasOver;
  }

  /** One worker after the other that ends before it has begun: each cost the job that it was to take, now all fails that waits. What is submitted later is tried anew. */
  #countStillborn(member: Member, end: WorkerEnd): void {
    const isStillborn = !member.isReady && ![...this.#crew].some(({ isReady }) => isReady);
    this.#stillborn = isStillborn ? [...this.#stillborn, stillbirthOf(member, end)] : [];
    if (this.#stillborn.length < MOST_STILLBORN) return;
    const error = stillbornError(this.title, this.#stillborn, end.cause);
    this.#stillborn = [];
    const waiting = [...this.#retries.keys()];
    for (const timer of this.#retries.values()) clearRealTimeout(timer);
    this.#retries.clear();
    for (let job = this.#backlog.take(); job !== undefined; job = this.#backlog.take()) {
      this.#discard(job);
      waiting.push(job);
    }
    // Last: a map that hears of it submits more.
    for (const job of waiting) job.fail(error);
  }

  /** One worker after the other that ends while it runs the initializer. That costs no task, since none was begun; so the pool fails in the end. */
  #countUnprepared(member: Member, end: WorkerEnd): void {
    if (member.initializer === undefined || !member.isReady) return;
    this.#unprepared = [...this.#unprepared, stillbirthOf(member, end)];
    if (this.#unprepared.length >= MOST_STILLBORN) this.#fail(unpreparedError(this.title, this.#unprepared, end.cause));
  }

  #discard(job: Job): void {
    const { payload } = job;
    job.payload = undefined;
    job.beside = undefined;
    if (payload !== undefined) discard(this.model.heap, payload);
  }
}

/** What ends the tasks of a pool that is terminated. */
export function terminated(): CancelledError {
  return new CancelledError("the pool was terminated before the task had ended");
}
