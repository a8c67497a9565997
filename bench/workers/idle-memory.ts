/** A program of its own: starts eight workers of the kind that it is asked for, lets them idle and prints the megabytes that one takes. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { Barrier, isMain, ProcessPool, sleep, ThreadPool } from "allcores";
import { waitFor } from "./wait-for.js";

const WORKERS = 8;
const REST_MS = 700;

/** Megabytes of a process: `Rss`, or `Pss`, in which shared pages count in part. */
function megabytes(pid: number | "self", field: "Rss" | "Pss"): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))![1]) / 1024;
}

function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number));
}

const starts = {
  async threads() {
    const gate = new Barrier(WORKERS);
    const pool = new ThreadPool({ workers: WORKERS });
    await Promise.all(Array.from({ length: WORKERS }, () => pool.submit(waitFor, gate)));
  },
  async "bare-threads"() {
    const workers = Array.from({ length: WORKERS }, () => new Worker(new URL("../rivals/echo-worker.js", import.meta.url)));
    for (const worker of workers) worker.postMessage(1);
    await Promise.all(workers.map((worker) => once(worker, "message")));
  },
  async processes() {
    const gate = new Barrier(WORKERS, { across: "processes" });
    const pool = new ProcessPool({ workers: WORKERS });
    await Promise.all(Array.from({ length: WORKERS }, () => pool.submit(waitFor, gate)));
  },
  async "bare-processes"() {
    const forks = Array.from({ length: WORKERS }, () => fork(fileURLToPath(new URL("../rivals/echo-child.js", import.meta.url))));
    for (const child of forks) child.send(1);
    await Promise.all(forks.map((child) => once(child, "message")));
  },
};

if (isMain(import.meta)) {
  const kind = process.argv[2] as keyof typeof starts;
  const before = megabytes("self", "Rss");
  await starts[kind]();
  await sleep(REST_MS);
  const all = kind.endsWith("threads") ? megabytes("self", "Rss") - before : children().reduce((sum, pid) => sum + megabytes(pid, "Pss"), 0);
  console.log(all / WORKERS);
  for (const child of children()) process.kill(child);
  process.exit();
}
