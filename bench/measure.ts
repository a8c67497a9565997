/**
 * What every benchmark here is made of: runs that alternate with the rival's, their medians, and the bound that is held
 * against them.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { clearProgress, measurement, progress } from "./progress.js";

/** One line of the report. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Medians; ours is absent where this version cannot do it. */
  readonly ours?: number;
  readonly theirs?: number;
  readonly rival?: string;
  readonly ratio?: number;
  /** The middle half of the ratios of single pairs: first and third quartile. */
  readonly spread?: readonly [number, number];
  readonly bound?: string;
  readonly reached?: boolean;
  /** The bound lies within the spread: another run may say the opposite. */
  readonly isNoiseBound?: boolean;
  /** How many runs the medians are of. */
  readonly runs: number;
}

/** A bound on the ratio of medians. */
export interface Bound {
  readonly text: string;
  /** How many times better ours must be: below 1 it may be worse. */
  readonly advantage: number;
  ratio(ours: number, theirs: number): number;
  holds(ratio: number): boolean;
}

/** Ours takes at most `most` times what the rival takes. */
export const atMost = (most: number): Bound => ({
  text: `ours ≤ ${most} × rival`,
  advantage: 1 / most,
  ratio: (ours, theirs) => ours / theirs,
  holds: (ratio) => ratio <= most,
});

/** Ours is at least `least` times as fast: the rival takes that many times what ours takes. */
export const faster = (least: number): Bound => ({
  text: `≥ ${least} × as fast`,
  advantage: least,
  ratio: (ours, theirs) => theirs / ours,
  holds: (ratio) => ratio >= least,
});

/** Two runs of something, one after the other, alternating. */
export interface Pairs {
  readonly ours: number[];
  readonly theirs: number[];
}

export type Run = () => number | Promise<number>;

/** `--alone`: one build is compared with another, so the rivals stay away and each run is short. */
export const alone = process.argv.includes("--alone");
const MOST_TURNS_ALONE = 3;

/** Runs both in turns, so that what else happens on the machine hits both; the first `warmUps` turns do not count. */
export async function alternate(turns: number, ours: Run, theirs: Run, warmUps = 1): Promise<Pairs> {
  const pairs: Pairs = { ours: [], theirs: [] };
  const counted = alone ? Math.min(turns, MOST_TURNS_ALONE) : turns;
  measurement();
  for (let turn = -warmUps; turn < counted; turn++) {
    progress(turn + warmUps + 1, counted + warmUps);
    const mine = await ours();
    const other = alone ? Number.NaN : await theirs();
    if (turn < 0) continue;
    pairs.ours.push(mine);
    pairs.theirs.push(other);
  }
  return pairs;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** First and third quartile. */
export function middleHalf(samples: readonly number[]): [number, number] {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))]!;
  return [at(0.25), at(0.75)];
}

/** Ours beside a rival that was measured in the same run. */
export function compared(name: string, unit: string, { ours, theirs }: Pairs, rival: string, bound?: Bound): Figure {
  if (alone) return { name, unit, ours: median(ours), runs: ours.length };
  const figure = { name, unit, ours: median(ours), theirs: median(theirs), rival, runs: ours.length };
  const way = bound ?? atMost(1);
  const ratio = way.ratio(figure.ours, figure.theirs);
  const spread = middleHalf(ours.map((mine, pair) => way.ratio(mine, theirs[pair]!)));
  if (bound === undefined) return { ...figure, ratio, spread };
  const reached = bound.holds(ratio);
  const isNoiseBound = spread.some((edge) => bound.holds(edge) !== reached);
  return { ...figure, ratio, spread, bound: bound.text, reached, ...(isNoiseBound && { isNoiseBound }) };
}

/** Ours against a figure that is fixed. */
export function within(name: string, unit: string, samples: readonly number[], most: number): Figure {
  const ours = median(samples);
  return {
    name,
    unit,
    ours,
    ratio: ours / most,
    bound: `≤ ${most} ${unit}`,
    reached: ours <= most,
    runs: samples.length,
  };
}

/** Nanoseconds of one round, several times over. */
export function perRound(runs: number, rounds: number, body: (rounds: number) => void): number[] {
  body(rounds);
  return Array.from({ length: alone ? Math.min(runs, MOST_TURNS_ALONE) : runs }, () => {
    const start = process.hrtime.bigint();
    body(rounds);
    return Number(process.hrtime.bigint() - start) / rounds;
  });
}

/** Seconds on a clock that all processes of this machine share, Python's `time.monotonic` included. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e9;

/** From the first start to the last end. */
export const spanOf = (spans: readonly (readonly [start: number, end: number])[]): number =>
  Math.max(...spans.map(([, end]) => end)) - Math.min(...spans.map(([start]) => start));

let version: string | null | undefined;

/** The version of the `python3` that is installed, if one is. */
export function pythonVersion(): string | undefined {
  if (alone) return undefined;
  if (version === undefined) {
    try {
      version = execFileSync("python3", ["-c", "import platform; print(platform.python_version())"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    } catch {
      version = null;
    }
  }
  return version ?? undefined;
}

/** Runs a script of bench/python, which prints one number. */
export function python(script: string, ...args: (string | number)[]): number {
  return Number(pythonOutput(script, ...args));
}

/** Runs a script of bench/python and gives what it prints. */
export function pythonOutput(script: string, ...args: (string | number)[]): string {
  const path = fileURLToPath(new URL(`./python/${script}.py`, import.meta.url));
  return execFileSync("python3", [path, ...args.map(String)], { encoding: "utf8" });
}

/** Ours in turns with a Python script; ours alone where there is no Python. */
export async function besidePython(
  name: string,
  unit: string,
  turns: number,
  ours: Run,
  script: string,
  rival: string,
  bound: Bound,
  scale = 1,
  args: readonly string[] = [],
): Promise<Figure> {
  if (pythonVersion() !== undefined)
    return compared(name, unit, await alternate(turns, ours, () => python(script, ...args) * scale), rival, bound);
  const { ours: samples } = await alternate(turns, ours, () => 0);
  return { name, unit, ours: median(samples), rival: `${rival}: no python3 here`, bound: bound.text, runs: turns };
}

/** Ends a benchmark: prints its figures, and hands them to bench/index.ts if that started it. */
export function report(figures: readonly Figure[]): void {
  clearProgress();
  print(figures);
  process.send?.(figures, undefined, undefined, () => process.disconnect());
}

export const shown = (value: number | undefined, unit: string): string =>
  value === undefined
    ? ""
    : `${value.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: false })} ${unit}`;

export function print(figures: readonly Figure[]): void {
  const rows = figures.map(({ name, unit, ours, theirs, rival, ratio, spread, bound, reached, isNoiseBound }) => [
    name,
    shown(ours, unit),
    theirs === undefined ? (rival ?? "") : `${shown(theirs, unit)} (${rival})`,
    ratio === undefined ? "" : ratio.toFixed(2),
    spread === undefined ? "" : spread.map((edge) => edge.toFixed(2)).join("-"),
    bound ?? "",
    reached === undefined
      ? ""
      : `${reached ? "reached" : "NOT reached"}${isNoiseBound === true ? ", noise-bound" : ""}`,
  ]);
  printTable([["", "ours", "rival", "ratio", "middle half", "bound", "verdict"], ...rows]);
}

/** Rows of cells, each column as wide as its widest cell; the first row is the heading. */
export function printTable(table: readonly (readonly string[])[]): void {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    );
}
