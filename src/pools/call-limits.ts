import { Alarm, offAbort, onAbort, programNow } from "../parking/index.js";
import type { CallSettings } from "./call-options.js";

/**
 * What may end a call, or a map, early: its time and its signal. Its time is the program's, and rings in the event
 * loop; who blocks that looks at it (`blocking-join.ts`).
 */
export class CallLimits {
  // Assigned by the constructor, as the fields of a job are.
  declare private readonly alarm: Alarm | undefined;
  declare private readonly signal: AbortSignal | undefined;
  declare private readonly abort: () => void;
  declare readonly expire: () => void;

  constructor({ timeout, signal }: CallSettings, expire: () => void, abort: () => void) {
    this.alarm = timeout === Number.POSITIVE_INFINITY ? undefined : new Alarm(programNow() + timeout, expire);
    this.signal = signal;
    this.abort = abort;
    this.expire = expire;
    onAbort(signal, abort);
  }

  /** When it expires, a moment of `programNow()`; Infinity where it never does. */
  get when(): number {
    return this.alarm?.when ?? Number.POSITIVE_INFINITY;
  }

  clear(): void {
    this.alarm?.clear();
    offAbort(this.signal, this.abort);
  }
}
