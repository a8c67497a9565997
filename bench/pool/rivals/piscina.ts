/**
 * piscina: threads. Its workers are fixed in number and stay while idle, which its documents advise for speed, and it
 * records no timings.
 */
import { fileURLToPath } from "node:url";
import type { Contender, Setting } from "../contender.js";

const filename = fileURLToPath(new URL("./named-jobs-worker.js", import.meta.url));
const mover = fileURLToPath(new URL("./piscina-mover.js", import.meta.url));

type Atomics = "sync" | "async" | "disabled";

function setting(atomics: Atomics, concurrentTasksPerWorker: number): Setting {
  return {
    text: `atomics ${atomics}, ${concurrentTasksPerWorker} per worker`,
    async open(workers) {
      const { Piscina } = await import("piscina");
      const pool = new Piscina({
        filename,
        minThreads: workers,
        maxThreads: workers,
        idleTimeout: Number.POSITIVE_INFINITY,
        concurrentTasksPerWorker,
        atomics,
        recordTiming: false,
      });
      return {
        run: (name, value) => pool.run(value, { name }),
        move: (buffer) => pool.run(buffer, { filename: mover, name: "handBack", transferList: [buffer] }),
        serve: (rounds, signal) => pool.run(rounds, { name: "burn", signal }),
        close: () => pool.destroy(),
      };
    },
  };
}

export const piscina: Contender = {
  library: "piscina",
  model: "threads",
  settings: [
    setting("sync", 1),
    setting("sync", 16),
    setting("sync", 64),
    setting("sync", 256),
    setting("sync", 1024),
    setting("async", 1),
    setting("async", 64),
    setting("async", 256),
    setting("disabled", 1),
    setting("disabled", 64),
    setting("disabled", 256),
    setting("disabled", 1024),
  ],
};
