import { MessageChannel } from "node:worker_threads";
import { ArgumentTypeError } from "../../errors/index.js";
import { type Heap, threadHeap } from "../../memory/index.js";
import { exitStatus } from "../../workers/completion.js";
import { openThread, type ThreadFactory } from "../../workers/thread.js";
import type { WorkerEnd } from "../link.js";
import type { PoolSettings } from "../pool-options.js";
import { laneKind } from "./lane-links.js";
import type { StartedWorker } from "./started-worker.js";

/** Links to threads. */
export const threadLinks = laneKind({
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
});
