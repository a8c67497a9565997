import { realNow } from "../memory/index.js";
import { mayStartWorkers } from "../workers/main-guard.js";
import type { Agenda, Appointment } from "./agenda.js";
import type { Links } from "./link.js";
import type { PoolSettings } from "./pool-options.js";
import { type SlotWatch, WorkerSlot } from "./worker-slot.js";

/** What may be given to a worker ahead of its time: about so much work. */
const AHEAD_MS = 1;
/** Less work than this goes behind other work of a worker that is awake: waking another would take as long. */
const WAKE_MS = 0.1;
/** Never more jobs than this. */
const MOST_AHEAD = 128;
/** Workers that are to be ready and end one after the other, before any has done a task: no more are started ahead. */
const MOST_IN_VAIN = 8;
/** How long after a worker that is to be ready could not be started it is tried again. */
const READY_AGAIN_MS = 1000;

/** What a worker set tells its pool. */
export interface WorkerSetWatch extends SlotWatch {
  hired(slot: WorkerSlot): void;
  /** It was killed, and that takes too long. */
  gaveUp(slot: WorkerSlot): void;
}

/** The workers of a pool: who comes, who takes the next job, who goes for want of work. */
export class WorkerSet implements Iterable<WorkerSlot> {
  readonly #isShared: boolean;
  #most: number;
  #refusal: Error | undefined;
  #isShort = false;
  readonly #links: Links;
  readonly #settings: PoolSettings;
  readonly #agenda: Agenda;
  readonly #watch: WorkerSetWatch;
  /** Made anew with each change, so that a loop over it is not disturbed. */
  #slots: readonly WorkerSlot[] = [];
  #named = 0;
  #idleLook: Appointment | undefined;
  #readyAgain: Appointment | undefined;
  #isOpen = true;
  /** How many have ended in a row, unasked, that had done no task. */
  #inVain = 0;

  /** `isShared`: there is one worker, which takes all jobs. */
  constructor(links: Links, settings: PoolSettings, isShared: boolean, agenda: Agenda, watch: WorkerSetWatch) {
    this.#links = links;
    this.#settings = settings;
    this.#agenda = agenda;
    this.#watch = watch;
    this.#isShared = isShared;
    this.#most = isShared ? 1 : settings.workers;
  }

  /** Most workers. */
  get most(): number {
    return this.#most;
  }

  get pace(): number | undefined {
    return this.#watch.results.pace;
  }

  /**
   * Why the last attempt to start a worker failed while there was no other: nothing will come back that the next job
   * could wait for.
   */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** The last attempt to start a worker failed beside others: it may succeed later. */
  get isShort(): boolean {
    return this.#isShort;
  }

  get size(): number {
    return this.#slots.length;
  }

  has(slot: WorkerSlot): boolean {
    return this.#slots.includes(slot);
  }

  [Symbol.iterator](): Iterator<WorkerSlot> {
    return this.#slots.values();
  }

  /** Those whose tasks have started workers that are no daemons. */
  get parents(): WorkerSlot[] {
    return this.#slots.filter(({ link }) => link.isParent);
  }

  /** The one that calls back by this number. */
  of(worker: number): WorkerSlot | undefined {
    return this.#slots.find(({ link }) => link.worker === worker);
  }

  resize(most: number): void {
    this.#most = most;
    this.tend(this.#isOpen);
  }

  /** Whether another worker may be hired. */
  get hasRoom(): boolean {
    return this.#taken < this.#most;
  }

  /**
   * How many places are taken. One that is on its way out and still works has its own; one that only waits for workers
   * that its tasks started has none.
   */
  get #taken(): number {
    let taken = 0;
    for (const slot of this.#slots) if (!slot.hasLeft) taken++;
    return taken;
  }

  /** The worker that takes the next job, hired if need be; undefined when all have enough. */
  pick(): WorkerSlot | undefined {
    return this.#isShared ? this.#only() : this.#best();
  }

  /** The one that takes all jobs, if it has a place. */
  #only(): WorkerSlot | undefined {
    const slot = this.#slots[0];
    if (slot === undefined) {
      const hired = this.#hire();
      return hired?.initializer === undefined ? hired : undefined;
    }
    const { link } = slot;
    return slot.jobs.length < link.width && link.isOpen && !link.isDeferred && !slot.isRetiring ? slot : undefined;
  }

  #best(): WorkerSlot | undefined {
    let starting: WorkerSlot | undefined;
    /** Has places beside what it has begun: of those the one that has begun least. */
    let sharing: WorkerSlot | undefined;
    let shortest: WorkerSlot | undefined;
    const { pace } = this;
    const lazily = pace === undefined ? 0 : Math.min(MOST_AHEAD, WAKE_MS / Math.max(pace, 1e-4));
    for (const slot of this.#slots) {
      const { ahead, link } = slot;
      if (slot.isRetiring || ahead > link.depth || !link.isOpen || link.isDeferred) continue;
      const { length } = slot.jobs;
      // What it begins from now on might end with it.
      if (length > 0 && !this.#isShared && slot.isDeaf) continue;
      const sharesLoop = ahead === 0 && length > 0;
      if (ahead < lazily && !sharesLoop && !slot.isStalled && link.isReady && !link.isAsleep) return slot;
      if (length === 0) {
        if (link.isReady) return slot;
        starting ??= slot;
      } else if (sharesLoop) {
        if (sharing === undefined || length < sharing.jobs.length) sharing = slot;
      } else if (!slot.isStalled && (shortest === undefined || ahead < shortest.ahead)) shortest = slot;
    }
    if (starting !== undefined) return starting;
    if (this.hasRoom) {
      // If there is none to be had it waits, not behind others: they may wait for it. A worker that has nothing to do
      // takes it, or one that can be started later.
      const hired = this.#hire();
      if (hired !== undefined || sharing === undefined) return hired;
    }
    if (sharing !== undefined) return sharing;
    return shortest !== undefined && shortest.ahead < this.#mostAhead ? shortest : undefined;
  }

  /** How many jobs may stand before one worker. */
  get #mostAhead(): number {
    const { pace } = this;
    if (pace === undefined || pace >= AHEAD_MS / 2) return 2;
    return Math.min(MOST_AHEAD, Math.floor(AHEAD_MS / Math.max(pace, 1e-4)));
  }

  /** Those that are too many, those without work first. */
  get surplus(): WorkerSlot[] {
    const active = this.#slots.filter((slot) => !slot.isRetiring);
    active.sort((a, b) => a.jobs.length - b.jobs.length);
    return active.slice(0, Math.max(0, active.length - this.#most));
  }

  /** Those that are there take nothing more, and others come in their places. The one that takes all jobs stays. */
  retireAll(): void {
    if (!this.#isShared) for (const slot of this.#slots) slot.retire();
  }

  /** Undefined when there is no memory, no descriptor, or no slot in the heap for another one. */
  #hire(): WorkerSlot | undefined {
    this.#refusal = undefined;
    this.#isShort = false;
    const settings = this.#settings;
    const { name } = settings;
    const full = `${name ?? "PoolWorker"}-${name === undefined ? this.#links.nextName() : ++this.#named}`;
    let slot: WorkerSlot;
    try {
      slot = new WorkerSlot(full, this.#freeNumber(), this.#watch, (watch) => this.#links.open(watch, settings));
    } catch (error) {
      if (this.#slots.length === 0) this.#refusal = error as Error;
      else this.#isShort = true;
      return undefined;
    }
    this.#slots = [...this.#slots, slot];
    this.#watch.hired(slot);
    return slot;
  }

  /** The lowest number that nobody has who has a place: so that of the worker that was there before. */
  #freeNumber(): number {
    const numbers = new Set(this.#slots.filter(({ hasLeft }) => !hasLeft).map(({ number }) => number));
    let number = 1;
    while (numbers.has(number)) number++;
    return number;
  }

  /** Lets a worker go that has nothing to do. */
  dismiss(slot: WorkerSlot): void {
    if (!slot.isClosed && !slot.close()) this.kill(slot, undefined);
  }

  /** The next worker, hired if need be, whatever it has to do. */
  any(): WorkerSlot | undefined {
    return this.#slots.find((slot) => !slot.isRetiring) ?? this.#hire();
  }

  /**
   * Ends a worker now. Where that has to be held back for longer than `killGrace` it is given up. `reason`: what its
   * tasks may hear of it.
   */
  kill(slot: WorkerSlot, reason: unknown): void {
    slot.retire();
    slot.link.kill(this.#settings.killGrace, () => this.#agenda.soon(() => this.#watch.gaveUp(slot)), reason);
  }

  /** A worker has ended, or was given up. */
  remove(slot: WorkerSlot): void {
    this.#slots = this.#slots.filter((other) => other !== slot);
    if (slot.served > 0) this.#inVain = 0;
    else if (!slot.isClosed && !slot.isKilled) this.#inVain++;
    slot.remove();
  }

  /** Keeps as many ready as is to be, and lets others go that have no work. `isOpen`: the pool takes work. */
  tend(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (isOpen && this.#ready > 0) this.#keepReady();
    this.#watchIdle();
  }

  /** How many are to be there, with work or without. */
  get #ready(): number {
    return Math.min(this.#settings.minWorkers, this.#most);
  }

  /** How many take work. */
  get #active(): number {
    let active = 0;
    for (const slot of this.#slots) if (!slot.isRetiring) active++;
    return active;
  }

  /** A pool that a module makes while a worker loads it starts none ahead: with its first work it is a task's. */
  #keepReady(): void {
    if (this.#slots.some(({ served }) => served > 0)) this.#inVain = 0;
    if (
      this.#readyAgain !== undefined ||
      this.#inVain >= MOST_IN_VAIN ||
      this.#active >= this.#ready ||
      !mayStartWorkers()
    )
      return;
    try {
      while (this.#isOpen && this.#active < this.#ready && this.hasRoom) if (this.#hire() === undefined) break;
    } catch (error) {
      // The initializer's arguments cannot be sent.
      this.#watch.refused(error);
      return;
    }
    if (this.#active >= this.#ready || !this.hasRoom) return;
    this.#readyAgain = this.#agenda
      .after(READY_AGAIN_MS, () => {
        this.#readyAgain = undefined;
        this.tend(this.#isOpen);
      })
      .unref();
  }

  #watchIdle(): void {
    const { idleTimeout } = this.#settings;
    if (
      this.#idleLook !== undefined ||
      idleTimeout === Number.POSITIVE_INFINITY ||
      (this.#isOpen && this.#active <= this.#ready)
    )
      return;
    let next = Number.POSITIVE_INFINITY;
    const now = realNow();
    for (const slot of this.#slots) if (slot.isIdle) next = Math.min(next, slot.heardAt + idleTimeout - now);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#idleLook = this.#agenda
      .after(Math.max(1, Math.ceil(next)), () => {
        this.#idleLook = undefined;
        for (const slot of this.#slots) {
          if (this.#isOpen && this.#active <= this.#ready) break;
          if (slot.isIdle && realNow() - slot.heardAt >= idleTimeout) this.dismiss(slot);
        }
        this.#watchIdle();
      })
      .unref();
  }

  /** The pool is over. */
  end(): void {
    this.#isOpen = false;
    this.#idleLook?.clear();
    this.#readyAgain?.clear();
  }
}
