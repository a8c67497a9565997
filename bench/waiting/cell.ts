/**
 * A program of its own: starts so many workers that wait in such a way, and prints what part of a core they take, in
 * percent.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Barrier, Event, isMain, Process, ProcessPool, sleep, Thread, ThreadPool } from "allcores";
import { waitFor } from "../workers/wait-for.js";
import { block, wait } from "../workers/waiters.js";

export type How = "blocking" | "awaiting" | "idle";
export type Model = "threads" | "processes";

/**
 * What a waiter runs at each of its looks is cold code at first: V8 interprets it, gathers feedback and compiles it,
 * and a look every few seconds brings that to its end after a minute. So the cell is measured once three spans are
 * alike, after so many at least and at most. Each is half as long as the one that is measured, and that is longer than
 * anybody sleeps.
 */
const LEAST_SETTLES = 15;
const MOST_SETTLES = 25;
const ALIKE = 0.15;

/** Processor time of this process and its children, in ms, as the kernel's scheduler counts it. */
function processorMs(): number {
  let nanoseconds = 0;
  for (const pid of [process.pid, ...children()]) {
    for (const tid of listed(`/proc/${pid}/task`)) {
      try {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "latin1").split(" ")[0]);
      } catch {
        // It has ended.
      }
    }
  }
  return nanoseconds / 1e6;
}

function children(): string[] {
  return listed("/proc/self/task").flatMap((tid) =>
    readFileSync(`/proc/self/task/${tid}/children`, "latin1").split(" ").filter(Boolean),
  );
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Percent of a core in the next `ms`, without what looking at it takes. */
async function taken(ms: number): Promise<number> {
  const [before, from] = [processorMs(), performance.now()];
  const [own, since] = [process.cpuUsage(), performance.now()];
  processorMs();
  const looking = process.cpuUsage(own);
  // With a thousand threads, looking takes longer than the span.
  await sleep(Math.max(0, ms - (performance.now() - since)));
  const spent = processorMs() - before - (2 * (looking.user + looking.system)) / 1000;
  return (100 * spent) / (performance.now() - from);
}

function areAlike(spans: readonly number[]): boolean {
  return Math.max(...spans) - Math.min(...spans) <= ALIKE * Math.min(...spans);
}

async function start(how: How, model: Model, count: number): Promise<unknown> {
  const gate = new Barrier(how === "idle" ? count : count + 1, { across: model });
  if (how === "idle") {
    const pool = model === "threads" ? new ThreadPool({ workers: count }) : new ProcessPool({ workers: count });
    await Promise.all(Array.from({ length: count }, () => pool.submit(waitFor, gate)));
    return pool;
  }
  const event = new Event({ across: model });
  const task = how === "blocking" ? block : wait;
  const workers = Array.from({ length: count }, () =>
    model === "threads" ? Thread.start(task, gate, event) : Process.start(task, gate, event),
  );
  await gate.wait();
  return workers;
}

if (isMain(import.meta)) {
  const [how, model, count, span] = process.argv.slice(2) as [How, Model, string, string];
  const started = await start(how, model, Number(count));
  const spans: number[] = [];
  do spans.push(await taken(Number(span) / 2));
  while (spans.length < MOST_SETTLES && (spans.length < LEAST_SETTLES || !areAlike(spans.slice(-3))));
  console.log(await taken(Number(span)));
  for (const child of children()) process.kill(Number(child), "SIGKILL");
  process.exit(started === undefined ? 1 : 0);
}
