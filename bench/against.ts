/**
 * This build against another one, in alternating pairs.
 *
 * Both builds get a folder of their own with the same benchmarks in it, whose `import "allcores"` finds the package of
 * that folder. In each round the new build, the old one and the old one again run one after the other, each time in
 * another order. New against old tells what changed; old against old tells what noise looks like in the same run.
 * Rivals do not run. A ratio is one of costs: above 1 the numerator is slower.
 */
import { execFileSync, fork } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { machine, root } from "./machine.js";
import { type Figure, median, printTable, shown } from "./measure.js";

/** Those that see the package alone: `codec` measures its sources. */
const COMPARABLE = [
  "lock",
  "rlock",
  "semaphore",
  "rwlock",
  "event",
  "queue",
  "pipe",
  "shared-map",
  "thread",
  "process",
  "pool",
  "async",
];
const USUAL = ["lock", "semaphore", "queue", "shared-map", "pool"];
/** What counts as the same. */
const SAME = 1.03;

type Build = "new" | "old" | "again";
const ORDERS: readonly (readonly Build[])[] = [
  ["new", "old", "again"],
  ["again", "new", "old"],
  ["old", "again", "new"],
];

interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly new: number;
  readonly old: number;
  /** Medians of the ratios of one round each, with the smallest and the largest of them. */
  readonly newToOld: Spread;
  readonly oldToOld: Spread;
  readonly verdict: "same" | "faster" | "within the noise" | "SLOWER";
}

interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Compares this build with the package in `tarball`; prints the ratios and writes bench/results/against.json. */
export async function against(
  tarball: string,
  asked: readonly string[],
  options: readonly string[],
  pairs: number,
): Promise<void> {
  const names = asked.length > 0 ? asked : USUAL;
  const strange = names.filter((name) => !COMPARABLE.includes(name));
  if (strange.length > 0) {
    console.error(`${strange.join(", ")} cannot be compared between builds; these can: ${COMPARABLE.join(", ")}`);
    process.exit(2);
  }
  const folders = await unpackBoth(tarball);
  const compared: Record<string, Comparison[]> = {};
  for (const name of names) {
    const rounds: Record<Build, readonly Figure[]>[] = [];
    for (let round = 0; round < pairs; round++) {
      const figures: Partial<Record<Build, readonly Figure[]>> = {};
      for (const build of ORDERS[round % ORDERS.length]!) {
        process.stderr.write(`${name}: round ${round + 1} of ${pairs}, ${build}\n`);
        figures[build] = await run(build === "new" ? folders.new : folders.old, name, options);
      }
      rounds.push(figures as Record<Build, readonly Figure[]>);
    }
    compared[name] = compare(rounds);
    print(name, compared[name]);
  }
  const file = new URL("bench/results/against.json", root);
  await writeFile(
    file,
    `${JSON.stringify({ date: new Date().toISOString(), machine: machine(), pairs, benches: compared }, undefined, 1)}\n`,
  );
}

/**
 * Where the benchmarks of both builds stand. They lie inside this package, so that what both import from others is the
 * same.
 */
async function unpackBoth(tarball: string): Promise<{ new: URL; old: URL }> {
  const folder = new URL("build/against/", root);
  await rm(folder, { recursive: true, force: true });
  const folders = { new: new URL("new/", folder), old: new URL("old/", folder) };
  for (const each of Object.values(folders)) await mkdir(each, { recursive: true });
  for (const part of ["package.json", "dist"])
    await cp(new URL(part, root), new URL(part, folders.new), { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", fileURLToPath(folders.old), "--strip-components=1"]);
  const { name } = JSON.parse(await readFile(new URL("package.json", folders.old), "utf8")) as { name: string };
  if (name !== "allcores") throw new Error(`${tarball} holds the package ${name}, not allcores`);
  for (const each of Object.values(folders))
    await cp(new URL("build/bench", root), new URL("build/bench", each), { recursive: true });
  return folders;
}

async function run(folder: URL, name: string, options: readonly string[]): Promise<readonly Figure[]> {
  const child = fork(fileURLToPath(new URL(`build/bench/${name}.js`, folder)), ["--alone", ...options], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let figures: readonly Figure[] | undefined;
  child.on("message", (message) => {
    figures = message as readonly Figure[];
  });
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  if (code !== 0 || figures === undefined)
    throw new Error(`${name} of ${fileURLToPath(folder)} ended with exit code ${code} and without figures`);
  return figures;
}

function compare(rounds: readonly Record<Build, readonly Figure[]>[]): Comparison[] {
  const names = [...new Set(rounds[0]!.new.map(({ name }) => name))];
  return names.flatMap((name) => {
    const figureOf = (figures: readonly Figure[]) =>
      figures.find((figure) => figure.name === name && figure.ours !== undefined);
    const { unit } = figureOf(rounds[0]!.new) ?? {};
    const costs = rounds.map((round) => {
      const cost = (build: Build): number => {
        const ours = figureOf(round[build])?.ours ?? Number.NaN;
        return unit?.endsWith("/s") ? 1 / ours : ours;
      };
      return { new: cost("new"), old: cost("old"), again: cost("again") };
    });
    if (unit === undefined || costs.some((cost) => Number.isNaN(cost.new + cost.old + cost.again))) return [];
    const newToOld = spread(costs.map((cost) => cost.new / Math.sqrt(cost.old * cost.again)));
    const oldToOld = spread(costs.map((cost) => cost.again / cost.old));
    const shown = (values: number[]): number => (unit.endsWith("/s") ? 1 / median(values) : median(values));
    const noise = Math.max(oldToOld.most, 1 / oldToOld.least);
    const verdict =
      newToOld.median > Math.max(SAME, noise)
        ? "SLOWER"
        : newToOld.median > SAME
          ? "within the noise"
          : newToOld.median < 1 / SAME
            ? "faster"
            : "same";
    return [
      {
        name,
        unit,
        new: shown(costs.map((cost) => cost.new)),
        old: shown(costs.map((cost) => cost.old)),
        newToOld,
        oldToOld,
        verdict,
      },
    ];
  });
}

function spread(ratios: readonly number[]): Spread {
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
}

function print(name: string, comparisons: readonly Comparison[]): void {
  const range = ({ median, least, most }: Spread): string =>
    `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
  const rows = comparisons.map((each) => [
    each.name,
    shown(each.new, each.unit),
    shown(each.old, each.unit),
    range(each.newToOld),
    range(each.oldToOld),
    each.verdict,
  ]);
  console.log("");
  printTable([[name, "new", "old", "new/old", "old/old", "verdict"], ...rows]);
}
