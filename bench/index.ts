/**
 * `npm run bench -- [NAME...] [--OPTION...]`: runs the benchmarks, each in a program of its own, prints their figures
 * and writes bench/results/latest.json.
 * `npm run bench -- [NAME...] --file`: keeps the run under this processor and its wake-up cost too, see filed.ts, and
 * prints how far such runs lie apart.
 * `npm run bench -- [NAME...] --against OTHER.tgz [--pairs=N]`: compares this build with another, see against.ts.
 */
import { fork } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { machine, root, versions } from "./machine.js";
import { against } from "./against.js";
import { calibrate } from "./calibration.js";
import { file, type FiledRun, printSpread } from "./filed.js";
import { type Figure, print } from "./measure.js";

const BENCHES = [
  "lock",
  "rlock",
  "semaphore",
  "rwlock",
  "event",
  "queue",
  "pipe",
  "shared-map",
  "crowd",
  "cores",
  "thread",
  "process",
  "pool",
  "async",
  "advisor",
  "codec",
  "waiting",
  "command-line",
  "remote",
];

const words = process.argv.slice(2);
const other = optionValue("--against");
const isFiled = flag("--file");
const pairs = Number(optionValue("--pairs") ?? 7);
/** For the benchmarks themselves. */
const options = words.filter((word) => word.startsWith("--"));
const asked = words.filter((word) => !word.startsWith("--"));
const unknown = asked.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(", ")}; there are ${BENCHES.join(", ")}`);
  process.exit(2);
}

// Where it is set, every process reads those certificates as it starts: some 40 ms in which the cold starts of all are
// alike.
delete process.env.NODE_EXTRA_CA_CERTS;

if (other !== undefined) {
  if (!Number.isInteger(pairs) || pairs < 1) {
    console.error("--pairs is how many times both builds run: a whole number from 1");
    process.exit(2);
  }
  await against(resolve(other), asked, options, pairs);
  process.exit();
}

const calibration = await calibrate();
const { cpu, cores, memoryGb, system, load } = machine();
console.log(
  `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${process.versions.node}, load ${load.map((each) => each.toFixed(1)).join(" ")}`,
);
console.log(
  `a wake-up costs ${calibration.wakeUpUs.toFixed(1)} µs, a postMessage ${calibration.postMessageUs.toFixed(1)} µs`,
);

const benches: Record<string, { date: string; load: readonly number[]; seconds: number; figures: readonly Figure[] }> =
  {};
for (const name of asked.length > 0 ? asked : BENCHES) {
  console.log(`\n${name}`);
  const start = performance.now();
  const figures = await run(name);
  if (figures.length === 0) continue;
  benches[name] = {
    date: new Date().toISOString(),
    load: machine().load,
    seconds: Math.round((performance.now() - start) / 100) / 10,
    figures,
  };
}
const all = Object.values(benches).flatMap(({ figures }) => figures);
const noisy = all.filter(({ isNoiseBound }) => isNoiseBound);
const missed = all.filter(({ reached }) => reached === false);
console.log(
  `\n${all.filter(({ reached }) => reached).length} bounds reached, ${missed.length} not, ${noisy.length} noise-bound${missed.length > 0 ? "; not reached:" : ""}`,
);
if (missed.length > 0) print(missed);
// What is only shown to run is no result.
if (!options.includes("--quick")) await save();
if (isFiled) {
  const run: FiledRun = {
    date: new Date().toISOString(),
    machine: machine(),
    calibration,
    versions: await versions(),
    benches,
  };
  console.log(`\nfiled as ${fileURLToPath(await file(run))}`);
  await printSpread(run);
}

/** Whether the word is there, which is taken out of the words. */
function flag(name: string): boolean {
  const at = words.indexOf(name);
  if (at >= 0) words.splice(at, 1);
  return at >= 0;
}

/** The value of `--name=value` or `--name value`, which is taken out of the words. */
function optionValue(name: string): string | undefined {
  const at = words.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  const [word] = words.splice(at, 1);
  return word === name ? words.splice(at, 1)[0] : word!.slice(name.length + 1);
}

async function run(name: string): Promise<readonly Figure[]> {
  const child = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), options);
  let figures: readonly Figure[] | undefined;
  child.on("message", (message) => {
    figures = message as readonly Figure[];
  });
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  if (code !== 0 || figures === undefined) {
    console.error(`${name} ended with exit code ${code}${figures === undefined ? " and without figures" : ""}`);
    process.exitCode = 1;
  }
  return figures ?? [];
}

interface Results {
  machine: ReturnType<typeof machine>;
  calibration: typeof calibration;
  versions: Awaited<ReturnType<typeof versions>>;
  benches: typeof benches;
}

/** What was not asked for keeps its figures, if they are of such a machine and of the same versions. */
async function save(): Promise<void> {
  const file = new URL("bench/results/latest.json", root);
  const now: Results = { machine: machine(), calibration, versions: await versions(), benches };
  const likeness = ({ machine: { cpu, cores, arch }, versions }: Results): string =>
    JSON.stringify([cpu, cores, arch, versions]);
  const text = await readFile(file, "utf8").catch(() => undefined);
  const before = text === undefined ? undefined : (JSON.parse(text) as Results);
  const kept = before !== undefined && likeness(before) === likeness(now) ? before.benches : {};
  await mkdir(new URL(".", file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...now, benches: { ...kept, ...benches } }, undefined, 2)}\n`);
}
