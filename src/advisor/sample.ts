/** What a sample of the inputs has shown. Times are in milliseconds, sizes in bytes. */
import type { ItemMeasure } from "./item-measure.js";

/** One run of one input. */
export interface SampledRun extends ItemMeasure {
  /** Which of the inputs. */
  readonly index: number;
  /** How often it was run before. */
  readonly round: number;
}

/** What a worker took to come up: from its start to its first word. */
export interface StartCosts {
  readonly thread: number;
  readonly process: number;
}

/** The means of a sample, by item. */
export interface SampleSummary {
  /** How many runs there were, and of how many inputs. */
  readonly runs: number;
  readonly inputs: number;
  /** From the call to its value, less what it waited for a processor. */
  readonly wall: number;
  readonly cpu: number;
  /** What other threads of its process computed for it, as those of libuv do. */
  readonly elsewhere: number;
  /** Which part of `wall` the event loop was free in, from 0 to 1. */
  readonly waiting: number;
  /** What the event loop is held for by an item: it computes, or is blocked in a call. */
  readonly held: number;
  /** Which part of `held` its thread slept in a call, as in a synchronous read: from 0 to 1. */
  readonly blocked: number;
  readonly argumentBytes: number;
  readonly resultBytes: number;
  /** To encode and decode the arguments and the result. */
  readonly codec: number;
  readonly allocated: number;
  /** How much longer the last inputs take than the first ones, as a factor; 1 where it is all the same. */
  readonly growth: number;
  /** By how much `wall` may be wrong, as a part of it. */
  readonly noise: number;
  /** Inputs for which the task threw. */
  readonly failures: number;
}

/** What is measured of the arguments, in this thread. */
export interface ArgumentWeight {
  readonly bytes: number;
  readonly ms: number;
}

/** Fewer inputs tell of no growth. */
const LEAST_GROWTH_INPUTS = 4;
/** To copy a byte on one side, at least: the other's memory is new to the processor, and often to the program. */
const BYTE_MS = 1.2e-6;
/** Less than this part of an item's time is what V8's own threads do. */
const LEAST_ELSEWHERE = 0.2;

/** `runs`: at least one. Of an input that was run several times only the later runs count: the first one is cold. */
export function summaryOf(runs: readonly SampledRun[], weight: ArgumentWeight): SampleSummary {
  const warm = warmOf(runs);
  const wall = mean(warm.map(ownTime));
  const idle = mean(warm.map((run) => Math.min(run.idle, ownTime(run))));
  const cpu = mean(warm.map((run) => Math.min(run.cpu, run.wall)));
  const held = Math.max(0, wall - idle);
  const resultBytes = mean(warm.map((run) => run.resultBytes));
  const elsewhere = median(warm.map((run) => run.elsewhere));
  const allocated = warm.map((run) => Math.max(0, run.allocated));
  return {
    runs: runs.length,
    inputs: new Set(runs.map(({ index }) => index)).size,
    wall,
    cpu,
    elsewhere: elsewhere < LEAST_ELSEWHERE * wall ? 0 : elsewhere,
    waiting: wall === 0 ? 0 : idle / wall,
    held,
    blocked: held === 0 ? 0 : Math.max(0, 1 - cpu / held),
    argumentBytes: weight.bytes,
    resultBytes,
    codec:
      2 * Math.max(weight.ms + median(warm.map(({ resultMs }) => resultMs)), (weight.bytes + resultBytes) * BYTE_MS),
    allocated: mean(allocated),
    growth: growthOf(warm),
    noise: noiseOf(warm),
    failures: new Set(runs.filter(({ failure }) => failure !== undefined).map(({ index }) => index)).size,
  };
}

/**
 * What a run took less what it waited for a processor, some of which may lie outside of it, or within its idle time.
 */
export function ownTime({ wall, delayed, cpu, idle }: ItemMeasure): number {
  return Math.max(wall - delayed, Math.min(wall, cpu + idle));
}

/** For each input its fastest run of those that were not the first; the first where there was no other. */
function warmOf(runs: readonly SampledRun[]): SampledRun[] {
  const best = new Map<number, SampledRun>();
  for (const run of runs) {
    const before = best.get(run.index);
    if (before === undefined || before.round === 0 || ownTime(run) < ownTime(before)) best.set(run.index, run);
  }
  return [...best.values()].sort((a, b) => a.index - b.index);
}

/** The line that fits the times of the inputs best: by how much each input is longer than the one before it. */
function slopeOf(runs: readonly SampledRun[]): number {
  if (runs.length < LEAST_GROWTH_INPUTS) return 0;
  const at = mean(runs.map(({ index }) => index));
  const height = mean(runs.map(ownTime));
  let rise = 0;
  let run = 0;
  for (const each of runs) {
    rise += (each.index - at) * (ownTime(each) - height);
    run += (each.index - at) ** 2;
  }
  return run === 0 ? 0 : rise / run;
}

/** The time of the last input over that of the first one, by that line. */
function growthOf(runs: readonly SampledRun[]): number {
  const [first, last] = [runs[0], runs.at(-1)];
  if (first === undefined || last === undefined || runs.length < LEAST_GROWTH_INPUTS) return 1;
  const at = mean(runs.map(({ index }) => index));
  const height = mean(runs.map(ownTime));
  const slope = slopeOf(runs);
  const [start, end] = [height + slope * (first.index - at), height + slope * (last.index - at)];
  return Math.max(0.01, end) / Math.max(start, end / 100, 1e-6);
}

/**
 * The standard error of the mean, as a part of it. Inputs are spread evenly over all, so that the line through them is
 * no noise: only what lies beside it is.
 */
function noiseOf(runs: readonly SampledRun[]): number {
  const height = mean(runs.map(ownTime));
  if (runs.length < 2 || height === 0) return 1;
  const at = mean(runs.map(({ index }) => index));
  const slope = slopeOf(runs);
  const squares = runs.reduce((sum, run) => sum + (ownTime(run) - height - slope * (run.index - at)) ** 2, 0);
  // A line takes one more of what is known than a mean does.
  const free = runs.length - (runs.length < LEAST_GROWTH_INPUTS ? 1 : 2);
  return Math.sqrt(squares / free / runs.length) / height;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
