/**
 * Many cores, by counting and simulation. Three tables: what an operation does to shared memory with 2 to 256 workers,
 * counted on the real code; what the simulation predicts for threads on this machine, beside what they take; and what
 * it says of machines with more cores. Writes bench/results/cores.json. Some minutes on a quiet machine, which the
 * second table needs.
 * `--only=counts,measured,more` picks; `--crowds=2,64` measures other crowds, and fits at the first; `--quick` shows
 * that it runs; `--turns=N` takes the median of so many runs; `--from=FILE` simulates with an earlier run's constants.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cpuCount, isMain } from "allcores";
import { type Constants, measureConstants } from "./cores/constants.js";
import type { CountedRow } from "./cores/counts.js";
import type { PoolCounts } from "./cores/pool-counts.js";
import { MEASURED, measureCrowd } from "./cores/measured-crowd.js";
import { SimulatedMachine } from "./cores/simulated-machine.js";
import { simulate, type SubjectName } from "./cores/subjects.js";
import { machine, root } from "./machine.js";
import { type Figure, printTable, report } from "./measure.js";

const option = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

const quick = process.argv.includes("--quick");
const POOLS = quick ? [2, 4] : [2, 8, 64];
const WORKERS = quick ? [2, 8] : [2, 8, 64, 256];
/** The first of them is what the simulation is fitted at. */
const CROWDS = quick ? [2, 8] : (option("crowds")?.split(",").map(Number) ?? [2, 64, 256]);
const OPERATIONS = quick ? 20_000 : 1_000_000;
const SIMULATED = quick ? 5000 : 200_000;
const MACHINES: readonly (readonly [cores: number, workers: number])[] = [
  [2, 2],
  [16, 16],
  [64, 64],
  [192, 192],
  [192, 1000],
];
const MOST_OFF = 0.25;
const SEED = 18;
/** What is fitted on, at two workers: by how much a line that is fought over is dearer than one that is not. */
const FITTED: SubjectName = "lock";
const STRAINS = Array.from({ length: 25 }, (_, step) => 2 ** ((step - 12) / 4));

interface Prediction {
  readonly subject: SubjectName;
  readonly workers: number;
  readonly predicted: number;
  readonly measured: number;
}

interface Found {
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  counts?: readonly CountedRow[];
  poolCounts?: readonly PoolCounts[];
  constants?: Constants;
  strain?: number;
  predictions?: readonly Prediction[];
  more?: Readonly<Record<string, number>>;
}

const tell = (what: string): void =>
  void process.stderr.write(`  ${what}, ${Math.round(performance.now() / 1000)} s\n`);

/** Counted in programs of their own, behind the controlled door. */
function countAll(): CountedRow[] {
  const program = fileURLToPath(new URL("./cores/counts.js", import.meta.url));
  return WORKERS.flatMap((workers) => {
    tell(`counting with ${workers} workers`);
    const args = ["--conditions=allcores-explored", program, String(workers)];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as CountedRow[];
  });
}

/** Counted while they run, the pool's side alone. */
function countPools(): PoolCounts[] {
  const program = fileURLToPath(new URL("./cores/pool-counts.js", import.meta.url));
  return POOLS.map((workers) => {
    tell(`counting a pool of ${workers} threads`);
    return JSON.parse(execFileSync(process.execPath, [program, String(workers)], { encoding: "utf8" })) as PoolCounts;
  });
}

function printPoolCounts(rows: readonly PoolCounts[]): void {
  printTable([
    ["atomics of a pool's side", "one call after the other", "many at once", "an item of a map"],
    ...rows.map(({ workers, call, crowd, item }) => [
      `${workers} threads`,
      ...[call, crowd, item].map((count) => count.toFixed(1)),
    ]),
  ]);
}

function printCounts(rows: readonly CountedRow[]): void {
  printTable([
    [
      "operation",
      "workers",
      "operations",
      "of records",
      "lines moved",
      "written by several",
      "mutexes",
      "sleeps",
      "wakes",
    ],
    ...rows.map((row) => [
      row.operation,
      ...[
        row.workers,
        row.operations,
        row.recordReads,
        row.moves,
        row.sharedLines,
        row.mutexes,
        row.sleeps,
        row.wakes,
      ].map(String),
    ]),
  ]);
}

/** Nanoseconds of one operation. */
function predict(
  subject: SubjectName,
  constants: Constants,
  cores: number,
  workers: number,
  operations: number,
): number {
  const simulated = new SimulatedMachine(cores, constants.charges, SEED);
  return simulate(subject, simulated, constants.costs, { workers, operations, cores });
}

const strained = ({ charges, costs }: Constants, strain: number): Constants => ({
  charges: { ...charges, move: charges.move * strain },
  costs,
});

/** The factor by which the simulation comes nearest to what two workers took. */
function fit(constants: Constants, measured: number): number {
  const off = (strain: number): number =>
    Math.abs(Math.log(predict(FITTED, strained(constants, strain), cpuCount(), CROWDS[0]!, SIMULATED) / measured));
  return STRAINS.map((strain) => [off(strain), strain] as const).reduce((best, each) =>
    each[0] < best[0] ? each : best,
  )[1];
}

async function compare(constants: Constants, turns: number): Promise<{ strain: number; predictions: Prediction[] }> {
  const measured = new Map<number, Record<SubjectName, number>>();
  for (const workers of CROWDS) {
    tell(`measuring ${workers} threads`);
    const took = await measureCrowd(workers, OPERATIONS, turns);
    measured.set(workers, took);
    console.log(
      `${workers} threads: ${MEASURED.map((subject) => `${subject} ${took[subject].toFixed(0)} ns`).join(", ")}`,
    );
  }
  tell("simulating");
  const strain = fit(constants, measured.get(CROWDS[0]!)![FITTED]);
  const fitted = strained(constants, strain);
  const predictions = MEASURED.flatMap((subject) =>
    CROWDS.map((workers) => ({
      subject,
      workers,
      predicted: predict(subject, fitted, cpuCount(), workers, SIMULATED),
      measured: measured.get(workers)![subject],
    })),
  );
  return { strain, predictions };
}

function figureOf({ subject, workers, predicted, measured }: Prediction, turns: number): Figure {
  const isFitted = subject === FITTED && workers === CROWDS[0];
  const ratio = predicted / measured;
  return {
    name: `${subject}, ${workers} threads: predicted${isFitted ? " (fitted)" : ""}`,
    unit: "ns",
    ours: predicted,
    theirs: measured,
    rival: "measured",
    ratio,
    ...(!isFitted && !quick && { bound: `within ${MOST_OFF * 100} %`, reached: Math.abs(ratio - 1) <= MOST_OFF }),
    runs: turns,
  };
}

function printMore(constants: Constants): Record<string, number> {
  const told: Record<string, number> = {};
  const rows = MEASURED.map((subject) => [
    subject,
    ...MACHINES.map(([cores, workers]) => {
      const ns = predict(subject, constants, cores, workers, SIMULATED);
      told[`${subject}, ${cores} cores, ${workers} workers`] = ns;
      return `${ns.toFixed(0)} ns`;
    }),
  ]);
  printTable([
    ["one operation, of all together", ...MACHINES.map(([cores, workers]) => `${cores} cores, ${workers} workers`)],
    ...rows,
  ]);
  return told;
}

if (isMain(import.meta)) {
  const only = option("only")?.split(",") ?? ["counts", "measured", "more"];
  const turns = Number(option("turns") ?? (quick ? 1 : 3));
  const from = option("from");
  const figures: Figure[] = [];
  const found: Found = { date: new Date().toISOString(), machine: machine() };
  if (only.includes("counts")) {
    const counts = countAll();
    found.counts = counts;
    printCounts(counts);
    found.poolCounts = countPools();
    printPoolCounts(found.poolCounts);
  }
  if (only.includes("measured") || only.includes("more")) {
    if (from === undefined) tell("measuring the constants");
    let constants =
      from === undefined
        ? await measureConstants()
        : (JSON.parse(readFileSync(from, "utf8")) as { constants: Constants }).constants;
    found.constants = constants;
    console.log(
      JSON.stringify(constants, (_, value: unknown) =>
        typeof value === "number" ? Math.round(value * 10) / 10 : value,
      ),
    );
    if (only.includes("measured")) {
      const { strain, predictions } = await compare(constants, turns);
      console.log(
        `fitted at two workers, on the ${FITTED}: a line that is fought over costs ${strain.toFixed(2)} times as much`,
      );
      found.strain = strain;
      found.predictions = predictions;
      figures.push(...predictions.map((prediction) => figureOf(prediction, turns)));
      constants = strained(constants, strain);
    }
    if (only.includes("more")) found.more = printMore(constants);
  }
  const folder = new URL(quick ? "build/bench/results/" : "bench/results/", root);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("cores.json", folder), `${JSON.stringify(found, undefined, 2)}\n`);
  report(figures);
}
