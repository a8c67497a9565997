import { MessageChannel } from "node:worker_threads";
import { ArgumentTypeError } from "../errors/index.js";
import { exitStatus } from "../workers/completion.js";
import { type Heap, threadHeap } from "../memory/index.js";
import { checkPermission, THREADS } from "../platform/index.js";
import { openThread, type ThreadFactory } from "../workers/thread.js";
import { runPool } from "./pool.js";
import type { PoolOptions, PoolSettings } from "./pool-options.js";
import type { StartedWorker, WorkerEnd, WorkerModel } from "./worker-model.js";
import { schedulerOf, WorkerPool } from "./worker-pool.js";

/** Workers that are threads. */
const threads: WorkerModel = {
  boundary: "threads",
  get heap(): Heap {
    return threadHeap();
  },
  check({ worker }: PoolSettings): void {
    if (worker !== undefined && typeof worker !== "function")
      throw new ArgumentTypeError(
        `options.worker of a ThreadPool must be a function, (options) => new Worker(new URL("./worker.js", import.meta.url), options), got ${typeof worker}`,
      );
  },
  start(name: string, laneAt: number, { resourceLimits, worker: factory }: PoolSettings, ended: (end: WorkerEnd) => void): StartedWorker {
    const { port1, port2 } = new MessageChannel();
    const opened = openThread(
      { kind: "pool", isBundled: factory !== undefined, heap: threadHeap().buffers, name, laneAt, port: port2 },
      [port2],
      resourceLimits.heap === undefined ? {} : { maxOldGenerationSizeMb: resourceLimits.heap },
      factory as ThreadFactory | undefined,
    );
    const { worker } = opened;
    let cause: unknown;
    worker.unref();
    port1.unref();
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", (exitCode) => {
      const outOfMemory = (cause as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
      ended({ exitCode: exitStatus(exitCode), signal: undefined, cause, outOfMemory });
      port1.close();
    });
    return {
      pid: process.pid,
      threadId: worker.threadId,
      port: port1,
      order: (order) => port1.postMessage(order),
      isOrdered: true,
      hold: (alive) => (alive ? worker.ref() : worker.unref()),
      kill: (killGrace, givenUp) => opened.terminate(killGrace, givenUp),
    };
  },
};

/**
 * A pool of threads: CPU-bound work on every core, with shared memory and cheap moves.
 *
 * Threads start with the first work that needs them and then wait for more; an idle pool does not keep the program alive.
 * **Death:** a thread that ends fails only the task in its hands, with `WorkerDiedError`, and is replaced.
 *
 * @example
 * ```ts
 * import { isMain, task, ThreadPool } from "allcores";
 * const square = task(import.meta, function square(n: number) {
 *   return n * n;
 * });
 * if (isMain(import.meta)) {
 *   await using pool = new ThreadPool({ workers: 2 });
 *   console.log(await pool.map(square, [1, 2, 3])); // [ 1, 4, 9 ]
 * }
 * ```
 */
export class ThreadPool extends WorkerPool {
  constructor(options?: PoolOptions) {
    checkPermission("a thread", [THREADS]);
    super(schedulerOf("ThreadPool", threads, options));
  }

  /** Gives `fn` a pool and waits for its work; terminates it when `fn` throws. */
  static async run<T>(options: PoolOptions, fn: (pool: ThreadPool) => T | PromiseLike<T>): Promise<T> {
    return await runPool(new ThreadPool(options), fn);
  }
}
