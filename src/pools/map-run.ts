import { ArgumentTypeError, CancelledError, StateError } from "../errors/index.js";
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
  /** Why it was cancelled. */
  #cancelled: { readonly reason: unknown } | undefined;
  /** Ends what the iteration waits for. */
  #interrupt: ((reason: unknown) => void) | undefined;
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

  /** Calls off what has not begun, and ends the run with `reason`, or a `CancelledError`. Does nothing once all results were given. */
  cancel(reason?: unknown): void {
    this.#cancelled ??= { reason: reason ?? new CancelledError("the map was cancelled before all of its results were there") };
    this.#callOff();
    this.#interrupt?.(this.#cancelled.reason);
  }

  /** Each result in the order of the items. Leaving the loop calls the rest off. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    if (this.#iterated) throw new StateError("a MapRun can be awaited or iterated once: call map() again, or keep the results");
    this.#iterated = true;
    const isAsync = Symbol.asyncIterator in Object(this.#items);
    const source = isAsync ? (this.#items as AsyncIterable<unknown>)[Symbol.asyncIterator]() : (this.#items as Iterable<unknown>)[Symbol.iterator]();
    /** Whether the input needs no return(): it has ended, or thrown. */
    let exhausted = false;
    /** What an async input was asked for and has not given yet. */
    let pull: Promise<IteratorResult<unknown>> | undefined;
    try {
      for (;;) {
        this.#throwIfCancelled();
        while (!exhausted && this.#open.length < this.#window) {
          exhausted = true;
          let step: IteratorResult<unknown> | undefined;
          if (isAsync) {
            pull ??= Promise.resolve(source.next());
            step = await this.#unlessCancelled(this.#stepOrResult(pull));
            if (step !== undefined) pull = undefined;
          } else {
            step = source.next() as IteratorResult<unknown>;
          }
          exhausted = step?.done === true;
          // The first result is there and the next item is not.
          if (step === undefined) break;
          if (!exhausted) this.#open.push(this.#submit(step.value));
        }
        const first = this.#open[0];
        if (first === undefined) return;
        const result = await this.#unlessCancelled(first);
        this.#open.shift();
        yield result;
      }
    } finally {
      this.#callOff();
      if (pull !== undefined) {
        // It waits for its next item, and an async generator returns only after that: nobody waits for it here.
        pull.catch(() => {});
        void (async () => source.return?.())().catch(() => {});
      } else if (!exhausted) {
        await source.return?.();
      }
    }
  }

  /** The next item, or undefined as soon as the first result is there. */
  #stepOrResult(pull: Promise<IteratorResult<unknown>>): Promise<IteratorResult<unknown> | undefined> {
    const first = this.#open[0];
    if (first === undefined) return pull;
    const ended = () => undefined;
    return Promise.race([pull, first.then(ended, ended)]);
  }

  #unlessCancelled<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      promise.then(resolve, reject);
    });
  }

  #throwIfCancelled(): void {
    if (this.#cancelled !== undefined) throw this.#cancelled.reason;
  }

  #callOff(): void {
    for (const future of this.#open.splice(0)) future.cancel(this.#cancelled?.reason);
  }

  async #collect(): Promise<R[]> {
    const results: R[] = [];
    for await (const result of this) results.push(result);
    return results;
  }
}
