/** poolifier: threads and node:cluster. Events are off: nobody listens. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Contender, OpenPool, Setting } from "../contender.js";

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Without a queue everything is posted at once; with one, so many tasks at a time for each worker. */
type Queue = "no queue" | number;

const queueOptions = (queue: Queue) =>
  queue === "no queue" ? {} : { enableTasksQueue: true, tasksQueueOptions: { concurrency: queue } };
const textOf = (queue: Queue, strategy: string) =>
  `${typeof queue === "number" ? `queue, ${queue} per worker` : queue}, ${strategy}`;

type Strategy = "LEAST_USED" | "ROUND_ROBIN";

const END_MS = 1500;

interface PoolifierPool {
  readonly workerNodes: readonly {
    readonly worker: { terminate?(): unknown; readonly process?: { kill(signal: "SIGKILL"): unknown } };
  }[];
  execute(data?: unknown, name?: string, signal?: AbortSignal): Promise<unknown>;
  destroy(): Promise<void>;
}

const opened = (pool: PoolifierPool): OpenPool => ({
  run: (job, value) => pool.execute(value, job),
  serve: (rounds, signal) => pool.execute(rounds, "burn", signal),
  async close() {
    const workers = pool.workerNodes.map(({ worker }) => worker);
    // It ends by asking its workers, and at times waits for an answer that does not come.
    await Promise.race([pool.destroy(), sleep(END_MS)]);
    for (const worker of workers) {
      worker.process?.kill("SIGKILL");
      worker.terminate?.();
    }
  },
});

function threads(queue: Queue, workerChoiceStrategy: Strategy): Setting {
  return {
    text: textOf(queue, workerChoiceStrategy),
    async open(workers) {
      const { FixedThreadPool } = await import("poolifier");
      return opened(
        new FixedThreadPool(workers, fileOf("./poolifier-thread.js"), {
          ...queueOptions(queue),
          workerChoiceStrategy,
          enableEvents: false,
        }),
      );
    },
  };
}

function cluster(queue: Queue, serialization: "json" | "advanced"): Setting {
  return {
    text: `${textOf(queue, "LEAST_USED")}, ${serialization}`,
    async open(workers) {
      const { FixedClusterPool } = await import("poolifier");
      return opened(
        new FixedClusterPool(workers, fileOf("./poolifier-cluster.cjs"), {
          ...queueOptions(queue),
          settings: { serialization },
          enableEvents: false,
        }),
      );
    },
  };
}

export const poolifierThreads: Contender = {
  library: "poolifier",
  model: "threads",
  settings: [
    threads("no queue", "LEAST_USED"),
    threads("no queue", "ROUND_ROBIN"),
    threads(1, "LEAST_USED"),
    threads(64, "LEAST_USED"),
  ],
};

export const poolifierCluster: Contender = {
  library: "poolifier",
  model: "processes",
  settings: [
    cluster("no queue", "advanced"),
    cluster("no queue", "json"),
    cluster(1, "advanced"),
    cluster(64, "advanced"),
  ],
};
