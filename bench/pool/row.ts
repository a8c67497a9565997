/** One line of the comparison: a metric, what everyone got, and the bounds that are held against ours. */
import { alone, type Bound, type Figure, median } from "../measure.js";
import type { Outcome } from "./race.js";

export type Role = "ours" | "rival" | "bare" | "python";

export interface Result {
  readonly library: string;
  readonly setting: string;
  readonly role: Role;
  /** In the row's unit. */
  readonly median?: number;
  readonly samples?: readonly number[];
  readonly unavailable?: string;
}

export interface Verdict {
  readonly text: string;
  readonly ours?: number;
  readonly against: string;
  readonly theirs?: number;
  readonly ratio?: number;
  /** How many times better than `theirs` ours must be. */
  readonly advantage: number;
  readonly reached: boolean | undefined;
}

export interface Row {
  readonly section: string;
  readonly name: string;
  readonly unit: string;
  readonly higherIsBetter: boolean;
  readonly results: readonly Result[];
  readonly verdicts: readonly Verdict[];
}

export interface Requirement {
  readonly bound: Bound;
  /** Against whom: the best TypeScript rival, or one by its name. */
  readonly against: "best rival" | { readonly library: string };
}

export interface RowOptions {
  readonly section: string;
  readonly name: string;
  readonly unit: string;
  readonly metric: string;
  readonly requirements?: readonly Requirement[];
  /** In the row's unit; a fixed figure that ours may not exceed. */
  readonly most?: number;
  /** Libraries that are no pools: the bare means of the platform, or Python's. */
  readonly roles?: Readonly<Record<string, Role>>;
  /** From the metric, of which less is better, to a rate, of which more is. */
  readonly rate?: (value: number) => number;
}

export function row(outcomes: readonly Outcome[], options: RowOptions): Row {
  const { section, name, unit, metric, requirements = [], most, roles = {}, rate } = options;
  const results = outcomes.map(({ library, setting, ours, samples, unavailable }): Result => {
    const values = samples.map((sample) => sample[metric]).filter((value) => value !== undefined);
    const converted = rate === undefined ? values : values.map(rate);
    const role = ours ? "ours" : (roles[library] ?? "rival");
    if (converted.length === 0) return { library, setting, role, unavailable: unavailable ?? "no such figure" };
    return { library, setting, role, median: median(converted), samples: converted };
  });
  const bare: Row = { section, name, unit, higherIsBetter: rate !== undefined, results, verdicts: [] };
  return {
    ...bare,
    verdicts: [
      ...requirements.map((requirement) => judge(bare, requirement)),
      ...(most === undefined ? [] : [hold(bare, most)]),
    ],
  };
}

export const oursOf = ({ results }: Row): Result | undefined => results.find(({ role }) => role === "ours");

const measured = (result: Result): result is Result & { median: number } => result.median !== undefined;

/** The best of those in the role. */
export function bestOf(
  { results, higherIsBetter }: Row,
  role: Role = "rival",
): (Result & { median: number }) | undefined {
  const candidates = results.filter((result) => result.role === role).filter(measured);
  candidates.sort((a, b) => (higherIsBetter ? b.median - a.median : a.median - b.median));
  return candidates[0];
}

/** How many times better the first is: above 1 it wins. */
export const advantage = ({ higherIsBetter }: Row, ours: number, theirs: number): number =>
  higherIsBetter ? ours / theirs : theirs / ours;

export const nameOf = ({ library, setting }: Result): string => (setting === "" ? library : `${library}, ${setting}`);

function judge(bare: Row, { bound, against }: Requirement): Verdict {
  const ours = oursOf(bare)?.median;
  const opponent =
    against === "best rival"
      ? bestOf(bare)
      : bare.results.filter(measured).find(({ library }) => library === against.library);
  const named = against === "best rival" ? "best rival" : against.library;
  if (ours === undefined || opponent === undefined) {
    return {
      text: bound.text,
      advantage: bound.advantage,
      against: `${named}: not available`,
      reached: undefined,
      ...(ours !== undefined && { ours }),
    };
  }
  const ratio = bare.higherIsBetter ? bound.ratio(opponent.median, ours) : bound.ratio(ours, opponent.median);
  return {
    text: bound.text,
    advantage: bound.advantage,
    ours,
    against: nameOf(opponent),
    theirs: opponent.median,
    ratio,
    reached: bound.holds(ratio),
  };
}

function hold(bare: Row, most: number): Verdict {
  const ours = oursOf(bare)?.median;
  const verdict = { text: `≤ ${most} ${bare.unit}`, against: "a fixed figure", advantage: 1, theirs: most };
  return ours === undefined
    ? { ...verdict, reached: undefined }
    : { ...verdict, ours, ratio: ours / most, reached: ours <= most };
}

/** The rows as figures of all benchmarks: the verdicts, and a line without a bound where there is none. */
export function figuresOf(rows: readonly Row[]): Figure[] {
  return rows.flatMap((one) => {
    const { section, name, unit, verdicts } = one;
    const runs = oursOf(one)?.samples?.length ?? 0;
    const best = bestOf(one);
    const ours = oursOf(one)?.median;
    if (verdicts.length > 0) {
      return verdicts.map(
        (verdict): Figure => ({
          name: `${section}: ${name}`,
          unit,
          ...(verdict.ours !== undefined && { ours: verdict.ours }),
          ...(verdict.theirs !== undefined && { theirs: verdict.theirs }),
          rival: verdict.against,
          ...(verdict.ratio !== undefined && { ratio: verdict.ratio }),
          bound: verdict.text,
          reached: verdict.reached === true,
          runs,
        }),
      );
    }
    if (ours === undefined) return [];
    if (best === undefined) return alone ? [{ name: `${section}: ${name}`, unit, ours, runs }] : [];
    const ratio = ours / best.median;
    return [
      {
        name: `${section}: ${name}`,
        unit,
        ours,
        theirs: best.median,
        rival: nameOf(best),
        ...(Number.isFinite(ratio) && { ratio }),
        runs,
      },
    ];
  });
}
