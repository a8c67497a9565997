/**
 * The adviser beside what was measured: twelve kinds of task, with sizes, waits and payloads drawn from each of three
 * seeds. `--seeds=N`, `--turns=N` (of which the median counts), `--work=MS` (of each task), `--kinds=PART,PART` (only
 * kinds whose name has one of these in it): to have it shorter, or longer. All of it takes some ten minutes on two idle
 * cores.
 */
import { advise, AsyncPool, type Advice, isMain, ProcessPool, ThreadPool } from "allcores";
import { randomFrom } from "../tests/fixtures/random.js";
import { type Drawn, draw, stepsPerMs } from "./workers/advised.js";
import { type Figure, median, report } from "./measure.js";
import { clearProgress, measurement, progress } from "./progress.js";

const SEEDS = [1, 2, 3];
const TURNS = 5;
const WORK_MS = 600;
/** A choice within this of the best is a hit. */
const ALIKE = 0.1;
const BUDGET_MS = 1500;
/** Who is so many times slower than the fastest runs no more. */
const BEHIND = 2;
/** What is over sooner is run several times, so that the clock and the loop's turns do not decide. */
const LEAST_MS = 30;
const MOST_REPEATS = 10;

type Entrant = Pick<Advice, "model" | "workers" | "chunkSize">;

function option(name: string, otherwise: number): number {
  const found = process.argv.find((word) => word.startsWith(`--${name}=`));
  return found === undefined ? otherwise : Number(found.slice(name.length + 3));
}

/** Whether `--kinds=` asks for it, or is not given. */
function isAsked(kind: string): boolean {
  const found = process.argv.find((word) => word.startsWith("--kinds="));
  return (
    found === undefined ||
    found
      .slice("--kinds=".length)
      .split(",")
      .some((part) => kind.includes(part))
  );
}

/** Milliseconds from the making of the pool to the last result. */
async function timeOf({ task, inputs }: Drawn, { model, workers, chunkSize }: Entrant): Promise<number> {
  const start = performance.now();
  const pool =
    model === "async"
      ? new AsyncPool({ concurrency: workers })
      : model === "thread"
        ? new ThreadPool({ workers })
        : new ProcessPool({ workers });
  const options = chunkSize > 1 ? { chunkSize } : {};
  await pool.map(task as never, inputs as never, options);
  const took = performance.now() - start;
  pool.close();
  await pool.join();
  return took;
}

function nameOf({ model, workers }: Entrant): string {
  return `${model} ${workers}`;
}

/** In one run as often as it takes to be measured: the mean. */
async function runOf(drawn: Drawn, entrant: Entrant, times: number): Promise<number> {
  let sum = 0;
  for (let time = 0; time < times; time++) sum += await timeOf(drawn, entrant);
  return sum / times;
}

interface Outcome {
  readonly isHit: boolean;
  readonly regret: number;
  /** It took longer than one call after the other and the sampling together. */
  readonly isWorse: boolean;
  readonly figure: Figure;
  readonly line: string;
}

async function race(drawn: Drawn, seed: number, turns: number): Promise<Outcome> {
  const began = performance.now();
  const advice = await advise(drawn.task as never, drawn.inputs as never[], { budget: BUDGET_MS });
  const sampling = performance.now() - began;
  const { cores, model, workers, chunkSize } = advice;
  const serial: Entrant = { model: "async", workers: 1, chunkSize: 1 };
  const others: Entrant[] = [
    serial,
    { model: "async", workers: 32, chunkSize: 1 },
    { model: "thread", workers: cores, chunkSize: 1 },
    { model: "thread", workers: 4 * cores, chunkSize: 1 },
    { model: "process", workers: cores, chunkSize: 1 },
  ];
  const chosen = { model, workers, chunkSize };
  const field = [...others.filter((each) => nameOf(each) !== nameOf(chosen)), chosen];
  const samples = new Map<Entrant, number[]>(field.map((entrant) => [entrant, []]));
  const repeats = new Map<Entrant, number>();
  let running = field;
  measurement();
  // The first turn warms up, and tells how often what is short has to run.
  for (let turn = 0; turn <= turns; turn++) {
    progress(turn + 1, turns + 1);
    const took = new Map<Entrant, number>();
    for (const entrant of running) took.set(entrant, await runOf(drawn, entrant, repeats.get(entrant) ?? 1));
    for (const [entrant, ms] of took) {
      if (turn > 0) samples.get(entrant)!.push(ms);
      else repeats.set(entrant, Math.max(1, Math.min(MOST_REPEATS, Math.round(LEAST_MS / ms))));
    }
    // Who is far behind has no part in what is best.
    const least = Math.min(...took.values());
    if (turn > 0) running = running.filter((entrant) => entrant === chosen || took.get(entrant)! <= BEHIND * least);
  }
  const medians = field.map((entrant) => ({ entrant, ms: median(samples.get(entrant)!) })).sort((a, b) => a.ms - b.ms);
  const [best, next] = medians as [(typeof medians)[0], (typeof medians)[0]];
  const mine = medians.find(({ entrant }) => entrant === chosen)!;
  const alone = medians.find(({ entrant }) => nameOf(entrant) === nameOf(serial))!;
  const regret = mine.ms / best.ms - 1;
  const ofBest = samples.get(best.entrant)!;
  const spread = Math.max(...ofBest) / Math.min(...ofBest) - 1;
  const isTold = advice.certainty !== "cannot tell" || next.ms / best.ms - 1 < spread;
  const isHit = regret <= ALIKE && isTold;
  const predicted =
    advice.candidates.find((each) => each.model === model && each.workers === workers)?.ms ?? Number.NaN;
  const cells = [
    drawn.kind.padEnd(16),
    String(drawn.inputs.length).padStart(7),
    nameOf(chosen).padEnd(10),
    advice.certainty.padEnd(11),
  ];
  const figures = [predicted, mine.ms, best.ms].map((ms) => ms.toFixed(ms < 10 ? 1 : 0).padStart(7));
  const rest = medians
    .filter(({ entrant }) => entrant !== best.entrant && entrant !== chosen)
    .map(({ entrant, ms }) => `${nameOf(entrant)} ${ms.toFixed(0)}`);
  return {
    isHit,
    regret,
    isWorse: mine.ms > alone.ms + sampling,
    figure: {
      name: `${drawn.kind}, seed ${seed}: ${nameOf(chosen)} (predicted ${predicted.toFixed(0)} ms, ${advice.certainty})`,
      unit: "ms",
      ours: mine.ms,
      theirs: best.ms,
      rival: `best measured: ${nameOf(best.entrant)}`,
      ratio: mine.ms / best.ms,
      bound: `ours ≤ ${1 + ALIKE} × best`,
      reached: isHit,
      runs: turns,
    },
    line: `${cells.join(" ")} ${figures.join(" ")}  ${nameOf(best.entrant).padEnd(10)} ${(regret * 100).toFixed(0).padStart(5)} %  ${isHit ? "hit " : "MISS"}  sampled ${sampling.toFixed(0)} ms, spread ${(spread * 100).toFixed(0)} %; ${rest.join(", ")}`,
  };
}

if (isMain(import.meta)) {
  const quick = process.argv.includes("--quick");
  const seeds = SEEDS.slice(0, option("seeds", quick ? 1 : SEEDS.length));
  const [turns, work] = [option("turns", quick ? 1 : TURNS), option("work", quick ? 50 : WORK_MS)];
  console.log("kind               items choice     certainty   predicted chosen  best  best is    regret");
  const outcomes: Outcome[] = [];
  const steps = stepsPerMs();
  for (const seed of seeds) {
    const next = randomFrom(seed);
    for (const drawn of draw((least, most) => least + Math.floor(next() * (most - least + 1)), work, steps)) {
      if (!isAsked(drawn.kind)) continue;
      const outcome = await race(drawn, seed, turns);
      clearProgress();
      console.log(outcome.line);
      outcomes.push(outcome);
    }
  }
  const regrets = outcomes.map(({ regret }) => regret);
  const hits = outcomes.filter(({ isHit }) => isHit).length;
  const worse = outcomes.filter(({ isWorse }) => isWorse).length;
  console.log(
    `${hits} of ${outcomes.length} within ${ALIKE * 100} % of the best; median regret ${(median(regrets) * 100).toFixed(0)} %; ${worse} worse than serial`,
  );
  const of = `of ${outcomes.length}`;
  const least = Math.round((outcomes.length * 33) / 36);
  report([
    ...outcomes.map(({ figure }) => figure),
    {
      name: `adviser, choices within ${ALIKE * 100} % of the best, ${of}`,
      unit: "",
      ours: hits,
      bound: `≥ ${least}`,
      reached: hits >= least,
      runs: turns,
    },
    {
      name: `adviser, choices worse than serial by more than the sampling, ${of}`,
      unit: "",
      ours: worse,
      bound: "0",
      reached: worse === 0,
      runs: turns,
    },
    { name: "adviser, median regret", unit: "%", ours: median(regrets) * 100, runs: turns },
  ]);
}
