import type { Facts } from "../codec/portrait.js";
import { Handle, insideOf, onInspect, onMonitorNames, registerShared } from "../objects/index.js";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  checkFunction,
  NotHeldError,
  NotOwnerError,
  TimeoutError,
} from "../errors/index.js";
import { AT_ONCE, within } from "../memory/index.js";
import { awaitDeadlineOf, deadlineOf, signalOf, type SyncWait, type WaitOptions } from "../parking/index.js";
import type { Held } from "./held.js";
import { checkHeir } from "./heir.js";
import { HoldTable } from "./hold-table.js";
import { LockMonitor } from "./lock-monitor.js";
import { FairPermitWait, isFairAt, refuseBehindOwn } from "./fair-permit-wait.js";
import { isFairIn, keepsOnOwnerDeath, type SemaphoreOptions, SEMAPHORE_OPTIONS } from "./owner-death.js";
import { giveBack, handOff, Permit } from "./permit.js";
import { awaitPermits, blockForPermits, leftLine, mayTakeNow, offer, PermitWait } from "./permit-line.js";
import { ACQUIRE, ACQUIRE_SYNC, checkReleased, type PermitCount, permitsOf, TRY_ACQUIRE } from "./permit-options.js";
import { type Choice, choiceOf, type Selectable, selectable } from "./selectable.js";
import {
  addLate,
  boundAt,
  comeBack,
  FAIR,
  KEEPS,
  MOST_PERMITS,
  rebuild,
  reclaim,
  release,
  SEMAPHORE,
  SEMAPHORE_WAITS,
  SEMAPHORE_WORDS,
  takeOutUsedUp,
} from "./semaphore-words.js";
import { semaphoreInsight, semaphoreNames } from "./semaphore-insight.js";
import { notePermit, useUp } from "./task-permits.js";
import { priorityOf, type TurnOptions } from "./turn-options.js";
import { KIND } from "./kinds.js";

/**
 * A number of permits; `acquire` takes one, or `{ permits: n }`, and waits while there are not so many.
 *
 * `release(n)` first gives back what this worker holds and then adds new permits, so a signal from a worker that holds
 * none works as in Python, and disposing a permit that was released already does nothing.
 * **Fairness:** barging, with a bound of 5 ms, as `Lock`. A request for several that waits has what comes free kept for
 * it, one such request at a time; a request for one that waits has its turn between two of them. With `{ fair: true }`
 * the line is kept in order, by `{ priority }` and then by arrival, and only its first takes. **End:** a worker that
 * ends normally has used its permits up, as in Python: its task has returned or thrown, it called `process.exit`, or
 * its pool let it go. In a pool, a task has used up, when it settles, what it took and did not give back.
 * **Death:** what a worker holds that is killed or terminated, or ends by an uncaught error, comes back within a
 * second, once it is asked for; from then on each new holder sees `held.ownerDied`, until a holder calls
 * `consistent()`. With `{ onOwnerDeath: "keep" }` nothing comes back.
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
 * await connections.run(() => console.log(connections.value)); // 1
 * console.log(connections.runSync(({ ownerDied }) => ownerDied)); // false
 * const permit = await connections.acquire({ timeout: 1000 });
 * connections.release(); // or permit[Symbol.dispose]()
 * ```
 */
export class Semaphore extends LockMonitor implements Selectable<Held> {
  readonly #holds: HoldTable;
  /** How often tasks of this worker settled with permits of it left. Permits of an earlier era are used up. */
  #era = 0;
  /** How many permits, whose `Held` may come to be disposed still, were used up. */
  #usedUp = 0;
  /** It is noted that the running task has taken a permit. */
  #isNoted = false;

  /**
   * Makes a semaphore.
   *
   * @param value the permits at the start, a whole number from 0; 1 unless given
   * @param options `across`: how far it reaches; `label`: its name in errors and reports; `onOwnerDeath`: what
   *   becomes of the permits of a holder that dies; `fair`: whether those who wait get them in their order
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(value?: number, options?: SemaphoreOptions);
  /** @internal */
  constructor(value: number | undefined, options: SemaphoreOptions | Handle | undefined);
  constructor(value: number | undefined = 1, options?: SemaphoreOptions | Handle) {
    if (typeof value !== "number")
      throw new ArgumentTypeError(`new Semaphore(value): value must be a number, got ${typeof value}`);
    if (!Number.isInteger(value) || value < 0 || value > MOST_PERMITS)
      throw new ArgumentRangeError(
        `new Semaphore(value): value must be a whole number from 0 to ${MOST_PERMITS}, got ${value}`,
      );
    const policy = (keepsOnOwnerDeath(options) ? KEEPS : 0) | (isFairIn(options) ? FAIR : 0);
    super(KIND.semaphore, SEMAPHORE_WORDS, options, SEMAPHORE_OPTIONS, SEMAPHORE_WAITS);
    this.#holds = new HoldTable(this.heap, this.at + SEMAPHORE.holds);
    if (!(options instanceof Handle)) {
      this.words[this.at + SEMAPHORE.policy] = policy;
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
    this.words[this.at + SEMAPHORE.bound] = ~most;
  }

  /** @internal */
  protected override facts(): Facts {
    return { value: this.value };
  }

  /**
   * How many permits are free now.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get value(): number {
    this.checkUsable();
    return this.words[this.at + SEMAPHORE.free]!;
  }

  /**
   * Takes a permit, blocking this thread and its event loop until there is one.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `permits`: how many, all of
   *   them or none; 1 unless given. `priority`: of a fair semaphore, higher comes first
   * @returns the hold; disposing it gives the permit back
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of a mutex; else it sleeps.
   */
  acquireSync(options?: SyncWait & PermitCount & TurnOptions): Held {
    const deadline = deadlineOf(options, ACQUIRE_SYNC);
    const count = this.#countOf(options);
    const priority = this.#priorityIn(options);
    let permit = this.#tryTake(count);
    if (permit === undefined && deadline !== 0) {
      refuseBehindOwn(insideOf(this), priority);
      permit = blockForPermits(this.heap, this.#wait(count), deadline, priority);
    }
    return permit ?? this.#timedOut(options, count);
  }

  /**
   * Takes a permit without blocking the event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason. `permits`: how many, all of them or none; 1 unless given. `priority`: of a fair semaphore, higher
   *   comes first
   * @returns the hold; disposing it gives the permit back
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex
   *   and a promise where one is free.
   */
  async acquire(options?: WaitOptions & PermitCount & TurnOptions): Promise<Held> {
    const deadline = awaitDeadlineOf(options, ACQUIRE);
    const count = this.#countOf(options);
    const priority = this.#priorityIn(options);
    const signal = signalOf(options);
    let permit = this.#tryTake(count);
    if (permit === undefined && deadline !== 0)
      permit = await awaitPermits(this.heap, this.#wait(count), deadline, signal, this.#isFair ? priority : undefined);
    return permit ?? this.#timedOut(options, count);
  }

  /**
   * Takes a permit if one is free now; never waits.
   *
   * @param options `permits`: how many, all of them or none; 1 unless given
   * @returns the hold, or undefined
   * @throws `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make
   *   no sense
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
   */
  tryAcquire(options?: PermitCount): Held | undefined {
    if (options !== undefined) TRY_ACQUIRE.check(options);
    return this.#tryTake(this.#countOf(options));
  }

  #tryTake(count: number): Held | undefined {
    // Of a fair one too: a dead waiter would stand before this one.
    if (this.#isFair || this.words[this.at + SEMAPHORE.free]! < count + this.words[this.at + SEMAPHORE.claimed]!)
      this.heap.registry.reap();
    let reclaimed = false;
    const permit = within(AT_ONCE, () =>
      this.inside(() => {
        if (this.words[this.at + SEMAPHORE.free]! < count) reclaimed = reclaim(this.heap, this.at, this.#holds);
        return mayTakeNow(this.heap, this.at, count) ? this.#take(count) : undefined;
      }),
    );
    if (reclaimed && this.words[this.at + SEMAPHORE.free]! > 0)
      offer(insideOf(this), this.words[this.at + SEMAPHORE.free]!);
    return permit;
  }

  /**
   * Runs `fn` holding a permit, which is given back when the promise of `fn` settles.
   *
   * @param fn what to run; it is given the hold
   * @param options as of `acquire`
   * @returns what `fn` gives
   * @throws as `acquire`: `ERR_ALLCORES_TIMEOUT`, the reason of `signal`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. Once `fn` runs nothing cancels it. **Cost:** that of
   *   `acquire`, and a promise.
   */
  async run<R>(fn: (held: Held) => R | PromiseLike<R>, options?: WaitOptions & PermitCount & TurnOptions): Promise<R> {
    checkFunction("run(fn)", fn);
    using held = await this.acquire(options);
    return await fn(held);
  }

  /**
   * Runs `fn` holding a permit, for code that cannot say `using`.
   *
   * @param fn what to run, synchronous; it is given the hold
   * @param options as of `acquireSync`
   * @returns what `fn` gives
   * @throws as `acquireSync`: `ERR_ALLCORES_TIMEOUT`; what `fn` throws
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** that of `acquireSync`.
   */
  runSync<R>(fn: (held: Held) => R, options?: SyncWait & PermitCount & TurnOptions): R {
    checkFunction("runSync(fn)", fn);
    using held = this.acquireSync(options);
    return fn(held);
  }

  /**
   * Gives back `n` permits that this worker holds; what it does not hold is added as new permits.
   *
   * @param n how many, a whole number from 1; 1 unless given
   * @throws `ERR_ALLCORES_RELEASED_TOO_OFTEN` when a bounded semaphore would exceed its bound,
   *   `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex; a wake-up for each permit that is waited for.
   */
  release(n = 1): void {
    checkReleased(n);
    this.inside(() => release(this.heap, this.at, this.#holds, n, this.title));
    offer(insideOf(this), n);
  }

  /**
   * What a dead holder left half done is in order again: later holders are no longer told. A holder says it.
   *
   * @throws `ERR_ALLCORES_NOT_HELD` when this worker holds no permit, `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex.
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
      if (this.#holds.mine === 0)
        throw new NotHeldError(
          `this worker holds no permit of ${this.title}: call consistent() before you give it back`,
        );
      this.words[this.at + SEMAPHORE.inconsistent] = 0;
    });
  }

  /**
   * What `select` waits for: a permit, which is acquired if it is chosen.
   *
   * @returns the choice, whose value is the hold
   * @remarks **Cost:** one small object.
   */
  [selectable](): Choice<Held> {
    return choiceOf({
      heap: this.heap,
      key: this.at,
      priority: this.#isFair ? 0 : undefined,
      poll: () => this.#tryTake(1),
      begin: (awaiting) => {
        if (!awaiting) refuseBehindOwn(insideOf(this), 0);
        return this.#wait(1).attempt;
      },
      left: () => leftLine(insideOf(this)),
      open: (held) => held,
    });
  }

  /** @internal @param era of the permits: those that were used up when a task settled add permits, as a stranger's. */
  [giveBack](era: number, count: number): void {
    if (this.at === 0) return;
    if (era !== this.#era) {
      this.#giveBackLate(count);
      return;
    }
    const returned = this.inside(() => comeBack(this.words, this.at, this.#holds, this.self, count));
    if (returned > 0) offer(insideOf(this), returned);
  }

  #giveBackLate(count: number): void {
    const late = Math.min(count, this.#usedUp);
    if (late === 0) return;
    this.#usedUp -= late;
    const added = this.inside(() => addLate(this.words, this.at, late));
    if (added > 0) offer(insideOf(this), added);
  }

  /** @internal The running task is settled: what this worker holds is used up. */
  [useUp](): void {
    this.#isNoted = false;
    if (this.at === 0) return;
    const count = this.inside(() => {
      const count = this.#holds.useUp(this.self);
      if (count > 0) takeOutUsedUp(this.heap, this.at, this.#holds);
      return count;
    });
    if (count === 0) return;
    this.#era++;
    this.#usedUp += count;
  }

  /** @internal */
  [handOff](worker: number, era: number, count: number): void {
    this.inside(() => {
      if (era !== this.#era) throw new NotOwnerError(`this permit of ${this.title} was used up when its task settled`);
      checkHeir(this.heap, worker, `a permit of ${this.title}`);
      if (this.#holds.mine < count) throw new NotOwnerError(`this permit of ${this.title} was released already`);
      // Before it is the heir's: what ends the heir finds it, though the heir may never have had this semaphore.
      this.heap.registry.markStrays(worker);
      // The heir first: its cell may need memory, and a throw must not change anything.
      this.#holds.add(worker, count);
      this.#holds.add(this.self, -count);
    });
  }

  /** @internal */
  protected rebuild(): void {
    rebuild(this.heap, this.at, this.#holds);
  }

  /** @internal */
  protected looksFree(): boolean {
    let reclaimed = false;
    const free = this.inside(() => {
      if (this.words[this.at + SEMAPHORE.free]! <= 0) reclaimed = reclaim(this.heap, this.at, this.#holds);
      return this.words[this.at + SEMAPHORE.free]!;
    });
    if (reclaimed && free > 0) offer(insideOf(this), free);
    return free > 0;
  }

  #take(count: number): Permit | undefined {
    const { words, at } = this;
    if (words[at + SEMAPHORE.free]! < count) return undefined;
    this.#holds.add(this.self, count);
    words[at + SEMAPHORE.free]! -= count;
    if (!this.#isNoted) this.#isNoted = notePermit(this);
    return new Permit(this, this.#era, count, words[at + SEMAPHORE.inconsistent] === 1);
  }

  #wait(count: number): PermitWait<Permit> | FairPermitWait<Permit> {
    return new (this.#isFair ? FairPermitWait : PermitWait)(insideOf(this), this.#holds, count, (count) =>
      this.#take(count),
    );
  }

  get #isFair(): boolean {
    return isFairAt(this.words, this.at);
  }
  #priorityIn(options: TurnOptions | undefined): number {
    return options === undefined ? 0 : priorityOf(options, this.#isFair);
  }

  #countOf(options: PermitCount | undefined): number {
    return options === undefined ? 1 : permitsOf(options, boundAt(this.words, this.at) ?? MOST_PERMITS);
  }

  #timedOut(options: SyncWait | undefined, count: number): never {
    const wanted = count === 1 ? "no free permit" : `no ${count} free permits`;
    throw new TimeoutError(`${this.title} had ${wanted} within ${options?.timeout} ms`);
  }
}
onInspect(KIND.semaphore, semaphoreInsight);
onMonitorNames(KIND.semaphore, semaphoreNames);
registerShared(KIND.semaphore, Semaphore);
