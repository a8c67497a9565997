import { clearRealTimeout, HEADER, KIND, queueRealMicrotask, realNow, setRealTimeout, tooManyWorkers } from "../memory/index.js";
import { Lane, MOST_AHEAD } from "../workers/lane.js";
import { Member } from "./member.js";
import type { PoolSettings } from "./pool-options.js";
import type { StartedWorker, WorkerEnd, WorkerModel } from "./worker-model.js";

/** What may stand in a lane ahead of its member: about so much work. */
const AHEAD_MS = 1;
/** Less work than this goes behind other work of a member that is awake: waking another would take as long. */
const WAKE_MS = 0.1;
const LONGEST_TIMER_MS = 0x7fffffff;

/** What a crew tells its pool. */
export interface CrewWatch {
  hired(member: Member): void;
  /** It was killed, and that takes too long. */
  gaveUp(member: Member): void;
  lost(member: Member, end: WorkerEnd): void;
}

/** The members of a pool: who comes, who takes the next job, who goes for want of work. */
export class Crew implements Iterable<Member> {
  /** Most members. */
  most: number;
  /** The block whose place is what the pool waits for; 0 until there are members. */
  key = 0;
  /** Jobs in lanes. */
  inFlight = 0;
  /** Mean of what jobs took lately, in milliseconds. */
  pace: number | undefined;
  /** Why the last attempt to start a worker failed while there was no other: nothing will come back that the next job could wait for. */
  refusal: Error | undefined;
  /** The last attempt to start a worker failed beside others: it may succeed later. */
  isShort = false;
  readonly #model: WorkerModel;
  readonly #settings: PoolSettings;
  readonly #watch: CrewWatch;
  readonly #members = new Set<Member>();
  #named = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(model: WorkerModel, settings: PoolSettings, watch: CrewWatch) {
    this.#model = model;
    this.#settings = settings;
    this.#watch = watch;
    this.most = settings.workers;
  }

  get size(): number {
    return this.#members.size;
  }

  has(member: Member): boolean {
    return this.#members.has(member);
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#members.values();
  }

  /** Whether another member may be hired. */
  get hasRoom(): boolean {
    return this.#taken < this.most;
  }

  /** How many places are taken. One that is on its way out and still works has its own; one that only waits for workers that its tasks started has none. */
  get #taken(): number {
    let taken = 0;
    for (const member of this.#members) if (!member.hasLeft) taken++;
    return taken;
  }

  /** A job of a member has ended after so many milliseconds. */
  ended(ms: number): void {
    this.inFlight--;
    this.pace = this.pace === undefined ? ms : this.pace * 0.9 + ms * 0.1;
  }

  /** The member that takes the next job, hired if need be; undefined when all have enough. */
  pick(): Member | undefined {
    let starting: Member | undefined;
    let shortest: Member | undefined;
    const { pace } = this;
    const lazily = pace === undefined ? 0 : Math.min(MOST_AHEAD, WAKE_MS / Math.max(pace, 1e-4));
    for (const member of this.#members) {
      if (member.isRetiring) continue;
      const ahead = member.inFlight.length;
      if (ahead < lazily && !member.isStalled && member.isReady && !member.owner.isAsleep) return member;
      if (ahead === 0) {
        if (member.isReady) return member;
        starting ??= member;
      } else if (!member.isStalled && (shortest === undefined || ahead < shortest.inFlight.length)) shortest = member;
    }
    if (starting !== undefined) return starting;
    if (this.hasRoom) {
      // If there is none to be had it waits, not behind others: they may wait for it. Whoever has nothing to do takes it, or a worker that can be started later.
      return this.#hire();
    }
    return shortest !== undefined && shortest.inFlight.length < this.#mostAhead ? shortest : undefined;
  }

  /** How many jobs may stand in one lane. */
  get #mostAhead(): number {
    if (this.pace === undefined || this.pace >= AHEAD_MS / 2) return 2;
    return Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / Math.max(this.pace, 1e-4)));
  }

  /** Those that are too many, those without work first. */
  get surplus(): Member[] {
    const active = [...this.#members].filter((member) => !member.isRetiring);
    active.sort((a, b) => a.inFlight.length - b.inFlight.length);
    return active.slice(0, Math.max(0, active.length - this.most));
  }

  /** Undefined when there is no memory, no descriptor, or no slot in the heap for another one. */
  #hire(): Member | undefined {
    this.refusal = undefined;
    this.isShort = false;
    const { heap } = this.#model;
    const { name } = this.#settings;
    const full = `${name ?? "PoolWorker"}-${name === undefined ? heap.registry.nextName(HEADER.poolNames) : ++this.#named}`;
    let lane: Lane | undefined;
    let member: Member | undefined;
    let worker: StartedWorker;
    try {
      if (this.key === 0) {
        this.key = heap.allocator.allocate(1, KIND.plain);
        heap.references.hold(this.key, this);
      }
      // Those that were started and have not entered yet will.
      let coming = 0;
      for (const each of this.#members) if (!each.isReady) coming++;
      if (!heap.registry.hasRoomFor(coming + 1)) throw tooManyWorkers();
      lane = Lane.create(heap, this.key);
      worker = this.#model.start(full, lane.at, this.#settings, (end) => member !== undefined && this.#watch.lost(member, end));
    } catch (error) {
      lane?.free();
      if (this.#members.size === 0) this.refusal = error as Error;
      else this.isShort = true;
      return undefined;
    }
    member = new Member(full, lane, worker);
    this.#members.add(member);
    this.#watch.hired(member);
    return member;
  }

  /** Lets a member go that has nothing to do. */
  dismiss(member: Member): void {
    if (member.isClosed) return;
    member.isClosed = true;
    member.isRetiring = true;
    member.worker.hold(true);
    // A lane without jobs has room for a word.
    if (!member.owner.close()) this.kill(member);
  }

  /** Ends a member's worker now. Where that has to be held back for longer than `killGrace` it is given up. */
  kill(member: Member): void {
    member.isRetiring = true;
    member.worker.kill(this.#settings.killGrace, () => queueRealMicrotask(() => this.#watch.gaveUp(member)));
  }

  /** A member's worker has ended, or was given up. */
  remove(member: Member): void {
    this.#members.delete(member);
    clearRealTimeout(member.grace);
    for (const tell of member.onEnd.splice(0)) tell();
  }

  /** Lets members go that have had no work for `idleTimeout`. */
  watchIdle(): void {
    const { idleTimeout } = this.#settings;
    if (this.#idleTimer !== undefined || idleTimeout === Number.POSITIVE_INFINITY) return;
    let next = Number.POSITIVE_INFINITY;
    const now = realNow();
    for (const member of this.#members) if (member.isIdle) next = Math.min(next, member.heardAt + idleTimeout - now);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#idleTimer = setRealTimeout(
      () => {
        this.#idleTimer = undefined;
        for (const member of this.#members) if (member.isIdle && realNow() - member.heardAt >= idleTimeout) this.dismiss(member);
        this.watchIdle();
      },
      Math.min(Math.max(1, Math.ceil(next)), LONGEST_TIMER_MS),
    );
    this.#idleTimer.unref();
  }

  /** The pool is over. */
  end(): void {
    clearRealTimeout(this.#idleTimer);
    if (this.key !== 0) this.#model.heap.references.drop(this.key);
  }
}
