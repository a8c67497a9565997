/**
 * Where a worker that finds a deadlock tells of it: a chain of blocks in shared memory for those who listen, since its
 * own loop may be blocked; and stderr.
 *
 * The finder links a published block in front by CAS. A worker that listens takes the whole chain by one exchange, so
 * each finding is told once, in one such worker. A finder that dies between publishing and linking leaks the block, one
 * that listens and dies after the exchange takes the findings with it.
 */
import { TextDecoder, TextEncoder } from "node:util";
import { ArgumentTypeError, CorruptError } from "../errors/index.js";
import type { DeadlockReport } from "../errors/deadlock-report.js";
import {
  atomics,
  clearRealInterval,
  contain,
  DRAFT,
  HEADER,
  type Heap,
  KIND,
  queueRealMicrotask,
  setRealInterval,
  Walk,
} from "../memory/index.js";
import { writeFully } from "../workers/output.js";
import { heapsOfProgram, settings } from "./settings.js";

const { add, compareExchange, exchange, load, sub } = atomics;

/** A finding: the next one, how many bytes of text, the text. */
const FINDING = { next: 0, bytes: 1, text: 2 } as const;
/** Between two looks of one who listens. */
const LISTEN_MS = 100;

type Listener = (report: DeadlockReport) => void;
const listeners = new Set<Listener>();
let listening: { readonly heaps: Set<Heap>; readonly timer: NodeJS.Timeout } | undefined;

/**
 * Has `listener` called with each deadlock that is found in this program, by whichever worker: from this thread's event
 * loop, once per deadlock. It does not keep the program alive. When several workers listen, one of them is told.
 * Disposing what it returns ends it.
 *
 * @param listener what is called with each report
 * @returns what ends it when it is disposed of
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` for what is no function
 * @remarks **Cost:** a look every 100 ms.
 *
 * @example
 * ```ts
 * import { detectDeadlocks, Event, onDeadlock } from "allcores";
 * detectDeadlocks({ after: 300 });
 * const listening = onDeadlock((report) => console.log(report.kind, report.members[0]?.waitsFor.label)); // abandoned never
 * try {
 *   new Event({ label: "never" }).waitSync();
 * } catch {
 *   await new Promise((resolve) => setTimeout(resolve, 200));
 * }
 * listening[Symbol.dispose]();
 * ```
 */
export function onDeadlock(listener: (report: DeadlockReport) => void): Disposable {
  if (typeof listener !== "function")
    throw new ArgumentTypeError(`onDeadlock(listener): listener must be a function, got ${typeof listener}`);
  // Each registration is one of its own.
  const own: Listener = (report) => listener(report);
  listeners.add(own);
  listen();
  return {
    [Symbol.dispose]() {
      listeners.delete(own);
      if (listeners.size === 0) listenNoMore();
    },
  };
}

/** Tells of a deadlock. `thrown`: somebody gets it as an error, which is seen by itself. */
export function tell(report: DeadlockReport, thrown: boolean): void {
  for (const heap of heapsOfProgram()) {
    if (load(heap.words, HEADER.listeners) > 0) {
      post(heap, report);
      break;
    }
  }
  if (!thrown && settings().print) print(`${report.text}\n`);
}

/** Writes to stderr at once: the loop of who calls may never turn again. */
export function print(text: string): void {
  try {
    writeFully(2, Buffer.from(text));
  } catch {
    // A descriptor that is closed is nothing that a program should fail for.
  }
}

/** Puts a report in front of the chain. */
export function post(heap: Heap, report: DeadlockReport): void {
  const bytes = new TextEncoder().encode(JSON.stringify(report));
  const block = heap.allocator.allocate(FINDING.text + ((bytes.length + 3) >> 2), KIND.plain, DRAFT);
  const { words } = heap;
  words[block + FINDING.bytes] = bytes.length;
  heap.bytes.set(bytes, (block + FINDING.text) * 4);
  heap.allocator.publish(block);
  for (let first = load(words, HEADER.findings); ; ) {
    words[block + FINDING.next] = first;
    const seen = compareExchange(words, HEADER.findings, first, block);
    if (seen === first) return;
    first = seen;
  }
}

/** Takes all that is there, the oldest first. */
export function take(heap: Heap): DeadlockReport[] {
  const found: DeadlockReport[] = [];
  if (load(heap.words, HEADER.findings) === 0) return found;
  let block = exchange(heap.words, HEADER.findings, 0);
  try {
    for (const walk = new Walk(heap); block !== 0; ) {
      const from = (walk.to(block) + FINDING.text) * 4;
      const length = heap.words[block + FINDING.bytes]!;
      if (!(length >= 0 && length <= (heap.allocator.sizeOfBlock(block) - FINDING.text) * 4))
        throw new CorruptError(`a finding in shared memory says that it has ${length} bytes`);
      // The last one comes first.
      found.unshift(JSON.parse(new TextDecoder().decode(heap.bytes.slice(from, from + length))) as DeadlockReport);
      const next = heap.words[block + FINDING.next]!;
      heap.allocator.free(block);
      block = next;
    }
  } catch (error) {
    // A listener reads from a timer: memory that was written over must not end its program. What is unread is lost.
    if (!(error instanceof CorruptError || error instanceof SyntaxError)) throw error;
  }
  return found;
}

function listen(): void {
  if (listening !== undefined) return;
  const timer = setRealInterval(() => contain("looking for deadlocks that were found", look), LISTEN_MS);
  timer.unref();
  listening = { heaps: new Set(), timer };
  look();
}

function look(): void {
  const found: DeadlockReport[] = [];
  for (const heap of heapsOfProgram()) {
    // One that was opened since.
    if (!listening!.heaps.has(heap)) {
      listening!.heaps.add(heap);
      add(heap.words, HEADER.listeners, 1);
    }
    found.push(...take(heap));
  }
  // Each in a turn of its own, so that one that throws keeps nothing from the others.
  for (const report of found) for (const listener of listeners) queueRealMicrotask(() => listener(report));
}

function listenNoMore(): void {
  clearRealInterval(listening!.timer);
  for (const heap of listening!.heaps) sub(heap.words, HEADER.listeners, 1);
  listening = undefined;
}
