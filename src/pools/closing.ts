import { CancelledError, StateError } from "../errors/index.js";

/**
 * How a pool comes to its end: it takes no more work, gives up what still runs, and tells those who wait once all is
 * over.
 */
export class Closing {
  readonly #title: string;
  #isClosed = false;
  #isEnded = false;
  #isOver = false;
  /** Why this pool can do no work. */
  #failure: unknown;
  #whyEnded: (() => unknown) | undefined;
  #waiting: (() => void)[] = [];

  constructor(title: string) {
    this.#title = title;
  }

  /** It takes no more work. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What still ran was given up. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** It was terminated, or has failed. */
  get isTerminated(): boolean {
    return this.#whyEnded !== undefined;
  }

  /** The error of what had not ended when the pool was terminated; undefined where it was not. */
  get reason(): unknown {
    return this.#whyEnded?.();
  }

  /** @throws StateError, InitializerError, MainGuardError once it takes no more work */
  checkOpen(verb: string): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosed)
      throw new StateError(`this ${this.#title} was closed: ${verb} before close(), or make a new pool`);
  }

  /** @throws StateError while it still takes work */
  checkClosed(verb: string): void {
    if (this.#isClosed) return;
    const article = /^[AEIO]/.test(this.#title) ? "an" : "a";
    throw new StateError(
      `${verb}() of ${article} ${this.#title} would wait for ever: call close() or terminate() first`,
    );
  }

  close(): void {
    this.#isClosed = true;
  }

  /** What still runs is given up; nothing is told of it where the program is about to end, and there is no reason. */
  end(reason?: () => unknown): void {
    this.#isClosed = true;
    this.#isEnded = true;
    this.#whyEnded ??= reason;
  }

  fail(failure: unknown): void {
    this.#failure = failure;
  }

  /** The workers have ended; false when that was told before. */
  finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#isEnded = true;
    return true;
  }

  whenOver(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Goes on with those who wait for the end. */
  tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** What ends the tasks of a pool that is terminated. */
export function terminated(): CancelledError {
  return new CancelledError("the pool was terminated before the task had ended");
}
