import { type Handle, type Reach, SharedObject } from "../codec/shared-object.js";
import { atomics, enter, type Heap, leave, leaveUnmended, onNames, type Strike, tryEnter } from "../memory/index.js";

const { load, store } = atomics;

/** Words that every monitor begins with. */
export const MONITOR = {
  /** Internal mutex: who is inside. */
  mutex: 0,
  /** 1 when somebody may wait for `at + waiters`: a release must look. */
  waiters: 1,
} as const;
export const MONITOR_WORDS = 2;

/**
 * An object whose state takes more than one word: changed inside an internal mutex, for well under a microsecond, by any kind of caller.
 * When a worker dies inside, the next one to enter calls `rebuild`, which derives the rest from the words that are the truth.
 */
export abstract class Monitor extends SharedObject {
  constructor(kind: number, size: number, reach: Reach | Handle | undefined) {
    super(kind, size, reach);
  }

  /** Derives what can be derived, after a worker died inside the mutex. */
  protected abstract rebuild(): void;

  /** Runs `section` inside the mutex. It must not wait, and must not run a user's code. */
  protected inside<T>(section: () => T): T {
    this.checkUsable();
    const died = enter(this.heap, this.at + MONITOR.mutex);
    try {
      if (died) this.rebuild();
      return section();
    } finally {
      leave(this.heap, this.at + MONITOR.mutex);
    }
  }

  /** A caller that found nothing is about to sleep; it has armed its node already. Inside the mutex. */
  protected expectWake(flag: number): void {
    store(this.words, this.at + flag, 1);
  }

  /**
   * Wakes up to `count` of those who wait for `key`, outside the mutex; returns how many. The flag is taken down only inside the mutex, and only when no node
   * is armed: whoever arms one later enters the mutex later, and raises it again. Lowering it before the scan would hide waiters from others who release meanwhile.
   */
  protected wake(key: number, count: number, flag: number = MONITOR.waiters): number {
    if (load(this.words, this.at + flag) === 0) return 0;
    const { waitQueue } = this.heap;
    const woken = waitQueue.wake(key, count);
    if (woken < count) {
      this.inside(() => {
        if (waitQueue.countWaiters(key) === 0) store(this.words, this.at + flag, 0);
      });
    }
    return woken;
  }
}

/** Which words of a kind of monitor name workers: the mutex, and what `names` strikes out, inside the mutex. */
export function onMonitorNames(kind: number, names?: (heap: Heap, at: number, strike: Strike) => void): void {
  onNames(kind, (heap, at, strike) => {
    const mutex = at + MONITOR.mutex;
    strike(mutex);
    if (names === undefined) return;
    const died = tryEnter(heap, mutex);
    if (died === undefined) return false;
    try {
      names(heap, at, strike);
    } finally {
      if (died) leaveUnmended(heap, mutex);
      else leave(heap, mutex);
    }
  });
}
