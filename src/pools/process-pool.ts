import type { Socket } from "node:net";
import { ArgumentTypeError } from "../errors/index.js";
import { type Heap, processHeap } from "../memory/index.js";
import { Child } from "../workers/child.js";
import { Lane } from "../workers/lane.js";
import { lineOf } from "../workers/orders.js";
import { checkProcesses, spawnChild } from "../workers/process.js";
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
    const heap = processHeap();
    const lane = new Lane(heap, laneAt);
    const orders: string[] = [];
    let line: Socket | null | undefined;
    const spawn = () => {
      const child = spawnChild({ kind: "pool", heapId: heap.id, name, url: "", task: "", place: laneAt }, nodeOptions, file as string | undefined);
      line = (child.stdio as readonly unknown[])[ORDERS_DESCRIPTOR] as Socket | null | undefined;
      // One that takes the place of another has heard none of them.
      for (const order of orders) line?.write(lineOf(order));
      return child;
    };
    const child = new Child(spawn, {
      hasBegun: () => lane.worker !== 0,
      ended(exitCode, signal, cause) {
        watch?.stop();
        // V8 that runs out of its heap aborts the process.
        const outOfMemory = watch?.isExceeded === true || (limits.heap !== undefined && signal === "SIGABRT");
        ended({ exitCode, signal, cause, outOfMemory });
      },
    });
    child.hold(false);
    const watch =
      limits.rss === undefined
        ? undefined
        : watchResidentSet(
            () => child.pid,
            limits.rss,
            () => child.end("SIGKILL"),
          );
    return {
      get pid() {
        return child.pid;
      },
      threadId: 0,
      port: undefined,
      order(order) {
        if (lane.worker === 0) orders.push(order);
        line?.write(lineOf(order));
      },
      // What the socket does not take at once the loop writes later.
      get isOrdered() {
        return (line?.writableLength ?? 0) === 0;
      },
      hold: (alive) => child.hold(alive),
      // A process takes it at any moment.
      kill: () => child.end("SIGKILL"),
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
    checkProcesses();
    super(schedulerOf("ProcessPool", processes, options));
  }

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: PoolOptions, fn: (pool: ProcessPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ProcessPool(options), fn);
  }
}
