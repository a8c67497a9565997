import { isPromise } from "node:util/types";
import { type Choice, choiceOf } from "../sync/selectable.js";
import { queueRealMicrotask } from "../memory/index.js";

type Subscribe = (onValue: (value: unknown) => void, onError: (error: unknown) => void) => unknown;
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Told once that a promise is settled. */
interface SettlementWatcher {
  settled(): void;
}

/** By it a promise of this copy's own kind gives what its settlement is kept in. */
export const settlementHolder: unique symbol = Symbol("settlementHolder");

/** Keeps the settlement of one promise. */
export interface SettlementHolder {
  settlement: Settlement | undefined;
}

/**
 * The settlements of promises that have no holder. A collection of garbage looks at each entry, which takes longer than
 * all else where 100,000 futures are waited for.
 */
const settlements = new WeakMap<PromiseLike<unknown>, Settlement>();

/**
 * What became of a promise, for any number of waits one after the other. Each promise is subscribed to once: a
 * subscription cannot be cancelled, so one for each wait would pile up on a promise that is waited for in a loop.
 */
export class Settlement {
  /** The first one apart: hardly any promise has two. */
  #watcher: SettlementWatcher | undefined;
  #others: Set<SettlementWatcher> | undefined;
  outcome: Outcome | undefined;

  constructor(subscribe: Subscribe) {
    subscribe(
      (value) => this.#settle({ value }),
      (error) => this.#settle({ error }),
    );
  }

  #settle(outcome: Outcome): void {
    // A thenable may say so twice.
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    const watcher = this.#watcher;
    const others = this.#others;
    this.#watcher = this.#others = undefined;
    watcher?.settled();
    if (others !== undefined) for (const other of others) other.settled();
  }

  /** Tells `watcher` once it is settled. */
  watch(watcher: SettlementWatcher): void {
    if (this.#watcher === undefined) this.#watcher = watcher;
    else (this.#others ??= new Set()).add(watcher);
  }

  unwatch(watcher: SettlementWatcher): void {
    if (this.#watcher === watcher) this.#watcher = undefined;
    else this.#others?.delete(watcher);
  }
}

/** What is known of a promise. `subscribe`: in place of its `then`. */
export function settlementOf(
  promise: PromiseLike<unknown>,
  subscribe: Subscribe = (onValue, onError) => promise.then(onValue, onError),
): Settlement {
  const known = knownOf(promise);
  if (known !== undefined) return known;
  const settlement = new Settlement(subscribe);
  const holder = holderOf(promise);
  if (holder === undefined) settlements.set(promise, settlement);
  else holder.settlement = settlement;
  return settlement;
}

function holderOf(promise: PromiseLike<unknown>): SettlementHolder | undefined {
  return (promise as { [settlementHolder]?: () => SettlementHolder })[settlementHolder]?.();
}

function knownOf(promise: PromiseLike<unknown>): Settlement | undefined {
  const holder = holderOf(promise);
  return holder === undefined ? settlements.get(promise) : holder.settlement;
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
  if (isPromise(promise) && !met.has(promise) && knownOf(promise) === undefined) {
    met.add(promise);
    const left = new Promise<never>((_, reject) => arm(reject));
    return Promise.race([promise as Promise<T>, left]);
  }
  return new Promise<T>((resolve, reject) => {
    const watch = whenSettled(promise, (outcome) => {
      if ("error" in outcome) reject(outcome.error);
      else resolve(outcome.value);
    });
    arm((reason) => {
      watch.stop();
      reject(reason);
    });
  });
}

/** A wait for what becomes of one promise. */
export interface SettlementWatch {
  /** Nothing is told from here on. */
  stop(): void;
}

class PromiseWatch<P> implements SettlementWatch, SettlementWatcher {
  readonly #promise: P;
  readonly #settlement: Settlement;
  #tell: ((outcome: never, promise: P) => void) | undefined;

  constructor(promise: P, settlement: Settlement, tell: (outcome: never, promise: P) => void) {
    this.#promise = promise;
    this.#settlement = settlement;
    this.#tell = tell;
    if (settlement.outcome === undefined) settlement.watch(this);
    else queueRealMicrotask(() => this.settled());
  }

  settled(): void {
    const tell = this.#tell;
    this.#tell = undefined;
    tell?.(this.#settlement.outcome as never, this.#promise);
  }

  stop(): void {
    if (this.#tell === undefined) return;
    this.#tell = undefined;
    this.#settlement.unwatch(this);
  }
}

/** Calls `tell` once with what becomes of a promise, and with that promise, not within this call. */
export function whenSettled<P extends PromiseLike<unknown>>(
  promise: P,
  tell: (outcome: { readonly value: Awaited<P> } | { readonly error: unknown }, promise: P) => void,
): SettlementWatch {
  return new PromiseWatch(promise, awaited(promise), tell);
}

/**
 * What `select` waits for in a promise: its value, or its error. Whether it is settled is not known before this
 * thread's loop has turned.
 */
export function promised<T>(promise: PromiseLike<T>): Choice<T> {
  const settlement = settlementOf(promise);
  return choiceOf<Outcome, T>({
    poll: () => settlement.outcome,
    open: (outcome) => {
      if ("error" in outcome) throw outcome.error;
      return outcome.value as T;
    },
    isSettled: () => settlement.outcome !== undefined,
    watch: (rouse) => watched(settlement, rouse),
  });
}

/** Calls `rouse` once it is settled; returns how to stop that. */
export function watched(settlement: Settlement, rouse: () => void): () => void {
  const watcher: SettlementWatcher = { settled: rouse };
  settlement.watch(watcher);
  return () => settlement.unwatch(watcher);
}
