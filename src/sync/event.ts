import type { Facts } from "../codec/portrait.js";
import { type Handle, type Reach, registerShared, SharedObject } from "../codec/shared-object.js";
import { TimeoutError } from "../errors/index.js";
import { atomics, type Attempt, awaitDeadlineOf, deadlineOf, KIND, onInspect, signalOf, type SyncWait, type WaitOptions } from "../memory/index.js";
import { type Choice, choiceOf, type Selectable, selectable } from "./selectable.js";

const { and, compareExchange, load } = atomics;

const SIZE = 4;
/** Bit 0 of the word; the others count how often it went up. */
const UP = 1;
const EVERYBODY = 0x7fffffff;

/**
 * A flag that workers wait for.
 *
 * `set` wakes everybody who waits at that moment, even if `clear` follows at once. It never waits for them.
 * **Death:** nothing is owned, so nothing is left behind.
 *
 * @example
 * ```ts
 * import { Event } from "allcores";
 * const ready = new Event();
 * const waiting = ready.wait({ timeout: 1000 });
 * ready.set();
 * await waiting;
 * console.log(ready.isSet); // true
 * ```
 */
export class Event extends SharedObject implements Selectable<undefined> {
  /** Tells it from the platform's Event in the type system. */
  readonly #event = true;

  constructor(reach?: Reach);
  constructor(reach?: Reach | Handle) {
    super(KIND.event, SIZE, reach);
  }

  /** @internal */
  static attach(handle: Handle): Event {
    return new Event(handle as never);
  }

  /** Raises the flag and wakes everybody who waits. */
  set(): void {
    this.checkUsable();
    for (let word = load(this.words, this.at); (word & UP) === 0; ) {
      const seen = compareExchange(this.words, this.at, word, (word + 2) | UP);
      if (seen === word) break;
      word = seen;
    }
    this.heap.waitQueue.wake(this.at, EVERYBODY);
  }

  /** Lowers the flag. */
  clear(): void {
    this.checkUsable();
    and(this.words, this.at, ~UP);
  }

  /** @internal */
  protected override facts(): Facts {
    return { isSet: this.isSet };
  }

  /** Whether the flag is up. A question: it never waits. */
  get isSet(): boolean {
    this.checkUsable();
    return this.#event && (load(this.words, this.at) & UP) === 1;
  }

  /** Blocks this thread until the flag is up. @throws TimeoutError */
  waitSync(options?: SyncWait): void {
    const deadline = deadlineOf(options);
    if (this.isSet) return;
    if (deadline === 0 || this.heap.parker.blockUntil(this.at, this.#attempt(), deadline) === undefined) this.#timedOut(options);
  }

  /** Waits until the flag is up. @throws TimeoutError; the reason of `options.signal` */
  async wait(options?: WaitOptions): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    if (this.isSet) return;
    if (deadline === 0 || (await this.heap.parker.waitUntil(this.at, this.#attempt(), deadline, signal)) === undefined) this.#timedOut(options);
  }

  /** What `select` waits for: that the flag is up, or has been since the select began. */
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
   * The flag is up, or has been since this wait began. A grant by itself means neither: it may come late from a `set` whose flag this very caller has lowered
   * before it waited, or be passed on by one that waited earlier.
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
