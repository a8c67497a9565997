import type { Facts } from "../codec/portrait.js";
import { type Handle, onInspect, type Reach, registerShared, SharedObject } from "../objects/index.js";
import { TimeoutError } from "../errors/index.js";
import { atomics } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "./selectable.js";
import { KIND } from "./kinds.js";

const { and, compareExchange, load } = atomics;

const SIZE = 4;
/** Bit 0 of the word; the others count how often it went up. */
const UP = 1;
const EVERYBODY = 0x7fffffff;

/**
 * A flag that workers wait for.
 *
 * `set` wakes everybody who waits at that moment, even if `clear` follows at once. It never waits for them.
 * **Fairness:** all who wait go on. **Death:** nothing is owned, so nothing is left behind.
 * **Cancel:** a wait that is aborted or runs out leaves no trace.
 *
 * @example
 * ```ts
 * import { Event } from "allcores";
 * const ready = new Event();
 * const waiting = ready.wait({ timeout: 1000 });
 * ready.set();
 * await waiting;
 * ready.waitSync(); // at once
 * console.log(ready.isSet); // true
 * ready.clear();
 * ```
 */
export class Event extends SharedObject implements Selectable<undefined> {
  /** Tells it from the platform's Event in the type system. */
  readonly #event = true;

  /**
   * Makes an event whose flag is down.
   *
   * @param reach `across`: how far it reaches; `label`: its name in errors and reports
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for options that make no sense, `ERR_ALLCORES_OUT_OF_MEMORY`
   * @remarks **Cost:** a small block of shared memory.
   */
  constructor(reach?: Reach);
  constructor(reach?: Reach | Handle) {
    super(KIND.event, SIZE, reach);
  }

  /** @internal */
  static attach(handle: Handle): Event {
    return new Event(handle as never);
  }

  /**
   * Raises the flag and wakes everybody who waits.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic exchange, and a wake-up for each that waits.
   */
  set(): void {
    this.checkUsable();
    for (let word = load(this.words, this.at); (word & UP) === 0; ) {
      const seen = compareExchange(this.words, this.at, word, (word + 2) | UP);
      if (seen === word) break;
      word = seen;
    }
    this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  /**
   * Lowers the flag. Nobody is woken.
   *
   * @throws `ERR_ALLCORES_FREED`
   * @remarks **Cost:** one atomic operation.
   */
  clear(): void {
    this.checkUsable();
    and(this.words, this.at, ~UP);
  }

  /** @internal */
  protected override facts(): Facts {
    return { isSet: this.isSet };
  }

  /**
   * Whether the flag is up. A question: it never waits.
   *
   * @throws `ERR_ALLCORES_FREED`
   */
  get isSet(): boolean {
    this.checkUsable();
    return this.#event && (load(this.words, this.at) & UP) === 1;
  }

  /**
   * Waits until the flag is up, blocking this thread and its event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic read where the flag is up; else it
   *   sleeps.
   */
  waitSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    if (this.isSet) return;
    if (deadline === 0 || this.heap.parker.blockUntil(this.at, this.#attempt(), deadline) === undefined)
      this.#timedOut(options);
  }

  /**
   * Waits until the flag is up, without blocking the event loop.
   *
   * @param options `timeout`: milliseconds, without end unless given; 0 is one attempt. `signal`: ends the wait with
   *   its reason
   * @throws `ERR_ALLCORES_TIMEOUT` when the time ran out, `ERR_ALLCORES_DEADLOCK` where the wait could never end,
   *   `ERR_ALLCORES_FREED`; `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no
   *   sense; the reason of `signal`
   * @remarks **Fairness, death, cancel:** as the class says. **Cost:** one atomic read and a promise where the flag
   *   is up.
   */
  async wait(options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (this.isSet) return;
    if (deadline === 0 || (await this.heap.parker.waitUntil(this.at, this.#attempt(), deadline, signal)) === undefined)
      this.#timedOut(options);
  }

  /**
   * What `select` waits for: that the flag is up, or has been since the select began.
   *
   * @returns the choice, whose value is undefined
   * @remarks **Cost:** one small object.
   */
  [selectable](): Choice<undefined> {
    return choiceOf({
      heap: this.heap,
      key: this.at,
      poll: () => this.isSet || undefined,
      begin: () => this.#attempt(),
      open: () => undefined,
    });
  }

  /**
   * The flag is up, or has been since this wait began. A grant by itself means neither: it may come late from a `set`
   * whose flag this very caller has lowered before it waited, or be passed on by one that waited earlier.
   */
  #attempt(): Attempt<true> {
    const before = load(this.words, this.at);
    return () => {
      this.checkUsable();
      const word = load(this.words, this.at);
      return (word & UP) !== 0 || word !== before || undefined;
    };
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} was not set within ${options?.timeout} ms`);
  }
}
onInspect(KIND.event, { name: "Event", state: ({ words }, at) => ({ set: (load(words, at) & UP) === 1 }) });
registerShared(KIND.event, Event);
