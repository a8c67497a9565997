/**
 * How the detector is set: two words of the thread heap's header, so that all threads of a process agree. The process
 * heap carries them to child processes, which copy them when they start.
 */
import { ArgumentRangeError, ArgumentTypeError, KnownOptions, ownOptions } from "../errors/index.js";
import { keepOrigins } from "../objects/index.js";
import { atomics, HEADER, type Heap, processHeapIfOpen, processHeapsOpen, threadHeap } from "../memory/index.js";
import { keepOriginsOfAwaits } from "../parking/index.js";

const { load, store } = atomics;

/** Bits of the word `diagnosis`. */
const ACTION_MASK = 3;
const STACKS = 4;
const SILENT = 8;
const SIGNAL_SHIFT = 8;
const SIGNAL_MASK = 0xff;

const ACTIONS = ["error", "report", "off"] as const;
const LOOK_AFTER_MS = 1000;
const LONGEST_MS = 0x7fffffff;

/** What the deadlock detector does. */
export interface DeadlockOptions {
  /**
   * Milliseconds that a wait must have lasted before it is looked into. Default 1000; no look comes before a wait's
   * first 200 ms.
   */
  after?: number | undefined;
  /**
   * What comes of a deadlock that is proven. `"error"` (default): one of those who block gets a `DeadlockError`, so
   * that the others go on. `"report"`: it is only told. `"off"`: nobody looks.
   */
  action?: (typeof ACTIONS)[number] | undefined;
  /** Whether a deadlock that ends nobody's wait with an error is written to stderr. Default true. */
  print?: boolean | undefined;
  /**
   * Whether objects remember where they were created, and awaiting callers where they wait: some 6 to 10 µs for each.
   * Default false.
   */
  stacks?: boolean | undefined;
}

const DEADLOCK_OPTIONS = new KnownOptions<DeadlockOptions>({ after: true, action: true, print: true, stacks: true });

export interface Settings {
  readonly after: number;
  readonly action: (typeof ACTIONS)[number];
  readonly print: boolean;
  readonly stacks: boolean;
}

export function settings(): Settings {
  const { words } = threadHeap();
  const word = load(words, HEADER.diagnosis);
  return {
    after: load(words, HEADER.lookAfter) || LOOK_AFTER_MS,
    action: ACTIONS[word & ACTION_MASK] ?? "error",
    print: (word & SILENT) === 0,
    stacks: (word & STACKS) !== 0,
  };
}

/**
 * Sets the deadlock detector, which is on from the start: it costs a wait nothing before its first 200 ms are over.
 *
 * A deadlock is *proven* when nobody alive can end it: workers that block, each waiting for an `RLock` or `RWLock` that
 * the next one holds or for its end; or waiting for what no other worker has any more. Then one of them gets a
 * `DeadlockError` with the whole report. A cycle through a `Lock` or `Semaphore`, which others may release, is only
 * reported, and so are two that wait for each other at a pipe. A select is part of one if nothing that it waits for can
 * come. A wait with a timeout is never part of one.
 *
 * What is set counts for all threads of this process and for processes that it starts later. Options that are left out
 * stay as they are.
 *
 * @param options `after`: milliseconds that a wait lasts before it is looked at. `action`: `"error"` or `"report"`. For
 *   the others see `DeadlockOptions`
 * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
 * @remarks **Cost:** two words in shared memory.
 *
 * @example
 * ```ts
 * import { DeadlockError, detectDeadlocks, Event } from "allcores";
 * detectDeadlocks({ after: 300 });
 * try {
 *   new Event({ label: "never" }).waitSync(); // no other worker has it
 * } catch (error) {
 *   console.log(error instanceof DeadlockError && error.report?.kind); // abandoned
 * }
 * ```
 */
export function detectDeadlocks(options: DeadlockOptions): void {
  if (typeof options !== "object" || options === null)
    throw new ArgumentTypeError(
      `options must be an object such as { action: "report" }, got ${options === null ? "null" : typeof options}`,
    );
  DEADLOCK_OPTIONS.check(options);
  options = ownOptions(options);
  const { after, action, print, stacks } = options;
  if (after !== undefined && typeof after !== "number")
    throw new ArgumentTypeError(`options.after must be a number of milliseconds, got ${typeof after}`);
  if (after !== undefined && !(after >= 1 && after <= LONGEST_MS))
    throw new ArgumentRangeError(
      `options.after must be from 1 to ${LONGEST_MS} milliseconds, got ${after}; { action: "off" } stops looking`,
    );
  if (action !== undefined && !ACTIONS.includes(action))
    throw new ArgumentTypeError(`options.action must be "error", "report" or "off", got ${String(action)}`);
  for (const [name, value] of Object.entries({ print, stacks }))
    if (value !== undefined && typeof value !== "boolean")
      throw new ArgumentTypeError(`options.${name} must be true or false, got ${typeof value}`);
  for (const heap of heapsOfProgram()) {
    if (after !== undefined) store(heap.words, HEADER.lookAfter, Math.round(after));
    let word = load(heap.words, HEADER.diagnosis);
    if (action !== undefined) word = (word & ~ACTION_MASK) | ACTIONS.indexOf(action);
    if (print !== undefined) word = print ? word & ~SILENT : word | SILENT;
    if (stacks !== undefined) word = stacks ? word | STACKS : word & ~STACKS;
    store(heap.words, HEADER.diagnosis, word);
  }
  if (stacks !== undefined) applyStacks();
}

/** Has this thread keep stacks, or not, as the program is set. */
export function applyStacks(): void {
  const { stacks } = settings();
  keepOrigins(stacks);
  keepOriginsOfAwaits(stacks);
}

/** The signal on which this program's processes dump themselves; undefined for none. */
export function dumpSignalName(): NodeJS.Signals | undefined {
  const number = (load(threadHeap().words, HEADER.diagnosis) >>> SIGNAL_SHIFT) & SIGNAL_MASK;
  return number === 0
    ? undefined
    : (Object.entries(signalNumbers()).find(([, each]) => each === number)?.[0] as NodeJS.Signals);
}

export function setDumpSignal(name: NodeJS.Signals | undefined): void {
  const number = name === undefined ? 0 : signalNumbers()[name];
  for (const { words } of heapsOfProgram())
    store(
      words,
      HEADER.diagnosis,
      (load(words, HEADER.diagnosis) & ~(SIGNAL_MASK << SIGNAL_SHIFT)) | (number << SIGNAL_SHIFT),
    );
}

/** Loaded on use: each built-in module costs every worker that starts. */
export function signalNumbers(): Record<NodeJS.Signals, number> {
  return process.getBuiltinModule("node:os").constants.signals;
}

/** All heaps that this thread sees: the program's, and those of others whose objects it has. */
export function heapsInSight(): Heap[] {
  return [...new Set([...heapsOfProgram(), ...processHeapsOpen()])];
}

/** The heaps of this program: its process's, and the program's once anybody in this process has it open. */
export function heapsOfProgram(): Heap[] {
  const threads = threadHeap();
  const processes = processHeapIfOpen();
  return processes === undefined ? [threads] : [threads, processes];
}
