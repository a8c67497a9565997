/**
 * The time that the library itself goes by: the platform's timers and clocks, taken when it is loaded. What a test's
 * fake timers put in their place later must not stop pools. Nothing else in src names the platform's own;
 * tests/architecture.test.ts keeps that. What follows the program's timers, fake ones too, goes by `program-clock.ts`.
 */
import { controlled } from "#atomics";

/** What is taken. */
export interface Time {
  setTimeout(callback: (_: undefined) => void, ms: number): NodeJS.Timeout;
  clearTimeout(timer: NodeJS.Timeout | undefined): void;
  setInterval(callback: () => void, ms: number): NodeJS.Timeout;
  clearInterval(timer: NodeJS.Timeout | undefined): void;
  setImmediate(callback: (_: undefined) => void): NodeJS.Immediate;
  clearImmediate(immediate: NodeJS.Immediate | undefined): void;
  queueMicrotask(callback: () => void): void;
  /** As `performance.now()`, which is `platformNow`: only to be compared. */
  now(): number;
  readonly platformNow: unknown;
  readonly timeOrigin: number;
  /** As `Date.now()`. */
  date(): number;
  hrtime(): [number, number];
}
type Timers = Pick<
  Time,
  "setTimeout" | "clearTimeout" | "setInterval" | "clearInterval" | "setImmediate" | "clearImmediate"
>;

/** A second copy of the library, which may be loaded while the timers are fake, goes by what the first one took. */
const KEY = Symbol.for("allcores.time@1");
const PROMISIFIED = Symbol.for("nodejs.util.promisify.custom");

function take(): Time {
  const known = (globalThis as { [KEY]?: Time })[KEY];
  if (known !== undefined) return known;
  let timers: Timers = globalThis;
  let clock = performance;
  if (!arePlatforms(timers)) {
    // Some fakes leave the modules alone. And the timers of a DOM are numbers.
    timers = process.getBuiltinModule("node:timers");
    clock = process.getBuiltinModule("node:perf_hooks").performance;
  }
  const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = timers;
  const { now, timeOrigin } = clock;
  const { hrtime } = process;
  const own = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, queueMicrotask };
  const taken = {
    ...own,
    now: () => now.call(clock),
    platformNow: now,
    timeOrigin,
    date: Date.now,
    hrtime: () => hrtime(),
  };
  if (arePlatforms(timers)) Object.defineProperty(globalThis, KEY, { value: taken });
  else
    process.emitWarning(
      "fake timers were on when allcores was loaded, so all that it does itself, as bringing a pool's results, goes by them too: import it before they are turned on",
      "AllcoresWarning",
    );
  return taken;
}

/** The fakes of node:test have no promisified form; those of sinon, Jest and Vitest name the clock that they go by. */
function arePlatforms({ setTimeout }: Timers): boolean {
  return PROMISIFIED in setTimeout && !("clock" in setTimeout);
}

const taken = take();
export let setRealTimeout = taken.setTimeout;
export let clearRealTimeout = taken.clearTimeout;
export let setRealInterval = taken.setInterval;
export let clearRealInterval = taken.clearInterval;
export let setRealImmediate = taken.setImmediate;
export let clearRealImmediate = taken.clearImmediate;
export const queueRealMicrotask = taken.queueMicrotask;
/** Milliseconds on this thread's monotonic clock. */
export let realNow = taken.now;
/** How many milliseconds this thread's event loop has had nothing to do in. */
export const loopIdle = (): number =>
  process.getBuiltinModule("node:perf_hooks").performance.eventLoopUtilization().idle;
/** By which it is known whether the program's `performance.now` was replaced. */
export let { platformNow } = taken;
/** When that began, on the clock that can be set. */
export const realTimeOrigin = taken.timeOrigin;
/** Milliseconds since 1970, on the clock that can be set. */
export let realDate = taken.date;
let { hrtime } = taken;

/** An explored worker goes by another time from here on. Its own microtasks are as good as any. */
export function goBy(time: Omit<Time, "queueMicrotask" | "timeOrigin">): void {
  setRealTimeout = time.setTimeout;
  clearRealTimeout = time.clearTimeout;
  setRealInterval = time.setInterval;
  clearRealInterval = time.clearInterval;
  setRealImmediate = time.setImmediate;
  clearRealImmediate = time.clearImmediate;
  realNow = time.now;
  platformNow = time.platformNow;
  realDate = time.date;
  hrtime = time.hrtime;
}

/** Milliseconds on a clock that all processes of this machine share and that nobody sets. */
export function sharedNow(): number {
  // There, asking for the time is an operation that a schedule knows.
  if (controlled) return realNow();
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** The same in whole milliseconds: 32 bits that wrap, so differences are compared. Never 0. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = hrtime();
  return (seconds * 1000 + nanoseconds / 1e6) | 0 || 1;
}
