import { isPromise } from "node:util/types";
import { type Choice, choiceOf } from "../sync/selectable.js";
import { queueRealMicrotask } from "../memory/index.js";

type Subscribe = (onValue: (value: unknown) => void, onError: (error: unknown) => void) => unknown;

const settlements = new WeakMap<PromiseLike<unknown>, Settlement>();

/**
 * What became of a promise, for any number of waits one after the other. Each promise is subscribed to once: a
 * subscription cannot be cancelled, so one for each wait would pile up on a promise that is waited for in a loop.
 */
class Settlement {
  readonly #watchers = new Set<() => void>();
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;

  constructor(subscribe: Subscribe) {
    const settle = (outcome: { value: unknown } | { error: unknown }) => {
      // A thenable may say so twice.
      if (this.outcome !== undefined) return;
      this.outcome = outcome;
      const watchers = [...this.#watchers];
      this.#watchers.clear();
      for (const watcher of watchers) watcher();
    };
    subscribe(
      (value) => settle({ value }),
      (error) => settle({ error }),
    );
  }

  /** Calls `watcher` once it is settled; returns how to stop that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }
}

/** What is known of a promise. `subscribe`: in place of its `then`. */
export function settlementOf(promise: PromiseLike<unknown>, subscribe: Subscribe = (onValue, onError) => promise.then(onValue, onError)): Settlement {
  let settlement = settlements.get(promise);
  if (settlement === undefined) settlements.set(promise, (settlement = new Settlement(subscribe)));
  return settlement;
}

/**
 * What becomes of a promise, for one wait of several. Of a thenable that is no promise each wait asks for itself:
 * calling `then` may be what begins its work, as of a query.
 */
function awaited(promise: PromiseLike<unknown>): Settlement {
  if (!isPromise(promise)) return new Settlement((onValue, onError) => promise.then(onValue, onError));
  // As `await` does, also where somebody else has subscribed: a Future learns by it that its value is wanted.
  void promise.constructor;
  return settlementOf(promise);
}

/** Promises that were waited for once. */
const met = new WeakSet<PromiseLike<unknown>>();

/**
 * What a promise comes to, unless the waiter leaves before: `arm` is given how. However often it is waited for, nothing
 * piles up on a promise that lives long. The first wait is a `Promise.race`, which leaves its reactions there: through
 * that the stack of an error leads to the waiter, as V8 tells it. Most promises have no second wait.
 */
export function settledOrLeft<T>(promise: PromiseLike<T>, arm: (leave: (reason: unknown) => void) => void): Promise<T> {
  if (isPromise(promise) && !met.has(promise) && !settlements.has(promise)) {
    met.add(promise);
    const left = new Promise<never>((_, reject) => arm(reject));
    return Promise.race([promise as Promise<T>, left]);
  }
  return new Promise<T>((resolve, reject) => {
    const unwatch = whenSettled(promise, (outcome) => {
      if ("error" in outcome) reject(outcome.error);
      else resolve(outcome.value);
    });
    arm((reason) => {
      unwatch();
      reject(reason);
    });
  });
}

/** Calls `watcher` once with what becomes of a promise, not within this call; returns how to stop that. */
export function whenSettled<T>(promise: PromiseLike<T>, watcher: (outcome: { readonly value: T } | { readonly error: unknown }) => void): () => void {
  const settlement = awaited(promise);
  let isOver = false;
  const look = (): void => {
    if (isOver || settlement.outcome === undefined) return;
    isOver = true;
    watcher(settlement.outcome as { readonly value: T } | { readonly error: unknown });
  };
  if (settlement.outcome !== undefined) {
    queueRealMicrotask(look);
    return () => {
      isOver = true;
    };
  }
  const unwatch = settlement.watch(look);
  return () => {
    isOver = true;
    unwatch();
  };
}

/**
 * What `select` waits for in a promise: its value, or its error. Whether it is settled is not known before this
 * thread's loop has turned.
 */
export function promised<T>(promise: PromiseLike<T>): Choice<T> {
  const settlement = settlementOf(promise);
  return choiceOf<NonNullable<Settlement["outcome"]>, T>({
    poll: () => settlement.outcome,
    open: (outcome) => {
      if ("error" in outcome) throw outcome.error;
      return outcome.value as T;
    },
    isSettled: () => settlement.outcome !== undefined,
    watch: (rouse) => settlement.watch(rouse),
  });
}
