/** The pools beside their rivals. `npm run bench -- pool` measures; `--quick` only shows that everything runs; `--section=NAME,NAME` picks. */
import { mkdir, writeFile } from "node:fs/promises";
import { isMain } from "allcores";
import { machine, root, versions } from "./machine.js";
import { report } from "./measure.js";
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
const picked = process.argv.filter((word) => word.startsWith(SECTION)).flatMap((word) => word.slice(SECTION.length).split(","));

/** The sections in their order; what they share is found out once, when the first of them needs it. */
function sections(tried: Tried[]): Record<string, () => Promise<Row[]>> {
  const once = <T>(find: () => Promise<T>): (() => Promise<T>) => {
    let found: Promise<T> | undefined;
    return () => (found ??= find());
  };
  const fastest = once(() => tuned("throughput", tried));
  const awake = once(() => tuned("awake", tried));
  const asleep = once(() => tuned("asleep", tried));
  const rounds = roundsPerMs();
  return {
    throughput: async () => throughput(await fastest()),
    latency: async () => latency({ awake: await awake(), asleep: await asleep() }),
    map: async () => map(await fastest()),
    // Bytes need the settings that do not send JSON: of processes those are the first.
    payload: async () => payload({ threads: (await awake()).threads, processes: defaults.processes }),
    "cold-start": () => coldStart(defaults),
    memory: () => memory(defaults),
    scaling: () => scaling(defaults, rounds),
    factorials: () => factorials(),
    service: () => service(defaults, rounds),
  };
}

async function measure(all: Record<string, () => Promise<Row[]>>): Promise<Row[]> {
  const unknown = picked.filter((name) => !(name in all));
  if (unknown.length > 0) throw new Error(`no such section: ${unknown.join(", ")}; there are ${Object.keys(all).join(", ")}`);
  const rows: Row[] = [];
  for (const [name, section] of Object.entries(all)) {
    if (picked.length > 0 && !picked.includes(name)) continue;
    const start = performance.now();
    const more = await section();
    printRows(more);
    console.log(`\n  ${name} took ${((performance.now() - start) / 1e3).toFixed(1)} s`);
    rows.push(...more);
  }
  return rows;
}

async function save(rows: readonly Row[], tried: readonly Tried[], seconds: number): Promise<void> {
  const libraries = new Set([...field.threads, ...field.processes].filter(({ ours }) => !ours).map(({ library }) => library));
  const where = machine();
  const what = await versions([...libraries]);
  const results = { date: new Date().toISOString(), seconds, machine: where, versions: what, tuning: tried, rows };
  // What is only shown to run, or a part, is no result.
  const folder = new URL(quick || picked.length > 0 ? "build/bench/results/" : "bench/results/", root);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL("pool.json", folder), `${JSON.stringify(results, undefined, 1)}\n`);
  const list = Object.entries(what).map(([name, version]) => `${name} ${version}`);
  const subtitle = `${where.cpu}, ${where.cores} cores, ${where.system}; ${list.join(", ")}; ${results.date.slice(0, 10)}`;
  await writeFile(
    new URL("pool.svg", folder),
    chart(
      rows,
      "How many times better than the best rival, or what the bound names (green: bound reached, red: not, grey: no bound; black mark: the bound)",
      subtitle,
    ),
  );
}

if (isMain(import.meta)) {
  // What was given up may still fail.
  process.on("unhandledRejection", (error) => console.log(`  left behind: ${error}`));
  const start = performance.now();
  const tried: Tried[] = [];
  const rows = await measure(sections(tried));
  await save(rows, tried, Math.round((performance.now() - start) / 1e3));
  report(figuresOf(rows));
  // A rival that hung would hold the program.
  setTimeout(() => process.exit(), 1000).unref();
}
