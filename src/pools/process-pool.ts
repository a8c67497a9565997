import type { Socket } from "node:net";
import { ArgumentTypeError } from "../errors/index.js";
import { type Heap, platform, processHeap } from "../memory/index.js";
import { lineOf } from "../workers/orders.js";
import { exitCodeOf, spawnChild } from "../workers/process.js";
import { ORDERS_DESCRIPTOR } from "../workers/process-start.js";
import { runPool } from "./pool.js";
import type { PoolOptions, PoolSettings } from "./pool-options.js";
import { watchResidentSet } from "./resident-set.js";
import type { StartedWorker, WorkerEnd, WorkerModel } from "./worker-model.js";
import { schedulerOf, WorkerPool } from "./worker-pool.js";

/** Workers that are processes. */
const processes: WorkerModel = {
  boundary: "processes",
  get heap(): Heap {
    return processHeap();
  },
  check({ worker }: PoolSettings): void {
    if (worker !== undefined && typeof worker !== "string")
      throw new ArgumentTypeError(`options.worker of a ProcessPool must be the URL or path of a file, got ${typeof worker}`);
  },
  start(name: string, laneAt: number, { resourceLimits: limits, worker: file }: PoolSettings, ended: (end: WorkerEnd) => void): StartedWorker {
    const nodeOptions = limits.heap === undefined ? [] : [`--max-old-space-size=${limits.heap}`];
    const child = spawnChild({ kind: "pool", heapId: processHeap().id, name, url: "", task: "", place: laneAt }, nodeOptions, file as string | undefined);
    child.unref();
    const line = (child.stdio as readonly unknown[])[ORDERS_DESCRIPTOR] as Socket | null | undefined;
    const watch = limits.rss === undefined ? undefined : watchResidentSet(child.pid, limits.rss, () => child.kill("SIGKILL"));
    let isOver = false;
    const over = (exitCode: number, signal: string | undefined, cause: unknown) => {
      if (isOver) return;
      isOver = true;
      watch?.stop();
      // V8 that runs out of its heap aborts the process.
      const outOfMemory = watch?.isExceeded === true || (limits.heap !== undefined && signal === "SIGABRT");
      ended({ exitCode, signal, cause, outOfMemory });
    };
    child.on("error", (error) => {
      if (child.pid === undefined) over(1, undefined, error);
    });
    child.on("exit", (code, signal) => over(exitCodeOf(code, signal), signal ?? undefined, undefined));
    return {
      pid: child.pid,
      threadId: 0,
      port: undefined,
      order: (order) => void line?.write(lineOf(order)),
      // What the socket does not take at once the loop writes later.
      get isOrdered() {
        return (line?.writableLength ?? 0) === 0;
      },
      hold: (alive) => (alive ? child.ref() : child.unref()),
      // A process takes it at any moment.
      kill: () => void child.kill("SIGKILL"),
    };
  },
};

/**
 * A pool of processes: CPU-bound work with a heap of its own for each worker, whose crash takes nothing else down. Needs Linux.
 *
 * Processes start with the first work that needs them and then wait for more; an idle pool does not keep the program alive, and no process outlives it.
 * **Death:** a process that is killed fails only the task in its hands, with `WorkerDiedError` and the signal, and is replaced.
 *
 * @example
 * ```ts
 * import { isMain, ProcessPool, task } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ProcessPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 * }
 * ```
 */
export class ProcessPool extends WorkerPool {
  constructor(options?: PoolOptions) {
    // Said at once where there are no processes to be had, not with the first work.
    platform();
    super(schedulerOf("ProcessPool", processes, options));
  }

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: PoolOptions, fn: (pool: ProcessPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ProcessPool(options), fn);
  }
}
