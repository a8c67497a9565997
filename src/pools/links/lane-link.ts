import { encode, type Message } from "../../codec/index.js";
import type { Outgoing } from "../../codec/payload.js";
import { CorruptError, UnknownClassError } from "../../errors/index.js";
import { contain, monotonicMs, realNow, RECORD } from "../../memory/index.js";
import { kernelTells } from "../../platform/index.js";
import {
  CHUNK,
  CRASHED,
  DEFINE,
  type Lane,
  LAST,
  LEFT,
  MOST_AHEAD,
  PROGRESS,
  REFUSED,
  STOPS,
  THREW_FLAG,
} from "../../workers/lane.js";
import { LaneOwner } from "../../workers/lane-owner.js";
import { orderOf } from "../../workers/orders.js";
import { decodeWithClasses } from "../../workers/task-module.js";
import type { Job } from "../job.js";
import type { LinkWatch, WorkerLink } from "../link.js";
import type { WorkerLook } from "../pool-worker.js";
import { LaneCargo, type MessageStore } from "./lane-cargo.js";
import { lookAt } from "./lane-look.js";
import type { StartedWorker, WorkerStarter } from "./started-worker.js";
import type { TaskNumbers } from "./task-numbers.js";

/** What the links of a pool share. */
export interface LanePool {
  readonly starter: WorkerStarter;
  readonly numbers: TaskNumbers;
  readonly store: MessageStore;
  /** A link of its own counts no more. */
  detached(link: LaneLink): void;
}

/** The way to a worker through a lane in shared memory. */
export class LaneLink implements WorkerLink {
  readonly depth: number = MOST_AHEAD;
  readonly isOpen = true;
  readonly isDeferred = false;
  readonly owner: LaneOwner;
  readonly watch: LinkWatch;
  protected readonly pool: LanePool;
  readonly #started: StartedWorker;
  readonly #defined = new Set<number>();
  readonly #ordered = new Set<number>();

  constructor(pool: LanePool, lane: Lane, started: StartedWorker, watch: LinkWatch) {
    this.pool = pool;
    this.owner = new LaneOwner(lane, started.port);
    this.#started = started;
    this.watch = watch;
  }

  get width(): number {
    return 1;
  }
  get pid(): number | undefined {
    return this.#started.pid;
  }
  get threadId(): number {
    return this.#started.threadId;
  }
  get worker(): number {
    return this.owner.lane.worker;
  }
  get isReady(): boolean {
    return this.owner.lane.worker !== 0;
  }
  get isAsleep(): boolean {
    return this.owner.isAsleep;
  }
  get isParent(): boolean {
    return this.owner.isParent;
  }

  /** Whether its worker had begun, and has ended as far as the registry knows. */
  get isDead(): boolean {
    const id = this.worker;
    return id !== 0 && !this.pool.starter.heap.registry.isAlive(id);
  }

  /** Looks whether its worker has ended, without help of the event loop. */
  noticeEnd(): void {
    this.#started.noticeEnd();
  }

  prepare(job: Job): boolean {
    const number = this.pool.numbers.of(job.task);
    return this.#defined.has(number) || this.#define(number);
  }

  /** False when the lane is full, or its orders do not reach the worker yet. */
  #define(number: number): boolean {
    const { url, name } = this.pool.numbers.identity(number);
    // First the order: the worker looks for it as soon as it finds the definition.
    if (!this.#ordered.has(number)) {
      this.#started.order(orderOf(url, name));
      this.#ordered.add(number);
    }
    if (!this.#started.isOrdered) return false;
    if (
      this.owner.send(0, number, DEFINE, 0, encode([number, url, name], { to: this.pool.starter.boundary })) ===
      undefined
    )
      return false;
    this.#defined.add(number);
    return true;
  }

  send(job: Job): boolean {
    const { jobs } = this.watch;
    const { cargo } = job;
    const isBeside = cargo instanceof LaneCargo;
    // What goes through the port is not taken back: it goes to a worker that has nothing else to do.
    if (jobs.length >= (isBeside ? this.width : MOST_AHEAD)) return false;
    const payload = isBeside ? cargo.payload! : (cargo as Outgoing);
    const at = this.owner.send(
      job.sequence,
      this.pool.numbers.of(job.task),
      this.kindOf(job),
      job.attempts,
      payload,
      isBeside ? cargo.beside : undefined,
    );
    if (at === undefined) return false;
    job.at = at;
    if (isBeside) {
      if (cargo.beside.transfer.length > 0) {
        job.cargo = undefined;
        job.bind();
      } else cargo.payload = undefined;
      if ("release" in payload) (payload as Message).release();
    } else job.cargo = undefined;
    return true;
  }

  protected kindOf(job: Job): number {
    return job.isChunk ? (job.stops ? CHUNK | STOPS : CHUNK) : 0;
  }

  takeBack(job: Job): boolean {
    const payload = this.owner.takeBack(job.at);
    if (payload === undefined) return false;
    if (job.cargo instanceof LaneCargo) job.cargo.payload = payload;
    else job.cargo = payload;
    return true;
  }

  /** A place in a lane is no more than a turn: `takeBack` has it. */
  recall(): boolean {
    return false;
  }

  hasBegun(job: Job): boolean {
    return this.owner.isTaken(job.at);
  }

  runningFor(_job: Job): number {
    const { begunAt } = this.owner;
    return begunAt === 0 ? 0 : (monotonicMs() - begunAt) | 0;
  }

  cancel(job: Job): boolean {
    this.owner.cancel(job.sequence);
    return false;
  }

  giveUp(): boolean {
    return false;
  }

  /** Whose the result is that was received, `isLast` if nothing of it follows: always the first job's. */
  protected takerOf(_sequence: number, _isLast: boolean): Job | undefined {
    return this.watch.jobs[0];
  }

  /** Called now and then while the pool sleeps: mends the lane. False when jobs were lost. */
  mend(): boolean {
    return this.owner.mend(this.watch.jobs.length);
  }

  receive(): number {
    const { owner, watch } = this;
    let found = 0;
    let now = 0;
    while (this.#receives()) {
      found++;
      const { kind, count, time } = owner;
      const job = this.takerOf(owner.sequence, (kind & LAST) !== 0);
      if (kind & LEFT) {
        if (!this.#releases()) break;
        watch.left();
        continue;
      }
      if (job !== undefined && job.sequence !== owner.sequence && !(kind & (REFUSED | CRASHED))) {
        // It is of another job than the one that the worker was given first.
        watch.corrupt();
        break;
      }
      let value: unknown;
      let isUndecoded = false;
      let later: Detached | undefined;
      try {
        value = owner.read();
      } catch (error) {
        if (error instanceof UnknownClassError) later = owner.detach();
        else {
          isUndecoded = true;
          value = error;
        }
      }
      const isWrong =
        job !== undefined &&
        !(kind & (PROGRESS | REFUSED | CRASHED)) &&
        later === undefined &&
        !fits(job, kind, isUndecoded, value, count);
      if (!this.#releases()) break;
      if (isWrong) {
        watch.corrupt();
        break;
      }
      if (kind & REFUSED) {
        watch.refused(value);
        continue;
      }
      if (kind & CRASHED) {
        // Of a class that is not loaded here: what can be said of it without it.
        watch.crashed(later === undefined ? value : new Error("an error of a class that is not loaded here"));
        continue;
      }
      if (job === undefined) continue;
      if (kind & PROGRESS) {
        if (!isUndecoded && later === undefined) watch.progress(job, value, time);
        continue;
      }
      const threw = isUndecoded || (kind & THREW_FLAG) !== 0;
      const microseconds = (kind & LAST) === 0 ? -1 : time;
      // One look at the clock for all that is taken in together.
      if (microseconds >= 0 && now === 0) now = realNow();
      if (later === undefined) watch.outcome(job, value, threw, count, microseconds, now);
      else
        watch.outcomeLater(
          job,
          decoded(later, job.isChunk && !threw ? count : undefined),
          threw,
          count,
          microseconds,
          now,
        );
    }
    return found;
  }

  #receives(): boolean {
    try {
      return this.owner.receive();
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      this.watch.corrupt();
      return false;
    }
  }

  #releases(): boolean {
    try {
      this.owner.release();
      return true;
    } catch (error) {
      if (!(error instanceof CorruptError)) throw error;
      this.watch.corrupt();
      return false;
    }
  }

  look(): WorkerLook {
    return lookAt(this, this.owner);
  }

  /** A lane without jobs has room for a word. */
  close(): boolean {
    return this.owner.close();
  }

  hold(alive: boolean): void {
    this.#started.hold(alive);
  }

  kill(killGrace: number, gaveUp: () => void): void {
    this.#started.kill(killGrace, gaveUp);
  }

  /**
   * Its lane may name somebody else by now: only who is gone by the kernel's word is declared dead, where there is one.
   */
  bury(): void {
    const { boundary, heap } = this.pool.starter;
    const { registry, words } = heap;
    const id = this.worker;
    if (id === 0 || words[registry.recordOf(id) + RECORD.pid] !== this.pid) return;
    if (boundary === "processes" || !kernelTells) registry.declareDead(id);
    else registry.confirmAlive(id);
  }

  salvage(job: Job): boolean {
    const payload = this.owner.takeBack(job.at);
    if (payload === undefined) return false;
    if (job.cargo instanceof LaneCargo) job.cargo.payload = payload;
    else if (this.owner.isAttached(job.at)) {
      // A part of it was moved, and is gone with the worker.
      this.pool.store.discard(payload);
      return false;
    } else job.cargo = payload;
    return true;
  }

  drop(job: Job): number | undefined {
    const payload = this.owner.takeBack(job.at);
    const left = payload ?? this.owner.recover(job.at);
    if (left !== undefined) this.pool.store.discard(left);
    return payload === undefined ? this.owner.item : undefined;
  }

  detach(): void {
    this.pool.detached(this);
  }

  free(): void {
    contain("giving back the lane of a worker that ended", () => this.owner.lane.free());
  }
}

type Detached = ReturnType<LaneOwner["detach"]>;

/** A value of a class whose module is not loaded here: that is done first. `count`: so many values it must be. */
async function decoded(record: Detached, count: number | undefined): Promise<unknown> {
  let value: unknown;
  try {
    value = await decodeWithClasses(record.read);
  } finally {
    contain("giving back the memory of a result", () => record.free());
  }
  if (count !== undefined && !(Array.isArray(value) && value.length === count))
    throw new CorruptError("the outcomes of a part of a map in shared memory are not as many as it says");
  return value;
}

/** Whether a record may be one of a job's results: no more outcomes than are open, and as many values as it says. */
function fits(job: Job, kind: number, isUndecoded: boolean, value: unknown, count: number): boolean {
  if (!(count >= 0 && job.outcomes + count <= job.size)) return false;
  if (!job.isChunk || isUndecoded || (kind & THREW_FLAG) !== 0) return true;
  return count === 0 ? (kind & LAST) !== 0 : Array.isArray(value) && value.length === count;
}
