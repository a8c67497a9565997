import { serve, type Served } from "../channels/served.js";
import { tell } from "../diagnosis/findings.js";
import { poolReport } from "../diagnosis/report.js";
import { DeadlockError } from "../errors/index.js";
import { Call, type CallPool } from "./call.js";
import { defaultCall } from "./call-options.js";
import type { Job } from "./job.js";
import { type NestedWork, PoolHandle } from "./pool-handle.js";
import type { PoolSettings } from "./pool-options.js";
import type { WorkerModel } from "./worker-model.js";

/** What tasks that submit to their own pool need of it. */
export interface NestedPool extends CallPool {
  readonly title: string;
  readonly settings: PoolSettings;
  readonly workers: number;
  readonly model: WorkerModel;
  /** By which reports name it: where its key stands. */
  readonly id: number;
  checkOpen(verb: string): void;
  submit(job: Job): void;
  /** Whether this worker is one of the pool's. */
  isOwn(worker: number): boolean;
}

/** Tasks of a pool that submit to it. */
export class NestedCalls {
  readonly #pool: NestedPool;
  #served: Served<NestedWork> | undefined;
  /** Workers of this pool whose tasks wait for others of it, and for how many. */
  readonly #callers = new Map<number, number>();

  constructor(pool: NestedPool) {
    this.#pool = pool;
  }

  handle(): PoolHandle {
    this.#served ??= serve<NestedWork>({ submit: (caller, url, name, args) => this.#submit(caller, url, name, args) }, { across: this.#pool.boundary });
    return new PoolHandle(this.#served);
  }

  end(): void {
    this.#served?.[Symbol.dispose]();
  }

  /**
   * A task of this pool waits for another: refused when then every worker would wait so, which nobody could ever end. One that is not waiting comes back sooner or
   * later, and takes what is in the backlog.
   */
  async #submit(caller: number, url: string, name: string, args: unknown[]): Promise<unknown> {
    const pool = this.#pool;
    const isOwn = pool.isOwn(caller);
    const before = this.#callers.get(caller) ?? 0;
    if (isOwn && this.#callers.size + (before === 0 ? 1 : 0) >= pool.workers) {
      const report = poolReport(pool.model.heap, [...new Set([...this.#callers.keys(), caller])], pool);
      tell(report, true);
      throw new DeadlockError(
        `a task of this ${pool.title} waits for the task "${name}" of the same pool, and so do all of its ${pool.workers} workers: none is left to run it. Give it more workers, or submit it from outside`,
        report,
      );
    }
    pool.checkOpen("submit");
    const call = new Call(pool, { url, name, bound: [] }, defaultCall(pool.settings), args);
    pool.submit(call);
    if (isOwn) this.#callers.set(caller, before + 1);
    try {
      return await call.future;
    } finally {
      const left = (this.#callers.get(caller) ?? 0) - 1;
      if (left > 0) this.#callers.set(caller, left);
      else this.#callers.delete(caller);
    }
  }
}
