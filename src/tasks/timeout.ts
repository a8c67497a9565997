import { setMaxListeners } from "node:events";
import { ArgumentRangeError, ArgumentTypeError, StateError, TimeoutError } from "../errors/index.js";
import { clearRealImmediate, setRealImmediate } from "../memory/index.js";
import {
  Alarm,
  fromPerformance,
  offAbort,
  onAbort,
  programNow,
  SIGNAL_OPTIONS,
  signalOf,
  toPerformance,
} from "../parking/index.js";
import { checkedMs } from "./milliseconds.js";
import { settledOrLeft } from "../futures/settlement.js";
import { isThenable } from "../sync/thenable.js";
import { isEcho } from "./echo.js";

/**
 * A block's limit, as the block sees it. `timeout` and `timeoutAt` give it to the block.
 *
 * @example
 * ```ts
 * import { sleep, timeout } from "allcores";
 * const text = await timeout(5, async (scope) => {
 *   scope.reschedule(1000);
 *   await sleep(10, { signal: scope.signal });
 *   scope.rescheduleAt(scope.when + 1000);
 *   return scope.isExpired ? "too late" : "in time";
 * });
 * console.log(text); // in time
 * ```
 */
export class TimeoutScope {
  readonly #alarm: Alarm;
  readonly #outer: AbortSignal | undefined;
  #controller: AbortController | undefined;
  /** What has ended it before its work did. */
  #end: { readonly reason: unknown } | undefined;
  #isExpired = false;
  #isOver = false;
  #leave: ((reason: unknown) => void) | undefined;
  #verdict: NodeJS.Immediate | undefined;

  /** @internal Made by `timeout` and `timeoutAt`. `when`: a moment of `programNow()`. */
  constructor(when: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#alarm = new Alarm(when, this.#ring);
    onAbort(outer, this.#aborted);
  }

  /**
   * Aborts when the time has run out, or when `options.signal` does. A block that has asked for it is expected to end
   * then, and waited for; any other is left at once.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      setMaxListeners(0, this.#controller.signal);
      if (this.#end !== undefined) this.#controller.abort(this.#end.reason);
    }
    return this.#controller.signal;
  }

  /** When the time runs out, on this thread's `performance.now()`; Infinity for never. */
  get when(): number {
    return toPerformance(this.#alarm.when);
  }

  /** Whether the time has run out. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /**
   * The former name of `isExpired`.
   * @deprecated Use `isExpired`.
   */
  get expired(): boolean {
    return this.isExpired;
  }

  /**
   * Gives the block `ms` milliseconds from now on, in place of what it had.
   *
   * @param ms milliseconds from 0; `Infinity` for no limit
   * @throws `ERR_ALLCORES_STATE` when the block has ended, its time has run out or its signal has aborted;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what is no time
   * @remarks **Cost:** one timer is set anew.
   */
  reschedule(ms: number): void {
    this.#reschedule(programNow() + checkedMs("scope.reschedule(ms)", ms));
  }

  /**
   * Gives the block until `when`, in place of what it had.
   *
   * @param when milliseconds of this thread's `performance.now()`; `Infinity` for no limit
   * @throws as `reschedule`: `ERR_ALLCORES_STATE`, `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`
   * @remarks **Cost:** one timer is set anew.
   */
  rescheduleAt(when: number): void {
    checkMoment("scope.rescheduleAt(when)", when);
    this.#reschedule(fromPerformance(when));
  }

  #reschedule(when: number): void {
    if (this.#isOver) throw new StateError("the block of this timeout has ended: there is nothing to reschedule");
    if (this.#end !== undefined)
      throw new StateError("the time of this block has run out, or it was cancelled: reschedule() before that");
    clearRealImmediate(this.#verdict);
    this.#alarm.set(when);
  }

  /** @internal Waits for the block. `patient`: also for its clean-up. */
  async hold<T>(work: T, patient: boolean): Promise<Awaited<T>> {
    if (!isThenable(work)) return work as Awaited<T>;
    return (await settledOrLeft(work, (leave) => {
      this.#leave = (reason) => {
        if (!patient || this.#controller === undefined) leave(reason);
      };
    })) as Awaited<T>;
  }

  /** @internal The block is over. Gives what its error, if that is what it ended with, comes to. */
  close(error?: unknown): unknown {
    this.#isOver = true;
    this.#alarm.clear();
    clearRealImmediate(this.#verdict);
    offAbort(this.#outer, this.#aborted);
    if (this.#end === undefined) return error;
    return error === this.#end.reason || (this.#controller !== undefined && isEcho(this.#controller.signal, error))
      ? this.#end.reason
      : error;
  }

  readonly #ring = (): void => {
    // A result that lies ready in the loop, behind this timer, comes first.
    this.#verdict = setRealImmediate(() => {
      if (this.#end !== undefined) return;
      this.#isExpired = true;
      this.#stop(new TimeoutError("the block had not ended when its time ran out"));
    });
  };

  readonly #aborted = (): void => this.#stop(this.#outer!.reason);

  #stop(reason: unknown): void {
    if (this.#end !== undefined || this.#isOver) return;
    this.#end = { reason };
    this.#alarm.clear();
    this.#controller?.abort(reason);
    this.#leave?.(reason);
  }
}

/**
 * Runs a block that has `ms` milliseconds; then `scope.signal` aborts, and when the block has ended, `TimeoutError` is
 * thrown: Python's `asyncio.timeout`.
 *
 * A block that never asked for `scope.signal` cannot hear it: it is left at once, and what becomes of it is ignored. A
 * result counts even if it comes late, when it was ready as the time ran out or the block brings it in spite of the
 * signal. An error of the block is thrown as it is; the TimeoutError of another block within it is never taken for this
 * one's, nor the other way round. `Infinity` is no limit, to be set by `scope.reschedule`.
 *
 * @param ms milliseconds from 0
 * @param fn the block
 * @param options `signal`: aborts `scope.signal` too
 * @returns what the block gives
 * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out; what the block throws; `ERR_ALLCORES_ARGUMENT_TYPE` and
 *   `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense; the reason of `signal`
 * @remarks **Cancel:** the block hears it by `scope.signal`, and is waited for. **Cost:** one timer and one signal.
 *
 * @example
 * ```ts
 * import { sleep, timeout, TimeoutError } from "allcores";
 * const text = await timeout(1000, async ({ signal }) => {
 *   await sleep(5, { signal });
 *   return "in time";
 * });
 * console.log(text); // in time
 * const late = await timeout(5, ({ signal }) => sleep(60_000, { signal })).catch((error) => error instanceof TimeoutError);
 * console.log(late); // true
 * ```
 */
export async function timeout<T>(
  ms: number,
  fn: (scope: TimeoutScope) => T,
  options?: { signal?: AbortSignal | undefined },
): Promise<Awaited<T>> {
  return await within(
    "timeout(ms, fn)",
    programNow() + checkedMs("timeout(ms, fn)", ms),
    fn,
    signalOf(options, SIGNAL_OPTIONS),
  );
}

/**
 * As `timeout`, until a moment on this thread's `performance.now()`.
 *
 * @param when milliseconds of `performance.now()`
 * @param fn the block
 * @param options as of `timeout`
 * @returns what the block gives
 * @throws `ERR_ALLCORES_TIMEOUT` when the moment came; what the block throws; `ERR_ALLCORES_ARGUMENT_TYPE` and
 *   `ERR_ALLCORES_ARGUMENT_RANGE` for what makes no sense; the reason of `signal`
 * @remarks **Cancel:** as `timeout`. **Cost:** as `timeout`.
 *
 * @example
 * ```ts
 * import { sleep, timeoutAt } from "allcores";
 * const deadline = performance.now() + 1000;
 * for (const ms of [5, 10]) await timeoutAt(deadline, ({ signal }) => sleep(ms, { signal }));
 * ```
 */
export async function timeoutAt<T>(
  when: number,
  fn: (scope: TimeoutScope) => T,
  options?: { signal?: AbortSignal | undefined },
): Promise<Awaited<T>> {
  checkMoment("timeoutAt(when, fn)", when);
  return await within("timeoutAt(when, fn)", fromPerformance(when), fn, signalOf(options, SIGNAL_OPTIONS));
}

async function within<T>(
  call: string,
  when: number,
  fn: (scope: TimeoutScope) => T,
  signal: AbortSignal | undefined,
): Promise<Awaited<T>> {
  if (typeof fn !== "function")
    throw new ArgumentTypeError(
      `${call}: fn must be a function, got ${typeof fn}; for a promise there is waitFor(promise, { timeout })`,
    );
  const scope = new TimeoutScope(when, signal);
  try {
    const value = await scope.hold(fn(scope), true);
    scope.close();
    return value;
  } catch (error) {
    throw scope.close(error);
  }
}

function checkMoment(call: string, when: unknown): void {
  if (typeof when !== "number")
    throw new ArgumentTypeError(`${call}: when must be a moment on performance.now(), got ${typeof when}`);
  if (Number.isNaN(when)) throw new ArgumentRangeError(`${call}: when must be a moment on performance.now(), got NaN`);
}
