/**
 * The jobs of an async pool and the places they run in.
 *
 * A job never begins within the call that submits it: whoever submits has the future first. If a place is free the job takes it at once, whatever comes later, and begins in
 * a microtask; else it waits in line until another ends. The order of things in one place:
 * a job takes it, runs, and gives it back when its function has really ended, whatever became of its future before. So no more than `workers` functions are ever under
 * way, but for those that were called off and did not end within `killGrace`: nothing can end them, and their places go to others.
 */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import { serve, type Served } from "../channels/served.js";
import { ArgumentTypeError, InitializerError, PoolFullError, StateError, TimeoutError, textOfThrown, ownDescriptor } from "../errors/index.js";
import { isThenable } from "../sync/thenable.js";
import { importTask } from "../workers/task-module.js";
import { type AnyFunction, identityIfTask, isCallable, isRegistered, registeredTask } from "../workers/task.js";
import { type JobInHand, workerState } from "../workers/worker-state.js";
import { AsyncCall, AsyncChunk, type AsyncJob, type AsyncJobs } from "./async-job.js";
import type { AsyncPoolSettings } from "./async-pool-options.js";
import { defaultCall } from "./call-options.js";
import type { Chunk } from "./chunk.js";
import { Histogram } from "./histogram.js";
import type { MapPool } from "./map-feed.js";
import { type NestedWork, PoolHandle } from "./pool-handle.js";
import { PriorityLines } from "./priority-lines.js";
import type { PoolStats } from "./pool-stats.js";
import { Tally } from "./tally.js";
import { type FailedFuture, findOwner } from "../futures/unheard.js";
import { clearRealTimeout, realNow, setRealTimeout } from "../memory/index.js";

const LONGEST_TIMER_MS = 0x7fffffff;

export class AsyncScheduler implements AsyncJobs {
  readonly title = "AsyncPool";
  readonly settings: AsyncPoolSettings;
  readonly tally = new Tally();
  #workers: number;
  readonly #lines = new PriorityLines<AsyncJob>();
  /** Those that took a place as they were submitted, and begin after this turn; and some that were called off meanwhile. */
  #admitted: AsyncJob[] = [];
  /** Those that have a place. Not a Set, which is slow where all come and go at once. */
  readonly #placed: AsyncJob[] = [];
  /** Jobs that wait for their next attempt. */
  readonly #retries = new Map<AsyncJob, NodeJS.Timeout>();
  /** How many more are asked about by `retries.when` at this moment. */
  #deciding = 0;
  /** Whether the initializer is still to be run, or runs. */
  #isPreparing: boolean;
  /** It was begun. */
  #hasBegun = false;
  /** When the first job of this turn was submitted or ended; undefined while no look at the lines is on its way. */
  #turn: number | undefined;
  #rateTimer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** What still ran was given up. */
  #isEnded = false;
  #isOver = false;
  #failure: InitializerError | undefined;
  readonly #joined: (() => void)[] = [];
  readonly #wait = new Histogram();
  readonly #run = new Histogram();
  #nested: Served<NestedWork> | undefined;

  constructor(settings: AsyncPoolSettings) {
    this.settings = settings;
    this.#workers = settings.workers;
    this.#isPreparing = settings.initializer !== undefined;
    if (settings.tracked) workerState.tracker ??= new AsyncLocalStorage<JobInHand>();
  }

  get workers(): number {
    return this.#workers;
  }

  /** Whether no job could begin at once, and as many wait as may. */
  get isShedding(): boolean {
    const { maxQueue, rate } = this.settings;
    if (maxQueue === Number.POSITIVE_INFINITY) return false;
    const waiting = this.#lines.size + this.#retries.size;
    // What was submitted in this turn has not begun yet: it takes the places first.
    const free = this.#isPreparing || (rate !== undefined && rate.wait > 0) ? 0 : Math.max(0, this.#workers - this.#placed.length);
    return waiting - free >= maxQueue;
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

  submit(job: AsyncJob): void {
    this.tally.submitted++;
    this.#enter(job);
  }

  #enter(job: AsyncJob): void {
    job.scope ??= new AsyncResource("AsyncPool");
    // The clock costs as much as the rest of this: one look for all of a turn.
    job.since = this.#turn ?? this.#feedSoon();
    if (!this.#hasPlaceAtOnce) {
      this.#lines.push(job);
      return;
    }
    this.#place(job);
    job.isAdmitted = true;
    this.#admitted.push(job);
  }

  /** Whether a place is free, which nobody waits for. With a rate it is the rate that says who may begin, and who waits for that has no place. */
  get #hasPlaceAtOnce(): boolean {
    return this.#lines.size === 0 && this.#placed.length < this.#workers && !this.#isPreparing && this.settings.rate === undefined;
  }

  /** What a map of this pool sees of it. */
  mapPool(fn: AnyFunction, how: number): MapPool {
    const jobs = new WeakMap<Chunk, AsyncChunk>();
    const pool = this;
    return {
      boundary: "threads",
      settings: this.settings,
      tally: this.tally,
      get workers() {
        return pool.#workers;
      },
      checkOpen: (verb) => this.checkOpen(verb),
      submit: (chunk) => {
        const job = new AsyncChunk(chunk, fn, how);
        jobs.set(chunk, job);
        this.#enter(job);
      },
      cancel: (chunk, reason) => {
        const job = jobs.get(chunk);
        return job !== undefined && this.cancel(job, reason);
      },
    };
  }

  /** Calls a job off: it never runs, or is asked to stop and has `killGrace` for that. */
  cancel(job: AsyncJob, reason: unknown): boolean {
    if (job.isOver) return false;
    this.#withdraw(job, reason);
    job.fail(reason, true);
    this.#settleDown();
    return true;
  }

  /** Ends a job with an error, wherever it stands. */
  expire(job: AsyncJob, error: unknown): void {
    if (job.isOver) return;
    this.#withdraw(job, error);
    job.fail(error);
    this.#settleDown();
  }

  #withdraw(job: AsyncJob, reason: unknown): void {
    const timer = this.#retries.get(job);
    if (timer !== undefined) {
      clearRealTimeout(timer);
      this.#retries.delete(job);
    } else if (job.isWaiting) this.#lines.remove(job);
    else if (job.isAdmitted) this.#dismiss(job);
    else this.#stop(job, reason);
  }

  /** It has a place and was not begun: it never is. */
  #dismiss(job: AsyncJob): void {
    job.isAdmitted = false;
    this.#vacate(job);
  }

  #stop(job: AsyncJob, reason: unknown): void {
    if (job.place < 0) return;
    clearRealTimeout(job.timer);
    job.timer = undefined;
    const { killGrace } = this.settings;
    // It keeps the program alive: who waits for the place, or for the end of the pool, may wait for nothing else.
    if (killGrace !== Number.POSITIVE_INFINITY) job.timer = setRealTimeout(() => this.#giveUp(job), Math.min(killGrace, LONGEST_TIMER_MS));
    job.callOff(reason);
  }

  /** Nothing can end it: its place goes to others. */
  #giveUp(job: AsyncJob): void {
    this.#vacate(job);
    this.#feed();
    this.#settleDown();
  }

  retry(job: AsyncJob, error: unknown): boolean {
    if (this.#isEnded) return false;
    // `retries.when` may close or terminate this pool, and call the job off.
    this.#deciding++;
    const delay = job.call.retries.delayAfter(job.attempt, error, job.scope);
    this.#deciding--;
    if (delay === undefined || this.#isEnded || job.isOver) return false;
    this.tally.retried++;
    const again = () => {
      this.#retries.delete(job);
      job.renew();
      this.#enter(job);
    };
    this.#retries.set(job, setRealTimeout(again, Math.min(delay, LONGEST_TIMER_MS)));
    return true;
  }

  settled(failure?: FailedFuture): void {
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
    this.#workers = workers;
    this.#feedSoon();
  }

  stats(): PoolStats {
    const { open } = this.tally;
    const running = Math.min(open, this.#placed.filter(({ isOver }) => !isOver).length);
    const queued = open - running;
    const idle = Math.max(0, this.#workers - this.#placed.length);
    return { workers: this.#workers, idle, running, queued, ...this.tally, wait: this.#wait.summary(), run: this.#run.summary(), perWorker: [] };
  }

  close(): void {
    this.#isClosed = true;
    this.#settleDown();
  }

  terminate(reason: () => unknown): void {
    this.#isClosed = true;
    this.#isEnded = true;
    clearRealTimeout(this.#rateTimer);
    for (const [job, timer] of this.#retries) {
      clearRealTimeout(timer);
      job.fail(reason());
    }
    this.#retries.clear();
    for (let job = this.#lines.take(); job !== undefined; job = this.#lines.take()) job.fail(reason());
    for (const job of [...this.#placed]) {
      const why = reason();
      if (job.isAdmitted) this.#dismiss(job);
      else if (!job.isOver) this.#stop(job, why);
      job.fail(why);
    }
    this.#settleDown();
  }

  /** Waits until what was submitted has ended. */
  async join(): Promise<void> {
    if (!this.#isClosed) throw new StateError(`join() of an ${this.title} would wait for ever: call close() or terminate() first`);
    if (this.#isOver) return;
    await new Promise<void>((resolve) => this.#joined.push(resolve));
  }

  /**
   * What tasks of this pool get to submit to it. What they wait for runs beside the places, theirs included, which they keep and do not use: so no number of tasks that
   * wait for each other stands still.
   */
  handle(): PoolHandle {
    this.checkOpen("ask for a handle");
    this.#nested ??= serve<NestedWork>({
      submit: async (_caller, url, name, args) => {
        this.checkOpen("submit");
        const fn = isRegistered({ url, name, bound: [] }) ? registeredTask(url, name) : await importTask(url, name);
        const call = new AsyncCall(this, fn, defaultCall(this.settings), args);
        this.tally.submitted++;
        call.since = realNow();
        this.#place(call);
        this.#start(call, call.since);
        this.#feedSoon();
        return await call.future;
      },
    });
    return new PoolHandle(this.#nested);
  }

  #begin(): void {
    this.#hasBegun = true;
    const { initializer } = this.settings;
    if (initializer === undefined) return;
    void (async () => {
      try {
        await callable(initializer.fn)(...initializer.args);
      } catch (cause) {
        const text = textOfThrown(cause);
        const failure = new InitializerError(`the initializer of this ${this.title} failed: ${text}`, { cause });
        this.#failure = failure;
        this.terminate(() => failure);
        return;
      }
      this.#isPreparing = false;
      this.#feed();
      this.#settleDown();
    })();
  }

  /** Has the lines looked at after this turn. Gives the time. */
  #feedSoon(): number {
    // Not queueMicrotask: on Node 20 it costs ten times as much.
    if (this.#turn === undefined) void Promise.resolve().then(this.#due);
    return (this.#turn ??= realNow());
  }

  readonly #due = (): void => {
    this.#turn = undefined;
    this.#beginAdmitted();
    this.#feed();
  };

  /** What they submit begins in another turn. */
  #beginAdmitted(): void {
    if (this.#admitted.length === 0) return;
    const admitted = this.#admitted;
    this.#admitted = [];
    let now = realNow();
    for (const job of admitted) {
      if (!job.isAdmitted) continue;
      job.isAdmitted = false;
      now = this.#start(job, now);
    }
  }

  /** Begins what waits, as long as there are places. */
  #feed(): void {
    if (!this.#hasBegun) this.#begin();
    if (this.#isPreparing) return;
    const { rate } = this.settings;
    let now = realNow();
    while (this.#placed.length < this.#workers && this.#lines.size > 0) {
      if (rate !== undefined) {
        const wait = rate.wait;
        if (wait > 0) {
          this.#feedAfter(wait);
          break;
        }
        rate.take();
      }
      const job = this.#lines.take()!;
      this.#place(job);
      now = this.#start(job, now);
    }
  }

  #feedAfter(ms: number): void {
    this.#rateTimer ??= setRealTimeout(
      () => {
        this.#rateTimer = undefined;
        this.#feed();
      },
      Math.min(Math.ceil(ms), LONGEST_TIMER_MS),
    );
  }

  /** Begins a job that has a place. Gives the time, if that has moved on because the function ended at once. */
  #start(job: AsyncJob, now: number): number {
    const { taskTimeout } = this.settings;
    const { scope } = job;
    this.#wait.add(now - job.since);
    job.since = now;
    if (taskTimeout !== Number.POSITIVE_INFINITY) {
      const late = () =>
        this.expire(job, new TimeoutError(`the task "${job.name}" ran for longer than the pool's taskTimeout of ${taskTimeout} ms and was called off`));
      job.timer = setRealTimeout(late, Math.min(taskTimeout, LONGEST_TIMER_MS));
    }
    const isTracked = workerState.tracker !== undefined;
    const before = workerState.asyncJob;
    workerState.asyncJob = job;
    let value: unknown;
    let later: Promise<unknown> | undefined;
    let threw = false;
    try {
      value = scope === undefined ? run.call(job) : scope.runInAsyncScope(run, job);
      // Both ask the value for fields, which may be getters of the user's.
      if (isThenable(value)) later = Promise.resolve(value);
    } catch (error) {
      value = error;
      threw = true;
    }
    workerState.asyncJob = before;
    if (later === undefined) {
      const end = realNow();
      this.#run.add(end - now);
      this.#leave(job, value, threw);
      return end;
    }
    if (!isTracked) workerState.untracked++;
    later.then(
      (result) => this.#ended(job, result, false, isTracked),
      (error) => this.#ended(job, error, true, isTracked),
    );
    return now;
  }

  #ended(job: AsyncJob, value: unknown, threw: boolean, isTracked: boolean): void {
    if (!isTracked) workerState.untracked--;
    // What ends in one turn shares a look at the clock and one at the lines, which comes before whoever awaits the future.
    this.#run.add(this.#feedSoon() - job.since);
    this.#leave(job, value, threw);
  }

  /** The function of a job has ended. */
  #leave(job: AsyncJob, value: unknown, threw: boolean): void {
    this.#vacate(job);
    if (threw) job.threw(value);
    else job.returned(value);
    if (this.#isClosed) this.#settleDown();
  }

  #place(job: AsyncJob): void {
    job.place = this.#placed.length;
    this.#placed.push(job);
  }

  #vacate(job: AsyncJob): void {
    if (job.place < 0) return;
    const last = this.#placed.pop()!;
    if (last !== job) {
      this.#placed[job.place] = last;
      last.place = job.place;
    }
    job.place = -1;
    if (job.timer === undefined) return;
    clearRealTimeout(job.timer);
    job.timer = undefined;
  }

  /** Tells those who wait for the end, once it has come. */
  #settleDown(): void {
    if (!this.#isClosed || this.#isOver || this.#placed.length > 0 || this.#lines.size > 0 || this.#retries.size > 0 || this.#deciding > 0) return;
    this.#isOver = true;
    this.#isEnded = true;
    this.#nested?.[Symbol.dispose]();
    for (const resolve of this.#joined.splice(0)) resolve();
  }
}

/** The function that was given, or the one that it stands for, whose module is loaded first. @throws ArgumentTypeError */
export function callable(fn: unknown): AnyFunction {
  if (typeof fn !== "function") throw new ArgumentTypeError(`a function is needed, got ${fn === null ? "null" : typeof fn}`);
  const identity = identityIfTask(fn as AnyFunction);
  if (identity === undefined || isCallable(fn as AnyFunction)) return fn as AnyFunction;
  const { url, name, bound } = identity;
  const own = isRegistered(identity) ? registeredTask(url, name) : undefined;
  if (own !== undefined && bound.length === 0) return own;
  const standIn =
    own === undefined ? async (...args: unknown[]) => (await importTask(url, name))(...bound, ...args) : (...args: unknown[]) => own(...bound, ...args);
  return Object.defineProperty(standIn, "name", ownDescriptor({ value: name }));
}

function run(this: AsyncJob): unknown {
  const { tracker } = workerState;
  return tracker === undefined ? this.run() : tracker.run(this, () => this.run());
}
