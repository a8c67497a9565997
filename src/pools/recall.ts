import type { Backlog } from "./backlog.js";
import type { Crew } from "./crew.js";
import type { Dispatch } from "./dispatch.js";
import type { Member } from "./member.js";
import { clearRealTimeout, realNow, setRealTimeout } from "../memory/index.js";

/** A member that has not been heard of for so long holds nothing back: what stands behind its job goes elsewhere. */
const STALE_MS = 2;
const MOST_PATROL_MS = 50;
/** Jobs shorter than this are not worth moving to a member that is free. */
const WORTH_MOVING_MS = 0.1;

/** Takes back what stands in lanes and was not begun, where it would come sooner elsewhere. */
export class Recall {
  readonly #crew: Crew;
  readonly #backlog: Backlog;
  readonly #dispatch: Dispatch;
  #patrol: NodeJS.Timeout | undefined;

  constructor(crew: Crew, backlog: Backlog, dispatch: Dispatch) {
    this.#crew = crew;
    this.#backlog = backlog;
    this.#dispatch = dispatch;
  }

  /** Takes back what a member has not begun, but for the first `keep` of its jobs. */
  from(member: Member, keep: number): void {
    for (const job of member.inFlight.slice(keep).reverse()) {
      if (job.isBound || !member.recall(job)) continue;
      this.#crew.inFlight--;
      this.#backlog.pushFront(job);
    }
  }

  /** A job of this priority goes before others that were only put into lanes. */
  behind(priority: number): void {
    for (const member of this.#crew) {
      for (const job of member.inFlight.slice(1).reverse()) {
        if (job.isBound || job.call.priority >= priority || !member.recall(job)) continue;
        this.#crew.inFlight--;
        this.#backlog.pushFront(job);
      }
    }
  }

  /**
   * Somebody is free, or there is room for another: what stands behind long jobs comes back, before anything that was submitted later. As long as nobody is, it stays: its
   * own member may be the next that is free, and then needs nobody to tell it what to do. Room comes with a death: what the dead had goes to a new member, but what stands behind
   * the others may be what they wait for.
   */
  unblock(): void {
    let idle = false;
    for (const member of this.#crew) if (member.isIdle && member.isReady) idle = true;
    if (!idle && !this.#crew.hasRoom) return;
    const now = realNow();
    for (const member of this.#crew) {
      // Its first job too, if it has not begun that and another has: a new worker takes a while.
      if (member.isReady ? member.inFlight.length <= 1 : member.inFlight.length === 0 || !idle) continue;
      if (now - member.heardAt <= STALE_MS) continue;
      member.isStalled = true;
      this.from(member, 0);
    }
  }

  /** Nothing waits and a member is free: it gets a job that stands behind another. */
  balance(): void {
    const { pace } = this.#crew;
    if (this.#backlog.size > 0 || pace === undefined || pace < WORTH_MOVING_MS) return;
    for (const free of this.#crew) {
      if (!free.isIdle || !free.isReady) continue;
      let longest: Member | undefined;
      for (const member of this.#crew) if (member.inFlight.length > (longest?.inFlight.length ?? 1)) longest = member;
      const job = longest?.inFlight.at(-1);
      if (job === undefined || job.isBound || longest?.recall(job) !== true) return;
      this.#crew.inFlight--;
      this.#backlog.pushFront(job);
      this.#dispatch.feed();
    }
  }

  /** Looks after jobs that stand behind long ones, less and less often. */
  patrolSoon(after = STALE_MS): void {
    this.#patrol ??= setRealTimeout(() => {
      this.#patrol = undefined;
      this.#dispatch.drain();
      this.unblock();
      for (const member of this.#crew) {
        if (member.inFlight.length <= 1) continue;
        this.patrolSoon(Math.min(2 * after, MOST_PATROL_MS));
        break;
      }
      this.#dispatch.feedAnew();
    }, after).unref();
  }

  /** The pool is over. */
  end(): void {
    clearRealTimeout(this.#patrol);
  }
}
