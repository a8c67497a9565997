import type { KnownOptions } from "../errors/index.js";
import {
  AT_ONCE,
  atomics,
  BLOCKING,
  enter,
  type Heap,
  leave,
  leaveUnmended,
  SLEEPERS,
  tryEnter,
  within,
} from "../memory/index.js";
import { coreCount } from "../platform/index.js";
import type { Handle } from "./handle.js";
import { type Reach, SharedObject } from "./shared-object.js";
import { onNames, type Strike } from "./worker-names.js";

const { compareExchange, load, store } = atomics;

/** Words that every monitor begins with. */
export const MONITOR = {
  /** Internal mutex: who is inside. */
  mutex: 0,
  /** A flag: 0 when nobody waits; else 1 and how many of those who wait were woken and have not tried since. */
  waiters: 1,
} as const;
export const MONITOR_WORDS = 2;

/**
 * An object whose state takes more than one word: changed inside an internal mutex, for well under a microsecond, by
 * any kind of caller. When a worker dies inside, the next one to enter calls `rebuild`, which derives the rest from the
 * words that are the truth.
 */
export abstract class Monitor extends SharedObject {
  /** @internal */
  constructor(kind: number, size: number, reach: Reach | Handle | undefined, known?: KnownOptions<object>) {
    super(kind, size, reach, known);
  }

  /** @internal Derives what can be derived, after a worker died inside the mutex. */
  protected abstract rebuild(): void;

  /**
   * @internal Runs `section` inside the mutex. It must not wait, and must not run a user's code. Under a time limit it
   *   must allocate before it changes anything.
   */
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

  /**
   * A caller that found nothing is about to sleep; it has armed its node already. Inside the mutex. The woken waiters
   * no longer count as on their way. The flag must never say that more are than there are, or a release would rely on
   * one who does not come. Fewer only cost a wake-up.
   * @internal
   */
  protected expectWake(flag: number): void {
    store(this.words, this.at + flag, 1);
  }

  /**
   * A caller that was woken tries now. Before it looks: a release that still counted it had made its change before
   * that, so the look sees the change; one that comes later counts it no more.
   * @internal
   */
  protected arrive(flag: number): void {
    const at = this.at + flag;
    for (let seen = load(this.words, at); seen > 1; ) {
      const found = compareExchange(this.words, at, seen, seen - 1);
      if (found === seen) return;
      seen = found;
    }
  }

  /**
   * Wakes up to `count` of those who wait for `key`, outside the mutex; returns how many. The flag is taken down only
   * inside the mutex, and only when no node is armed. A waiter that arms one later enters the mutex later, and raises
   * it again. Lowering it before the scan would hide waiters from others who release meanwhile.
   * @internal
   */
  protected wake(key: number, count: number, flag: number = MONITOR.waiters): number {
    if (load(this.words, this.at + flag) === 0) return 0;
    const { waitQueue } = this.heap;
    const woken = waitQueue.wake(key, count);
    if (woken < count) this.#lower(key, flag);
    return woken;
  }

  /**
   * Wakes one of those who wait for `key`, unless as many are on their way as there are things to have, or cores to run
   * them: `there`, read after the change. Where more threads run than there are cores, a woken one runs late; the
   * release after that finds the thing gone to a newcomer and come back, and would wake the next sleeper. Who was woken
   * and got something calls this in turn, for what is left.
   * One that awaits does not count, since its loop may be busy for long. The count goes up before the wake-up: the
   * other way round the woken one could try before it counts, and would count for ever.
   * @internal
   */
  protected wakeFor(key: number, there: number, flag: number = MONITOR.waiters): void {
    const { words } = this;
    const at = this.at + flag;
    const seen = load(words, at);
    if (seen === 0 || seen > there || seen > coreCount()) return;
    // Where somebody else has changed it, this one goes uncounted.
    const counted = compareExchange(words, at, seen, seen + 1) === seen;
    const how = this.heap.waitQueue.wakeOne(key);
    if (counted && how !== BLOCKING) this.arrive(flag);
    if (how === undefined) this.#lower(key, flag);
  }

  /**
   * Nobody was found to wake. The change that is told of is committed: where a stopped worker is inside, the flag stays
   * up, which costs the next release a scan.
   */
  #lower(key: number, flag: number): void {
    within(AT_ONCE, () =>
      this.inside(() => {
        if (this.heap.waitQueue.countWaiters(key, 1) === 0) store(this.words, this.at + flag, 0);
      }),
    );
  }
}

/** What the class of a monitor sees of it, for the parts that the class is made of. */
export interface MonitorInside {
  readonly heap: Heap;
  readonly words: Int32Array;
  readonly at: number;
  readonly self: number;
  readonly title: string;
  checkUsable(): void;
  inside<T>(section: () => T): T;
  expectWake(flag: number): void;
  arrive(flag: number): void;
  wake(key: number, count: number, flag?: number): number;
  wakeFor(key: number, there: number, flag?: number): void;
}

export function insideOf(monitor: Monitor): MonitorInside {
  return monitor as unknown as MonitorInside;
}

/** Which words of a kind of monitor name workers: the mutex, and what `names` strikes out, inside the mutex. */
export function onMonitorNames(kind: number, names?: (heap: Heap, at: number, strike: Strike) => void): void {
  onNames(kind, (heap, at, strike) => {
    const mutex = at + MONITOR.mutex;
    strike(mutex, 0, SLEEPERS);
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
