/**
 * What stands in the place of `atomics.ts` under the condition "allcores-explored": the same operations, each of which
 * first asks a controller whether the calling worker goes on. The controller is testing/'s; where none is set, as in
 * the thread that prepares an explored program, every operation is carried out at once.
 */
import * as direct from "./atomics.js";
import type { IntegerArray, WideCells } from "./atomics.js";

export type { IntegerArray, WideCells } from "./atomics.js";

/** What an operation does to its place, as far as the order of operations matters. */
export const READ = 0;
export const WRITE = 1;
/** Reads and writes in one step. */
export const UPDATE = 2;
/** A user's plain reading and writing of data. */
export const READ_DATA = 3;
export const WRITE_DATA = 4;
/** Plain reading and writing by the library. */
export const READ_PLAIN = 5;
export const WRITE_PLAIN = 6;
export const NOTIFY = 7;
/** Looks at the word, and sleeps if it holds what is expected. */
export const WAIT = 8;
/** Goes on after a sleep. */
export const WAKE = 9;
/** Reads the clock. */
export const CLOCK = 10;
/** Asks whether a worker is alive. */
export const LIFE = 11;
/** The beginning of a worker's task, and an event of its loop. */
export const BEGIN = 12;
export const EVENT = 13;
/** Begins to sleep without looking at a word. */
export const PAUSE = 14;

/** A controller, as this file sees it. It may throw, to unwind a worker whose execution is over. */
export interface Controller {
  /** Returns when the calling worker may carry out its next operation. */
  before(operation: number, cells: ArrayBufferView, index: number): void;
  /** What the operation did: whether it wrote, what was there before, what is there now. */
  after(wrote: boolean, old: number, now: number): void;
  /**
   * Sleeps while nobody notifies the word, or, `changes`, while it holds what it holds. False once `ms` have passed.
   */
  sleep(cells: ArrayBufferView, index: number, ms: number, changes: boolean): boolean;
  /** Resolves once somebody notifies the word. */
  listen(cells: ArrayBufferView, index: number): Promise<"ok">;
  /** Wakes up to `count` of those who sleep on the word. */
  notify(cells: ArrayBufferView, index: number, count: number): number;
  pause(ms: number): void;
  isAlive(tid: number): boolean;
  readonly thread: { pid: number; tid: number; startTime: number };
}

let controller: Controller | undefined;

/** Puts the calling thread under control, or takes it out. */
export function control(by: Controller | undefined): void {
  controller = by;
}

export const controlled = true;

/** Behind each view that `visible` made: the memory itself. */
const memory = new WeakMap<object, Int32Array>();

function raw<C extends IntegerArray | WideCells>(cells: C): C {
  return (memory.get(cells) ?? cells) as C;
}

const numberOf = (value: number | bigint): number => Number(value);

/** An update that leaves everything as it is only reads. */
function operation<R extends number | bigint>(
  kind: number,
  cells: IntegerArray | WideCells,
  index: number,
  perform: (cells: never) => R,
): R {
  const at = raw(cells);
  if (controller === undefined) return perform(at as never);
  controller.before(kind, at, index);
  const old = perform(at as never);
  const now = kind === READ || kind === READ_DATA ? old : direct.load(at as IntegerArray, index);
  controller.after(kind === WRITE || kind === WRITE_DATA || now !== old, numberOf(old), numberOf(now));
  return old;
}

type Load = typeof direct.load;
type Change = typeof direct.add;
type CompareExchange = typeof direct.compareExchange;

export const load: Load = ((cells: IntegerArray, index: number) =>
  operation(READ, cells, index, (at: IntegerArray) => direct.load(at, index))) as Load;
export const loadData: Load = ((cells: IntegerArray, index: number) =>
  operation(READ_DATA, cells, index, (at: IntegerArray) => direct.load(at, index))) as Load;

function writer(kind: number): Change {
  return ((cells: IntegerArray, index: number, value: number) => {
    operation(kind, cells, index, (at: IntegerArray) => {
      const old = direct.load(at, index);
      direct.store(at, index, value);
      return old;
    });
    return value;
  }) as Change;
}
export const store: Change = writer(WRITE);
export const storeData: Change = writer(WRITE_DATA);

function updater(change: Change): Change {
  return ((cells: IntegerArray, index: number, value: number) =>
    operation(UPDATE, cells, index, (at: IntegerArray) => change(at, index, value))) as Change;
}
export const add = updater(direct.add);
export const and = updater(direct.and);
export const exchange = updater(direct.exchange);
export const or = updater(direct.or);
export const sub = updater(direct.sub);
export const xor = updater(direct.xor);

export const compareExchange: CompareExchange = ((
  cells: IntegerArray,
  index: number,
  expected: number,
  next: number,
) => {
  const at = raw(cells);
  if (controller === undefined) return direct.compareExchange(at, index, expected, next);
  controller.before(UPDATE, at, index);
  const seen = direct.compareExchange(at, index, expected, next);
  const now = direct.load(at, index);
  controller.after(now !== seen, numberOf(seen), numberOf(now));
  return seen;
}) as CompareExchange;

export function wait(
  words: Int32Array,
  index: number,
  value: number,
  ms = Number.POSITIVE_INFINITY,
): "ok" | "not-equal" | "timed-out" {
  const at = raw(words);
  if (controller === undefined) return direct.wait(at, index, value, ms);
  controller.before(WAIT, at, index);
  const seen = direct.load(at, index);
  controller.after(false, seen, seen);
  if (seen !== value) return "not-equal";
  return controller.sleep(at, index, ms, false) ? "ok" : "timed-out";
}

export const waitAsync: typeof direct.waitAsync = (words, index, value) => {
  const at = raw(words);
  if (controller === undefined) return direct.waitAsync(at, index, value);
  controller.before(WAIT, at, index);
  const seen = direct.load(at, index);
  controller.after(false, seen, seen);
  return seen === value ? { async: true, value: controller.listen(at, index) } : { async: false, value: "not-equal" };
};

export function notify(words: Int32Array, index: number, count = Number.POSITIVE_INFINITY): number {
  const at = raw(words);
  if (controller === undefined) return direct.notify(at, index, count);
  controller.before(NOTIFY, at, index);
  const woken = controller.notify(at, index, count);
  controller.after(true, 0, woken);
  return woken;
}

export function pause(ms: number): void {
  if (controller === undefined) direct.pause(ms);
  else controller.pause(ms);
}

export function spins(): number {
  return 1;
}

export function slice(): number {
  return Number.POSITIVE_INFINITY;
}

/** What a controller runs is read in order. */
export function orderLoads(): void {}

export function toldAlive(_pid: number, tid: number): boolean | undefined {
  return controller?.isAlive(tid);
}

export function toldThread(): { pid: number; tid: number; startTime: number } | undefined {
  return controller?.thread;
}

const isIndex = (name: string | symbol): boolean =>
  typeof name === "string" && name.charCodeAt(0) >= 48 && name.charCodeAt(0) <= 57;

/**
 * Every plain access is an operation of its own, where a controller is set. Methods that change many words at once
 * count as a change of the first.
 */
export function visible(words: Int32Array): Int32Array {
  if (controller === undefined) return words;
  const view = new Proxy(words, {
    get(target, name) {
      if (isIndex(name)) {
        const index = Number(name);
        if (controller === undefined) return target[index];
        controller.before(READ_PLAIN, target, index);
        const value = target[index]!;
        controller.after(false, value, value);
        return value;
      }
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const bulk = name === "fill" || name === "copyWithin" ? name : undefined;
      return (...args: unknown[]) => {
        if (bulk !== undefined) {
          const first = Number(bulk === "fill" ? (args[1] ?? 0) : args[0]);
          controller?.before(WRITE_PLAIN, target, first);
          controller?.after(true, 0, 0);
        }
        return (member as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
    set(target, name, value: number) {
      const index = Number(name);
      if (controller === undefined) {
        target[index] = value;
        return true;
      }
      controller.before(WRITE_PLAIN, target, index);
      const old = target[index]!;
      target[index] = value;
      controller.after(true, old, target[index]!);
      return true;
    },
  });
  memory.set(view, words);
  return view;
}
