import {
  clearRealTimeout,
  HEADER,
  type Heap,
  type ProcessHeap,
  processHeap,
  realNow,
  setRealTimeout,
} from "../memory/index.js";
import { checkPermission, CHILDREN, platform, processPlatform } from "../platform/index.js";
import { Child, type ChildWatch } from "./child.js";
import type { Completion } from "./completion.js";
import { spareProcesses } from "./spare-process.js";
import { spawnChild } from "./spawn-child.js";
import type { AnyFunction, Task } from "./task.js";
import { isTheProgramsOwn } from "./worker-environment.js";
import { WorkerHandle } from "./worker-handle.js";
import { encodeArgs, type Start, type WorkerStart } from "./worker-start.js";

const LONGEST_TIMER_MS = 0x7fffffff;

/** Said at once where there are no processes to be had, not at the start. @throws PlatformError, PermissionError */
export function checkProcesses(): void {
  checkPermission("a process", [CHILDREN, ...platform.needs]);
  processPlatform();
}

/**
 * One process that runs one task: Python's `multiprocessing.Process`, with a heap of its own, so that its crash or its
 * memory is its own.
 *
 * Objects created with `{ across: "processes" }` are shared with it; everything else is copied. Needs Linux.
 * **Death:** if it ends without a result, `join` throws `WorkerDiedError` with the signal; what it held passes on.
 * **Life:** unless `daemon`, it keeps the program alive, and the worker that started it too: that one goes on after its
 * task until the process has ended. It never outlives the program, nor its starter, not even one that was killed.
 * **Signals:** SIGTERM, SIGHUP and SIGINT come to all processes of a program; a child leaves them to the program that
 * started it, which ends it by `terminate()`. A task that listens for one of them gets it. What it printed arrives,
 * however slow the reader is, unless it is killed by SIGKILL.
 *
 * @example
 * ```ts
 * import { isMain, Process, task } from "allcores";
 * const add = task(import.meta, function add(a: number, b: number) {
 *   return a + b;
 * });
 * if (isMain(import.meta)) {
 *   const child = new Process(add, { args: [1, 2], name: "adder" }).start(); // or Process.start(add, 1, 2)
 *   console.log(await child.join()); // 3
 *   console.log(child.exitCode); // 0
 * }
 * ```
 */
export class Process<F extends AnyFunction = AnyFunction> extends WorkerHandle<F> {
  readonly model = "process";
  #child: Child | undefined;
  /** When `killGrace` is over. */
  #killAt: number | undefined;
  #killTimer: NodeJS.Timeout | undefined;

  /**
   * Makes a process of this program, which `start()` starts.
   *
   * @param task what it runs
   * @param options `args`: what the task is called with. `name`: unless given, one with a number. `daemon`: whether the
   *   program may end without it. `killGrace`: milliseconds that `terminate()` leaves it; 1000 unless given. `env`,
   *   `argv`, `execArgv`, `cwd`, `stdio`: what surrounds it, see `ProcessEnvironment`
   * @throws `ERR_ALLCORES_NOT_A_TASK`, `ERR_ALLCORES_PERMISSION` where Node's permission model forbids it,
   *   `ERR_ALLCORES_PLATFORM` where this system has none;
   *   `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for options that make no sense
   * @remarks **Cost:** one small object.
   */
  constructor(task: Task<F>, options?: WorkerStart<F>) {
    checkProcesses();
    super(task, options);
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
  static start<F extends AnyFunction>(task: Task<F>, ...args: Parameters<F>): Process<F> {
    return new Process(task, { args }).start();
  }

  /**
   * Keeps so many processes of this program started, for handles to come. `start()` takes one of them, and another
   * starts in its place once the event loop turns. What a start then waits for is the module of its task alone.
   *
   * A start whose environment variables, program arguments, Node options or folder are no longer those of a spare
   * process has a fresh one, and the spare ones are replaced. Spare processes keep no program alive and end with it,
   * or with the worker that keeps them. They have no handle, and `activeWorkers()` has none of them.
   *
   * @param count how many, from now on; 0 ends them
   * @throws `ERR_ALLCORES_ARGUMENT_TYPE` and `ERR_ALLCORES_ARGUMENT_RANGE` for what is no count;
   *   `ERR_ALLCORES_PERMISSION`, `ERR_ALLCORES_PLATFORM`, `ERR_ALLCORES_NESTING`, `ERR_ALLCORES_OUT_OF_MEMORY` and
   *   `ERR_ALLCORES_OUT_OF_DESCRIPTORS` as a start: as many are kept then as before
   * @remarks **Death:** one that ends is replaced; eight in a row that nobody has used are not. **Cost:** the start of
   *   `count` processes, and the memory of each.
   * @example
   * ```ts
   * import { activeWorkers, isMain, Process, task } from "allcores";
   * const add = task(import.meta, function add(a: number, b: number) {
   *   return a + b;
   * });
   * if (isMain(import.meta)) {
   *   Process.spare(1);
   *   console.log(activeWorkers().length); // 0
   *   console.log(await Process.start(add, 1, 2).join()); // 3
   *   Process.spare(0);
   * }
   * ```
   */
  static spare(count: number): void {
    checkProcesses();
    spareProcesses.keep(count);
  }

  /** Its process id; undefined before the start. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @internal */
  protected nextName(): string {
    return `Process-${processHeap().registry.nextName(HEADER.processNames)}`;
  }

  /** @internal */
  protected get heap(): Heap {
    return processHeap();
  }

  /** @internal */
  protected launch(start: Start): void {
    const heap = processHeap() as ProcessHeap;
    start.completion.args = encodeArgs(start, "processes");
    const { name, task, completion, environment } = start;
    const work = { name, url: task.url, task: task.name, place: completion.at };
    const spawn = () => spawnChild({ kind: "task", heapId: heap.id, ...work }, environment);
    const watch: ChildWatch = {
      hasBegun: () => completion.worker !== 0,
      ended: (exitCode, signal, cause) => {
        clearRealTimeout(this.#killTimer);
        this.ended(exitCode, signal, cause);
      },
    };
    const spare = isTheProgramsOwn(environment) ? spareProcesses.take(work) : undefined;
    this.#child = spare?.use(work, spawn, watch) ?? new Child(spawn, watch);
    this.#child.hold(!start.daemon);
  }

  /** @internal */
  protected hold(alive: boolean): void {
    this.#child?.hold(alive);
  }

  /** @internal */
  protected takeResult(completion: Completion): unknown {
    return completion.takeResult();
  }

  /** @internal */
  protected runsAs(pid: number, tid: number): boolean {
    return pid === this.#child?.pid && tid === pid;
  }

  /** @internal */
  protected isGone(): boolean {
    return this.#child?.isGone !== false;
  }

  /** @internal */
  protected exitCodeNow(): number | undefined {
    return this.#child?.exitCode;
  }

  /** @internal */
  protected end(signal: "SIGTERM" | "SIGKILL"): void {
    this.#child?.end(signal);
    if (signal === "SIGKILL" || this.killGrace === Number.POSITIVE_INFINITY || this.#killAt !== undefined) return;
    this.#killAt = realNow() + this.killGrace;
    this.#killTimer = setRealTimeout(
      () => this.#child?.end("SIGKILL"),
      Math.min(this.killGrace, LONGEST_TIMER_MS),
    ).unref();
  }

  /** @internal */
  protected override press(): void {
    if (this.#killAt === undefined || realNow() < this.#killAt) return;
    this.#killAt = undefined;
    this.#child?.end("SIGKILL");
  }
}
