import { cpus } from "node:os";
import { cpuCount } from "../../index.js";
import { type ComparedModel, type ComparedJob, MODELS } from "./job.js";
import { factorials, hashes, requests, startServer } from "./jobs.js";
import { type Measured, measure, pause } from "./measure.js";

export type ComparedResults = Partial<Record<ComparedModel, Measured>>;

export interface JobResults {
  readonly kind: ComparedJob["kind"];
  readonly title: string;
  readonly workers: number;
  readonly results: ComparedResults;
}

/** What was measured, and on what. */
export interface Comparison {
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly node: string /** Of the processors' time. */;
    readonly othersTake: number;
  };
  readonly runs: number;
  readonly jobs: readonly JobResults[];
}

const JOBS = 3;
/** So many steps there are for one run. */
export const STEPS = JOBS * Object.keys(MODELS).length;

/** Measures every job in every model, `runs` times in turns; the median counts. `step`: is called after each. */
export async function compare(runs: number, step: () => void): Promise<Comparison> {
  const cores = cpuCount();
  const othersTake = await busyShare();
  const server = await startServer();
  const measured: { job: ComparedJob; all: Map<ComparedModel, Measured[]> }[] = [];
  // The server has gone before something computes.
  for (const make of [() => requests(server.origin), () => factorials(cores), () => hashes(cores)]) {
    const job = make();
    const all = new Map<ComparedModel, Measured[]>();
    for (let run = 0; run < runs; run++)
      for (const model of Object.keys(MODELS) as ComparedModel[]) {
        const each = await measure(job, model);
        if (each !== undefined) all.set(model, [...(all.get(model) ?? []), each]);
        step();
      }
    measured.push({ job, all });
    if (job.kind === "waiting") await server.stop();
  }
  const jobs = measured.map(({ job: { kind, title, workers }, all }) => ({
    kind,
    title,
    workers,
    results: mediansOf(all),
  }));
  return {
    machine: { processor: cpus()[0]?.model.trim() ?? "unknown", cores, node: process.versions.node, othersTake },
    runs,
    jobs,
  };
}

function mediansOf(all: ReadonlyMap<ComparedModel, readonly Measured[]>): ComparedResults {
  return Object.fromEntries(
    [...all].map(([model, several]) => [
      model,
      {
        items: several[0]!.items,
        perItem: median(several.map(({ perItem }) => perItem)),
        startUp: median(several.map(({ startUp }) => startUp)),
        stall: median(several.map(({ stall }) => stall)),
        // Among several runs what one of them was off by counts less.
        spread: median(several.map(({ spread }) => spread)),
      },
    ]),
  );
}

function median(numbers: number[]): number {
  const sorted = numbers.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How much of the processors' time others take while this program waits. */
async function busyShare(): Promise<number> {
  const sum = (): { idle: number; all: number } =>
    cpus().reduce(
      ({ idle, all }, { times }) => ({
        idle: idle + times.idle,
        all: all + Object.values(times).reduce((a, b) => a + b),
      }),
      { idle: 0, all: 0 },
    );
  const before = sum();
  await pause(300);
  const after = sum();
  return after.all > before.all ? 1 - (after.idle - before.idle) / (after.all - before.all) : 0;
}
