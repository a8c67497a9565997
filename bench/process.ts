/** Process: cold start, and two of them on two cores. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Barrier, isMain, Process } from "allcores";
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
  const child = Process.start(plusOne, 1);
  await child.join();
  const took = performance.now() - start;
  await child[Symbol.asyncDispose]();
  return took;
}

async function bare(): Promise<number> {
  const start = performance.now();
  const child = fork(fileURLToPath(new URL("./rivals/one-shot-child.js", import.meta.url)));
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const answer = new Promise((resolve) => child.once("message", resolve));
  child.send(1);
  await answer;
  const took = performance.now() - start;
  await exit;
  return took;
}

/** From a start to the first line of the task's module, with a spare process: what was loaded of the module is not in it. */
async function spared(): Promise<number[]> {
  const samples: number[] = [];
  Process.spare(1);
  for (let start = -1; start < STARTS; start++) {
    await new Promise((resolve) => setTimeout(resolve, SPARE_MS));
    const began = performance.timeOrigin + performance.now();
    const line = await Process.start(firstLine).join();
    if (start >= 0) samples.push(line - began);
  }
  Process.spare(0);
  return samples;
}

/** Two pieces of work by so many processes, from a start gate. */
async function spinning(processes: 1 | 2): Promise<number> {
  const gate = new Barrier(processes, { across: "processes" });
  const workers = Array.from({ length: processes }, () => Process.start(spin, gate, 2 / processes));
  const spans = await Promise.all(workers.map((worker) => worker.join()));
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  return spanOf(spans);
}

if (isMain(import.meta)) {
  report([
    compared("cold start to the first result", "ms", await alternate(STARTS, ours, bare, 2), "bare fork", atMost(1.5)),
    within("start to the first line, from a spare one", "ms", await spared(), 5),
    compared(
      "two CPU-bound processes",
      "s",
      await alternate(
        SPINS,
        () => spinning(2),
        () => spinning(1),
      ),
      "one process, both pieces",
      faster(1.9),
    ),
  ]);
}
