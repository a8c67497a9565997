/**
 * A program of its own: starts eight workers of the kind that it is asked for, lets them idle and prints the megabytes
 * that one takes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isMain, sleep } from "allcores";
import type { Model } from "./contender.js";
import { field } from "./field.js";
import { roundsPerMs } from "./jobs.js";
import { startedPool } from "./ours.js";
import { BARE, echo } from "./rivals/bare.js";
import { sized } from "./size.js";

const WORKERS = 8;
const BUSY_MS = sized(40, 10);
const REST_MS = sized(700, 100);

/** Megabytes of a process: `Rss`, or `Pss`, in which shared pages count in part. */
function megabytes(pid: number | "self", of: "Rss" | "Pss"): number {
  return (
    Number(new RegExp(`^${of}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))![1]) / 1024
  );
}

function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

async function start(library: string, model: Model): Promise<unknown> {
  if (library === BARE[model]) return Promise.all(Array.from({ length: WORKERS }, () => echo(model).send(1)));
  const contender = field[model].find((one) => one.library === library);
  if (contender === undefined) throw new Error(`${library} has no pool of ${model}`);
  if (contender.ours) return startedPool(model, WORKERS);
  const pool = await contender.settings[0].open(WORKERS);
  const rounds = BUSY_MS * roundsPerMs();
  await Promise.all(Array.from({ length: WORKERS }, () => pool.run("burn", rounds)));
  return pool;
}

if (isMain(import.meta)) {
  const [library, model] = process.argv.slice(2) as [string, Model];
  const before = megabytes("self", "Rss");
  const started = await start(library, model);
  await sleep(REST_MS);
  const all =
    model === "threads"
      ? megabytes("self", "Rss") - before
      : children().reduce((sum, pid) => sum + megabytes(pid, "Pss"), 0);
  console.log(all / WORKERS);
  for (const child of children()) process.kill(child, "SIGKILL");
  process.exit(started === undefined ? 1 : 0);
}
