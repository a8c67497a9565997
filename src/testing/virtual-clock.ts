/**
 * Time for an explored worker: timers (those of `node:timers/promises` too), `performance.now()`, `Date.now()` and
 * `AbortSignal.timeout()` go by the execution's clock, which stands still while anybody can run and jumps to the next
 * moment at which something is due. Whatever could vary from run to run is made the same each time: random numbers, and
 * the collector, whose finalizers do not run and whose weak references stay.
 */

import { syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";
import { goBy } from "../memory/index.js";

/** What the thread asks of a clock. */
export interface ClockSource {
  /** Reads the time, as an operation of the program. */
  now(): number;
  /** Reads the time, unseen. */
  readonly clock: number;
}

/** What has timers that may be due. */
export interface EventSource {
  /** When the next timer is due; Infinity for none. */
  nextDue(): number;
  /** Runs one timer that is due. `slice`: one that waits for the end of a slice, if none is. */
  runDue(slice: boolean): void;
}

interface Timer {
  readonly callback: (...args: unknown[]) => void;
  readonly args: unknown[];
  due: number;
  readonly number: number;
  /** Undefined for a timer that runs once. */
  readonly period: number | undefined;
}

const LONGEST_MS = 0x7fffffff;

/** What stands for a timer: Node's, as far as programs use it. */
class TimerHandle {
  readonly #clock: VirtualClock;
  readonly number: number;
  constructor(clock: VirtualClock, number: number) {
    this.#clock = clock;
    this.number = number;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
  refresh(): this {
    return this;
  }
  close(): this {
    this.#clock.clear(this);
    return this;
  }
  [Symbol.toPrimitive](): number {
    return this.number;
  }
  [Symbol.dispose](): void {
    this.#clock.clear(this);
  }
}

export class VirtualClock implements EventSource {
  readonly #source: ClockSource;
  readonly #timers = new Map<number, Timer>();
  #numbers = 0;
  #random = 1;

  constructor(source: ClockSource) {
    this.#source = source;
  }

  /** Nothing is left of an earlier execution. */
  restart(): void {
    this.#timers.clear();
    this.#numbers = 0;
    this.#random = 1;
  }

  nextDue(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const timer of this.#timers.values()) next = Math.min(next, timer.due);
    return next;
  }

  runDue(slice: boolean): void {
    const now = this.#source.clock;
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.due > now && !(slice && timer.due === Number.POSITIVE_INFINITY)) continue;
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.number < first.number))
        first = timer;
    }
    if (first === undefined) return;
    if (first.period === undefined) this.#timers.delete(first.number);
    else first.due = now + first.period;
    first.callback(...first.args);
  }

  clear(handle: unknown): void {
    if (handle !== undefined && handle !== null) this.#timers.delete(Number(handle));
  }

  #set(callback: (...args: unknown[]) => void, ms: number, repeats: boolean, args: unknown[]): TimerHandle {
    const wait = ms === Number.POSITIVE_INFINITY ? ms : ms >= 1 && ms <= LONGEST_MS ? ms : 1;
    const number = ++this.#numbers;
    this.#timers.set(number, {
      callback,
      args,
      due: this.#source.clock + wait,
      number,
      period: repeats ? wait : undefined,
    });
    return new TimerHandle(this, number);
  }

  /** Puts this clock in the place of the platform's, in the calling thread, for good. */
  install(): void {
    const source = this.#source;
    const epoch = 1_700_000_000_000;
    const start = source.clock;
    const realm = globalThis as unknown as Record<string, unknown>;
    const clear = (handle: unknown) => this.clear(handle);
    const timers = {
      setTimeout: (callback: never, ms = 0, ...args: unknown[]) => this.#set(callback, ms, false, args) as never,
      setInterval: (callback: never, ms = 0, ...args: unknown[]) => this.#set(callback, ms, true, args) as never,
      setImmediate: (callback: never, ...args: unknown[]) => {
        const handle = this.#set(callback, 1, false, args);
        this.#timers.get(handle.number)!.due = source.clock;
        return handle as never;
      },
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    };
    Object.assign(realm, timers);
    const later = <T>(ms: number, value: T, options: { signal?: AbortSignal } | undefined): Promise<T> =>
      new Promise((resolve, reject) => {
        const { signal } = options ?? {};
        signal?.throwIfAborted();
        const abort = () => {
          this.clear(timer);
          reject(new DOMException("The operation was aborted", { name: "AbortError", cause: signal?.reason }));
        };
        const settle = () => {
          signal?.removeEventListener("abort", abort);
          resolve(value);
        };
        const timer = this.#set(settle, ms, false, []);
        signal?.addEventListener("abort", abort, { once: true });
      });
    const promised = timersPromises as unknown as Record<string, unknown>;
    promised.setTimeout = (ms = 1, value?: unknown, options?: { signal?: AbortSignal }) => later(ms, value, options);
    promised.setImmediate = (value?: unknown, options?: { signal?: AbortSignal }) => later(0, value, options);
    promised.scheduler = {
      wait: (ms: number, options?: { signal?: AbortSignal }) => later(ms, undefined, options),
      yield: () => later(0, undefined, undefined),
    };
    syncBuiltinESMExports();
    const now = () => source.now();
    performance.now = now;
    const elapsed = () => BigInt(Math.round(source.clock * 1e6));
    const hrtime = (since?: [number, number]): [number, number] => {
      const nanoseconds = elapsed() - (since === undefined ? 0n : BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]));
      return [Number(nanoseconds / 1_000_000_000n), Number(nanoseconds % 1_000_000_000n)];
    };
    process.hrtime = Object.assign(hrtime, { bigint: elapsed });
    const date = () => epoch + source.now() - start;
    Date.now = date;
    // The library took the platform's when it was loaded.
    goBy({ ...timers, now, platformNow: now, date, hrtime });
    // Xorshift, as the schedules' own.
    Math.random = () => {
      this.#random ^= this.#random << 13;
      this.#random ^= this.#random >>> 17;
      this.#random ^= this.#random << 5;
      return (this.#random >>> 0) / 2 ** 32;
    };
    AbortSignal.timeout = (ms: number) => {
      const controller = new AbortController();
      this.#set(
        () => controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")),
        ms,
        false,
        [],
      );
      return controller.signal;
    };
    realm.FinalizationRegistry = class {
      register(): void {}
      unregister(): boolean {
        return false;
      }
    };
    realm.WeakRef = class {
      readonly #target: object;
      constructor(target: object) {
        this.#target = target;
      }
      deref(): object {
        return this.#target;
      }
    };
  }
}
