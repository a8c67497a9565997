import { realNow } from "../memory/index.js";
import type { Appointment } from "./agenda.js";
import type { Backlog } from "./backlog.js";
import type { WorkerSet } from "./worker-set.js";
import type { Dispatch } from "./dispatch.js";
import type { WorkerSlot } from "./worker-slot.js";

/** A worker that has not been heard of for so long holds nothing back: what stands behind its job goes elsewhere. */
const STALE_MS = 2;
const MOST_PATROL_MS = 50;
/** Jobs shorter than this are not worth moving to a worker that is free. */
const WORTH_MOVING_MS = 0.1;

/** Takes back what stands before workers and was not begun, where it would come sooner elsewhere. */
export class Rebalancer {
  readonly #workers: WorkerSet;
  readonly #backlog: Backlog;
  readonly #dispatch: Dispatch;
  #patrol: Appointment | undefined;

  constructor(workers: WorkerSet, backlog: Backlog, dispatch: Dispatch) {
    this.#workers = workers;
    this.#backlog = backlog;
    this.#dispatch = dispatch;
  }

  /** Takes back what a worker has not begun, but for the first `keep` of its jobs. */
  from(slot: WorkerSlot, keep: number): void {
    for (const job of slot.jobs.slice(keep).reverse()) {
      if (job.isBound || !slot.takeBack(job)) continue;
      this.#backlog.pushFront(job);
    }
  }

  /** A job of this priority goes before others that were only put behind others. */
  behind(priority: number): void {
    for (const slot of this.#workers) {
      for (const job of slot.jobs.slice(slot.link.width).reverse()) {
        if (job.isBound || job.call.priority >= priority || !slot.takeBack(job)) continue;
        this.#backlog.pushFront(job);
      }
    }
  }

  /**
   * Somebody is free, or there is room for another: what stands behind long jobs comes back, before anything that was
   * submitted later. As long as nobody is, it stays: its own worker may be the next that is free, and then needs nobody
   * to tell it what to do. Room comes with a death: what the dead had goes to a new worker, but what stands behind the
   * others may be what they wait for.
   */
  unblock(): void {
    let idle = false;
    let free = this.#workers.hasRoom;
    for (const slot of this.#workers) {
      if (!slot.link.isReady) continue;
      if (slot.hasPlace) idle = true;
      if (slot.isIdle) free = true;
    }
    if (!idle && !free) return;
    const now = realNow();
    for (const slot of this.#workers) {
      // Its first job too, if it has not begun that and another has: a new worker takes a while.
      if (slot.link.isReady ? !slot.isBehind : slot.jobs.length === 0 || !idle) continue;
      if (now - slot.heardAt <= STALE_MS) continue;
      if (slot.jobs.length > slot.link.width || slot.link.width === 1) slot.stall();
      // Where others have something under way too, its loop may be the next that is free.
      else if (!free) continue;
      this.from(slot, 0);
    }
  }

  /** Nothing waits and a worker is free: it gets a job that stands behind another. */
  balance(): void {
    const { pace } = this.#workers;
    if (this.#backlog.size > 0 || pace === undefined || pace < WORTH_MOVING_MS) return;
    for (const free of this.#workers) {
      if (!free.hasPlace || !free.link.isReady) continue;
      let longest: WorkerSlot | undefined;
      for (const slot of this.#workers)
        if (slot.jobs.length > (longest?.jobs.length ?? slot.link.width)) longest = slot;
      const job = longest?.jobs.at(-1);
      if (job === undefined || job.isBound || longest?.takeBack(job) !== true) return;
      this.#backlog.pushFront(job);
      this.#dispatch.feed();
    }
  }

  /** Looks after jobs that stand behind long ones, less and less often. */
  patrolSoon(after = STALE_MS): void {
    this.#patrol ??= this.#dispatch.agenda
      .after(after, () => {
        this.#patrol = undefined;
        this.#dispatch.drain();
        this.unblock();
        for (const slot of this.#workers) {
          if (!slot.isBehind && !(slot.isDeaf && this.#backlog.size > 0)) continue;
          this.patrolSoon(Math.min(2 * after, MOST_PATROL_MS));
          break;
        }
        this.#dispatch.feedAnew();
      })
      .unref();
  }

  /** The pool is over. */
  end(): void {
    this.#patrol?.clear();
  }
}
