import type { AsyncResource } from "node:async_hooks";
import { Alarm, offAbort, onAbort, programNow } from "../memory/index.js";
import type { Future } from "../futures/future.js";
import { openFuture, type Settler, type Work } from "../futures/future.js";
import { AS_ONE } from "../workers/job-service.js";
import { STOPS } from "../workers/lane.js";
import { type AnyFunction, identityIfTask } from "../workers/task.js";
import { type JobInHand, workerState } from "../workers/worker-state.js";
import type { CallSettings } from "./call-options.js";
import type { Chunk } from "./chunk.js";

/** What a job needs of its pool. */
export interface AsyncJobs {
  cancel(job: AsyncJob, reason: unknown): boolean;
  /** Tries again later; false when there is to be no other try. */
  retry(job: AsyncJob, error: unknown): boolean;
  settled(failure?: { readonly future: Future<unknown>; readonly error: unknown }): void;
}

/** One piece of work of an async pool: it waits in line, has a place and runs, or is over. */
export abstract class AsyncJob implements JobInHand {
  readonly call: CallSettings;
  /** When it was submitted; once it has a place, when it got that. */
  since = 0;
  attempt = 1;
  /** It waits in line, and between whom. */
  isWaiting = false;
  sooner: AsyncJob | undefined;
  later: AsyncJob | undefined;
  /** It has a place, and begins after this turn. */
  isAdmitted = false;
  /** Which of the places it has; -1 for none. */
  place = -1;
  /** Nobody wants what comes of it any more. */
  isOver = false;
  /** The asynchronous context of who submitted it: all attempts run in it. */
  scope: AsyncResource | undefined;
  /** Bounds its run, or what is left of it once it is called off. */
  timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  #calledOff: { readonly reason: unknown } | undefined;

  constructor(call: CallSettings) {
    this.call = call;
  }

  abstract readonly name: string;
  /** Begins it; a promise if it has not ended then. */
  abstract run(): unknown;
  abstract returned(value: unknown): void;
  abstract threw(error: unknown): void;
  /** It fails, whatever it is at. `calledOff`: because somebody wanted it so. */
  abstract fail(error: unknown, calledOff?: boolean): void;
  abstract progress(value: unknown): void;

  get cancelled(): boolean {
    return this.#calledOff !== undefined;
  }

  /** Made for those only who ask for it: an AbortSignal costs more than all the rest of a job. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#calledOff !== undefined) this.#controller.abort(this.#calledOff.reason);
    }
    return this.#controller.signal;
  }

  /** Asks what runs to stop. */
  callOff(reason: unknown): void {
    this.#calledOff ??= { reason };
    this.#controller?.abort(reason);
  }

  /** Another attempt of the same. */
  renew(): void {
    this.attempt++;
    this.#controller = undefined;
    this.#calledOff = undefined;
  }
}

/** One call of a function: what `pool.submit` makes. */
export class AsyncCall extends AsyncJob implements Work {
  readonly #pool: AsyncJobs;
  readonly #settler: Settler<unknown> = openFuture<unknown>(this);
  readonly #fn: AnyFunction;
  readonly #args: readonly unknown[];
  /** Ends the watch on the clock and the signal. */
  #unwatch: (() => void) | undefined;

  constructor(pool: AsyncJobs, fn: AnyFunction, call: CallSettings, args: readonly unknown[]) {
    super(call);
    this.#pool = pool;
    this.#fn = fn;
    this.#args = args;
  }

  get name(): string {
    return nameOf(this.#fn);
  }

  get future(): Future<unknown> {
    return this.#settler.future;
  }

  get isRunning(): boolean {
    return this.place >= 0;
  }

  cancel(reason: unknown): boolean {
    return this.#pool.cancel(this, reason);
  }

  /** Begins to watch the clock and the signal. */
  watch(expire: () => void): void {
    // It may have ended within the submission.
    if (this.isOver) return;
    const { signal, timeout } = this.call;
    const alarm = timeout === Number.POSITIVE_INFINITY ? undefined : new Alarm(programNow() + timeout, expire);
    const abort = () => void this.#pool.cancel(this, signal?.reason);
    onAbort(signal, abort);
    this.#unwatch = () => {
      alarm?.clear();
      offAbort(signal, abort);
    };
  }

  run(): unknown {
    return this.#fn(...this.#args);
  }

  returned(value: unknown): void {
    if (this.isOver) return;
    this.#end();
    this.#settler.resolve(value);
    this.#pool.settled();
  }

  threw(error: unknown): void {
    if (!this.isOver && !this.#pool.retry(this, error)) this.fail(error);
  }

  fail(error: unknown, calledOff = false): void {
    if (this.isOver) return;
    this.#end();
    this.#settler.reject(error, calledOff);
    this.#pool.settled({ future: this.future, error });
  }

  progress(value: unknown): void {
    if (!this.isOver) this.#settler.progress(value);
  }

  #end(): void {
    this.isOver = true;
    this.#unwatch?.();
  }
}

/** Items of a map, one after the other: a single one unless the map was given a `chunkSize`. */
export class AsyncChunk extends AsyncJob {
  readonly #chunk: Chunk;
  readonly #fn: AnyFunction;
  readonly #how: number;

  constructor(chunk: Chunk, fn: AnyFunction, how: number) {
    super(chunk.call);
    this.#chunk = chunk;
    this.#fn = fn;
    this.#how = how;
    this.attempt = chunk.attempts;
  }

  get name(): string {
    return nameOf(this.#fn);
  }

  run(): unknown {
    return this.#chunk.size === 1 ? this.#runItem(this.#chunk.from) : this.#runAll();
  }

  #runItem(index: number): unknown {
    const item = this.#chunk.segment.items[index];
    return this.#how === AS_ONE ? this.#fn(item) : this.#fn(...(item as unknown[]));
  }

  async #runAll(): Promise<void> {
    const { from, to, kind } = this.#chunk;
    for (let index = from; index < to && !this.#chunk.isOver; index++) {
      try {
        this.#deliver(await this.#runBehind(index), false);
      } catch (error) {
        this.#deliver(error, true);
        if (kind & STOPS) return;
      }
    }
  }

  /** An item after another: what the pool does around the first is done here. */
  #runBehind(index: number): unknown {
    const before = workerState.asyncJob;
    workerState.asyncJob = this;
    try {
      return this.#runItem(index);
    } finally {
      workerState.asyncJob = before;
    }
  }

  #deliver(value: unknown, threw: boolean): void {
    const chunk = this.#chunk;
    chunk.deliver(threw ? value : [value], threw, chunk.outcomes++, 1);
  }

  returned(value: unknown): void {
    if (this.#chunk.size === 1) this.#deliver(value, false);
    this.#finish();
  }

  threw(error: unknown): void {
    this.#deliver(error, true);
    this.#finish();
  }

  #finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#chunk.finish(0);
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#chunk.fail(error);
  }

  progress(): void {}
}

/** What messages call a function. */
export function nameOf(fn: AnyFunction): string {
  return identityIfTask(fn)?.name ?? (fn.name || "anonymous");
}
