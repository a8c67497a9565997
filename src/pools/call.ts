import { AsyncResource } from "node:async_hooks";
import { type Boundary, encode, type Message } from "../codec/index.js";
import { type Future, openFuture, type Settler, type Work } from "../futures/future.js";
import type { AnyFunction, TaskIdentity } from "../workers/task.js";
import { CallLimits } from "./call-limits.js";
import type { CallSettings } from "./call-options.js";
import { Job } from "./job.js";
import type { JobStates } from "./job-states.js";
import type { Loss } from "./loss.js";

/** What a call needs of its pool. */
export interface CallPool {
  readonly states: JobStates;
  /** The time of a submission. */
  now(): number;
  cancel(job: Job, reason: unknown): boolean;
  /** Ends a job with an error, wherever it stands. */
  expire(job: Job, error: unknown): void;
  /** Tries again later; false when there is to be no other try. */
  retry(call: Call, error: unknown): boolean;
  settled(job: Job, failure?: { readonly future: Future<unknown>; readonly error: unknown }): void;
}

/** One call of a task: what `pool.submit` makes. */
export class Call extends Job implements Work {
  declare private pool: CallPool;
  declare private readonly settler: Settler<unknown>;
  /** Kept for another try, and for another scheduler, only. */
  declare private args: readonly unknown[] | undefined;
  declare readonly isMovable: boolean;
  /** The asynchronous context of who made it, for what is asked about another try. */
  declare readonly scope: AsyncResource | undefined;
  declare private value: unknown;
  declare private threw: boolean;
  /** Until it is over. */
  declare private watch: CallLimits | undefined;

  /** `isMovable`: it may go to another scheduler before it begins. */
  constructor(pool: CallPool, task: TaskIdentity, call: CallSettings, args: readonly unknown[], isMovable = false) {
    super(task, call, pool.now());
    this.isMovable = isMovable;
    this.pool = pool;
    this.settler = openFuture<unknown>(this);
    this.args = task.bound.length === 0 ? args : [...task.bound, ...args];
    this.scope = call.retries.limit > 0 ? new AsyncResource("PoolCall") : undefined;
    this.value = undefined;
    this.threw = false;
    this.watch = undefined;
  }

  get future(): Future<unknown> {
    return this.settler.future;
  }

  get isRunning(): boolean {
    return this.holder?.hasBegun(this) === true;
  }

  cancel(reason: unknown): boolean {
    return this.pool.cancel(this, reason);
  }

  /** It is in the hands of another scheduler from here on. */
  moveTo(pool: CallPool): void {
    this.pool = pool;
  }

  /** Begins to watch the clock and the signal. */
  limit(late: () => Error): void {
    // It may have ended within the submission.
    if (!this.isOver)
      this.watch = new CallLimits(
        this.call,
        () => this.pool.expire(this, late()),
        () => void this.pool.cancel(this, this.call.signal?.reason),
      );
  }

  override get limits(): CallLimits | undefined {
    return this.watch;
  }

  encode(boundary: Boundary, apart?: string): Message {
    const args = this.args!;
    const retried = this.call.retries.limit > 0;
    // What was moved is not here any more for another try.
    const transfer = boundary === "processes" || retried ? [] : this.call.transfer;
    const marks = retried ? "drop" : "move";
    const message = encode(args, {
      to: boundary,
      root: "args",
      attach: boundary === "threads",
      transfer,
      marks,
      list: true,
      apart,
    });
    if (!retried && !this.isMovable) this.args = undefined;
    return message;
  }

  run(fn: AnyFunction): unknown {
    return fn(...this.args!);
  }

  deliver(value: unknown, threw: boolean): void {
    this.value = value;
    this.threw = threw;
  }

  finish(): void {
    const value = this.value;
    this.value = undefined;
    if (this.isOver) return;
    if (this.threw) {
      if (!this.pool.retry(this, value)) this.fail(value);
      return;
    }
    this.end();
    this.settler.resolve(value);
    this.pool.settled(this);
  }

  fail(error: unknown, calledOff = false): void {
    if (this.isOver) return;
    this.end();
    this.settler.reject(error, calledOff);
    this.pool.settled(this, { future: this.future, error });
  }

  lose(loss: Loss): readonly Job[] {
    if (this.isOver) return [];
    const error = loss.errorFor(this);
    if (!this.pool.retry(this, error)) this.fail(error);
    return [];
  }

  progress(value: unknown): void {
    if (!this.isOver) this.settler.progress(value);
  }

  private end(): void {
    this.pool.states.settle(this);
    this.args = undefined;
    this.watch?.clear();
  }
}
