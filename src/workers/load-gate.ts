/**
 * Keeps a thread from being terminated while it loads modules.
 *
 * While V8 sets a module going that has a top-level `await` (`SourceTextModule::ExecuteAsyncModule`), it takes for
 * granted that its own calls of JavaScript succeed. A termination that arrives between two of them makes one fail, and
 * V8 aborts the whole program ("Check failed: (location_) != nullptr"). Whether a module awaits is not known before it
 * runs, so all loading is guarded.
 *
 * Each thread has one word: how many loads are under way in it and in the threads below it, which Node ends together
 * with it, and CLOSED once it is to be terminated. Both change by atomic updates of the one word. So either the load is
 * counted and the terminating thread sees it, or CLOSED was there first and the load is not begun. A start counts as a
 * load: a preload (`--import`) may await too. What is left: `import()` in a user's own code, of which nobody tells, and
 * a module that goes on after another of the same graph has thrown.
 * Rejected: a mutex around loading, as for addons. A module may await for ever, and the terminating thread must not
 * wait for that.
 */
import type { Worker } from "node:worker_threads";
import {
  atomics,
  clearRealInterval,
  realNow,
  setRealInterval,
  setRealTimeout,
  underAddonGuard,
} from "../memory/index.js";
import { sliceHooks } from "../parking/index.js";
import { workerState } from "./worker-state.js";

const { add, load, or, pause, sub } = atomics;

const CLOSED = 0x40000000;
const COUNT = CLOSED - 1;

/** How often the terminating thread looks whether the loads have ended. */
const LOOK_MS = 5;
/** How long a terminate is held back where nobody says otherwise. */
export const KILL_GRACE_MS = 1000;
const LONGEST_TIMER_MS = 0x7fffffff;

/** The word of a thread, and those of the threads above it up to the main thread's. */
export type LoadGate = readonly Int32Array[];

/** Its own words; the main thread's are made when they are needed. */
function ownGate(): LoadGate {
  return (workerState.gate ??= [newWord(0)]);
}

function newWord(count: number): Int32Array {
  const word = new Int32Array(new SharedArrayBuffer(4));
  word[0] = count;
  return word;
}

/** The gate of a thread that is about to be started. */
export function newGate(): LoadGate {
  return [newWord(0), ...ownGate()];
}

/** The start of the thread is under way from here on, until the thread passes its gate. */
export function beginStart(gate: LoadGate): void {
  guardEnd();
  for (const word of gate) add(word, 0, 1);
}

/** The thread has ended, or was not started: what it and those below it had under way is over. */
export function dropGate(gate: LoadGate): void {
  const [own, ...above] = gate;
  const left = load(own!, 0) & COUNT;
  for (const word of above) sub(word, 0, left);
}

/** In a thread that has been started: its start is over. Blocks for ever when it is to be terminated. */
export function passGate(gate: LoadGate): void {
  workerState.gate = gate;
  for (const word of gate) sub(word, 0, 1);
  while (isClosed(gate)) pause(LOOK_MS);
}

/** Loads modules. Never goes on when this thread is to be terminated. */
export async function whileLoading<R>(importIt: () => Promise<R>): Promise<R> {
  const gate = ownGate();
  workerState.loadsHere++;
  let closed = false;
  for (const word of gate) if (add(word, 0, 1) & CLOSED) closed = true;
  if (closed) {
    leave(gate);
    await neverMore();
  }
  try {
    return await importIt();
  } finally {
    leave(gate);
    if (isClosed(gate)) await neverMore();
  }
}

function leave(gate: LoadGate): void {
  workerState.loadsHere--;
  for (const word of gate) sub(word, 0, 1);
}

function isClosed(gate: LoadGate): boolean {
  return gate.some((word) => (load(word, 0) & CLOSED) !== 0);
}

/** Waits to be terminated, with the event loop alive: other loads of this thread may have to end before. */
function neverMore(): Promise<never> {
  return new Promise(() => setRealTimeout(() => {}, LONGEST_TIMER_MS));
}

/**
 * Terminates a thread, once nothing is loaded in it. After `killGrace` ms `givenUp` is called instead; the thread is
 * still terminated when its loads have ended.
 */
export function terminateThread(worker: Worker, [word]: LoadGate, killGrace: number, givenUp: () => void): void {
  // The first caller sees to it.
  if (or(word!, 0, CLOSED) & CLOSED) return;
  let deadline = Number.POSITIVE_INFINITY;
  const look = () => {
    if ((load(word!, 0) & COUNT) === 0) {
      stop();
      underAddonGuard(() => void worker.terminate());
    } else if (realNow() >= deadline) {
      deadline = Number.POSITIVE_INFINITY;
      // It may await for ever, which keeps no program alive.
      worker.unref();
      givenUp();
    }
  };
  const stop = () => {
    clearRealInterval(timer);
    sliceHooks.delete(look);
  };
  const timer = setRealInterval(look, LOOK_MS).unref();
  worker.once("exit", stop);
  // While this thread's own loop stands still, the waiter that blocks it looks in its slices.
  sliceHooks.add(look);
  look();
  // Afterwards, so that nobody is called back before this returns.
  deadline = realNow() + killGrace;
}

let isGuarded = false;

/** Before this thread ends, and Node with it all that it started, their loads end; for at most KILL_GRACE_MS. */
function guardEnd(): void {
  // A process of ours leaves by a system call, which ends no thread by V8's means.
  if (isGuarded || workerState.model === "process") return;
  isGuarded = true;
  process.on("exit", () => {
    const [own] = ownGate();
    or(own!, 0, CLOSED);
    // Loads of its own are no obstacle: code that calls `process.exit()` runs outside of V8's loading.
    for (
      const deadline = realNow() + KILL_GRACE_MS;
      (load(own!, 0) & COUNT) > workerState.loadsHere && realNow() < deadline;
    )
      pause(1);
  });
}
