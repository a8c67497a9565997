/** tinypool: threads and child processes. */
import { fileURLToPath } from "node:url";
import type { Contender, Setting } from "../contender.js";

const filename = fileURLToPath(new URL("./named-jobs-worker.js", import.meta.url));
const mover = fileURLToPath(new URL("./tinypool-mover.js", import.meta.url));

interface Options {
  runtime: "worker_threads" | "child_process";
  concurrentTasksPerWorker?: number;
  useAtomics?: boolean;
  serialization?: "json" | "advanced";
}

function setting(text: string, options: Options): Setting {
  return {
    text,
    async open(workers) {
      const { Tinypool } = await import("tinypool");
      const pool = new Tinypool({
        filename,
        minThreads: workers,
        maxThreads: workers,
        idleTimeout: Number.POSITIVE_INFINITY,
        ...options,
      });
      return {
        run: (name, value) => pool.run(value, { name }),
        ...(options.runtime === "worker_threads" && {
          move: (buffer: ArrayBuffer) =>
            pool.run(buffer, { filename: mover, name: "handBack", transferList: [buffer] }),
        }),
        serve: (rounds, signal) => pool.run(rounds, { name: "burn", signal }),
        close: () => pool.destroy(),
      };
    },
  };
}

export const tinypoolThreads: Contender = {
  library: "tinypool",
  model: "threads",
  settings: [
    setting("1 per worker", { runtime: "worker_threads" }),
    setting("64 per worker", { runtime: "worker_threads", concurrentTasksPerWorker: 64 }),
    setting("256 per worker", { runtime: "worker_threads", concurrentTasksPerWorker: 256 }),
    setting("1024 per worker", { runtime: "worker_threads", concurrentTasksPerWorker: 1024 }),
    setting("no atomics, 1 per worker", { runtime: "worker_threads", useAtomics: false }),
    setting("no atomics, 64 per worker", {
      runtime: "worker_threads",
      concurrentTasksPerWorker: 64,
      useAtomics: false,
    }),
    setting("no atomics, 1024 per worker", {
      runtime: "worker_threads",
      concurrentTasksPerWorker: 1024,
      useAtomics: false,
    }),
  ],
};

export const tinypoolProcesses: Contender = {
  library: "tinypool",
  model: "processes",
  settings: [
    setting("advanced, 1 per worker", { runtime: "child_process", serialization: "advanced" }),
    setting("advanced, 64 per worker", {
      runtime: "child_process",
      serialization: "advanced",
      concurrentTasksPerWorker: 64,
    }),
    setting("json, 1 per worker", { runtime: "child_process", serialization: "json" }),
    setting("json, 64 per worker", { runtime: "child_process", serialization: "json", concurrentTasksPerWorker: 64 }),
    setting("json, 1024 per worker", {
      runtime: "child_process",
      serialization: "json",
      concurrentTasksPerWorker: 1024,
    }),
  ],
};
