import { MessageChannel, type MessagePort, receiveMessageOnPort, type ResourceLimits, Worker, type WorkerOptions } from "node:worker_threads";
import { decode, mainProgram } from "../codec/index.js";
import { ArgumentTypeError, KnownOptions, OutOfMemoryError, StateError } from "../errors/index.js";
import { isThenable } from "../sync/thenable.js";
import { type Completion, exitStatus } from "./completion.js";
import { bare, contain, HEADER, type Heap, threadHeap, type ThreadHeapBuffers } from "../memory/index.js";
import { checkDescriptors, checkPermission, platform, THREADS } from "../platform/index.js";
import { entryUrl } from "./entry-url.js";
import { keepSeasonedCode, type LibraryCode, libraryCode } from "./library-code.js";
import { depthOfNext } from "./main-guard.js";
import { beginStart, dropGate, KILL_GRACE_MS, type LoadGate, newGate, terminateThread } from "./load-gate.js";
import { programArguments } from "./program-arguments.js";
import type { AnyFunction, Task } from "./task.js";
import { WorkerHandle } from "./worker-handle.js";
import { encodeArgs, type Start, type WorkerStart } from "./worker-start.js";

/** What each thread gets to begin with. */
interface AnyThreadStart {
  readonly code?: LibraryCode | undefined;
  readonly gate: LoadGate;
  /** How many workers stand between the main program and its code, itself included. */
  readonly depth: number;
  /** The program that this worker belongs to; see codec/main-module.ts. */
  readonly program?: string | undefined;
  readonly heap: ThreadHeapBuffers;
  readonly name: string;
}

/** What a thread's entry gets to begin with. */
export interface ThreadStart extends AnyThreadStart {
  readonly kind: "task";
  readonly url: string;
  readonly task: string;
  readonly completionAt: number;
  /** Absent where they hold shared objects: then they stand with the completion. */
  readonly args: Uint8Array | undefined;
  readonly attachments: readonly unknown[];
  /** Where the result goes: what it carries beside its bytes needs a port. */
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
  /** Its file was given by the pool's user. */
  readonly isBundled: boolean;
  /** Which of its pool's workers it is. */
  readonly slot: number;
  /** Where its lane stands. */
  readonly laneAt: number;
  /** Carries what cannot stand in memory, beside jobs and results. */
  readonly port: MessagePort;
}

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
  work: Omit<ThreadStart, "depth" | "gate"> | Omit<PoolThreadStart, "depth" | "gate">,
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
      { ...work, depth, gate } as ThreadStart | PoolThreadStart,
      { name: work.name, argv: programArguments(), transferList, resourceLimits: bare(resourceLimits) },
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
function forFactory(start: ThreadStart | PoolThreadStart, options: WorkerOptions): WorkerOptions {
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

function newWorker(start: ThreadStart | PoolThreadStart, options: WorkerOptions, factory: ThreadFactory | undefined): Worker {
  if (factory !== undefined) return checkedWorker(factory(forFactory(start, options)));
  beginStart(start.gate);
  const code = libraryCode();
  const gives = start.kind === "pool" && code?.isSeasoned === false && !isAsked;
  let worker: Worker;
  try {
    worker = new Worker(entryUrl(), bare({ ...options, workerData: { allcores: { ...start, program: mainProgram(), code, gives } } }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_INIT_FAILED") throw error;
    throw new OutOfMemoryError("the system gave no other thread: it has no memory for one, or this user has as many as it may (ulimit -u)", { cause: error });
  }
  if (gives) {
    isAsked = true;
    worker.on("message", (message: { allcores?: LibraryCode } | null) => message?.allcores && keepSeasonedCode(message.allcores));
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

const THREAD_START = new KnownOptions<Omit<WorkerStart<AnyFunction>, "killGrace">>(
  { args: true, name: true, daemon: true },
  { killGrace: "terminate() ends a thread at once; a Process can be left time" },
);

/**
 * One thread that runs one task: Python's `threading.Thread`, on a core of its own.
 *
 * It shares memory with this thread through the objects of this library; everything else is copied, or moved when it is
 * transferable.
 * **Death:** if it ends without a result, `join` throws `WorkerDiedError`; what it held passes on.
 * **Life:** unless `daemon`, it keeps the program alive, and the worker that started it too: that one goes on after its
 * task until the thread has ended. If that one is killed or calls `process.exit()`, the thread ends with it.
 *
 * @example
 * ```ts
 * import { isMain, task, Thread } from "allcores";
 * const add = task(import.meta, function add(a: number, b: number) {
 *   return a + b;
 * });
 * if (isMain(import.meta)) {
 *   const thread = new Thread(add, { args: [1, 2], name: "adder" }).start();
 *   console.log(await thread.join()); // 3
 *   console.log(thread.joinSync(), thread.exitCode); // 3 0
 *   thread.terminate(); // or thread.kill(), while it runs
 * }
 * ```
 */
export class Thread<F extends AnyFunction = AnyFunction> extends WorkerHandle<F> {
  readonly model = "thread";
  #opened: OpenThread | undefined;
  #port: MessagePort | undefined;
  #cause: unknown;
  #result: ThreadResult | undefined;

  /**
   * Makes a thread of this program, which `start()` starts.
   *
   * @param task what it runs
   * @param options `args`: what the task is called with. `name`: unless given, one with a number. `daemon`: whether the
   *   program may end without it
   * @throws `ERR_ALLCORES_NOT_A_TASK`, `ERR_ALLCORES_PERMISSION` where Node's permission model forbids it;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** one small object.
   */
  constructor(task: Task<F>, options?: Omit<WorkerStart<F>, "killGrace">) {
    checkPermission("a thread", [THREADS]);
    super(task, options, THREAD_START);
  }

  /**
   * Makes and starts one.
   *
   * @param task what it runs
   * @param args what the task is called with
   * @returns its handle
   * @throws `ERR_ALLCORES_NOT_A_TASK`; as `start()`: `ERR_ALLCORES_UNSENDABLE`, `ERR_ALLCORES_REACH`,
   *   `ERR_ALLCORES_NESTING`
   * @remarks **Cost:** as `start()`.
   */
  static start<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Thread<F> {
    return new Thread(task, { args }).start();
  }

  /** Node's number of the thread; undefined before the start and after the end. */
  get id(): number | undefined {
    const id = this.#opened?.worker.threadId;
    return id === undefined || id < 0 ? undefined : id;
  }

  /** @internal */
  protected nextName(): string {
    return `Thread-${threadHeap().registry.nextName(HEADER.threadNames)}`;
  }

  /** @internal */
  protected get heap(): Heap {
    return threadHeap();
  }

  /** @internal */
  protected launch(start: Start): void {
    const { port1, port2 } = new MessageChannel();
    const message = encodeArgs(start, "threads");
    // Where somebody has to let go of them, should the thread end without having taken them.
    if (message.holds) start.completion.args = message;
    const beginning: Omit<ThreadStart, "depth" | "gate"> = {
      kind: "task",
      heap: threadHeap().buffers,
      name: start.name,
      url: start.task.url,
      task: start.task.name,
      completionAt: start.completion.at,
      args: message.holds ? undefined : message.toBytes(),
      attachments: message.attachments,
      port: port2,
    };
    const opened = openThread(beginning, [port2, ...(message.transfer as MessagePort[])]);
    const { worker } = opened;
    this.#opened = opened;
    this.#port = port1;
    if (start.daemon) worker.unref();
    worker.on("error", (error) => {
      this.#cause = error;
    });
    worker.on("exit", (code) => {
      // Read before the port closes: a joining caller may learn of the end only after this.
      contain("taking the result of a thread that ended", () => void this.#receive());
      port1.close();
      this.ended(exitStatus(code), undefined, this.#cause);
    });
    port1.unref();
  }

  /** @internal */
  protected hold(alive: boolean): void {
    if (alive) this.#opened?.worker.ref();
    else this.#opened?.worker.unref();
  }

  /** @internal */
  protected takeResult(_completion: Completion): unknown {
    const received = this.#receive();
    return received && decode(received.bytes, 0, received.bytes.length, received.attachments);
  }

  #receive(): ThreadResult | undefined {
    return (this.#result ??= receiveMessageOnPort(this.#port!)?.message as ThreadResult | undefined);
  }

  /** @internal */
  protected runsAs(pid: number, tid: number): boolean {
    return this.#opened?.runsAs(pid, tid) !== false;
  }

  /** @internal */
  protected isGone(): boolean {
    return this.#opened?.isGone === true;
  }

  /** @internal */
  protected exitCodeNow(): undefined {}

  /** @internal */
  protected end(): void {
    this.#opened?.terminate(KILL_GRACE_MS, () => this.givenUp(1));
  }
}
