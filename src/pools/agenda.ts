/**
 * What a pool has to do later: when the code that runs now has returned, or after a time. The event loop brings it
 * about by microtasks and timers; while this thread blocks, whoever blocks it does (`serve`). Both find the same
 * entries, and each entry is done once.
 */
import { Alarm, clearRealTimeout, programNow, queueRealMicrotask, realNow, setRealTimeout } from "../memory/index.js";

const LONGEST_TIMER_MS = 0x7fffffff;

/** Something to be done once, at a moment. */
export class Appointment {
  readonly #open: Set<Appointment>;
  readonly #when: number;
  readonly #act: () => void;
  /** An Alarm goes by the program's clock, which fake timers may have stopped. */
  readonly #timer: NodeJS.Timeout | Alarm;

  /** @internal Made by an agenda. */
  constructor(open: Set<Appointment>, when: number, act: () => void, start: (ring: () => void) => NodeJS.Timeout | Alarm) {
    this.#open = open;
    this.#when = when;
    this.#act = act;
    this.#timer = start(() => this.keep());
    open.add(this);
  }

  /** Milliseconds until then. */
  get left(): number {
    return this.#when - (this.#timer instanceof Alarm ? programNow() : realNow());
  }

  /** It keeps the program alive no longer. */
  unref(): this {
    if (!(this.#timer instanceof Alarm)) this.#timer.unref();
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
    if (this.#timer instanceof Alarm) this.#timer.clear();
    else clearRealTimeout(this.#timer);
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
    const when = realNow() + ms;
    this.#quietUntil = Math.min(this.#quietUntil, when);
    return new Appointment(this.#open, when, act, (ring) => setRealTimeout(ring, Math.min(ms, LONGEST_TIMER_MS)));
  }

  /** At a moment of `programNow()`. */
  at(when: number, act: () => void): Appointment {
    this.#quietUntil = 0;
    return new Appointment(this.#open, when, act, (ring) => new Alarm(when, ring));
  }

  /** Does what is due while this thread's event loop stands still. Gives the moment of `realNow()` when more is due. */
  serve(): number {
    for (const entry of this.#soon) {
      this.#soon.delete(entry);
      outOfTurn(entry.act);
    }
    if (realNow() < this.#quietUntil) return this.#quietUntil;
    for (const appointment of this.#open) if (appointment.left <= 0) outOfTurn(() => appointment.keep());
    let least = Number.POSITIVE_INFINITY;
    for (const { left } of this.#open) least = Math.min(least, left);
    return (this.#quietUntil = this.#soon.size > 0 ? 0 : realNow() + least);
  }
}

/** What it throws is an uncaught exception, as of a timer, once the loop turns. */
function outOfTurn(act: () => void): void {
  try {
    act();
  } catch (error) {
    queueRealMicrotask(() => {
      throw error;
    });
  }
}
