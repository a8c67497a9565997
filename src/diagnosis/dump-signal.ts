/**
 * A signal on which every process of the program writes what it is doing to stderr.
 *
 * The one that gets it from outside counts `dumps` up in the memory between processes and passes the signal on to all
 * others; who finds a count that it has not answered got it passed on. A process that does not catch the signal would
 * be killed by it: the kernel is asked first.
 */
import { isMainThread } from "node:worker_threads";
import { ArgumentTypeError, StateError } from "../errors/index.js";
import { atomics, contain, HEADER, processHeapIfOpen, RECORD } from "../memory/index.js";
import { platform } from "../platform/index.js";
import { onWorkerStart } from "../workers/start-hook.js";
import { print } from "./findings.js";
import { applyStacks, dumpSignalName, setDumpSignal, signalNumbers } from "./settings.js";
import { snapshot } from "./snapshot.js";

let listened: NodeJS.Signals | undefined;
let answered = 0;
/** A dump that was passed on was written while this thread was blocked: the signal is still to come. */
let isEarly = false;

/**
 * Has every process of the program write a `snapshot()` to stderr on a signal: `kill -USR2 <pid of any of them>`. It
 * counts for this process and for those that are started later; processes that do not listen are left alone. A main
 * thread that is blocked hears of it from the others only; send it to another process then.
 *
 * Disposing what it returns ends it, here and for processes that are started later. Main thread only, since Node brings
 * signals to no other.
 *
 * @param signal its name; SIGUSR2 unless given
 * @returns what ends it when it is disposed of
 * @throws `ERR_ALLCORES_STATE` in a thread other than the main one
 * @remarks **Cost:** a listener; a snapshot with each signal.
 *
 * @example
 * ```ts
 * import { dumpOnSignal } from "allcores";
 * using dumping = dumpOnSignal("SIGUSR2");
 * ```
 */
export function dumpOnSignal(signal: NodeJS.Signals = "SIGUSR2"): Disposable {
  if (typeof signal !== "string" || signalNumbers()[signal] === undefined)
    throw new ArgumentTypeError(
      `dumpOnSignal(signal): signal must be the name of a signal such as "SIGUSR2", got ${String(signal)}`,
    );
  if (!isMainThread)
    throw new StateError(
      "dumpOnSignal() works in the main thread of a process only: Node brings signals to no other thread",
    );
  ignore();
  setDumpSignal(signal);
  listen(signal);
  return {
    [Symbol.dispose]() {
      if (listened !== signal) return;
      ignore();
      setDumpSignal(undefined);
    },
  };
}

function listen(signal: NodeJS.Signals): void {
  listened = signal;
  answered = load();
  process.on(signal, dumpContained);
}

function ignore(): void {
  if (listened !== undefined) process.off(listened, dumpContained);
  listened = undefined;
}

function load(): number {
  const heap = processHeapIfOpen();
  return heap === undefined ? 0 : atomics.load(heap.words, HEADER.dumps);
}

/**
 * Called in each slice of a blocking wait, while no signal reaches this thread: a dump that was asked of all is written
 * all the same.
 */
export function dumpWhileBlocked(): void {
  if (listened === undefined) return;
  const count = load();
  if (count === answered) return;
  answered = count;
  isEarly = true;
  print(`${snapshot()}\n`);
}

/** A signal has no caller who could hear of memory that was written over. */
function dumpContained(): void {
  contain("writing a dump", dump);
}

function dump(): void {
  if (isEarly) {
    isEarly = false;
    return;
  }
  const heap = processHeapIfOpen();
  if (heap !== undefined) {
    const count = load();
    const isFirst = count === answered;
    answered = isFirst ? atomics.add(heap.words, HEADER.dumps, 1) + 1 : count;
    if (isFirst) passOn();
  }
  print(`${snapshot()}\n`);
}

function passOn(): void {
  const heap = processHeapIfOpen()!;
  // Those that are blocked hear no signal.
  heap.waitQueue.rouseAll();
  const living = heap.registry.workers().filter((worker) => heap.registry.confirmAlive(worker));
  const pids = new Set(living.map((worker) => heap.words[heap.registry.recordOf(worker) + RECORD.pid]!));
  pids.delete(process.pid);
  for (const pid of pids) {
    // Without a handler it would die of it.
    if (!platform.signals.isCaught(pid, signalNumbers()[listened!]!)) continue;
    try {
      process.kill(pid, listened);
    } catch {
      // It has ended.
    }
  }
}

onWorkerStart(() => {
  applyStacks();
  const signal = dumpSignalName();
  if (signal !== undefined && isMainThread) listen(signal);
});
