import { type Choice, choiceOf } from "../sync/selectable.js";

type Subscribe = (onValue: (value: unknown) => void, onError: (error: unknown) => void) => unknown;

const settlements = new WeakMap<PromiseLike<unknown>, Settlement>();

/**
 * What became of a promise, for any number of waits one after the other. Each promise is subscribed to once: a subscription cannot be cancelled, so one for each wait
 * would pile up on a promise that is waited for in a loop.
 */
class Settlement {
  readonly #watchers = new Set<() => void>();
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;

  constructor(subscribe: Subscribe) {
    const settle = (outcome: { value: unknown } | { error: unknown }) => {
      this.outcome = outcome;
      for (const watcher of [...this.#watchers]) watcher();
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

/** What `select` waits for in a promise: its value, or its error. Whether it is settled is not known before this thread's loop has turned. */
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
