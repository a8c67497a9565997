/** Thread: cold start, and two of them on two cores. */
import { Worker } from "node:worker_threads";
import { Barrier, isMain, Thread } from "allcores";
import { alternate, atMost, compared, faster, report, spanOf, within } from "./measure.js";
import { firstLine } from "./workers/first-line.js";
import { plusOne } from "./workers/plus-one.js";
import { spin } from "./workers/spin.js";

const STARTS = 21;
const SPINS = 5;
/** A spare worker has started by then. */
const SPARE_MS = 500;

async function ours(): Promise<number> {
  const start = performance.now();
  const thread = Thread.start(plusOne, 1);
  await thread.join();
  const took = performance.now() - start;
  await thread[Symbol.asyncDispose]();
  return took;
}

async function bare(): Promise<number> {
  const start = performance.now();
  const worker = new Worker(new URL("./rivals/one-shot-worker.js", import.meta.url), { workerData: 1 });
  const exit = new Promise((resolve) => worker.once("exit", resolve));
  await new Promise((resolve) => worker.once("message", resolve));
  const took = performance.now() - start;
  await exit;
  return took;
}

/**
 * From a start to the first line of the task's module, with a spare thread: what was loaded of the module is not in it.
 */
async function spared(): Promise<number[]> {
  const samples: number[] = [];
  Thread.spare(1);
  for (let start = -1; start < STARTS; start++) {
    await new Promise((resolve) => setTimeout(resolve, SPARE_MS));
    const began = performance.timeOrigin + performance.now();
    const line = await Thread.start(firstLine).join();
    if (start >= 0) samples.push(line - began);
  }
  Thread.spare(0);
  return samples;
}

/** Two pieces of work by so many threads, from a start gate. */
async function spinning(threads: 1 | 2): Promise<number> {
  const gate = new Barrier(threads);
  const workers = Array.from({ length: threads }, () => Thread.start(spin, gate, 2 / threads));
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  return spanOf(spans);
}

if (isMain(import.meta)) {
  report([
    compared(
      "cold start to the first result",
      "ms",
      await alternate(STARTS, ours, bare, 2),
      "bare Worker",
      atMost(1.2),
    ),
    within("start to the first line, from a spare one", "ms", await spared(), 5),
    compared(
      "two CPU-bound threads",
      "s",
      await alternate(
        SPINS,
        () => spinning(2),
        () => spinning(1),
      ),
      "one thread, both pieces",
      faster(1.9),
    ),
  ]);
}
