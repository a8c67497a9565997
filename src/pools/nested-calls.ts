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
  /** How many tasks may run at a time. */
  readonly places: number;
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
      { submit: (caller, url, name, args, sequence) => this.#submit(caller, sequence, url, name, args) },
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
  async #submit(
    caller: number,
    ofJob: number | undefined,
    url: string,
    name: string,
    args: unknown[],
  ): Promise<unknown> {
    const pool = this.#pool;
    // Before the first wait, after which another call may be current.
    const signal = servedCall()?.signal;
    const wait = this.#waitOf(caller, ofJob);
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

  #waitOf(caller: number, ofJob: number | undefined): Wait | undefined {
    const slot = this.#pool.slotOf(caller);
    return slot && { caller, sequence: this.#isWide ? ofJob : slot.firstBegun?.sequence };
  }

  get #isWide(): boolean {
    return this.#pool.settings.tasksPerWorker > 1;
  }

  #refuseIfStuck(wait: Wait, name: string): void {
    const pool = this.#pool;
    if (this.#placesOf(this.#waiting(wait)) < pool.places) return;
    // One that seems to wait may have ended its task already.
    pool.drain();
    const waiting = this.#waiting(wait);
    if (this.#placesOf(waiting) < pool.places) return;
    const report = pool.links.reportOf([...new Set(waiting.map(({ caller }) => caller))], pool.title);
    tell(report, true);
    const all = this.#isWide ? `all ${pool.places} tasks that it runs at a time` : `all of its ${pool.workers} workers`;
    throw new DeadlockError(
      `a task of this ${pool.title} waits for the task "${name}" of the same pool, and so do ${all}: none is left to run it. Give it more workers, or submit it from outside`,
      report,
    );
  }

  /** Those that would wait, with this one: each worker once, or each task of a worker that has several under way. */
  #waiting(next: Wait): Wait[] {
    const waiting = [...this.#waits, next].filter((wait) => this.#isWaiting(wait));
    return [...new Map(waiting.map((wait) => [this.#isWide ? wait.sequence : wait.caller, wait])).values()];
  }

  /** How many tasks could run in the places of those that wait. An initializer has its worker for itself. */
  #placesOf(waiting: readonly Wait[]): number {
    const { tasksPerWorker } = this.#pool.settings;
    return waiting.reduce((sum, wait) => sum + (this.#pool.slotOf(wait.caller)?.isPreparing ? tasksPerWorker : 1), 0);
  }

  #isWaiting({ caller, sequence }: Wait): boolean {
    const slot = this.#pool.slotOf(caller);
    if (slot === undefined || slot.isKilled) return false;
    const job = this.#isWide ? slot.begun.find((job) => job.sequence === sequence) : slot.firstBegun;
    if (job?.sequence !== sequence || job?.isOver === true) return false;
    return (!this.#isWide || job !== undefined) && this.#pool.links.isAlive(caller);
  }
}
