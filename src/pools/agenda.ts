/**
 * What a pool has to do later: when the code that runs now has returned, or after a time. The event loop brings it
 * about by microtasks and timers; while this thread blocks, the call that blocks it does (`serve`). Both find the same
 * entries, and each entry is done once.
 */
import { clearRealTimeout, queueRealMicrotask, realNow, setRealTimeout } from "../memory/index.js";

const LONGEST_TIMER_MS = 0x7fffffff;

/** Something to be done once, at a moment of `realNow()`. */
export class Appointment {
  readonly #open: Set<Appointment>;
  readonly #act: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly when: number;

  /** @internal Made by an agenda. */
  constructor(open: Set<Appointment>, ms: number, act: () => void) {
    this.#open = open;
    this.#act = act;
    this.#timer = setRealTimeout(() => this.keep(), Math.min(ms, LONGEST_TIMER_MS));
    this.when = realNow() + ms;
    open.add(this);
  }

  /** It keeps the program alive no longer. */
  unref(): this {
    this.#timer.unref();
    return this;
  }

  /** Its time has come. */
  keep(): void {
    this.clear();
    this.#act();
  }

  /** It is called off. */
  clear(): void {
    this.#open.delete(this);
    clearRealTimeout(this.#timer);
  }
}

export class Agenda {
  readonly #soon = new Set<{ readonly act: () => void }>();
  readonly #open = new Set<Appointment>();
  /** No appointment is due before this moment of `realNow()`. */
  #quietUntil = 0;

  /** Once the code that runs now has returned. */
  soon(act: () => void): void {
    const entry = { act };
    this.#soon.add(entry);
    queueRealMicrotask(() => {
      if (this.#soon.delete(entry)) act();
    });
  }

  /** After so many milliseconds. */
  after(ms: number, act: () => void): Appointment {
    const appointment = new Appointment(this.#open, ms, act);
    this.#quietUntil = Math.min(this.#quietUntil, appointment.when);
    return appointment;
  }

  /** Does what is due while this thread's event loop stands still. Gives the moment of `realNow()` when more is due. */
  serve(): number {
    for (const entry of this.#soon) {
      this.#soon.delete(entry);
      outOfTurn(entry.act);
    }
    const now = realNow();
    if (now < this.#quietUntil) return this.#quietUntil;
    for (const appointment of this.#open) if (appointment.when <= now) outOfTurn(() => appointment.keep());
    if (this.#soon.size > 0) return now;
    this.#quietUntil = Number.POSITIVE_INFINITY;
    for (const { when } of this.#open) this.#quietUntil = Math.min(this.#quietUntil, when);
    return this.#quietUntil;
  }
}

/** What it throws is an uncaught exception, as of a timer, once the loop turns. */
export function outOfTurn(act: () => void): void {
  try {
    act();
  } catch (error) {
    queueRealMicrotask(() => {
      throw error;
    });
  }
}
