/** The thread that runs cases: what it is at stands in memory that its watchdog reads. */
import { parentPort, workerData } from "node:worker_threads";
import { casesOf, type Ends, type Faults, isWalk, runCase, runWalk } from "./fuzz-case.js";

const { cases, seed, progress, only, every } = workerData as {
  cases: number;
  seed: number;
  progress: Int32Array;
  only: string | undefined;
  every: number;
};
const ends: Ends = {};
const faults: Faults = {};

// Of a walk, cases 0 stand for all that are left.
const count = isWalk(only) && cases === 0 ? Math.max(0, Math.ceil((casesOf(only) - seed) / every)) : cases;
const isAt = (operation: number) => Atomics.store(progress, 1, operation);
for (let index = 0; index < count; index++) {
  Atomics.store(progress, 0, index * every);
  if (isWalk(only)) await runWalk(only, seed + index * every, ends, faults, isAt);
  else await runCase(seed + index, ends, faults, isAt, only);
}
Atomics.store(progress, 0, cases);
parentPort!.postMessage({ ends, faults });
