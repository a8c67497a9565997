import { ArgumentTypeError, TimeoutError, ownOptions } from "../errors/index.js";
import { type Future, openFuture, type Settler, type Work } from "../futures/future.js";
import { findOwner } from "../futures/unhandled-failures.js";
import { Alarm, awaitDeadlineOf, isSignal, offAbort, onAbort, programNow, type WaitOptions } from "../parking/index.js";

/** `options` over `before`, checked. */
export function limitsOver(before: WaitOptions, options: WaitOptions): WaitOptions {
  awaitDeadlineOf(options);
  const { signal = before.signal, timeout = before.timeout } = ownOptions(options);
  if (signal !== undefined && !isSignal(signal))
    throw new ArgumentTypeError(`options.signal must be an AbortSignal, got ${typeof signal}`);
  return { signal, timeout };
}

/** The call of a served object's method, as its caller sees it. */
export class RemoteCall implements Work {
  /** Where it stands is known to the owner only, who takes calls as they come. */
  readonly isRunning = true;
  readonly #name: string;
  readonly #limits: WaitOptions;
  readonly #settler: Settler<unknown> = openFuture<unknown>(this);
  #isOver = false;
  #tellOwner = () => {};
  #alarm: Alarm | undefined;
  #abort: (() => void) | undefined;

  constructor(name: string, limits: WaitOptions) {
    this.#name = name;
    this.#limits = limits;
  }

  get future(): Future<unknown> {
    return this.#settler.future;
  }

  /** Makes the call. `make` gives what tells the owner that it is called off. */
  begin(make: () => () => void): void {
    const { signal, timeout } = this.#limits;
    if (signal?.aborted) {
      this.reject(signal.reason, true);
      return;
    }
    try {
      this.#tellOwner = make();
    } catch (error) {
      this.reject(error);
      return;
    }
    if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY)
      this.#alarm = new Alarm(programNow() + timeout, () => this.#stop(outOfTime(this.#name, timeout), false));
    if (signal === undefined) return;
    this.#abort = () => this.#stop(signal.reason, true);
    onAbort(signal, this.#abort);
  }

  cancel(reason: unknown): boolean {
    if (this.#isOver) return false;
    this.#stop(reason, true);
    return true;
  }

  readonly resolve = (value: unknown): void => {
    if (this.#end()) this.#settler.resolve(value);
  };

  readonly reject = (error: unknown, calledOff = false): void => {
    if (!this.#end()) return;
    this.#settler.reject(error, calledOff);
    if (!calledOff) findOwner({ future: this.future, error }, `the call of "${this.#name}"`);
  };

  #stop(reason: unknown, calledOff: boolean): void {
    this.#tellOwner();
    this.reject(reason, calledOff);
  }

  /** Takes down what watches it; false when it had ended already. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#alarm?.clear();
    if (this.#abort !== undefined) offAbort(this.#limits.signal, this.#abort);
    return true;
  }
}

/** What a call fails of that has not ended in time. */
export function outOfTime(name: string, timeout: number): TimeoutError {
  return new TimeoutError(`the call of "${name}" had not ended within ${timeout} ms and was called off`);
}
