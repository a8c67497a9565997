/**
 * Runs that are kept: under the processor and what a wake-up costs there, one file a run. Figures of one machine are
 * compared with each other only, and a machine whose wake-ups cost twice as much is another machine.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import type { Calibration } from "./calibration.js";
import { type machine, root, type versions } from "./machine.js";
import { type Figure, median, printTable } from "./measure.js";

export interface FiledRun {
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  readonly calibration: Calibration;
  readonly versions: Awaited<ReturnType<typeof versions>>;
  readonly benches: Readonly<Record<string, { readonly figures: readonly Figure[] }>>;
}

/** Wake-ups are told apart by powers of two of microseconds. */
function folderOf({ machine: { cpu, cores }, calibration: { wakeUpUs } }: FiledRun): URL {
  const processor = `${cpu ?? "unknown"}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  const bucket = 2 ** Math.max(0, Math.floor(Math.log2(wakeUpUs)));
  return new URL(`bench/results/${processor}-${cores}-cores/wake-up-${bucket}-to-${2 * bucket}-us/`, root);
}

/** Keeps the run. Gives where. */
export async function file(run: FiledRun): Promise<URL> {
  const folder = folderOf(run);
  await mkdir(folder, { recursive: true });
  const at = new URL(`${run.date.slice(0, 19).replaceAll(":", "-")}.json`, folder);
  await writeFile(at, `${JSON.stringify(run, undefined, 1)}\n`);
  return at;
}

/**
 * Prints, for each row of this run that earlier runs of such a machine have too, the ratio of each run and how far they
 * lie apart.
 */
export async function printSpread(run: FiledRun): Promise<void> {
  const runs = await filedLike(run);
  if (runs.length < 2) return;
  const rows = Object.entries(run.benches).flatMap(([bench, { figures }]) =>
    figures.flatMap(({ name, rival }) => {
      const ratios = runs.flatMap(
        (each) =>
          each.benches[bench]?.figures.find((figure) => figure.name === name && figure.rival === rival)?.ratio ?? [],
      );
      if (ratios.length < 2) return [];
      const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
      return [
        [
          `${bench}: ${name}`,
          rival ?? "",
          String(ratios.length),
          median(ratios).toFixed(2),
          `${least.toFixed(2)}-${most.toFixed(2)}`,
          (most / least).toFixed(2),
        ],
      ];
    }),
  );
  if (rows.length === 0) return;
  const dates = runs.map(({ date }) => date).sort();
  console.log(`\nratios of ${runs.length} runs on such a machine, ${dates[0]} to ${dates.at(-1)}:`);
  printTable([["", "rival", "runs", "median", "spread", "most / least"], ...rows]);
}

async function filedLike(run: FiledRun): Promise<FiledRun[]> {
  const folder = folderOf(run);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(new URL(name, folder), "utf8")) as FiledRun));
}
