import type { Future } from "../futures/future.js";
import { wasObserved } from "../futures/future.js";
import { reportUncaught } from "../workers/uncaught-hook.js";

/** Unheard errors that are told of when the pool ends. */
const MOST_REPORTED = 10;

/** A future that failed, and of what. */
export interface FailedFuture {
  readonly future: Future<unknown>;
  readonly error: unknown;
}

/** Errors of a pool's futures that nobody may have asked for: some of them are told of when it ends. */
export class Unheard {
  readonly #failures: FailedFuture[] = [];

  add(failure: FailedFuture): void {
    if (this.#failures.length < MOST_REPORTED) {
      this.#failures.push(failure);
      return;
    }
    const heard = this.#failures.findIndex(({ future }) => wasObserved(future));
    if (heard >= 0) this.#failures[heard] = failure;
  }

  report(name: string): void {
    const unheard = this.#failures.splice(0).filter(({ future }) => !wasObserved(future));
    for (const { error } of unheard) reportUncaught(error, { name });
  }
}
