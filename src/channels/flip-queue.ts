/**
 * A queue whose state is kept twice and changed under one mutex: all words are written into the copy that does not
 * count, then `live` is flipped. The flip is the commit, so a worker killed before it has changed nothing, one killed
 * after it has done all, and a half-written message is never seen. What lies outside the two copies is written where
 * nobody looks before the commit, or is derived and made anew after a death.
 */
import { hide } from "../codec/portrait.js";
import type { KnownOptions } from "../errors/index.js";
import type { Handle, Insight } from "../objects/index.js";
import { atomics } from "../memory/index.js";
import { AnyQueue } from "./any-queue.js";
import type { QueueOptions } from "./queue-options.js";
import { QUEUE, queueInsight } from "./queue-words.js";
import { type Item, lengthOf, type Taken } from "./item.js";

const { load, store } = atomics;

/** Which copy of the state counts: 0 or 1. */
const LIVE = QUEUE.own;
const FIRST_COPY = QUEUE.own + 1;

/** What every copy of the state begins with. */
export const STATE = { size: 0, bytes: 1, unfinished: 2, closed: 3 } as const;
/** The words of a copy; from 4 on they are each queue's own. */
export const STATE_WORDS = 8;
/** The first word behind both copies. */
export const AFTER_STATE = FIRST_COPY + 2 * STATE_WORDS;

const OPEN = 0;
const CLOSED = 1;
const NONE: readonly number[] = [];

/** Where the copy stands that counts, of a queue at `at`. */
export function liveState(words: Int32Array, at: number): number {
  return at + FIRST_COPY + (load(words, at + LIVE) & 1) * STATE_WORDS;
}

export abstract class FlipQueue<T, P = unknown> extends AnyQueue<T, P> {
  /** @internal */
  constructor(kind: number, options: QueueOptions | Handle | undefined, known?: KnownOptions<object>) {
    super(kind, QUEUE.puttersWait + 1, options, known);
    hide(this, "left", NONE);
  }

  /**
   * @internal Writes an item where nobody looks, and into the state at `next` how it is found; returns its place.
   *   Before the commit.
   */
  protected abstract push(item: Item, priority: number, next: number): number;
  /** @internal Reads the next item, and takes it out of the state at `next`, its bytes included. Before the commit. */
  protected abstract pop(next: number): Taken;
  /** @internal A copy of the next item, of a queue that is not empty, whose state stands at `live`. */
  protected abstract copyNext(live: number): Taken;
  /**
   * @internal Brings in line with the state what is derived from it, inside the mutex: after a push to `place`, after a
   * pop that led to the state at `live`.
   */
  protected pushed(_place: number): void {}
  /** @internal */
  protected popped(_live: number): void {}
  /** @internal Blocks that a pop leaves behind: freed once the mutex is left. */
  declare protected left: readonly number[];

  get size(): number {
    return this.#seen(STATE.size);
  }

  get isShutDown(): boolean {
    return this.#seen(STATE.closed) !== OPEN;
  }

  /** @internal */
  protected append(item: Item, priority: number, waits: boolean): boolean {
    return this.inside(() => {
      const { words, at } = this;
      const live = liveState(words, at);
      if (words[live + STATE.closed] !== OPEN) this.throwClosed();
      const maxSize = words[at + QUEUE.maxSize]!;
      const capacity = words[at + QUEUE.capacity]!;
      const length = lengthOf(item);
      if (
        (maxSize > 0 && words[live + STATE.size]! >= maxSize) ||
        (capacity > 0 && words[live + STATE.bytes]! + length > capacity)
      ) {
        if (waits) this.expectWake(QUEUE.puttersWait);
        return false;
      }
      const next = this.#draft(live);
      const place = this.push(item, priority, next);
      words[next + STATE.size]!++;
      words[next + STATE.bytes]! += length;
      words[next + STATE.unfinished]!++;
      this.#commit(next);
      this.pushed(place);
      return true;
    });
  }

  /** @internal */
  protected take(waits: boolean): Taken | undefined {
    return this.#take(waits, false);
  }

  /** @internal */
  protected look(): Taken | undefined {
    return this.inside(() => {
      const live = liveState(this.words, this.at);
      return this.words[live + STATE.size] === 0 ? undefined : this.copyNext(live);
    });
  }

  /** @internal */
  protected takeUndone(): Taken | undefined {
    return this.#take(false, true);
  }

  /** @internal */
  protected get looksEmpty(): boolean {
    const { words, at } = this;
    return load(words, liveState(words, at) + STATE.size) === 0;
  }

  /** @internal */
  protected get usedBytes(): number {
    return this.#seen(STATE.bytes);
  }

  /** @internal */
  protected get unfinished(): number {
    return this.#seen(STATE.unfinished);
  }

  /** @internal */
  protected finish(): number {
    return this.inside(() => {
      const live = liveState(this.words, this.at);
      if (this.words[live + STATE.unfinished] === 0) return -1;
      const next = this.#draft(live);
      const left = --this.words[next + STATE.unfinished]!;
      this.#commit(next);
      return left;
    });
  }

  /** @internal */
  protected close(): void {
    this.inside(() => {
      const next = this.#draft(liveState(this.words, this.at));
      this.words[next + STATE.closed] = CLOSED;
      this.#commit(next);
    });
  }

  #take(waits: boolean, dropping: boolean): Taken | undefined {
    const taken = this.inside(() => {
      const { words, at } = this;
      const live = liveState(words, at);
      if (words[live + STATE.size] === 0) {
        if (!dropping && words[live + STATE.closed] !== OPEN) this.throwDrained();
        if (waits) this.expectWake(QUEUE.gettersWait);
        return undefined;
      }
      const next = this.#draft(live);
      words[next + STATE.size]!--;
      if (dropping) words[next + STATE.unfinished]!--;
      const taken = this.pop(next);
      this.#commit(next);
      this.popped(next);
      return taken;
    });
    if (this.left.length > 0) {
      for (const block of this.left) this.heap.allocator.free(block);
      this.left = NONE;
    }
    return taken;
  }

  /** A word of the state, seen without the mutex. The copy is written again only after the other one counts. */
  #seen(word: number): number {
    this.checkUsable();
    const { words, at } = this;
    for (;;) {
      const live = liveState(words, at);
      const value = load(words, live + word);
      if (liveState(words, at) === live) return value;
    }
  }

  /** Copies the live state into the other copy and returns where that stands. Inside the mutex. */
  #draft(live: number): number {
    const { words, at } = this;
    const first = at + FIRST_COPY;
    const next = live === first ? first + STATE_WORDS : first;
    for (let word = 0; word < STATE_WORDS; word++) words[next + word] = words[live + word]!;
    return next;
  }

  #commit(next: number): void {
    store(this.words, this.at + LIVE, next === this.at + FIRST_COPY ? 0 : 1);
  }
}

/** What such a queue tells of itself. */
export function flipInsight(name: string): Insight {
  return queueInsight(name, ({ words }, at) => {
    const live = liveState(words, at);
    return {
      size: words[live + STATE.size]!,
      unfinished: words[live + STATE.unfinished]!,
      shutDown: words[live + STATE.closed] !== OPEN,
    };
  });
}
