/** workerpool: threads and child processes. */
import { fileURLToPath } from "node:url";
import type { Contender, Setting } from "../contender.js";

const script = fileURLToPath(new URL("./workerpool-worker.js", import.meta.url));

function setting(
  text: string,
  options: { workerType: "thread" | "process"; forkOpts?: { serialization: "json" | "advanced" } },
): Setting {
  return {
    text,
    async open(workers) {
      const { default: workerpool } = await import("workerpool");
      const pool = workerpool.pool(script, { minWorkers: workers, maxWorkers: workers, ...options });
      return {
        run: async (job, value) => pool.exec(job, [value]),
        ...(options.workerType === "thread" && {
          move: async (buffer: ArrayBuffer) => pool.exec("handBack", [buffer], { transfer: [buffer] }),
        }),
        async serve(rounds, signal) {
          const promise = pool.exec("burn", [rounds]);
          // It returns itself, rejected: an event target would take that for a listener that failed.
          signal.addEventListener("abort", () => void promise.cancel(), { once: true });
          return promise;
        },
        close: async () => pool.terminate(true),
      };
    },
  };
}

export const workerpoolThreads: Contender = {
  library: "workerpool",
  model: "threads",
  settings: [setting("defaults", { workerType: "thread" })],
};

export const workerpoolProcesses: Contender = {
  library: "workerpool",
  model: "processes",
  settings: [
    setting("advanced", { workerType: "process", forkOpts: { serialization: "advanced" } }),
    setting("json", { workerType: "process", forkOpts: { serialization: "json" } }),
  ],
};
