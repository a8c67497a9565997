/** What one run of a task on one input has taken, as its worker has seen it. */
import { encode } from "../codec/index.js";
import { discard } from "../codec/payload.js";
import { textOfThrown } from "../errors/index.js";
import { loopIdle, realNow } from "../memory/index.js";
import { thisThread, threadStatOf } from "../platform/index.js";
import type { Barrier } from "../sync/barrier.js";
import { isThenable } from "../sync/thenable.js";
import { importTask } from "../workers/task-module.js";
import type { AnyFunction } from "../workers/task.js";
import { task } from "../workers/task.js";

/** Times are in milliseconds, sizes in bytes. */
export interface ItemMeasure {
  /** From the call to its value. */
  readonly wall: number;
  /** What the worker's thread computed of it. */
  readonly cpu: number;
  /** What other threads of its process computed meanwhile, as those of libuv do. */
  readonly elsewhere: number;
  /** What it waited for a processor that others had. */
  readonly delayed: number;
  /** What the event loop had nothing to do in: the task waited and let others go on. */
  readonly idle: number;
  /** By how much the worker's memory grew; may be negative after a collection. */
  readonly allocated: number;
  readonly resultBytes: number;
  /** To encode the result. */
  readonly resultMs: number;
  /** What it threw; undefined where it gave a value. */
  readonly failure: string | undefined;
}

const MOST_TURNS = 16;
const TURNS_MS = 0.5;

/** The library is in every worker before any task: its own ones are in no module. */
const NOWHERE = new URL("data:text/javascript,");

/** Does nothing: that it was done tells that a worker has started. */
export const beReady = task(NOWHERE, "allcores.beReady", () => {});

/** Runs a task once, and gives what that took. */
export const measureItem = task(
  NOWHERE,
  "allcores.measureItem",
  async (url: string, name: string, args: readonly unknown[]) => measured(await importTask(url, name), args),
);

/**
 * Runs a task for several inputs at a time on one event loop. Gives the milliseconds from the first call to the last
 * value, less what the thread waited for a processor.
 */
export const runTogether = task(
  NOWHERE,
  "allcores.runTogether",
  async (url: string, name: string, calls: readonly (readonly unknown[])[]) => {
    const fn = await importTask(url, name);
    const before = stat();
    const began = realNow();
    await Promise.allSettled(calls.map(async (args) => await (fn(...args) as unknown)));
    const took = realNow() - began;
    return Math.max(0, took - delayBetween(before, stat()));
  },
);

/**
 * Runs a task for one input after the other, once all who take part are there. Gives the milliseconds that took, less
 * what the thread waited for a processor.
 */
export const runInTurn = task(
  NOWHERE,
  "allcores.runInTurn",
  async (url: string, name: string, calls: readonly (readonly unknown[])[], start: Barrier | undefined) => {
    const fn = await importTask(url, name);
    start?.waitSync();
    const before = stat();
    const began = realNow();
    for (const args of calls)
      try {
        await (fn(...args) as unknown);
      } catch {
        // The sample has told it.
      }
    const took = realNow() - began;
    return Math.max(0, took - delayBetween(before, stat()));
  },
);

async function measured(fn: AnyFunction, args: readonly unknown[]): Promise<ItemMeasure> {
  const memory = memoryInUse();
  const before = stat();
  // Within what the thread is asked for, so that what asking takes is nobody else's.
  const processor = process.cpuUsage();
  const idleBefore = loopIdle();
  const began = realNow();
  let value: unknown;
  let failure: string | undefined;
  let idle = 0;
  let wall: number;
  try {
    value = fn(...args);
    // No turn of the loop for a task that gives a value.
    const isLater = isThenable(value);
    if (isLater) value = await value;
    wall = realNow() - began;
    if (isLater) idle = loopIdle() - idleBefore;
  } catch (error) {
    wall = realNow() - began;
    idle = loopIdle() - idleBefore;
    failure = error instanceof Error ? `${error.name}: ${textOfThrown(error)}` : textOfThrown(error);
  }
  const { user, system } = process.cpuUsage(processor);
  const after = stat();
  const allocated = memoryInUse() - memory;
  const cpu = before === undefined || after === undefined ? wall - idle : (after.ran - before.ran) / 1e6;
  const delayed = delayBetween(before, after);
  const elsewhere = before === undefined || after === undefined ? 0 : Math.max(0, (user + system) / 1000 - cpu);
  return {
    wall,
    cpu: Math.min(cpu, wall),
    elsewhere,
    delayed: Math.min(delayed, wall),
    idle: Math.min(idle, wall),
    allocated,
    ...weighed(value),
    failure,
  };
}

/**
 * How long a value is as a message, and how long that takes; nothing where it cannot cross, which its own call will
 * say.
 */
function weighed(value: unknown): { resultBytes: number; resultMs: number } {
  try {
    const { bytes, ms } = weightOfMessage(() => encode(value, { to: "threads", root: "result", attach: true }));
    // Items of a chunk travel in one message: what a message takes by itself is none of theirs.
    const empty = weightOfMessage(() => encode(undefined, { to: "threads", root: "result", attach: true }));
    return { resultBytes: bytes, resultMs: Math.max(0, ms - empty.ms) };
  } catch {
    return { resultBytes: 0, resultMs: 0 };
  }
}

/** The fastest of some turns, since the first is cold; of one alone, where that takes long. */
export function weightOfMessage(encoded: () => ReturnType<typeof encode>): {
  readonly bytes: number;
  readonly ms: number;
} {
  let bytes = 0;
  let ms = Number.POSITIVE_INFINITY;
  const began = realNow();
  for (let turn = 0; turn < MOST_TURNS && (turn === 0 || realNow() - began < TURNS_MS); turn++) {
    const start = realNow();
    const message = encoded();
    ms = Math.min(ms, realNow() - start);
    bytes = message.length;
    discard(message);
  }
  return { bytes, ms };
}

type Stat = ReturnType<typeof stat>;

function delayBetween(before: Stat, after: Stat): number {
  return before?.delayed === undefined || after?.delayed === undefined ? 0 : (after.delayed - before.delayed) / 1e6;
}

function stat(): { readonly ran: number; readonly delayed?: number | undefined } | undefined {
  const { pid, tid } = thisThread();
  return threadStatOf(pid, tid);
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
