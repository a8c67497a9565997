/** The thread that runs cases: what it is at stands in memory that its watchdog reads. */
import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { createThreadHeap, renewThreadHeap } from "../../src/memory/thread-heap.js";
import { randomFrom } from "../fixtures/random.js";
import { attemptAll, changes, corrupt, type Ends, furnish } from "./corruption.js";

const { cases, seed, progress } = workerData as { cases: number; seed: number; progress: Int32Array };
const ends: Ends = {};

for (let index = 0; index < cases; index++) {
  Atomics.store(progress, 0, index);
  const random = randomFrom(seed + index);
  const [list] = fc.sample(changes, { numRuns: 1, seed: seed + index });
  const heap = renewThreadHeap(createThreadHeap());
  const { objects, operations } = furnish("threads");
  corrupt(heap, list!);
  // Beginning anywhere: what comes first finds what is corrupt, the rest what that left.
  const from = Math.floor(random() * operations.length);
  attemptAll([...operations.slice(from), ...operations.slice(0, from), ...objects.map((object) => () => object.free())], ends, (operation) =>
    Atomics.store(progress, 1, operation),
  );
}
Atomics.store(progress, 0, cases);
parentPort!.postMessage(ends);
