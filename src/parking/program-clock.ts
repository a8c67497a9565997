/**
 * The program's time, as its own timers tell it: the real one, or that of a test which has put fake timers in the place
 * of the platform's. Awaiting waits, `sleep`, `after` and the `timeout` of calls go by it, so that such a test can let
 * their time run out. A moment of it can be compared with nothing else.
 *
 * It is told by
 *   - the global `performance.now()`, where that was replaced;
 *   - else by the global `Date.now()`, where that and `setTimeout` were;
 *   - else, where only `setTimeout` was, by nobody: it stands still, and goes on by what alarms tell that go off;
 *   - else it is the real time. A program that has set the date alone keeps its timeouts.
 * Where another one takes over, it goes on from where it was.
 */
import { platformNow, realDate, realNow, setRealTimeout } from "../memory/clock.js";

/** Who tells it; undefined while it is the real time. */
let teller: (() => number) | undefined;
/** Whose method that is. */
let owner: unknown;
/** What is to be added to what is told. */
let ahead = 0;
/** What was read last. The clock of a test that is over cannot be asked any more. */
let last = 0;

const standing = (): number => 0;

function tellerNow(): (() => number) | undefined {
  if (performance.now !== platformNow) return performance.now;
  if (globalThis.setTimeout === setRealTimeout) return undefined;
  return Date.now === realDate ? standing : Date.now;
}

/** Milliseconds, of the program's time. While that is the real one, and always was, `performance.now()`. */
export function programNow(): number {
  const now = tellerNow();
  if (now !== teller) {
    if (teller === undefined) last = realNow() + ahead;
    teller = now;
    owner = now === Date.now ? Date : performance;
    ahead = last - told();
  }
  // It never goes back, whatever a test does to its clock.
  const read = told() + ahead;
  if (read < last && teller !== undefined) ahead += last - read;
  else last = read;
  return last;
}

function told(): number {
  return teller === undefined ? realNow() : teller.call(owner);
}

/** Whether that is the real time now. */
export function isProgramTimeReal(): boolean {
  return tellerNow() === undefined;
}

/** A timer of the program has run out: it is `when`, whatever a clock says that was not advanced with it. */
export function reach(when: number): void {
  const early = when - programNow();
  if (teller === undefined || early <= 0) return;
  ahead += early;
  last = when;
}

/** A moment of `performance.now()` as the program reads it, in its time. */
export function fromPerformance(when: number): number {
  return isSame() ? when : when - performance.now() + programNow();
}

/** The other way round. */
export function toPerformance(when: number): number {
  return isSame() ? when : when - programNow() + performance.now();
}

/**
 * When it will be so late if from here on it goes on as the real time does. For who blocks this thread, so that nobody
 * can advance it.
 */
export function toReal(when: number): number {
  return isSame() ? when : when - programNow() + realNow();
}

function isSame(): boolean {
  return ahead === 0 && teller === undefined && tellerNow() === undefined;
}
