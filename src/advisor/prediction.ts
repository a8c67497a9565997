/** How long the work would take in each model with each number of workers, by what the sample has shown. */
import type { SampleSummary, StartCosts } from "./sample.js";

/** One way to do the work. Times are in milliseconds, memory in bytes. */
export interface Candidate {
  readonly model: "async" | "thread" | "process";
  /** Threads or processes; of `async`, how many calls are under way at a time. */
  readonly workers: number;
  /** From the start of the pool to the last result. */
  readonly ms: number;
  /** What it takes beside the program itself. */
  readonly memory: number;
}

/** What a prediction goes by. */
export interface Grounds {
  readonly sample: SampleSummary;
  /** How many items there are in all. */
  readonly items: number;
  readonly cores: number;
  readonly starts: StartCosts;
  /**
   * Which part of an item no other can run beside, from 0 to 1, as with a lock: among workers, and among calls on one
   * event loop. 0 where it was not tried. Among workers it is more than 1 where to hand over takes time besides.
   */
  readonly serial: { readonly workers: number; readonly loop: number };
  /** Most workers of each kind. */
  readonly most: number;
}

/** Calls under way at a time on one event loop: what an AsyncPool does unless told otherwise. */
export const LOOP_CALLS = 32;
/** What a call costs the event loop, and an item of a chunk the program that sends it. */
const CALL_MS = 0.0025;
const ITEM_MS = 0.001;
/** What an empty worker takes. */
const THREAD_BYTES = 8 << 20;
const PROCESS_BYTES = 40 << 20;

/** All of them, the fastest first. */
export function predict(grounds: Grounds, excluded: ReadonlySet<Candidate["model"]> = new Set()): Candidate[] {
  const candidates: Candidate[] = [];
  const { most, items } = grounds;
  if (!excluded.has("async")) {
    candidates.push(onLoop(grounds, 1));
    if (items > 1 && grounds.sample.waiting > 0) candidates.push(onLoop(grounds, Math.min(LOOP_CALLS, items)));
  }
  for (const model of ["thread", "process"] as const)
    if (!excluded.has(model))
      for (const workers of countsUpTo(Math.min(most, items), grounds.cores))
        candidates.push(onWorkers(grounds, model, workers));
  return candidates.sort((a, b) => a.ms - b.ms);
}

/** 1, 2, 4 and so on, the number of cores, and the most. */
function countsUpTo(most: number, cores: number): number[] {
  const counts = new Set<number>([1, Math.min(cores, most), most]);
  for (let count = 2; count < most; count *= 2) counts.add(count);
  return [...counts].filter((count) => count >= 1).sort((a, b) => a - b);
}

function onLoop(
  { sample: { wall, cpu, elsewhere, held, allocated }, items, cores, serial }: Grounds,
  calls: number,
): Candidate {
  const waits = wall * (serial.loop + (1 - serial.loop) / calls);
  // The loop is held by one call at a time, and what the last one waits for follows.
  const ms =
    Math.max(items * held + (wall - held), items * waits, (items * (cpu + elsewhere)) / cores) + items * CALL_MS;
  return { model: "async", workers: calls, ms, memory: calls * allocated };
}

function onWorkers(
  { sample, items, cores, starts, serial }: Grounds,
  model: "thread" | "process",
  workers: number,
): Candidate {
  const { wall, cpu, elsewhere, codec, allocated } = sample;
  const parallel = 1 - serial.workers;
  const beside = Math.min(workers, cores);
  const mine = wall + codec / 2;
  const byTurns = mine * (serial.workers + parallel / workers);
  const byCores = (cpu + codec / 2) * (serial.workers + parallel / beside);
  // Threads that all workers share: no more of them help than there are cores.
  const byOthers = (cpu + elsewhere) / cores;
  const bySender = codec / 2 + ITEM_MS;
  // A worker runs one call at a time: the last round of calls may not fill them all.
  const lastRound = Math.ceil(items / workers) * mine * parallel + items * mine * serial.workers;
  const start = starts[model] * Math.max(1, workers / cores);
  const ms =
    start + Math.max(items * byTurns, items * byCores, items * byOthers, items * bySender, mine > 2 ? lastRound : 0);
  return { model, workers, ms, memory: workers * ((model === "thread" ? THREAD_BYTES : PROCESS_BYTES) + allocated) };
}
