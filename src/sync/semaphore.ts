import { Handle, type Reach, registerShared } from "../codec/shared-object.js";
import { ArgumentRangeError, ArgumentTypeError, NotHeldError, NotOwnerError, ReleasedTooOftenError, TimeoutError } from "../errors/index.js";
import { type Attempt, deadlineOf, KIND, onDestroy, onInspect, signalOf, type SyncWait, type WaitOptions } from "../memory/index.js";
import type { Held } from "./held.js";
import { HOLD_TABLE_WORDS, HoldTable } from "./hold-table.js";
import { MONITOR, MONITOR_WORDS, Monitor } from "./monitor.js";
import { Patience } from "./patience.js";
import { type Choice, choiceOf, type Selectable, selectable } from "./selectable.js";

const SEMAPHORE = {
  /** All permits there are, free or held. With the hold table, the truth. */
  permits: MONITOR_WORDS,
  /** Free permits: permits - what the table holds. Derived. */
  free: MONITOR_WORDS + 1,
  /** The most permits there may ever be; 0 for no bound. */
  bound: MONITOR_WORDS + 2,
  /** 1 while a waiter was beaten for too long: newcomers queue up. */
  reserved: MONITOR_WORDS + 3,
  holds: MONITOR_WORDS + 4,
  /** 1 once a holder died, until a holder says that it is consistent. */
  inconsistent: MONITOR_WORDS + 4 + HOLD_TABLE_WORDS,
} as const;
const SIZE = SEMAPHORE.inconsistent + 1;
const MOST_PERMITS = 0x7fffffff;
/** A waiter beaten this long keeps newcomers out. */
const STARVING_MS = 5;

const giveBack = Symbol("giveBack");
const handOff = Symbol("handOff");

class Permit implements Held {
  readonly #semaphore: Semaphore;
  readonly ownerDied: boolean;
  #over = false;
  constructor(semaphore: Semaphore, ownerDied: boolean) {
    this.#semaphore = semaphore;
    this.ownerDied = ownerDied;
  }
  handOff(worker: number): void {
    if (this.#over) throw new NotOwnerError("this permit was given back already");
    this.#semaphore[handOff](worker);
    this.#over = true;
  }
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#semaphore[giveBack]();
  }
}

/**
 * A number of permits; `acquire` takes one and waits while there is none.
 *
 * `release(n)` first gives back what this worker holds and then adds new permits, so a signal from a worker that holds none works as in Python, and disposing a
 * permit that was released already does nothing.
 * **Fairness:** barging, with a bound of 5 ms, as `Lock`. **Death:** a permit held by a worker that ends comes back, within a second, once it is asked for; from then on
 * whoever gets one sees `held.ownerDied`, until a holder calls `consistent()`.
 *
 * @example
 * ```ts
 * import { Semaphore } from "allcores";
 * const connections = new Semaphore(2);
 * {
 *   using a = connections.acquireSync();
 *   using b = connections.acquireSync();
 *   console.log(connections.tryAcquire()); // undefined
 * }
 * console.log(connections.value); // 2
 * ```
 */
export class Semaphore extends Monitor implements Selectable<Held> {
  readonly #holds: HoldTable;

  /** `value`: the permits at the start, a whole number from 0. */
  constructor(value?: number, reach?: Reach);
  constructor(value: number | undefined, reach: Reach | Handle | undefined);
  constructor(value: number | undefined = 1, reach?: Reach | Handle) {
    if (typeof value !== "number") throw new ArgumentTypeError(`new Semaphore(value): value must be a number, got ${typeof value}`);
    if (!Number.isInteger(value) || value < 0 || value > MOST_PERMITS)
      throw new ArgumentRangeError(`new Semaphore(value): value must be a whole number from 0 to ${MOST_PERMITS}, got ${value}`);
    super(KIND.semaphore, SIZE, reach);
    this.#holds = new HoldTable(this.heap, this.at + SEMAPHORE.holds);
    if (!(reach instanceof Handle)) {
      this.words[this.at + SEMAPHORE.permits] = value;
      this.words[this.at + SEMAPHORE.free] = value;
    }
  }

  /** @internal */
  static attach(handle: Handle): Semaphore {
    return new Semaphore(0, handle as never);
  }

  /** @internal Sets the most permits there may be. */
  protected set bound(most: number) {
    this.words[this.at + SEMAPHORE.bound] = most;
  }

  /** How many permits are free now. */
  get value(): number {
    this.checkUsable();
    return this.words[this.at + SEMAPHORE.free]!;
  }

  /** Takes a permit, blocking this thread until there is one. @throws TimeoutError */
  acquireSync(options?: SyncWait): Held {
    const deadline = deadlineOf(options);
    return this.tryAcquire() ?? (deadline === 0 ? undefined : this.heap.parker.blockUntil(this.at, this.#attempt(), deadline)) ?? this.#timedOut(options);
  }

  /** Takes a permit without blocking the event loop. @throws TimeoutError; the reason of `options.signal` */
  async acquire(options?: WaitOptions): Promise<Held> {
    const deadline = deadlineOf(options);
    const signal = signalOf(options);
    return (
      this.tryAcquire() ??
      (deadline === 0 ? undefined : await this.heap.parker.waitUntil(this.at, this.#attempt(), deadline, signal)) ??
      this.#timedOut(options)
    );
  }

  /** Takes a permit if one is free now; never waits. */
  tryAcquire(): Held | undefined {
    if (this.words[this.at + SEMAPHORE.free]! <= 0) this.heap.registry.reap();
    let reclaimed = false;
    const permit = this.inside(() => {
      if (this.words[this.at + SEMAPHORE.free]! <= 0) reclaimed = this.#reclaim();
      else if (this.words[this.at + SEMAPHORE.reserved] === 1 && this.heap.waitQueue.countWaiters(this.at, 1) > 0) return undefined;
      return this.#take();
    });
    if (reclaimed) this.#wakeForTheRest();
    return permit;
  }

  /** Runs `fn` holding a permit, given back when its promise settles. */
  async run<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    using held = await this.acquire(options);
    return await fn(held);
  }

  /** Runs `fn` holding a permit, for code that cannot say `using`. */
  runSync<R>(fn: (held: Held) => R, options?: SyncWait): R {
    using held = this.acquireSync(options);
    return fn(held);
  }

  /** Gives back `n` permits that this worker holds, or adds them. @throws ReleasedTooOftenError when a bounded semaphore would exceed its bound */
  release(n = 1): void {
    if (!Number.isInteger(n)) throw new ArgumentTypeError(`release(n): n must be a whole number, got ${n}`);
    if (n < 1) throw new ArgumentRangeError(`release(n): n must be 1 or more, got ${n}`);
    this.inside(() => {
      const { words, at } = this;
      const bound = words[at + SEMAPHORE.bound]!;
      const free = words[at + SEMAPHORE.free]!;
      if (bound !== 0 && free + n > bound)
        throw new ReleasedTooOftenError(`${this.title} was released more often than acquired: ${n} more would make ${free + n} free of ${bound}`);
      const own = Math.min(n, this.#holds.mine);
      if (words[at + SEMAPHORE.permits]! + n - own > MOST_PERMITS) throw new ArgumentRangeError(`release(${n}) would make more than ${MOST_PERMITS} permits`);
      if (own > 0) this.#holds.add(this.self, -own);
      words[at + SEMAPHORE.permits] = words[at + SEMAPHORE.permits]! + n - own;
      words[at + SEMAPHORE.free] = free + n;
    });
    if (n === 1) this.wakeFor(this.at, this.words[this.at + SEMAPHORE.free]!);
    else this.wake(this.at, n);
  }

  /**
   * What a dead holder left half done is in order again: later holders are no longer told. A holder says it.
   * @throws NotHeldError when this worker holds no permit
   *
   * @example
   * ```ts
   * import { Semaphore } from "allcores";
   * const connections = new Semaphore(2);
   * connections.runSync((held) => {
   *   if (held.ownerDied) connections.consistent(); // once its half-open connection is closed
   * });
   * ```
   */
  consistent(): void {
    this.inside(() => {
      if (this.#holds.mine === 0) throw new NotHeldError(`this worker holds no permit of ${this.title}: call consistent() before you give it back`);
      this.words[this.at + SEMAPHORE.inconsistent] = 0;
    });
  }

  /** What `select` waits for: a permit, which is acquired if it is chosen. */
  [selectable](): Choice<Held> {
    return choiceOf({ heap: this.heap, key: this.at, poll: () => this.tryAcquire(), begin: () => this.#attempt(), open: (held) => held });
  }

  [giveBack](): void {
    if (this.at === 0) return;
    const returned = this.inside(() => {
      if (this.#holds.mine === 0) return false;
      const surplus = this.#dropSurplus(1);
      this.#holds.add(this.self, -1);
      if (surplus === 1) return false;
      this.words[this.at + SEMAPHORE.free]!++;
      return true;
    });
    if (returned) this.wakeFor(this.at, this.words[this.at + SEMAPHORE.free]!);
  }

  [handOff](worker: number): void {
    this.inside(() => {
      if (!this.heap.registry.isAlive(worker))
        throw new NotOwnerError(`a permit of ${this.title} cannot be handed to worker ${worker}: no such worker is alive in its reach`);
      if (this.#holds.mine === 0) throw new NotOwnerError(`this permit of ${this.title} was released already`);
      // The heir first: its cell may need memory, and a throw must not change anything.
      this.#holds.add(worker, 1);
      this.#holds.add(this.self, -1);
    });
  }

  protected rebuild(): void {
    const { words, at } = this;
    words[at + SEMAPHORE.free] = words[at + SEMAPHORE.permits]! - this.#holds.total;
  }

  #reclaim(): boolean {
    const reclaimed = this.#holds.reclaim(() => {
      this.words[this.at + SEMAPHORE.inconsistent] = 1;
    });
    if (reclaimed > 0) {
      this.#dropSurplus(reclaimed);
      this.rebuild();
    }
    return reclaimed > 0;
  }

  /** Of `n` held permits that come back, how many others had released in their holder's stead: those were added then, and must not count twice now. */
  #dropSurplus(n: number): number {
    const { words, at } = this;
    const bound = words[at + SEMAPHORE.bound]!;
    if (bound === 0) return 0;
    const surplus = Math.max(0, Math.min(n, words[at + SEMAPHORE.permits]! - bound));
    words[at + SEMAPHORE.permits] = words[at + SEMAPHORE.permits]! - surplus;
    return surplus;
  }

  #take(): Permit | undefined {
    const { words, at } = this;
    if (words[at + SEMAPHORE.free]! <= 0) return undefined;
    this.#holds.add(this.self, 1);
    words[at + SEMAPHORE.free]!--;
    return new Permit(this, words[at + SEMAPHORE.inconsistent] === 1);
  }

  #attempt(): Attempt<Held> {
    let since = 0;
    const patience = new Patience();
    return (granted) => {
      if (granted) this.arrive(MONITOR.waiters);
      let reclaimed = false;
      const permit = this.inside(() => {
        const { words, at } = this;
        if (words[at + SEMAPHORE.free]! <= 0) reclaimed = this.#reclaim();
        const keepOut = words[at + SEMAPHORE.reserved] === 1 && !granted && this.heap.waitQueue.countWaiters(at, 2) > 1 && !patience.isOver;
        const taken = keepOut ? undefined : this.#take();
        if (taken !== undefined) {
          words[at + SEMAPHORE.reserved] = 0;
          return taken;
        }
        this.expectWake(MONITOR.waiters);
        if (granted) {
          const now = performance.now();
          if (since === 0) since = now;
          else if (now - since > STARVING_MS) words[at + SEMAPHORE.reserved] = 1;
        }
        return undefined;
      });
      if (reclaimed) this.#wakeForTheRest();
      else if (granted && permit !== undefined) this.wakeFor(this.at, this.words[this.at + SEMAPHORE.free]!);
      return permit;
    };
  }

  /** What the dead held may be more than one permit: others wait for the rest. */
  #wakeForTheRest(): void {
    const free = this.words[this.at + SEMAPHORE.free]!;
    if (free > 0) this.wake(this.at, free);
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} had no free permit within ${options?.timeout} ms`);
  }
}

/**
 * A semaphore that cannot hold more permits than it began with: releasing too often is a `ReleasedTooOftenError` that changes nothing.
 *
 * @example
 * ```ts
 * import { BoundedSemaphore, ReleasedTooOftenError } from "allcores";
 * const semaphore = new BoundedSemaphore(1);
 * try {
 *   semaphore.release();
 * } catch (error) {
 *   console.log(error instanceof ReleasedTooOftenError); // true
 * }
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  /** Tells it from a Semaphore in the type system. */
  readonly #bounded = true;

  constructor(value?: number, reach?: Reach);
  constructor(value?: number, reach?: Reach | Handle) {
    if (value === 0) throw new ArgumentRangeError("new BoundedSemaphore(value): with a bound of 0 nothing could ever be acquired");
    super(value, reach);
    if (!(reach instanceof Handle)) this.bound = this.value;
  }

  /** @internal */
  static override attach(handle: Handle): BoundedSemaphore {
    return new BoundedSemaphore(1, handle as never);
  }

  /** The most permits there may be. */
  get limit(): number {
    this.checkUsable();
    return this.#bounded ? this.words[this.at + SEMAPHORE.bound]! : 0;
  }
}

onDestroy(KIND.semaphore, (heap, at) => {
  const overflow = HoldTable.overflowOf(heap, at + SEMAPHORE.holds);
  if (overflow !== 0) heap.allocator.free(overflow);
});
onInspect(KIND.semaphore, {
  name: "Semaphore",
  held: (heap, at) => HoldTable.holders(heap, at + SEMAPHORE.holds),
  // Without holders it is used as a signal, which anybody may give.
  holders(heap, at) {
    const workers = HoldTable.holders(heap, at + SEMAPHORE.holds).map(({ worker }) => worker);
    return workers.length === 0 ? undefined : { workers, firm: false };
  },
  state({ words }, at) {
    const bound = words[at + SEMAPHORE.bound]!;
    return { free: words[at + SEMAPHORE.free]!, permits: words[at + SEMAPHORE.permits]!, ...(bound === 0 ? {} : { bound }) };
  },
});
registerShared(KIND.semaphore, Semaphore);
registerShared(KIND.semaphore, BoundedSemaphore);
