import type { ChildProcess, SpawnOptions } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { mainProgram } from "../codec/index.js";
import { bare, clearRealTimeout, HEADER, type Heap, type ProcessHeap, processHeap, realNow, setRealTimeout } from "../memory/index.js";
import { binding, checkDescriptors, checkPermission, CHILDREN, outOfDescriptors, platform, processPlatform } from "../platform/index.js";
import { Child } from "./child.js";
import type { Completion } from "./completion.js";
import { entryUrl } from "./entry-url.js";
import { libraryFile } from "./library-file.js";
import { depthOfNext } from "./main-guard.js";
import { inheritedOptions } from "./node-options.js";
import { commandLine, ORDERS_DESCRIPTOR, type ProcessStart } from "./process-start.js";
import { programArguments } from "./program-arguments.js";
import type { AnyFunction, Task } from "./task.js";
import { WorkerHandle } from "./worker-handle.js";
import type { CheckedEnvironment } from "./worker-environment.js";
import { encodeArgs, type Start, type WorkerStart } from "./worker-start.js";
import { openStdio, pipeStdio } from "./worker-stdio.js";

/**
 * How many a start takes in the parent: the lifeline's ends, and a pipe by which the child tells that it runs.
 */
const DESCRIPTORS = 4;
/** For each of a child's own that is a file or a pipe. */
const MORE_FOR_STDIO = 2;
/** The socket of a pool's orders. */
const MORE_FOR_POOL = 2;
const LONGEST_TIMER_MS = 0x7fffffff;

const living = new Set<ChildProcess>();
/** The ends of lifelines that stay here. */
const lifelineEnds = new Map<ChildProcess, number>();

/** How many children that this thread started have not been heard to end. */
export function livingChildren(): number {
  return living.size;
}

/** Starts a child that runs one of this library's entries. It ends when this process does, whatever it is doing. */
export function spawnChild(
  options: Omit<ProcessStart, "depth" | "parent" | "program" | "binding" | "code" | "entry" | "isBundled">,
  { env, argv, execArgv, cwd, stdio }: CheckedEnvironment,
  nodeOptions: readonly string[] = [],
  file?: string,
): ChildProcess {
  const depth = depthOfNext();
  const entry = file ?? fileURLToPath(entryUrl());
  const code = file === undefined ? libraryFile() : undefined;
  const start: ProcessStart = {
    ...options,
    depth,
    entry,
    isBundled: file !== undefined,
    program: mainProgram(),
    parent: process.pid,
    binding: binding(),
    code,
  };
  const ofPool = options.kind === "pool";
  const ofStdio = Object.values(stdio).filter((each) => typeof each !== "string").length;
  checkDescriptors(DESCRIPTORS + (ofPool ? MORE_FOR_POOL : 0) + MORE_FOR_STDIO * ofStdio, "another process");
  // Loaded here, as in every file that few workers need: each built-in module costs every worker that starts.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const { closeSync } = process.getBuiltinModule("node:fs");
  const { handOver, lifeline: lifelines } = processPlatform();
  const own = openStdio(stdio);
  let lifeline: ReturnType<typeof lifelines.create>;
  try {
    lifeline = lifelines.create();
  } catch (error) {
    own.close();
    throw error;
  }
  let child: ChildProcess | undefined;
  try {
    child = spawn(
      process.execPath,
      [...(execArgv ?? inheritedOptions()), ...nodeOptions, ...commandLine(start, argv ?? programArguments())],
      bare<SpawnOptions>({
        stdio: [
          ...own.entries,
          handOver.ofMemory(processHeap().descriptor) ?? "ignore",
          lifeline.childs,
          code?.descriptor ?? "ignore",
          ...(ofPool ? (["pipe"] as const) : []),
        ],
        serialization: "json",
        env,
        cwd,
      }),
    );
    // At once: a child takes a while until it could do so itself, and may never come to that.
    if (child.pid !== undefined) lifelines.killWhenClosed(lifeline.childs, child.pid);
  } finally {
    own.close();
    handOver.close(lifeline.childs);
    if (child?.pid === undefined) closeSync(lifeline.parents);
  }
  // Others took the descriptors meanwhile: Node goes no further than this then, and says so by an event later on.
  if (child.stdio === undefined) {
    child.on("error", () => {});
    throw outOfDescriptors("another process");
  }
  if (child.pid === undefined) return child;
  pipeStdio(child, stdio);
  living.add(child);
  lifelineEnds.set(child, lifeline.parents);
  child.once("exit", () => {
    living.delete(child);
    releaseChild(child);
  });
  const orders = ordersOf(child);
  orders?.on("error", () => {});
  orders?.unref();
  return child;
}

/** A child has ended: gives back the descriptors that this process has for it. */
export function releaseChild(child: ChildProcess): void {
  const lifelineEnd = lifelineEnds.get(child);
  if (lifelineEnd === undefined) return;
  lifelineEnds.delete(child);
  process.getBuiltinModule("node:fs").closeSync(lifelineEnd);
  ordersOf(child)?.destroy();
}

/** The socket by which a pool's child gets its orders. */
export function ordersOf(child: ChildProcess): Socket | null | undefined {
  return (child.stdio as readonly unknown[])[ORDERS_DESCRIPTOR] as Socket | null | undefined;
}

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
    this.#child = new Child(() => spawnChild({ kind: "task", heapId: heap.id, name, url: task.url, task: task.name, place: completion.at }, environment), {
      hasBegun: () => completion.worker !== 0,
      ended: (exitCode, signal, cause) => {
        clearRealTimeout(this.#killTimer);
        this.ended(exitCode, signal, cause);
      },
    });
    if (start.daemon) this.#child.hold(false);
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
    this.#killTimer = setRealTimeout(() => this.#child?.end("SIGKILL"), Math.min(this.killGrace, LONGEST_TIMER_MS)).unref();
  }

  /** @internal */
  protected override press(): void {
    if (this.#killAt === undefined || realNow() < this.#killAt) return;
    this.#killAt = undefined;
    this.#child?.end("SIGKILL");
  }
}
