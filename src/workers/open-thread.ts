import { type MessagePort, type ResourceLimits, Worker, type WorkerOptions } from "node:worker_threads";
import { mainProgram } from "../codec/index.js";
import { ArgumentTypeError, OutOfMemoryError, StateError } from "../errors/index.js";
import { bare, type ThreadHeapBuffers } from "../memory/index.js";
import { checkDescriptors, platform } from "../platform/index.js";
import { isThenable } from "../sync/thenable.js";
import { entryUrl } from "./entry-url.js";
import { keepSeasonedCode, type LibraryCode, libraryCode } from "./library-code.js";
import { beginStart, dropGate, type LoadGate, newGate, terminateThread } from "./load-gate.js";
import { depthOfNext } from "./main-guard.js";
import { programArguments } from "./program-arguments.js";
import type { CheckedEnvironment } from "./worker-environment.js";

/** What each thread gets to begin with. */
interface AnyThreadStart {
  readonly code?: LibraryCode | undefined;
  readonly gate: LoadGate;
  /** How many workers stand between the main program and its code, itself included. */
  readonly depth: number;
  /** The program that this worker belongs to; see codec/main-module.ts. */
  readonly program?: string | undefined;
  readonly name: string;
}

/** What a thread of a `Thread` is to do. */
export interface ThreadWork {
  readonly heap: ThreadHeapBuffers;
  readonly name: string;
  readonly url: string;
  readonly task: string;
  readonly completionAt: number;
  /** Absent where they hold shared objects: then they stand with the completion. */
  readonly args: Uint8Array | undefined;
  readonly attachments: readonly unknown[];
}

/** What a thread's entry gets to begin with. */
export interface ThreadStart extends AnyThreadStart, ThreadWork {
  readonly kind: "task";
  /** Where the result goes: what it carries beside its bytes needs a port. */
  readonly port: MessagePort;
}

/** What a thread gets that is started ahead. */
export interface SpareThreadStart extends AnyThreadStart {
  readonly kind: "spare";
  /** Where its `ThreadWork` comes from, and the result goes. */
  readonly port: MessagePort;
}

/** What a thread sends back. */
export interface ThreadResult {
  readonly bytes: Uint8Array;
  readonly attachments: readonly unknown[];
}

/** What a pool's thread gets to begin with. */
export interface PoolThreadStart extends AnyThreadStart {
  /** It is to give its own code once it has worked. */
  readonly gives?: boolean;
  readonly kind: "pool";
  readonly heap: ThreadHeapBuffers;
  /** Its file was given by the pool's user. */
  readonly isBundled: boolean;
  /** Which of its pool's workers it is. */
  readonly slot: number;
  /** Where its lane stands. */
  readonly laneAt: number;
  /** Carries what cannot stand in memory, beside jobs and results. */
  readonly port: MessagePort;
}

/** What any thread of ours gets to begin with. */
export type AnyStart = ThreadStart | SpareThreadStart | PoolThreadStart;
type Unopened<S> = S extends AnyStart ? Omit<S, "depth" | "gate"> : never;

/**
 * Makes a worker of a file that a bundler made: `(options) => new Worker(new URL("./worker.js", import.meta.url),
 * options)`.
 */
export type ThreadFactory = (options: WorkerOptions) => Worker;

/**
 * How many a thread takes at its start: four for its event loop, and one for the files that it reads. Without them it
 * would end before it could say so to a blocked parent.
 */
const DESCRIPTORS = 5;

/**
 * A worker of this thread was asked for the code that it works with. One is enough: making it takes a megabyte, which
 * does not come back.
 */
let isAsked = false;

/**
 * Node has each thread ask for the folder before anything else, and ends it where there is none. An awaiting caller
 * would hear of an exit code, a blocked parent of nothing.
 */
function checkFolder(): void {
  const folder = platform.resources.deletedFolder();
  if (folder === undefined) return;
  throw new StateError(
    `no other thread can be started: the folder that this process works in, ${folder}, was deleted, and Node begins no thread without one. ` +
      "Call process.chdir() with one that exists, or start a process",
  );
}

/** A thread that was started. */
export interface OpenThread {
  readonly worker: Worker;
  /** Whether a thread of the kernel may be its: one of those that came into being with it. */
  runsAs(pid: number, tid: number): boolean;
  /** Whether the kernel knows that it is gone. */
  readonly isGone: boolean;
  /** Terminates it. Held back while it loads modules; after `killGrace` ms of that `givenUp` is called. */
  terminate(killGrace: number, givenUp: () => void): void;
}

/**
 * Starts a worker that finds `start` under a key of our own, so that a user's `workerData` is never mistaken for it.
 */
export function openThread(
  work: Unopened<AnyStart>,
  { env, argv = programArguments(), execArgv }: CheckedEnvironment,
  transferList: MessagePort[] = [],
  resourceLimits: ResourceLimits = {},
  factory?: ThreadFactory,
): OpenThread {
  const depth = depthOfNext();
  checkDescriptors(DESCRIPTORS, "another thread");
  checkFolder();
  const gate = newGate();
  const { hasThread, threadsHere } = platform.liveness;
  const others = threadsHere();
  let worker: Worker;
  try {
    worker = newWorker(
      { ...work, depth, gate } as AnyStart,
      {
        name: work.name,
        argv: [...argv],
        transferList,
        resourceLimits: bare(resourceLimits),
        ...(env && { env }),
        ...(execArgv && { execArgv: [...execArgv] }),
      },
      factory,
    );
  } catch (error) {
    dropGate(gate);
    throw error;
  }
  worker.once("exit", () => dropGate(gate));
  const tids = others && threadsHere()?.filter((tid) => !others.includes(tid));
  return {
    worker,
    runsAs: (pid, tid) => pid === process.pid && tids?.includes(tid) !== false,
    get isGone() {
      return tids?.every((tid) => !hasThread(tid)) === true;
    },
    terminate: (killGrace, givenUp) => terminateThread(worker, gate, killGrace, givenUp),
  };
}

/**
 * What a factory of the user's makes its worker with. The start is under way once `new Worker` reads it, and not while
 * the factory does something else: a factory that never returns would keep this thread from being terminated for ever.
 */
function forFactory(start: AnyStart, options: WorkerOptions): WorkerOptions {
  let isBegun = false;
  const workerData = {
    get allcores() {
      if (!isBegun) beginStart(start.gate);
      isBegun = true;
      return { ...start, program: mainProgram() };
    },
  };
  return bare({ ...options, workerData });
}

function newWorker(start: AnyStart, options: WorkerOptions, factory: ThreadFactory | undefined): Worker {
  if (factory !== undefined) return checkedWorker(factory(forFactory(start, options)));
  beginStart(start.gate);
  const code = libraryCode();
  const gives = start.kind === "pool" && code?.isSeasoned === false && !isAsked;
  let worker: Worker;
  try {
    worker = new Worker(
      entryUrl(),
      bare({ ...options, workerData: { allcores: { ...start, program: mainProgram(), code, gives } } }),
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_WORKER_INVALID_EXEC_ARGV")
      throw new ArgumentTypeError(`options.execArgv has what Node allows for no thread: ${message}`, { cause: error });
    if (code !== "ERR_WORKER_INIT_FAILED") throw error;
    throw new OutOfMemoryError(
      "the system gave no other thread: it has no memory for one, or this user has as many as it may (ulimit -u)",
      { cause: error },
    );
  }
  if (gives) {
    isAsked = true;
    worker.on(
      "message",
      (message: { allcores?: LibraryCode } | null) => message?.allcores && keepSeasonedCode(message.allcores),
    );
    worker.once("exit", () => {
      isAsked = false;
    });
  }
  return worker;
}

/** By what it can do: another copy of a bundle may have another class. */
function checkedWorker(given: Worker): Worker {
  if (typeof given?.postMessage === "function" && typeof given.terminate === "function") return given;
  // Nobody else will look at a promise: its failure is not to end the program.
  if (isThenable(given)) Promise.resolve(given).catch(() => {});
  throw new ArgumentTypeError(
    'options.worker(options) must return a Worker of node:worker_threads at once: (options) => new Worker(new URL("./worker.js", import.meta.url), options)',
  );
}
