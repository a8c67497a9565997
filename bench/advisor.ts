/**
 * The adviser beside what was measured: twelve kinds of task, with sizes, waits and payloads drawn from each of three seeds.
 * `--seeds=N`, `--turns=N` (of which the median counts), `--work=MS` (of each task): to have it shorter, or longer.
 */
import { advise, AsyncPool, type Advice, isMain, ProcessPool, ThreadPool } from "allcores";
import { randomFrom } from "../tests/fixtures/random.js";
import { type Drawn, draw, stepsPerMs } from "./workers/advised.js";
import { type Figure, median, report } from "./measure.js";

const SEEDS = [1, 2, 3];
const TURNS = 5;
const WORK_MS = 600;
/** A choice within this of the best is a hit. */
const ALIKE = 0.1;

type Entrant = Pick<Advice, "model" | "workers" | "chunkSize">;

function option(name: string, otherwise: number): number {
  const found = process.argv.find((word) => word.startsWith(`--${name}=`));
  return found === undefined ? otherwise : Number(found.slice(name.length + 3));
}

/** Milliseconds from the making of the pool to the last result. */
async function timeOf({ task, inputs }: Drawn, { model, workers, chunkSize }: Entrant): Promise<number> {
  const start = performance.now();
  const pool = model === "async" ? new AsyncPool({ concurrency: workers }) : model === "thread" ? new ThreadPool({ workers }) : new ProcessPool({ workers });
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

async function race(drawn: Drawn, turns: number): Promise<{ isHit: boolean; regret: number; line: string }> {
  const began = performance.now();
  const advice = await advise(drawn.task as never, drawn.inputs as never[], { budget: 1500 });
  const sampling = performance.now() - began;
  const { cores, model, workers, chunkSize } = advice;
  const others: Entrant[] = [
    { model: "async", workers: 1, chunkSize: 1 },
    { model: "async", workers: 32, chunkSize: 1 },
    { model: "thread", workers: cores, chunkSize: 1 },
    { model: "thread", workers: 4 * cores, chunkSize: 1 },
    { model: "process", workers: cores, chunkSize: 1 },
  ];
  const chosen = { model, workers, chunkSize };
  const field = [...others.filter((each) => nameOf(each) !== nameOf(chosen)), chosen];
  const times = new Map<Entrant, number[]>(field.map((entrant) => [entrant, []]));
  for (let turn = 0; turn < turns; turn++) for (const entrant of field) times.get(entrant)!.push(await timeOf(drawn, entrant));
  const medians = field.map((entrant) => ({ entrant, ms: median(times.get(entrant)!) })).sort((a, b) => a.ms - b.ms);
  const [best, next] = medians as [(typeof medians)[0], (typeof medians)[0]];
  const mine = medians.find(({ entrant }) => entrant === chosen)!;
  const regret = mine.ms / best.ms - 1;
  const spread = Math.max(...times.get(best.entrant)!) / Math.min(...times.get(best.entrant)!) - 1;
  const isTold = advice.certainty !== "cannot tell" || next.ms / best.ms - 1 < spread;
  const isHit = regret <= ALIKE && isTold;
  const predicted = advice.candidates.find((each) => each.model === model && each.workers === workers)?.ms ?? Number.NaN;
  const cells = [drawn.kind.padEnd(16), String(drawn.inputs.length).padStart(7), nameOf(chosen).padEnd(10), advice.certainty.padEnd(11)];
  const figures = [predicted, mine.ms, best.ms].map((ms) => ms.toFixed(0).padStart(7));
  return {
    isHit,
    regret,
    line: `${cells.join(" ")} ${figures.join(" ")}  ${nameOf(best.entrant).padEnd(10)} ${(regret * 100).toFixed(0).padStart(5)} %  ${isHit ? "hit " : "miss"} (sampled ${sampling.toFixed(0)} ms, spread ${(spread * 100).toFixed(0)} %)`,
  };
}

if (isMain(import.meta)) {
  const quick = process.argv.includes("--quick");
  const seeds = SEEDS.slice(0, option("seeds", quick ? 1 : SEEDS.length));
  const [turns, work] = [option("turns", quick ? 1 : TURNS), option("work", quick ? 50 : WORK_MS)];
  console.log("kind               items choice     certainty   predicted chosen  best  best is    regret");
  let hits = 0;
  const regrets: number[] = [];
  const steps = stepsPerMs();
  for (const seed of seeds) {
    const next = randomFrom(seed);
    for (const drawn of draw((least, most) => least + Math.floor(next() * (most - least + 1)), work, steps)) {
      const { isHit, regret, line } = await race(drawn, turns);
      console.log(line);
      if (isHit) hits++;
      regrets.push(regret);
    }
  }
  console.log(`${hits} of ${regrets.length} within ${ALIKE * 100} % of the best; median regret ${(median(regrets) * 100).toFixed(0)} %`);
  const figures: Figure[] = [
    { name: `adviser, choices within ${ALIKE * 100} % of the best, of ${regrets.length}`, unit: "", ours: hits, runs: turns },
    { name: "adviser, median regret", unit: "%", ours: median(regrets) * 100, runs: turns },
  ];
  report(figures);
}
