/** What runs first in each thread of an exploration. */
import { parentPort, workerData } from "node:worker_threads";
import { runSchedules, type RunnerStart } from "./schedule-runner.js";
import type { ThreadRole } from "./exploration-threads.js";
import { runWorker, type ProgramWorkerStart } from "./program-worker.js";

const { allcoresExploration: role } = workerData as { allcoresExploration: ThreadRole };
let exploration = Promise.resolve();
parentPort!.on("message", (start: RunnerStart | ProgramWorkerStart) => {
  exploration = exploration.then(() =>
    role === "runner" ? runSchedules(start as RunnerStart) : runWorker(start as ProgramWorkerStart),
  );
});
