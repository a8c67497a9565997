/** Process: cold start, and two of them on two cores. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Barrier, isMain, Process } from "allcores";
import { alternate, atMost, compared, faster, report, spanOf } from "./measure.js";
import { plusOne } from "./workers/plus-one.js";
import { spin } from "./workers/spin.js";

const STARTS = 21;
const SPINS = 5;

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
