import type { Facts } from "../codec/portrait.js";
import { Handle, Monitor, onInspect, onMonitorNames, type Reach, registerShared } from "../objects/index.js";
import {
  ArgumentRangeError,
  ArgumentTypeError,
  BrokenBarrierError,
  TimeoutError,
  isThrown,
  type KnownOptions,
  ownOptions,
} from "../errors/index.js";
import { AT_ONCE, atomics, onDestroy, within } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import {
  AWAITING,
  BARRIER_OPTIONS,
  type BarrierAction,
  barrierDeadline,
  BLOCKING,
  checkAction,
} from "./barrier-options.js";
import { BARRIER, BARRIER_WORDS, breakIfLeft, endRound, hasFailed, timeoutOf, writeTimeout } from "./barrier-words.js";
import { HoldTable } from "./hold-table.js";
import { KIND } from "./kinds.js";

const { load, store } = atomics;

const MOST_PARTIES = 0x7fffffff;
const EVERYBODY = 0x7fffffff;

/** What one call of wait knows of its round. */
interface Visit {
  /** Undefined until it has arrived. */
  round: number | undefined;
  index: number;
  /** This party completes the round. */
  completes: boolean;
}

/**
 * A point that a fixed number of parties reach together: nobody passes before all are there.
 *
 * A party that times out, is aborted or ends while it waits breaks the barrier for all: `BrokenBarrierError` instead of
 * waiting for ever. `reset()` mends it.
 * **Fairness:** all parties of a round pass together. **Death:** a party that dies while it waits breaks the barrier.
 * A worker that dies *before* it arrives is not yet known as a party: give `timeout` where that can happen.
 * **Cancel:** a wait that is aborted or runs out breaks the barrier, since the others would wait for that party for
 * ever.
 *
 * @example
 * ```ts
 * import { Barrier } from "allcores";
 * const barrier = new Barrier(2);
 * const places = await Promise.all([barrier.wait(), barrier.wait()]);
 * console.log(places); // [ 0, 1 ]
 * barrier.abort();
 * console.log(barrier.isBroken); // true
 * barrier.reset();
 * console.log(new Barrier(1).waitSync({ action: () => barrier.reset() })); // 0
 * ```
 */
export class Barrier extends Monitor {
  readonly #waiting: HoldTable;

  /**
   * Makes a barrier.
   *
   * @param parties how many make a round, a whole number from 1
   * @param options `timeout`: milliseconds that each wait lasts unless it says otherwise; `across`: how far it
   *   reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE`, `ERR_ALLCORES_ARGUMENT_RANGE`, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(parties: number, options?: Reach & SyncWait);
  constructor(parties: number, options?: (Reach & SyncWait) | Handle) {
    if (typeof parties !== "number")
      throw new ArgumentTypeError(`new Barrier(parties): parties must be a number, got ${typeof parties}`);
    if (!Number.isInteger(parties) || parties < 1 || parties > MOST_PARTIES)
      throw new ArgumentRangeError(`new Barrier(parties): parties must be a whole number from 1, got ${parties}`);
    const given = ownOptions(options);
    const arrives = given instanceof Handle;
    if (!arrives) deadlineOf(given, BARRIER_OPTIONS);
    super(KIND.barrier, BARRIER_WORDS, options, BARRIER_OPTIONS);
    this.#waiting = new HoldTable(this.heap, this.at + BARRIER.waiting);
    if (!arrives) {
      this.words[this.at + BARRIER.parties] = parties;
      writeTimeout(this.words, this.at, given?.timeout ?? Number.POSITIVE_INFINITY);
    }
  }

  /** @internal */
  static attach(handle: Handle): Barrier {
    return new Barrier(1, handle as never);
  }

  /** @internal */
  protected override facts(): Facts {
    return { parties: this.parties, waiting: this.waiting, isBroken: this.isBroken };
  }

  /**
   * How many parties make a round.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get parties(): number {
    this.checkUsable();
    return this.words[this.at + BARRIER.parties]!;
  }

  /**
   * How many wait now.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get waiting(): number {
    this.checkUsable();
    return load(this.words, this.at + BARRIER.arrived);
  }

  /**
   * Whether it is broken: every wait throws until `reset()`.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isBroken(): boolean {
    this.checkUsable();
    return load(this.words, this.at + BARRIER.broken) === 1;
  }

  /**
   * The former name of `isBroken`.
   * @deprecated Use `isBroken`.
   */
  get broken(): boolean {
    return this.isBroken;
  }

  /**
   * Waits until all parties are there, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, as the barrier says unless given; 0 is one attempt. `action`: runs once
   *   a round, in the party that completes it, before anyone passes; synchronous
   * @returns its place of arrival, from 0 to parties - 1
   * @throws `ERR_ALLCORES_BROKEN_BARRIER` when it is broken, or breaks meanwhile; `ERR_ALLCORES_TIMEOUT` when the
   *   time ran out, which breaks it; `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; what `action` throws, which breaks it
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex;
   *   all but the last sleep.
   */
  waitSync(options?: SyncWait & BarrierAction): number {
    const deadline = this.#deadline(options, deadlineOf, BLOCKING);
    const visit: Visit = { round: undefined, index: 0, completes: false };
    let passed: true | undefined;
    try {
      passed = this.heap.parker.blockUntil(this.at, this.#attempt(visit), deadline);
    } catch (error) {
      if (!isThrown(error, BrokenBarrierError)) this.#breakRound(visit);
      throw error;
    }
    if (passed === undefined) this.#gaveUp(visit, options);
    if (!visit.completes) return visit.index;
    this.#act(visit, options);
    const how = this.#endNow(visit) ?? this.heap.parker.blockUntil(this.at, () => this.#end(visit), deadline);
    return this.#ended(visit, how, options);
  }

  /**
   * Waits until all parties are there, without blocking the event loop.
   *
   * @param options `timeout`: milliseconds, as the barrier says unless given; 0 is one attempt. `signal`: ends the
   *   wait with its reason. `action`: runs once a round, in the party that completes it, before anyone passes;
   *   synchronous
   * @returns its place of arrival, from 0 to parties - 1
   * @throws `ERR_ALLCORES_BROKEN_BARRIER` when it is broken, or breaks meanwhile; `ERR_ALLCORES_TIMEOUT` when the
   *   time ran out, which breaks it; `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and
   *   `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense; what `action` throws, which breaks it; the
   *   reason of `signal`, which breaks it
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** two atomic exchanges of its internal mutex
   *   and a promise.
   */
  async wait(options?: WaitOptions & BarrierAction): Promise<number> {
    const deadline = this.#deadline(options, awaitDeadlineOf, AWAITING);
    const signal = signalOf(options);
    const visit: Visit = { round: undefined, index: 0, completes: false };
    let passed: true | undefined;
    try {
      passed = await this.heap.parker.waitUntil(this.at, this.#attempt(visit), deadline, signal);
    } catch (error) {
      if (!isThrown(error, BrokenBarrierError)) this.#breakRound(visit);
      throw error;
    }
    if (passed === undefined) this.#gaveUp(visit, options);
    if (!visit.completes) return visit.index;
    this.#act(visit, options);
    let how = this.#endNow(visit);
    try {
      how ??= await this.heap.parker.waitUntil(this.at, () => this.#end(visit), deadline, signal);
    } catch (error) {
      this.#breakRound(visit);
      throw error;
    }
    return this.#ended(visit, how, options);
  }

  /**
   * Breaks it: everybody who waits, and everybody who comes until `reset()`, gets a `BrokenBarrierError`. Twice is
   * once.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex, and a wake-up for each that waits.
   */
  abort(): void {
    this.inside(() => {
      endRound(this.words, this.at, this.#waiting, true);
      this.words[this.at + BARRIER.broken] = 1;
    });
    this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  /**
   * Makes it as new. Those who wait now get a `BrokenBarrierError`.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** two atomic exchanges of its internal mutex, and a wake-up for each that waits.
   */
  reset(): void {
    this.inside(() => {
      if (this.words[this.at + BARRIER.arrived]! > 0) endRound(this.words, this.at, this.#waiting, true);
      this.words[this.at + BARRIER.broken] = 0;
    });
    this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  /** @internal The worker that died inside was a party, and may have been about to end the round. */
  protected rebuild(): void {
    endRound(this.words, this.at, this.#waiting, true);
    this.words[this.at + BARRIER.broken] = 1;
  }

  #deadline(
    options: (SyncWait & BarrierAction) | undefined,
    of: typeof deadlineOf,
    known: KnownOptions<object>,
  ): number {
    checkAction(options);
    this.checkUsable();
    return barrierDeadline(options, of, known, timeoutOf(this.words, this.at));
  }

  #attempt(visit: Visit): Attempt<true> {
    return () => {
      let deathSeen = false;
      try {
        return this.inside(() => {
          const { words, at } = this;
          if (visit.round === undefined || visit.round === words[at + BARRIER.round]) {
            breakIfLeft(this.words, this.at, this.#waiting);
            if (words[at + BARRIER.arrived]! > 0 && this.#waiting.reclaim() > 0) {
              deathSeen = true;
              endRound(this.words, this.at, this.#waiting, true);
              words[at + BARRIER.broken] = 1;
            }
          }
          const round = words[at + BARRIER.round]!;
          if (visit.round !== undefined) {
            if (visit.round === round) return undefined;
            if (hasFailed(words[at + BARRIER.failures]!, visit.round)) this.#throwBroken(deathSeen);
            return true;
          }
          if (words[at + BARRIER.broken] === 1) this.#throwBroken(deathSeen);
          // All are there but the last one's action is still running: this visitor belongs to the next round.
          if (words[at + BARRIER.arrived] === words[at + BARRIER.parties]) return undefined;
          this.#waiting.add(this.self, 1);
          visit.index = words[at + BARRIER.arrived]!;
          words[at + BARRIER.arrived] = visit.index + 1;
          visit.round = round;
          visit.completes = visit.index + 1 === words[at + BARRIER.parties];
          return visit.completes || undefined;
        });
      } finally {
        if (deathSeen) this.heap.waitQueue.wake(this.at, EVERYBODY);
      }
    };
  }

  #throwBroken(death: boolean): never {
    throw new BrokenBarrierError(
      death
        ? `${this.title} broke: a party ended while it waited; call reset() to use it again`
        : `${this.title} is broken: a party timed out, was aborted or ended, its action threw, or abort() or reset() was called; call reset() to use it again`,
    );
  }

  /** The party that completes the round runs the action. */
  #act(visit: Visit, options: BarrierAction | undefined): void {
    try {
      ownOptions(options)?.action?.();
    } catch (error) {
      this.#breakRound(visit);
      throw error;
    }
  }

  /** Then it lets everybody through; "broken" when the round ended otherwise meanwhile. */
  #end(visit: Visit): "passed" | "broken" {
    return this.inside(() => {
      breakIfLeft(this.words, this.at, this.#waiting);
      if (this.words[this.at + BARRIER.round] !== visit.round) return "broken";
      endRound(this.words, this.at, this.#waiting, false);
      return "passed";
    });
  }

  #endNow(visit: Visit): "passed" | "broken" | undefined {
    return within(AT_ONCE, () => this.#end(visit));
  }

  #ended(visit: Visit, how: "passed" | "broken" | undefined, options: SyncWait | undefined): number {
    if (how === undefined) {
      this.#breakRound(visit);
      this.#timedOut(visit, options);
    }
    this.heap.waitQueue.wake(this.at, EVERYBODY);
    if (how === "broken") this.#throwBroken(false);
    return visit.index;
  }

  /**
   * A party leaves a round that is not over: nobody can complete it any more. False when it is over. Where a stopped
   * worker is inside, the party sets `broken` without the mutex. The next worker that enters breaks the round.
   */
  #breakRound(visit: Visit): boolean {
    const broken =
      within(AT_ONCE, () =>
        this.inside(() => {
          if (visit.round === undefined || this.words[this.at + BARRIER.round] !== visit.round) return false;
          endRound(this.words, this.at, this.#waiting, true);
          this.words[this.at + BARRIER.broken] = 1;
          return true;
        }),
      ) ?? this.#leaveWord(visit);
    if (broken) this.heap.waitQueue.wake(this.at, EVERYBODY);
    return broken;
  }

  #leaveWord(visit: Visit): boolean {
    if (visit.round === undefined || load(this.words, this.at + BARRIER.round) !== visit.round) return false;
    store(this.words, this.at + BARRIER.broken, 1);
    return true;
  }

  #gaveUp(visit: Visit, options: SyncWait | undefined): void {
    // The round may have ended in the last moment: that wins. Looking first and breaking second would leave a gap in
    // which the others pass.
    if (visit.round !== undefined && !this.#breakRound(visit)) {
      if (hasFailed(load(this.words, this.at + BARRIER.failures), visit.round)) this.#throwBroken(false);
      return;
    }
    this.#timedOut(visit, options);
  }

  #timedOut(visit: Visit, options: SyncWait | undefined): never {
    throw new TimeoutError(
      `${this.title}: not all ${this.parties} parties came within ${options?.timeout ?? timeoutOf(this.words, this.at)} ms${
        visit.round === undefined
          ? ", the last one's action is still running or a party is stopped in the middle of a change"
          : "; it is broken now, call reset() to use it again"
      }`,
    );
  }
}

onDestroy(KIND.barrier, (heap, at) => {
  const overflow = HoldTable.overflowOf(heap, at + BARRIER.waiting);
  if (overflow !== 0) heap.allocator.free(overflow);
});
onInspect(KIND.barrier, {
  name: "Barrier",
  state: ({ words }, at) => ({
    parties: words[at + BARRIER.parties]!,
    waiting: words[at + BARRIER.arrived]!,
    broken: words[at + BARRIER.broken] === 1,
  }),
});
onMonitorNames(KIND.barrier, (heap, at, strike) => new HoldTable(heap, at + BARRIER.waiting).names(strike));
registerShared(KIND.barrier, Barrier);
