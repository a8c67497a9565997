/** The schedulers of an AutoPool, one for each model, which count in one account. */
import { StateError } from "../errors/index.js";
import { realNow } from "../memory/index.js";
import { Agenda, type Appointment } from "../pools/agenda.js";
import { Call } from "../pools/call.js";
import { Capacity } from "../pools/capacity.js";
import { terminated } from "../pools/closing.js";
import type { PoolChoice } from "../pools/choosing-pool.js";
import type { Job } from "../pools/job.js";
import type { LinkKind } from "../pools/link.js";
import { localKind } from "../pools/links/local-links.js";
import { processLinks } from "../pools/links/process-links.js";
import { threadLinks } from "../pools/links/thread-links.js";
import { runningIn } from "../pools/load.js";
import { LoadWaits } from "../pools/load-waits.js";
import { PoolAccount } from "../pools/pool-account.js";
import type { PoolHandle } from "../pools/pool-handle.js";
import type { PoolSettings } from "../pools/pool-options.js";
import type { PoolWorker } from "../pools/pool-worker.js";
import type { PoolStats } from "../pools/pool-stats.js";
import { Scheduler } from "../pools/scheduler.js";
import type { WorkerSlot } from "../pools/worker-slot.js";
import type { TaskIdentity } from "../workers/task.js";
import type { Route, RouteModel } from "./route.js";
import { Routes } from "./routes.js";

/** Between two looks at what runs undecided; and at most, while nothing of it runs. */
const LOOK_MS = 1;
const MOST_LOOK_MS = 8;
/** So long after its worker has begun, nothing waits for one thread alone. */
const PATIENCE_MS = 50;
/** So long after it, a task is decided by whatever was seen. */
const MOST_PATIENCE_MS = 500;
/** And not before so many looks were tried: on a machine that is busy otherwise this loop turns seldom. */
const LEAST_TURNS = 60;
/**
 * A thread that computes has had a processor for at least this part of the time; one that has not was kept waiting for
 * it.
 */
const LEAST_RAN = 0.2;

const KINDS: Record<RouteModel, () => LinkKind> = {
  thread: () => threadLinks,
  process: () => processLinks,
  async: () => localKind(undefined),
};

export class AutoSchedulers {
  readonly title = "AutoPool";
  readonly account = new PoolAccount();
  readonly agenda = new Agenda();
  readonly settings: PoolSettings;
  readonly threads: Scheduler;
  readonly loads: LoadWaits;
  readonly #concurrency: number;
  readonly #others = new Map<RouteModel, Scheduler>();
  readonly #routes: Routes;
  /** Which of them has a job; those of calls that have ended are forgotten with them. */
  readonly #homes = new WeakMap<Job, Scheduler>();
  /** For how many nanoseconds a worker had had a processor when it was last looked at. */
  readonly #looks = new WeakMap<WorkerSlot, { readonly ran: number; readonly now: number }>();
  readonly #capacity: Capacity;
  #workers: number;
  #isGrown = false;
  #isClosed = false;
  #areAllClosed = false;
  #isPaused = false;
  #latest: Route | undefined;
  #watchedSince: number | undefined;
  #willDecide = false;
  #next: Appointment | undefined;
  #lookMs = LOOK_MS;
  #turns = 0;
  readonly #onSettled: (() => void)[] = [];

  /** Of all schedulers, as they are when somebody goes through them. */
  readonly #slots: Iterable<WorkerSlot> = {
    [Symbol.iterator]: () => this.all.flatMap((scheduler) => [...scheduler.slots]).values(),
  };

  constructor(settings: PoolSettings, concurrency: number, excluded: ReadonlyMap<RouteModel, string>) {
    this.settings = settings;
    this.#concurrency = concurrency;
    this.#routes = new Routes(excluded);
    this.#workers = settings.workers;
    this.#capacity = new Capacity(settings.workers);
    const { account } = this;
    account.ended = (job, microseconds) => this.#ended(job, microseconds);
    account.threw = (job, error) => this.#threw(job, error);
    const { title, agenda } = this;
    const drain = () => this.all.reduce((found, scheduler) => found + scheduler.drain(), 0);
    this.loads = new LoadWaits({ title, agenda, tally: account.tally, maps: account.maps, drain }, this.#slots);
    account.loads = this.loads;
    this.threads = this.#make("thread");
    // A bounded line counts on all of its workers.
    if (settings.maxQueue === Number.POSITIVE_INFINITY) this.threads.resize(1);
    else this.grow();
  }

  get all(): Scheduler[] {
    return [this.threads, ...this.#others.values()];
  }

  get workers(): number {
    return this.#workers;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get choice(): PoolChoice {
    const latest = this.#latest;
    const model = latest?.model ?? "undecided";
    const workers = model === "async" ? this.#concurrency : model === "undecided" && !this.#isGrown ? 1 : this.#workers;
    return { model, workers, reason: latest?.reason ?? "no task has been decided", tasks: this.#routes.choices };
  }

  /** Where the calls of a task go. */
  routeOf(task: TaskIdentity): Route {
    return this.#routes.of(task);
  }

  /** Who takes the calls of a task now. */
  of(route: Route): Scheduler {
    const { model } = route;
    return model === undefined || model === "thread" ? this.threads : this.#other(model);
  }

  /** Whose job it is; of one that nobody has yet, whose it would be. */
  homeOf(job: Job): Scheduler {
    return this.#homes.get(job) ?? this.of(this.routeOf(job.task));
  }

  /** @throws UnsendableError, ReachError: nothing has changed then */
  take(job: Job, scheduler: Scheduler): void {
    // First: it may end within its submission.
    this.#homes.set(job, scheduler);
    scheduler.submit(job);
    this.watch();
  }

  follows(rest: Job, lost: Job): void {
    this.#homes.set(rest, this.homeOf(lost));
  }

  checkOpen(verb: string): void {
    for (const scheduler of this.all) scheduler.checkOpen(verb);
    if (this.#isClosed)
      throw new StateError(`this ${this.title} was closed: ${verb} before close(), or make a new pool`);
  }

  /** All threads may come. */
  grow(): void {
    if (this.#isGrown) return;
    this.#isGrown = true;
    this.threads.resize(this.#workers);
  }

  resize(workers: number): void {
    this.#workers = workers;
    this.#capacity.resize(workers);
    if (this.#isGrown) this.threads.resize(workers);
    this.#others.get("process")?.resize(workers);
  }

  handle(): PoolHandle {
    // A task that waits for another takes up a thread: one alone could never do that.
    const handle = this.threads.handle();
    this.grow();
    return handle;
  }

  pause(): void {
    this.checkOpen("pause");
    for (const scheduler of this.all) scheduler.waiting.pause.begin();
    this.#isPaused = true;
  }

  start(): void {
    this.#isPaused = false;
    for (const scheduler of this.all) scheduler.waiting.pause.end();
  }

  clear(): void {
    for (const scheduler of this.all) scheduler.waiting.clear();
  }

  recycle(): void {
    for (const scheduler of this.all) scheduler.waiting.recycle();
  }

  stats(): PoolStats {
    const { tally, run, wait } = this.account;
    const running = runningIn(this.#slots, tally);
    const each = this.all.map((scheduler) => scheduler.stats());
    const sum = (count: (stats: PoolStats) => number) => each.reduce((all, stats) => all + count(stats), 0);
    return {
      ...tally,
      workers: sum(({ workers }) => workers) - (this.#others.has("async") ? this.#concurrency : 0),
      idle: sum(({ idle }) => idle),
      running,
      queued: tally.open - running,
      wait: wait.summary(),
      run: run.summary(),
      utilization: this.#capacity.utilization(run.total),
      perWorker: each.flatMap(({ perWorker }) => perWorker),
    };
  }

  /** What is undecided is decided first: until then nothing of it is closed. */
  close(): void {
    if (this.#isClosed) return;
    this.start();
    this.#isClosed = true;
    if (this.#watchedSince === undefined) this.#closeAll();
    else this.#lookSoon();
  }

  terminate(): void {
    this.#endWith(terminated);
  }

  #endWith(reason: () => unknown): void {
    this.#isClosed = true;
    this.#isPaused = false;
    this.#watchedSince = undefined;
    this.#next?.clear();
    this.#areAllClosed = true;
    for (const scheduler of this.all) if (!scheduler.isEnded) scheduler.terminate(reason);
    this.#settled();
  }

  async join(): Promise<void> {
    // It refuses one that was not closed; one that has failed counts as closed.
    if (!this.#isClosed) await this.threads.join();
    if (this.threads.endReason !== undefined) this.#endWith(() => this.threads.endReason);
    else if (this.#watchedSince !== undefined) {
      this.#lookSoon();
      await new Promise<void>((resolve) => this.#onSettled.push(resolve));
    }
    // Meanwhile a call may have asked for a scheduler that was not there.
    for (let joined = 0; joined < this.all.length; ) {
      const { all } = this;
      await Promise.all(all.map((scheduler) => scheduler.join()));
      joined = all.length;
    }
  }

  #make(model: RouteModel): Scheduler {
    const settings =
      model === "async"
        ? { ...this.settings, workers: this.#concurrency }
        : { ...this.settings, workers: this.#workers };
    return new Scheduler(this.title, settings, KINDS[model](), this.account);
  }

  #other(model: RouteModel): Scheduler {
    let scheduler = this.#others.get(model);
    if (scheduler === undefined) {
      scheduler = this.#make(model);
      this.#others.set(model, scheduler);
      if (this.#isPaused) scheduler.waiting.pause.begin();
    }
    return scheduler;
  }

  /** Begins to look at what is undecided, if anything is; each look asks for the next one. */
  watch(): void {
    if (this.#watchedSince !== undefined || this.threads.isEnded || this.#routes.areDecided) return;
    this.#watchedSince = Number.POSITIVE_INFINITY;
    this.#turns = 0;
    this.#lookMs = LOOK_MS;
    this.#lookSoon();
  }

  /** What runs keeps the program alive; once the pool is closed, its end does. */
  #lookSoon(): void {
    this.#next?.clear();
    this.#next = this.agenda.after(this.#lookMs, () => this.#look());
    if (!this.#isClosed) this.#next.unref();
  }

  #look(): void {
    if (this.#watchedSince === undefined) return;
    let isAnyBegun = false;
    let isStarting = this.threads.isPaused || this.threads.isDone;
    for (const slot of this.threads.slots) {
      if (!slot.link.isReady) isStarting = true;
      const job = slot.firstBegun;
      const route = job === undefined || job === slot.initializer ? undefined : this.routeOf(job.task);
      if (route === undefined || route.model !== undefined) continue;
      isAnyBegun = true;
      const state = job === undefined ? undefined : this.#stateOf(slot, job);
      if (state !== undefined) route.sight.looked(state);
    }
    this.#lookMs = isAnyBegun ? LOOK_MS : Math.min(2 * this.#lookMs, MOST_LOOK_MS);
    // Others may keep its worker from it, as one that waits for it.
    if (!isStarting && this.#watchedSince === Number.POSITIVE_INFINITY) this.#watchedSince = realNow();
    const since = realNow() - this.#watchedSince;
    const isLast = since >= MOST_PATIENCE_MS && ++this.#turns >= LEAST_TURNS;
    for (const route of this.#routes.undecided) {
      const { isEnough, isEmpty } = route.sight;
      if (isEnough || (isLast && !isEmpty)) this.#decide(route);
    }
    // What stands behind a call that takes long may be what that waits for.
    if (since >= PATIENCE_MS) this.grow();
    if (this.#routes.areDecided || this.account.tally.open === 0) this.#rest();
    else this.#lookSoon();
  }

  /** What a worker does; undefined where that says nothing of its task. */
  #stateOf(slot: WorkerSlot, job: Job): PoolWorker["state"] | undefined {
    // Its module is being loaded, or it has only just begun.
    if (slot.link.runningFor(job) === 0) return undefined;
    const look = slot.link.look();
    if (look === undefined) return undefined;
    const { ran, worker } = look;
    const now = realNow();
    const before = this.#looks.get(slot);
    if (ran !== undefined) this.#looks.set(slot, { ran, now });
    if (worker.state !== "busy" || ran === undefined) return worker.state;
    // It has to be seen twice: it may be one that was woken, and waits for a processor that others have.
    return before === undefined || (ran - before.ran) / 1e6 < (now - before.now) * LEAST_RAN ? undefined : "busy";
  }

  /** Nothing is to be seen now. */
  #rest(): void {
    this.#watchedSince = undefined;
    this.#settled();
  }

  #settled(): void {
    if (this.#isClosed && !this.#areAllClosed) this.#closeAll();
    for (const tell of this.#onSettled.splice(0)) tell();
  }

  #closeAll(): void {
    this.#areAllClosed = true;
    for (const scheduler of this.all) scheduler.close();
  }

  #decide(route: Route): void {
    const model = route.decide();
    this.#latest = route;
    if (model === "thread") this.grow();
    else this.#move(route);
  }

  /** What nobody has begun of a task goes to who takes it from here on; what has begun ends where it is. */
  #move(route: Route): void {
    if (this.threads.isEnded) return;
    const to = this.of(route);
    const jobs = this.threads.waiting.take(
      (job) => (!(job instanceof Call) || job.isMovable) && this.routeOf(job.task) === route,
    );
    for (const job of jobs) {
      // It is counted already.
      if (!job.isChunk) this.account.tally.submitted--;
      if (job instanceof Call) job.moveTo(to);
      try {
        this.take(job, to);
      } catch (error) {
        route.exclude("process", String((error as Error).message));
        if (job instanceof Call) job.moveTo(this.threads);
        this.take(job, this.threads);
      }
    }
    for (const map of [...this.account.maps]) map.goOn();
    // One that was made for what is left.
    if (this.#areAllClosed) to.close();
  }

  #ended(job: Job, microseconds: number): void {
    const route = this.routeOf(job.task);
    if (route.model !== undefined) return;
    route.sight.ended(microseconds / 1000, job.outcomes);
    if (!route.sight.isEnough || this.#willDecide) return;
    this.#willDecide = true;
    // Not within the taking in of results.
    this.agenda.soon(() => {
      this.#willDecide = false;
      for (const each of this.#routes.undecided) if (each.sight.isEnough) this.#decide(each);
    });
  }

  #threw(job: Job, error: unknown): void {
    const route = this.routeOf(job.task);
    if (!route.needsProcess(error)) return;
    this.#latest = route;
    this.agenda.soon(() => this.#move(route));
  }
}
