import type { Boundary } from "../codec/index.js";
import { serve, type Served } from "../channels/served.js";
import { servedCall } from "../channels/served-call.js";
import { tell } from "../diagnosis/findings.js";
import { DeadlockError } from "../errors/index.js";
import { offAbort, onAbort } from "../parking/index.js";
import { Call, type CallPool } from "./call.js";
import { defaultCall } from "./call-options.js";
import type { Job } from "./job.js";
import { lackError } from "./lack-error.js";
import type { Ability, Links } from "./link.js";
import type { WorkerSlot } from "./worker-slot.js";
import { type NestedWork, PoolHandle } from "./pool-handle.js";
import type { PoolSettings } from "./pool-options.js";

/** What tasks that submit to their own pool need of it. */
export interface NestedPool extends CallPool {
  readonly title: string;
  readonly settings: PoolSettings;
  readonly workers: number;
  readonly boundary: Boundary;
  readonly links: Links;
  checkOpen(verb: string): void;
  lacks(ability: Ability): boolean;
  /** Takes on what a task of this pool waits for. */
  submitNested(job: Job): void;
  /** The pool's worker that this worker is. */
  slotOf(worker: number): WorkerSlot | undefined;
  /** Takes what has come back. */
  drain(): void;
}

/**
 * A task of a worker of the pool that waits for another task. The worker may die, and the task be called off or end
 * without waiting: the work goes on all the same.
 */
interface Wait {
  readonly caller: number;
  /** Of the job that it ran, another in each attempt; none in an initializer. */
  readonly sequence: number | undefined;
}

/** Tasks of a pool that submit to it. */
export class NestedCalls {
  readonly #pool: NestedPool;
  #served: Served<NestedWork> | undefined;
  readonly #waits = new Set<Wait>();

  constructor(pool: NestedPool) {
    this.#pool = pool;
  }

  /** @throws StateError where this pool's workers share no memory with it */
  handle(): PoolHandle {
    const { title } = this.#pool;
    if (this.#pool.lacks("shared objects"))
      throw lackError(title, "shared objects", "pool.handle()", "submit from the program that made the pool");
    this.#served ??= serve<NestedWork>(
      { submit: (caller, url, name, args) => this.#submit(caller, url, name, args) },
      { across: this.#pool.boundary },
    );
    return new PoolHandle(this.#served);
  }

  end(): void {
    this.#served?.[Symbol.dispose]();
  }

  /**
   * A task of this pool waits for another: refused when then every worker would wait so, which nobody could ever end.
   * One that is not waiting comes back sooner or later, and takes what is in the backlog.
   */
  async #submit(caller: number, url: string, name: string, args: unknown[]): Promise<unknown> {
    const pool = this.#pool;
    // Before the first wait, after which another call may be current.
    const signal = servedCall()?.signal;
    const wait = this.#waitOf(caller);
    if (wait !== undefined) this.#refuseIfStuck(wait, name);
    pool.checkOpen("submit");
    const call = new Call(pool, { url, name, bound: [] }, defaultCall(pool.settings), args);
    pool.submitNested(call);
    if (wait !== undefined) this.#waits.add(wait);
    const callOff = () => void call.future.cancel(signal?.reason);
    onAbort(signal, callOff);
    try {
      return await call.future;
    } finally {
      offAbort(signal, callOff);
      if (wait !== undefined) this.#waits.delete(wait);
    }
  }

  #waitOf(caller: number): Wait | undefined {
    const slot = this.#pool.slotOf(caller);
    return slot && { caller, sequence: slot.firstBegun?.sequence };
  }

  #refuseIfStuck(wait: Wait, name: string): void {
    const pool = this.#pool;
    if (this.#waiting(wait).size < pool.workers) return;
    // One that seems to wait may have ended its task already.
    pool.drain();
    const waiting = this.#waiting(wait);
    if (waiting.size < pool.workers) return;
    const report = pool.links.reportOf([...waiting], pool.title);
    tell(report, true);
    throw new DeadlockError(
      `a task of this ${pool.title} waits for the task "${name}" of the same pool, and so do all of its ${pool.workers} workers: none is left to run it. Give it more workers, or submit it from outside`,
      report,
    );
  }

  /** The workers that would wait, with this one. */
  #waiting(next: Wait): Set<number> {
    return new Set([...this.#waits, next].filter((wait) => this.#isWaiting(wait)).map(({ caller }) => caller));
  }

  #isWaiting({ caller, sequence }: Wait): boolean {
    const slot = this.#pool.slotOf(caller);
    if (slot === undefined || slot.isKilled) return false;
    const job = slot.firstBegun;
    if (job?.sequence !== sequence || job?.isOver === true) return false;
    return this.#pool.links.isAlive(caller);
  }
}
