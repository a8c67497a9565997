/**
 * Who waits until something is free, and takes nothing: `waitForUnlock()`. One word of the object, whose offset is
 * their
 * key: WATCHED while somebody may wait, and above it how often it came free while somebody did.
 *
 * They stand in a line of their own: a wake-up that is meant for one who takes is never used up by one who only looks.
 * The count lets those through for whom it was free for a moment, as the count of an Event does.
 */
import { atomics, type Heap } from "../memory/index.js";
import {
  type Attempt,
  awaitDeadlineOf,
  deadlineOf,
  signalOf,
  type SyncWait,
  type WaitOptions,
} from "../parking/index.js";
import { TimeoutError } from "../errors/index.js";
import { cancelCheck } from "./cancels.js";

const { compareExchange, load } = atomics;

const WATCHED = 1;
const ONE = 2;
const EVERYBODY = 0x7fffffff;

/** It came free. After the change: who watches raises the flag and then looks. */
export function tellFree(heap: Heap, at: number): void {
  const { words } = heap;
  for (let word = load(words, at); (word & WATCHED) !== 0; word = load(words, at)) {
    if (compareExchange(words, at, word, (word - WATCHED + ONE) | 0) !== word) continue;
    heap.waitQueue.wake(at, EVERYBODY);
    return;
  }
}

/** A wait that begins now. `isFree` looks, and sees to it that the worker that frees it tells. */
function untilFree(heap: Heap, at: number, isFree: () => boolean): Attempt<true> {
  const { words } = heap;
  const began = load(words, at) >> 1;
  return () => {
    for (;;) {
      const word = load(words, at);
      if (word >> 1 !== began) return true;
      if ((word & WATCHED) === 0 && compareExchange(words, at, word, word | WATCHED) !== word) continue;
      return isFree() ? true : undefined;
    }
  };
}

/** What is watched, as its class sees it. */
interface Watched {
  readonly heap: Heap;
  /** Its first word; 0 once it is freed. */
  readonly at: number;
  readonly title: string;
  checkUsable(): void;
}

/** The waits of one object in this worker. */
export class UnlockWatch {
  readonly #object: Watched;
  readonly #word: number;
  readonly #cancels: number;
  readonly #isFree: () => boolean;

  /** `word`, `cancels`: where, in the object, its two words stand. */
  constructor(object: object, word: number, cancels: number, isFree: () => boolean) {
    this.#object = object as Watched;
    this.#word = word;
    this.#cancels = cancels;
    this.#isFree = isFree;
  }

  async wait(options: WaitOptions | undefined): Promise<void> {
    const deadline = awaitDeadlineOf(options);
    const signal = signalOf(options);
    this.#object.checkUsable();
    if (this.#looksFree()) return;
    const { heap, at } = this.#object;
    if (deadline === 0 || !(await heap.parker.waitUntil(at + this.#word, this.#attempt(), deadline, signal)))
      this.#timedOut(options);
  }

  waitSync(options: SyncWait | undefined): void {
    const deadline = deadlineOf(options);
    this.#object.checkUsable();
    if (this.#looksFree()) return;
    const { heap, at } = this.#object;
    if (deadline === 0 || !heap.parker.blockUntil(at + this.#word, this.#attempt(), deadline)) this.#timedOut(options);
  }

  /** Who looks in vain finds out whether a holder has died, as after a `tryAcquire`. */
  #looksFree(): boolean {
    if (this.#isFree()) return true;
    this.#object.heap.registry.reap();
    return this.#isFree();
  }

  #attempt(): Attempt<true> {
    const { heap, at, title } = this.#object;
    const check = cancelCheck(heap, at + this.#cancels, title);
    const attempt = untilFree(heap, at + this.#word, this.#isFree);
    return (granted, node) => {
      this.#object.checkUsable();
      check();
      return attempt(granted, node);
    };
  }

  #timedOut(options: SyncWait | undefined): never {
    throw new TimeoutError(`${this.#object.title} was not free within ${options?.timeout} ms`);
  }
}
