/**
 * The pools beside their rivals. `npm run bench -- pool` measures; `--quick` only shows that everything runs;
 * `--section=NAME,NAME` picks.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { isMain } from "allcores";
import { machine, root, versions } from "./machine.js";
import { alone, report } from "./measure.js";
import { chart } from "./pool/chart.js";
import { coldStart } from "./pool/cold-start.js";
import { factorials } from "./pool/factorials.js";
import { field } from "./pool/field.js";
import { roundsPerMs } from "./pool/jobs.js";
import { latency } from "./pool/latency.js";
import { map } from "./pool/map.js";
import { memory } from "./pool/memory.js";
import { payload } from "./pool/payload.js";
import { figuresOf, type Row } from "./pool/row.js";
import { scaling } from "./pool/scaling.js";
import { service } from "./pool/service.js";
import { quick } from "./pool/size.js";
import { printRows } from "./pool/table.js";
import { throughput } from "./pool/throughput.js";
import { defaults, type Tried, tuned } from "./pool/tuning.js";

const SECTION = "--section=";
const asked = process.argv
  .filter((word) => word.startsWith(SECTION))
  .flatMap((word) => word.slice(SECTION.length).split(","));
/** Between two builds only what a change of the engine would show, unless somebody asks for more. */
const picked = alone && asked.length === 0 ? ["throughput", "latency", "map", "payload"] : asked;

/** The sections in their order; what they share is found out once, when the first of them needs it. */
function sections(tried: Tried[]): Record<string, () => Promise<Row[]>> {
  const once = <T>(find: () => Promise<T>): (() => Promise<T>) => {
    let found: Promise<T> | undefined;
    return () => (found ??= find());
  };
  const fastest = once(() => tuned("throughput", tried));
  const awake = once(() => tuned("awake", tried));
  const asleep = once(() => tuned("asleep", tried));
  const rounds = once(async () => roundsPerMs());
  return {
    throughput: async () => throughput(await fastest()),
    latency: async () => latency({ awake: await awake(), asleep: await asleep() }),
    map: async () => map(await fastest()),
    // Bytes need the settings that do not send JSON: of processes those are the first.
    payload: async () => payload({ threads: (await awake()).threads, processes: defaults.processes }),
    "cold-start": () => coldStart(defaults),
    memory: () => memory(defaults),
    scaling: async () => scaling(defaults, await rounds()),
    factorials: () => factorials(),
    service: async () => service(defaults, await rounds()),
  };
}

/** What one section found, and when. */
interface Found {
  readonly date: string;
  readonly load: readonly number[];
  readonly seconds: number;
  readonly tuning: readonly Tried[];
  readonly rows: readonly Row[];
}

type Sections = Record<string, Found>;

async function measure(): Promise<Sections> {
  const tried: Tried[] = [];
  const all = sections(tried);
  const unknown = picked.filter((name) => !(name in all));
  if (unknown.length > 0)
    throw new Error(`no such section: ${unknown.join(", ")}; there are ${Object.keys(all).join(", ")}`);
  const found: Sections = {};
  for (const [name, section] of Object.entries(all)) {
    if (picked.length > 0 && !picked.includes(name)) continue;
    const start = performance.now();
    const rows = await section();
    printRows(rows);
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    console.log(`\n  ${name} took ${seconds} s`);
    found[name] = { date: new Date().toISOString(), load: machine().load, seconds, tuning: tried.splice(0), rows };
  }
  return found;
}

interface Results {
  readonly machine: ReturnType<typeof machine>;
  readonly versions: Record<string, string | null>;
  readonly sections: Sections;
}

/**
 * What was not picked keeps its rows, if they are of such a machine and of the same versions. Gives all rows that are
 * in the file then.
 */
async function save(found: Sections): Promise<Row[]> {
  const libraries = new Set(
    [...field.threads, ...field.processes].filter(({ ours }) => !ours).map(({ library }) => library),
  );
  // What is only shown to run is no result.
  const folder = new URL(quick ? "build/bench/results/" : "bench/results/", root);
  const file = new URL("pool.json", folder);
  const now: Results = { machine: machine(), versions: await versions([...libraries]), sections: found };
  const likeness = ({ machine: { cpu, cores, arch }, versions }: Results): string =>
    JSON.stringify([cpu, cores, arch, versions]);
  const text = await readFile(file, "utf8").catch(() => undefined);
  const before = text === undefined ? undefined : (JSON.parse(text) as Results);
  const kept = before !== undefined && likeness(before) === likeness(now) ? before.sections : {};
  const merged: Sections = { ...kept, ...found };
  const rows = Object.keys(sections([])).flatMap((name) => merged[name]?.rows ?? []);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...now, sections: merged }, undefined, 1)}\n`);
  const { cpu, cores, system } = now.machine;
  const list = Object.entries(now.versions).map(([name, version]) => `${name} ${version}`);
  const subtitle = `${cpu}, ${cores} cores, ${system}; ${list.join(", ")}; ${new Date().toISOString().slice(0, 10)}`;
  const title =
    "How many times better than the best rival, or what the bound names (green: bound reached, red: not, grey: no bound; black mark: the bound)";
  await writeFile(new URL("pool.svg", folder), chart(rows, title, subtitle));
  return rows;
}

if (isMain(import.meta)) {
  // What was given up may still fail.
  process.on("unhandledRejection", (error) => console.log(`  left behind: ${error}`));
  const found = await measure();
  report(figuresOf(alone ? Object.values(found).flatMap(({ rows }) => rows) : await save(found)));
  // A rival that hung would hold the program.
  setTimeout(() => process.exit(), 1000).unref();
}
