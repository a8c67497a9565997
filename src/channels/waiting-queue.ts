import { MOST_INLINE_BYTES } from "../codec/payload.js";
import { TimeoutError, TooLargeError } from "../errors/index.js";
import { AT_ONCE, atomics, isStall, limitTo, realNow } from "../memory/index.js";
import { Monitor } from "../objects/index.js";
import type { Attempt, SyncWait } from "../parking/index.js";
import { hasSpareCore } from "../platform/index.js";
import { GetterPatience } from "./getter-patience.js";
import { discardItem, type Item, isPlaceable, itemOf, lengthOf, placeable, type Taken, tellCommitted } from "./item.js";
import { QUEUE } from "./queue-words.js";

export const EVERYBODY = 0x7fffffff;
/** Looks between two looks at the clock. */
const LOOKS = atomics.spins(10);
/** Turns between two looks. Each look takes the line of memory from the putters, who do better with a moment for several items. */
const TURNS = atomics.spins(60);

/** Who waits for what at a queue, and who wakes whom: putters, getters, and those who join. */
export abstract class WaitingQueue extends Monitor {
  readonly #patience = new GetterPatience();

  /** @internal Appends an item, in one commit, unless there is no room now. `waits`: the caller is about to sleep then. @throws QueueShutDownError */
  protected abstract append(item: Item, priority: number, waits: boolean): boolean;
  /** @internal Takes the next item, in one commit, if there is one now. `waits`: the caller is about to sleep then. @throws QueueShutDownError once it is shut down and drained */
  protected abstract take(waits: boolean): Taken | undefined;
  /** @internal How many items were put and not done: 0 only if it was so at some moment of the call. */
  protected abstract get unfinished(): number;
  /** @internal Whether nothing seems to be in it: a look without the mutex. */
  protected abstract get looksEmpty(): boolean;
  /** @internal */
  abstract get size(): number;
  /** @internal */
  abstract get isFull(): boolean;

  /** @internal Longer items are stored in a block of their own. */
  protected get mostInlineBytes(): number {
    return MOST_INLINE_BYTES;
  }

  protected item(value: unknown): Item {
    this.checkUsable();
    const capacity = this.words[this.at + QUEUE.capacity]!;
    const most = capacity === 0 ? Number.POSITIVE_INFINITY : capacity;
    const item = itemOf(value, this.heap, this.mostInlineBytes, most);
    const length = lengthOf(item);
    if (length <= most) return item;
    discardItem(item);
    throw new TooLargeError(`a value of ${length} bytes never fits into ${this.title}, whose capacity is ${capacity} bytes`);
  }

  protected appendNow(item: Item, priority: number): boolean {
    const outer = limitTo(AT_ONCE);
    try {
      if (!isPlaceable(item, this.mostInlineBytes) || !this.append(item, priority, false)) return false;
    } catch (error) {
      if (isStall(error)) return false;
      limitTo(outer);
      discardItem(item);
      throw error;
    } finally {
      limitTo(outer);
    }
    tellCommitted(item);
    this.wakeGetter();
    return true;
  }

  protected putAttempt(waiting: { item: Item }, priority: number): Attempt<true> {
    return (granted) => {
      if (granted) this.arrive(QUEUE.puttersWait);
      const item = placeable(waiting.item, this.heap, this.mostInlineBytes);
      waiting.item = item;
      if (!this.append(item, priority, true)) return undefined;
      tellCommitted(item);
      // One large item may have made room for several: each that gets in wakes the next.
      if (!this.isFull) this.wakePutter();
      this.wakeGetter();
      return true;
    };
  }

  private wakeGetter(): void {
    if (atomics.load(this.words, this.at + QUEUE.gettersWait) === 0) return;
    this.wakeFor(this.at + QUEUE.gettersWait, this.size, QUEUE.gettersWait);
  }

  private wakePutter(): void {
    if (atomics.load(this.words, this.at + QUEUE.puttersWait) === 0) return;
    const maxSize = this.words[this.at + QUEUE.maxSize]!;
    // For how many items there are bytes, nobody knows.
    this.wakeFor(this.at + QUEUE.puttersWait, maxSize === 0 ? EVERYBODY : maxSize - this.size, QUEUE.puttersWait);
  }

  /** The next item if there is one now; then there is room. */
  protected takeNow(): Taken | undefined {
    const outer = limitTo(AT_ONCE);
    let taken: Taken | undefined;
    try {
      taken = this.take(false);
    } catch (error) {
      if (!isStall(error)) throw error;
    } finally {
      limitTo(outer);
    }
    if (taken !== undefined) this.wakePutter();
    return taken;
  }

  /** The next item if it comes at once: looking is cheaper than a wake-up, for both sides. */
  protected takeSoon(): Taken | undefined {
    if (!hasSpareCore()) return undefined;
    for (const end = this.#patience.begin(); ; ) {
      for (let look = 0; look < LOOKS; look++) {
        if (!this.looksEmpty) {
          this.#patience.pays();
          return this.takeNow();
        }
        for (let turn = 0; turn < TURNS; turn++);
      }
      if (realNow() <= end) continue;
      this.#patience.failed();
      return undefined;
    }
  }

  protected blockForItem(deadline: number): Taken | undefined {
    return deadline === 0 ? undefined : this.heap.parker.blockUntil(this.at + QUEUE.gettersWait, this.getAttempt, deadline);
  }

  protected readonly getAttempt: Attempt<Taken> = (granted) => {
    if (granted) this.arrive(QUEUE.gettersWait);
    const taken = this.take(true);
    if (taken === undefined) return undefined;
    this.wakePutter();
    if (granted) this.wakeGetter();
    return taken;
  };

  protected get isDone(): boolean {
    this.checkUsable();
    return this.unfinished <= 0;
  }

  protected readonly joinAttempt: Attempt<true> = () =>
    this.inside(() => {
      if (this.unfinished <= 0) return true;
      this.expectWake(QUEUE.joinersWait);
      // Whoever finishes an item need not enter the mutex: one that was done before the flag was up has woken nobody.
      return this.unfinished <= 0 ? true : undefined;
    });

  protected timedOut(what: string, options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.title} ${what} within ${options?.timeout} ms`);
  }
}
