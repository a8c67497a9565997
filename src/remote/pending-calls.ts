import { CorruptError } from "../errors/index.js";
import { realNow } from "../memory/index.js";
import type { Job } from "../pools/job.js";
import type { LinkedPool, LinkWatch } from "../pools/link.js";
import type { RemoteCargo } from "./remote-cargo.js";

/** What a link has of one id. */
export interface Pending {
  readonly cargo: RemoteCargo;
  /** Several, where one pool has submitted under one id more than once. */
  readonly jobs: Job[];
  /** Whether the server has it. */
  isKnown: boolean;
  hasBegun: boolean;
  /** It is known to be of this very task. */
  isOurs: boolean;
  /** Its outcome is on its way from the store. */
  isOpening: boolean;
}

/** The ids that a pool waits for, and how their outcomes reach its jobs. */
export class PendingCalls {
  readonly #watch: LinkWatch;
  readonly #pool: LinkedPool;
  readonly #changed: () => void;
  readonly #all = new Map<string, Pending>();
  #told = 0;
  #willTell = false;

  /** `changed`: is called when one was taken away. */
  constructor(watch: LinkWatch, pool: LinkedPool, changed: () => void) {
    this.#watch = watch;
    this.#pool = pool;
    this.#changed = changed;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Those that the server has. */
  get known(): Pending[] {
    return [...this.#all.values()].filter(({ isKnown }) => isKnown);
  }

  get(id: string): Pending | undefined {
    return this.#all.get(id);
  }

  of(job: Job): Pending | undefined {
    return this.#all.get((job.cargo as RemoteCargo | undefined)?.id ?? "");
  }

  /** Whether somebody waits for it still. */
  has(pending: Pending): boolean {
    return this.#all.get(pending.cargo.id) === pending;
  }

  add(job: Job): Pending {
    const cargo = job.cargo as RemoteCargo;
    const pending: Pending = {
      cargo,
      jobs: [job],
      isKnown: false,
      hasBegun: false,
      isOurs: cargo.digest === undefined,
      isOpening: false,
    };
    this.#all.set(cargo.id, pending);
    return pending;
  }

  /** A job waits for it no more. */
  forget(pending: Pending, job: Job): void {
    const at = pending.jobs.indexOf(job);
    if (at >= 0) pending.jobs.splice(at, 1);
    if (pending.jobs.length === 0) this.#remove(pending);
  }

  clear(): void {
    this.#all.clear();
    this.#changed();
  }

  #remove({ cargo }: Pending): void {
    this.#all.delete(cargo.id);
    this.#changed();
  }

  /** How many outcomes the pool was told since it last asked. */
  takeTold(): number {
    const told = this.#told;
    this.#told = 0;
    return told;
  }

  /** `value`: runs of outcomes, each `[how many, value or values]`, 0 for an error, -1 for that of all that follows. */
  settle(pending: Pending, value: unknown, microseconds: number): void {
    if (!this.has(pending)) return;
    const runs = runsIn(value);
    if (runs === undefined) {
      this.failAll(
        pending,
        new CorruptError(`what came of the remote task "${pending.cargo.wire.task}" are no outcomes`),
      );
      return;
    }
    this.#remove(pending);
    const now = realNow();
    for (const job of [...pending.jobs]) {
      for (const [count, what] of job.isChunk ? runs : runs.slice(0, 1)) {
        if (job.isChunk) this.#watch.outcome(job, what, count <= 0, Math.max(count === 0 ? 1 : 0, count), -1, now);
        else this.#watch.outcome(job, what, count <= 0, 1, microseconds, now);
      }
      if (job.isChunk) this.#watch.outcome(job, undefined, false, 0, microseconds, now);
      this.#tell();
    }
  }

  failAll(pending: Pending, error: unknown): void {
    if (!this.has(pending)) return;
    this.#remove(pending);
    for (const job of [...pending.jobs]) this.fail(job, error);
  }

  fail(job: Job, error: unknown): void {
    this.#watch.outcome(job, error, true, job.isChunk ? 0 : 1, 0, realNow());
    this.#tell();
  }

  /** The pool takes in what has come once for all that came together. */
  #tell(): void {
    this.#told++;
    if (this.#willTell) return;
    this.#willTell = true;
    void Promise.resolve().then(() => {
      this.#willTell = false;
      if (this.#told > 0) this.#watch.arrived();
      this.#pool.feedAnew();
    });
  }
}

/** Undefined for what is none: anybody who reaches the server writes there. */
function runsIn(value: unknown): readonly (readonly [number, unknown])[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const isRun = (run: unknown) => Array.isArray(run) && run.length === 2 && Number.isInteger(run[0]);
  return value.every(isRun) ? (value as [number, unknown][]) : undefined;
}
