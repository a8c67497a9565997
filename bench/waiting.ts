/**
 * What workers take of the processors while they only wait. `--quick` only shows that it runs; `--most=N` leaves out
 * larger crowds; `--how=idle,blocking` picks.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isMain } from "allcores";
import { type Figure, print, report, within } from "./measure.js";
import type { How, Model } from "./waiting/cell.js";

/** A waiter may take this part of a core, in percent, however many there are. */
const MOST_EACH = 0.05;
/**
 * V8 collects the garbage of a worker's start once it is idle, twice, some ten seconds after it or up to two minutes:
 * 30 to 50 ms in each process, one after the other. That is no cost of waiting, and it hides what is: a hundred
 * processes take a third of a core for a minute.
 */
const NO_REDUCER = "--no-memory-reducer";
const quick = process.argv.includes("--quick");
const SPAN_MS = quick ? 500 : 12_000;

const option = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const most = Number(option("most") ?? (quick ? 8 : 1000));
const picked = option("how")?.split(",");

const CROWDS: readonly [How, Model, readonly number[]][] = [
  ["blocking", "threads", [16, 64, 256, 1000]],
  ["awaiting", "threads", [16, 64, 256, 1000]],
  ["idle", "threads", [16, 64, 256]],
  ["blocking", "processes", [16, 64, 128]],
  ["awaiting", "processes", [16, 64, 128]],
  ["idle", "processes", [16, 64, 128]],
];

function cell(how: How, model: Model, count: number): Figure {
  const program = fileURLToPath(new URL("./waiting/cell.js", import.meta.url));
  const percent = Number(
    execFileSync(process.execPath, [NO_REDUCER, program, how, model, String(count), String(SPAN_MS)], {
      encoding: "utf8",
    }),
  );
  const figure = within(
    `${count} ${how === "idle" ? `idle workers of a pool of ${model}` : `${how} ${model}`}`,
    "% of a core",
    [percent],
    MOST_EACH * count,
  );
  print([figure]);
  return figure;
}

if (isMain(import.meta)) {
  const figures: Figure[] = [];
  for (const [how, model, crowds] of CROWDS) {
    if (picked !== undefined && !picked.includes(how)) continue;
    for (const count of quick ? [8] : crowds) if (count <= most) figures.push(cell(how, model, count));
  }
  report(figures);
}
