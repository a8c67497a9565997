/** What the measurements say, in words. No sentence is fixed: each follows from its figures. */
import type { Comparison, JobResults, ComparedResults } from "./comparison.js";
import type { ComparedModel } from "./job.js";

/** A difference below this says nothing: two runs of the same differ by as much. */
const NOISE = 1.25;
/** From this share of the processors on, others are named as a reason. */
const BUSY = 0.25;

/** How many times as fast as serial; undefined where one of them was not measured. */
export function speedUp(results: ComparedResults, model: ComparedModel): number | undefined {
  const [serial, other] = [results.serial, results[model]];
  return serial === undefined || other === undefined ? undefined : serial.perItem / other.perItem;
}

export function times(factor: number | undefined): string {
  return factor === undefined ? "-" : `${factor >= 9.95 ? factor.toFixed(0) : factor.toFixed(1)}x`;
}

const gains = (factor: number | undefined, noise = NOISE): factor is number =>
  factor !== undefined && factor >= Math.max(NOISE, noise);

/**
 * How far apart figures lay that must be the same: the halves of each model's equal items; and what serial, async and
 * the async pool took, since all three compute on one core.
 */
export function noiseOf(results: ComparedResults): number {
  const alike = (["serial", "async", "asyncPool"] as const).flatMap((model) => results[model]?.perItem ?? []);
  const spreads = Object.values(results).map(({ spread }) => spread);
  return Math.max(1, ...spreads, alike.length === 0 ? 1 : Math.max(...alike) / Math.min(...alike));
}

export function sentencesOf(job: JobResults, machine: Comparison["machine"]): string[] {
  return job.kind === "waiting" ? waiting(job) : computing(job, machine);
}

function waiting({ results, workers }: JobResults): string[] {
  const [async, threads, processes, gil] = (["async", "threads", "processes", "gil"] as const).map((model) =>
    speedUp(results, model),
  );
  const found: string[] = [];
  if (gains(async)) {
    found.push(
      `Waiting needs no core: async was ${times(async)} as fast as one after the other, with no worker to start.`,
    );
    found.push(`等待不占用核心：异步快 ${times(async)}，不需要启动任何线程。`);
  } else
    found.push(
      `Async gained nothing from waiting at the same time (${times(async)}): the server may answer one request at a time.`,
    );
  if (gains(threads)) {
    const others = gains(processes) ? `; processes ${times(processes)}` : "";
    found.push(`${workers} threads wait for ${workers} answers at a time: ${times(threads)}${others}.`);
  }
  if (gains(gil))
    found.push(
      `A global lock costs little here, ${times(gil)}: a thread that waits has given it back. 等待的线程已经放开全局锁。`,
    );
  return found;
}

function computing({ results, workers }: JobResults, { cores, othersTake }: Comparison["machine"]): string[] {
  const [async, threads, processes, gil] = (["async", "threads", "processes", "gil"] as const).map((model) =>
    speedUp(results, model),
  );
  const found: string[] = [];
  const noise = noiseOf(results);
  const best = Math.max(threads ?? 0, processes ?? 0);
  if (noise >= NOISE)
    found.push(
      `This machine is too busy to tell: the same work took ${noise.toFixed(1)} times as long a moment later. Run it again while less runs beside it. 机器太忙，结果不可靠，请空闲时再运行。`,
    );
  if (gains(best, noise)) {
    const first = (threads ?? 0) >= (processes ?? 0) ? `threads ${times(threads)}` : `processes ${times(processes)}`;
    const second =
      (threads ?? 0) >= (processes ?? 0)
        ? processes && `processes ${times(processes)}`
        : threads && `threads ${times(threads)}`;
    found.push(
      `Computing needs cores: ${first} as fast as serial with ${workers} workers${second ? `, ${second}` : ""}.`,
    );
    found.push(`计算需要核心：线程 ${times(threads)}，进程 ${times(processes)}。`);
    if (best < 0.7 * cores && othersTake > BUSY)
      found.push(`Other programs take ${percent(othersTake)} of the processors; on an idle machine it would be more.`);
  } else if (best >= NOISE)
    found.push(`Threads measured ${times(threads)}, processes ${times(processes)}: less than that noise, or as much.`);
  else if (cores === 1)
    found.push(
      "This program may use one core only, so nothing here can make computing faster. 只有一个核心，计算无法更快。",
    );
  else {
    const reason =
      othersTake > BUSY
        ? `other programs take ${percent(othersTake)} of the processors`
        : noise >= NOISE
          ? "this machine was too busy while they ran"
          : "the cores of this machine seem to be shared with others";
    found.push(
      `Threads (${times(threads)}) and processes (${times(processes)}) gained nothing on ${cores} cores: ${reason}.`,
    );
  }
  found.push(
    gains(async)
      ? `Async measured ${times(async)}, which one core cannot give: these figures are noisy.`
      : `Async computes on one core, all at once or not: ${times(async)}. 异步只用一个核心。`,
  );
  found.push(
    gains(gil)
      ? `Threads behind one global lock measured ${times(gil)}, which one at a time cannot give: these figures are noisy.`
      : `Behind one global lock, as in CPython, threads compute one at a time: ${times(gil)}. 有全局锁时，多线程不会更快。`,
  );
  const [held, free] = [results.serial?.stall, results.threads?.stall];
  if (held !== undefined && free !== undefined && held > 2 * free)
    found.push(
      `Serial work held the main event loop for ${held.toFixed(0)} ms at a time, threads for ${free.toFixed(0)} ms.`,
    );
  return found;
}

/** Concurrency against parallelism: the same two kinds of work, on one worker and on all. */
export function concurrencyAgainstParallelism(jobs: readonly JobResults[]): { rows: string[][]; sentences: string[] } {
  const of = (kind: JobResults["kind"]): JobResults | undefined => jobs.find((job) => job.kind === kind);
  const [wait, work] = [of("waiting"), of("computing")];
  if (wait === undefined || work === undefined) return { rows: [], sentences: [] };
  const [waitOne, waitAll] = [speedUp(wait.results, "async"), speedUp(wait.results, "threads")];
  const [workOne, workAll] = [speedUp(work.results, "async"), speedUp(work.results, "threads")];
  const rows = [
    ["", "一个线程，同时进行 one worker, all at once", `所有线程 all workers`],
    ["等待 waiting", times(waitOne), `${times(waitAll)} (${wait.workers})`],
    ["计算 computing", times(workOne), `${times(workAll)} (${work.workers})`],
  ];
  const sentences: string[] = [];
  if (gains(waitOne) && !gains(workOne))
    sentences.push(
      `Concurrency: one worker keeps many waits under way (${times(waitOne)}), and computes no faster for it (${times(workOne)}).`,
    );
  if (gains(workAll, noiseOf(work.results)))
    sentences.push(`Parallelism: ${work.workers} workers compute at the same time (${times(workAll)}).`);
  if (gains(waitOne) && gains(workAll, noiseOf(work.results)))
    sentences.push("并发让一个线程同时等待多件事；并行让多个核心同时计算。");
  return { rows, sentences };
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
