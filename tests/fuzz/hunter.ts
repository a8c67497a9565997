/** The thread that runs cases: what it is at stands in memory that its watchdog reads. */
import { parentPort, workerData } from "node:worker_threads";
import { type Ends, type Faults, runCase } from "./fuzz-case.js";

const { cases, seed, progress, only } = workerData as { cases: number; seed: number; progress: Int32Array; only: string | undefined };
const ends: Ends = {};
const faults: Faults = {};

for (let index = 0; index < cases; index++) {
  Atomics.store(progress, 0, index);
  await runCase(seed + index, ends, faults, (operation) => Atomics.store(progress, 1, operation), only);
}
Atomics.store(progress, 0, cases);
parentPort!.postMessage({ ends, faults });
