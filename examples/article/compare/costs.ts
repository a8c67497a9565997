/** What a worker costs: to start, to keep, to talk to. */
import { Event, Process, ProcessPool, Semaphore, task, Thread, ThreadPool } from "allcores";

const STARTS = 3;
const RESIDENTS = 4;
const ROUND_TRIPS = 3;
const LOAD_BYTES = 16 * 2 ** 20;

export interface Costs {
  /** Milliseconds from the start to the task's first line. */
  start: number;
  /** Bytes of memory of an idle worker. */
  memory: number;
  /** Milliseconds for 16 MiB to a worker that runs already, and back. */
  roundTrip: number;
}

export const clock = task(import.meta, function clock() {
  return process.hrtime.bigint();
});

export const reside = task(import.meta, function reside(ready: Semaphore, leave: Event) {
  const memory = process.memoryUsage.rss();
  ready.release();
  leave.waitSync();
  return memory;
});

export const echo = task(import.meta, function echo(bytes: Uint8Array) {
  return bytes;
});

export async function costsOf(across: "threads" | "processes"): Promise<Costs> {
  return { start: await startTime(across), memory: await memory(across), roundTrip: await roundTrip(across) };
}

async function startTime(across: "threads" | "processes"): Promise<number> {
  const times = [];
  for (let i = 0; i < STARTS; i++) {
    const before = process.hrtime.bigint();
    const worker = across === "processes" ? Process.start(clock) : Thread.start(clock);
    times.push(Number((await worker.join()) - before) / 1e6);
  }
  return median(times);
}

/** A process says itself what it occupies; a thread's share is what the program has grown by. */
async function memory(across: "threads" | "processes"): Promise<number> {
  const ready = new Semaphore(0, { across });
  const leave = new Event({ across });
  const before = process.memoryUsage.rss();
  const workers = [];
  for (let i = 0; i < RESIDENTS; i++) workers.push(across === "processes" ? Process.start(reside, ready, leave) : Thread.start(reside, ready, leave));
  for (const _ of workers) await ready.acquire();
  const grown = (process.memoryUsage.rss() - before) / RESIDENTS;
  leave.set();
  const said = [];
  for (const worker of workers) said.push(await worker.join());
  return across === "processes" ? median(said) : grown;
}

async function roundTrip(across: "threads" | "processes"): Promise<number> {
  await using pool = across === "processes" ? new ProcessPool({ workers: 1 }) : new ThreadPool({ workers: 1 });
  const load = new Uint8Array(LOAD_BYTES).fill(1);
  await pool.submit(echo, load);
  const times = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const before = performance.now();
    const back = await pool.submit(echo, load);
    times.push(performance.now() - before);
    if (back.length !== load.length || back.at(-1) !== 1) throw new Error("the load came back changed");
  }
  return median(times);
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]!;
}
