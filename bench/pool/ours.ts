/** The pools of this package, through their public contract. */
import { Barrier, ProcessPool, ThreadPool, transfer } from "allcores";
import { plusOne } from "../workers/plus-one.js";
import { waitFor } from "../workers/wait-for.js";
import type { Contender, Model, OpenPool } from "./contender.js";
import { burnPolitely, handBack, tasks } from "./tasks.js";

const SLICES = 20;

function open(model: Model, workers: number): OpenPool {
  const pool = model === "threads" ? new ThreadPool({ workers }) : new ProcessPool({ workers });
  return {
    run: (job, value) =>
      job === "noop" ? pool.submit(tasks.noop) : pool.submit(tasks[job] as typeof tasks.echo, value),
    map: (items) => pool.map(plusOne, items),
    ...(model === "threads" && { move: (buffer: ArrayBuffer) => pool.submit(handBack, transfer(buffer)) }),
    serve(rounds, signal) {
      const future = pool.submit(burnPolitely, rounds, SLICES);
      signal.addEventListener("abort", () => future.cancel(signal.reason), { once: true });
      return future;
    },
    close() {
      pool.terminate();
      return pool.join();
    },
  };
}

const contender = (model: Model): Contender => ({
  library: "allcores",
  model,
  ours: true,
  settings: [{ text: "defaults", open: (workers) => open(model, workers) }],
});

export const ourThreads = contender("threads");
export const ourProcesses = contender("processes");

/** A pool whose workers are all started. */
export async function startedPool(model: Model, workers: number): Promise<ThreadPool | ProcessPool> {
  const gate = new Barrier(workers, { across: model });
  const pool = model === "threads" ? new ThreadPool({ workers }) : new ProcessPool({ workers });
  await Promise.all(Array.from({ length: workers }, () => pool.submit(waitFor, gate)));
  return pool;
}
