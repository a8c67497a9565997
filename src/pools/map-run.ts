import { ArgumentTypeError, StateError } from "../errors/index.js";
import type { Future } from "../futures/future.js";

/**
 * One run of `pool.map`: a promise of all results, and an async iterable of them, in the order of the items.
 * It starts when it is first awaited or iterated, and can be consumed once.
 */
export class MapRun<R> implements Promise<R[]>, AsyncIterable<R> {
  readonly [Symbol.toStringTag] = "MapRun";
  readonly #submit: (item: unknown) => Future<R>;
  readonly #items: Iterable<unknown> | AsyncIterable<unknown>;
  /** Most items that are submitted and not yet consumed. */
  readonly #window: number;
  #promise: Promise<R[]> | undefined;
  #iterated = false;
  #cancelled = false;
  readonly #open: Future<R>[] = [];

  constructor(submit: (item: unknown) => Future<R>, items: Iterable<unknown> | AsyncIterable<unknown>, window: number) {
    if (
      items === null ||
      (typeof items !== "object" && typeof items !== "string") ||
      !(Symbol.iterator in Object(items) || Symbol.asyncIterator in Object(items))
    ) {
      throw new ArgumentTypeError(`map(task, items): items must be an iterable or async iterable, got ${items === null ? "null" : typeof items}`);
    }
    this.#submit = submit;
    this.#items = items;
    this.#window = window;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise.
  then<A = R[], B = never>(onValue?: ((results: R[]) => A | PromiseLike<A>) | null, onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    this.#promise ??= this.#collect();
    return this.#promise.then(onValue, onError);
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<R[] | B> {
    return this.then(undefined, onError);
  }

  finally(onEnd?: (() => void) | null): Promise<R[]> {
    return this.then().finally(onEnd);
  }

  /** Calls off what has not begun. */
  cancel(reason?: unknown): void {
    this.#cancelled = true;
    for (const future of this.#open.splice(0)) future.cancel(reason);
  }

  /** Each result in the order of the items. Leaving the loop calls the rest off. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    if (this.#iterated) throw new StateError("a MapRun can be awaited or iterated once: call map() again, or keep the results");
    this.#iterated = true;
    const source =
      Symbol.asyncIterator in Object(this.#items)
        ? (this.#items as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        : (this.#items as Iterable<unknown>)[Symbol.iterator]();
    let exhausted = false;
    try {
      for (;;) {
        while (!exhausted && !this.#cancelled && this.#open.length < this.#window) {
          const { done, value } = await source.next();
          if (done === true) exhausted = true;
          else this.#open.push(this.#submit(value));
        }
        const first = this.#open[0];
        if (first === undefined) return;
        const result = await first;
        this.#open.shift();
        yield result;
      }
    } finally {
      this.cancel();
      if (!exhausted) await source.return?.();
    }
  }

  async #collect(): Promise<R[]> {
    const results: R[] = [];
    for await (const result of this) results.push(result);
    return results;
  }
}
