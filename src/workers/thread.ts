import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { decode } from "../codec/index.js";
import { KnownOptions } from "../errors/index.js";
import { contain, HEADER, type Heap, threadHeap } from "../memory/index.js";
import { checkPermission, THREADS } from "../platform/index.js";
import { type Completion, exitStatus } from "./completion.js";
import { KILL_GRACE_MS } from "./load-gate.js";
import { type OpenThread, openThread, type ThreadResult, type ThreadWork } from "./open-thread.js";
import { spareThreads } from "./spare-thread.js";
import type { AnyFunction, Task } from "./task.js";
import { type CheckedEnvironment, isTheProgramsOwn, OF_PROCESSES, WORKER_ENVIRONMENT } from "./worker-environment.js";
import { WorkerHandle } from "./worker-handle.js";
import { encodeArgs, type Start, type WorkerStart } from "./worker-start.js";

const THREAD_START = new KnownOptions<Omit<WorkerStart<AnyFunction>, "killGrace" | "cwd" | "stdio">>(
  { args: true, name: true, daemon: true, ...WORKER_ENVIRONMENT },
  { killGrace: "terminate() ends a thread at once; a Process can be left time", ...OF_PROCESSES },
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
   *   program may end without it. `env`, `argv`, `execArgv`: what surrounds it, see `WorkerEnvironment`
   * @throws `ERR_ALLCORES_NOT_A_TASK`, `ERR_ALLCORES_PERMISSION` where Node's permission model forbids it;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** one small object.
   */
  constructor(task: Task<F>, options?: Omit<WorkerStart<F>, "killGrace" | "cwd" | "stdio">) {
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

  /**
   * Keeps so many threads of this program started, for handles to come. `start()` takes one of them, and another starts
   * in its place once the event loop turns. What a start then waits for is the module of its task alone.
   *
   * A start whose environment variables or program arguments are no longer those of a spare thread has a fresh one, and
   * the spare ones are replaced. Spare threads keep no program alive and end with it, or with the worker that keeps
   * them. They have no handle, and `activeWorkers()` has none of them.
   *
   * @param count how many, from now on; 0 ends them
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what is no count;
   *   `ERR_ALLCORES_PERMISSION`, `ERR_ALLCORES_NESTING`, `ERR_ALLCORES_OUT_OF_MEMORY` and
   *   `ERR_ALLCORES_OUT_OF_DESCRIPTORS` as a start: as many are kept then as before
   * @remarks **Death:** one that ends is replaced; eight in a row that nobody has used are not. **Cost:** the start of
   *   `count` threads, and the memory of each.
   * @example
   * ```ts
   * import { activeWorkers, isMain, task, Thread } from "allcores";
   * const add = task(import.meta, function add(a: number, b: number) {
   *   return a + b;
   * });
   * if (isMain(import.meta)) {
   *   Thread.spare(2);
   *   console.log(activeWorkers().length); // 0
   *   console.log(await Thread.start(add, 1, 2).join()); // 3
   *   Thread.spare(0);
   * }
   * ```
   */
  static spare(count: number): void {
    checkPermission("a thread", [THREADS]);
    spareThreads.keep(count);
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
    const message = encodeArgs(start, "threads");
    // Where somebody has to let go of them, should the thread end without having taken them.
    if (message.holds) start.completion.args = message;
    const work: ThreadWork = {
      heap: threadHeap().buffers,
      name: start.name,
      url: start.task.url,
      task: start.task.name,
      completionAt: start.completion.at,
      args: message.holds ? undefined : message.toBytes(),
      attachments: message.attachments,
    };
    const transfer = message.transfer as MessagePort[];
    const { environment } = start;
    const spare = isTheProgramsOwn(environment) ? spareThreads.take() : undefined;
    const { opened, port } = spare?.use(work, transfer) ?? begin(work, environment, transfer);
    const { worker } = opened;
    this.#opened = opened;
    this.#port = port;
    if (start.daemon) worker.unref();
    else worker.ref();
    worker.on("error", (error) => {
      this.#cause = error;
    });
    worker.on("exit", (code) => {
      // Read before the port closes: a joining caller may learn of the end only after this.
      contain("taking the result of a thread that ended", () => void this.#receive());
      port.close();
      this.ended(exitStatus(code), undefined, this.#cause);
    });
    port.unref();
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

/** Starts a thread for what it is to do. */
function begin(
  work: ThreadWork,
  environment: CheckedEnvironment,
  transfer: MessagePort[],
): { readonly opened: OpenThread; readonly port: MessagePort } {
  const { port1, port2 } = new MessageChannel();
  return { opened: openThread({ ...work, kind: "task", port: port2 }, environment, [port2, ...transfer]), port: port1 };
}
