/** `npm run bench [NAME...]`: runs the benchmarks, each in a program of its own, prints their figures and writes bench/results/latest.json. */
import { fork } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import { fileURLToPath } from "node:url";
import { type Figure, print, pythonVersion } from "./measure.js";

const BENCHES = ["lock", "rlock", "semaphore", "rwlock", "event", "queue", "thread", "process", "thread-pool", "process-pool", "codec"];

const root = new URL("../../", import.meta.url);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(", ")}; there are ${BENCHES.join(", ")}`);
  process.exit(2);
}

const benches: Record<string, { seconds: number; figures: readonly Figure[] }> = {};
for (const name of asked.length > 0 ? asked : BENCHES) {
  console.log(`\n${name}`);
  const start = performance.now();
  const figures = await run(name);
  benches[name] = { seconds: Math.round((performance.now() - start) / 100) / 10, figures };
}
const all = Object.values(benches).flatMap(({ figures }) => figures);
const missed = all.filter(({ reached }) => reached === false);
console.log(`\n${all.filter(({ reached }) => reached).length} bounds reached, ${missed.length} not${missed.length > 0 ? ":" : ""}`);
if (missed.length > 0) print(missed);
await save();

async function run(name: string): Promise<readonly Figure[]> {
  const child = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)));
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

async function save(): Promise<void> {
  const { version } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as { version: string };
  const cpu = os.cpus();
  const results = {
    date: new Date().toISOString(),
    machine: {
      cpu: cpu[0]?.model,
      cores: cpu.length,
      memoryGb: Math.round(os.totalmem() / 2 ** 30),
      system: `${os.type()} ${os.release()}`,
      arch: os.arch(),
      load: os.loadavg(),
    },
    versions: { allcores: version, node: process.versions.node, v8: process.versions.v8, python: pythonVersion() ?? null },
    benches,
  };
  const folder = new URL("bench/results/", root);
  await mkdir(folder, { recursive: true });
  await writeFile(new URL("latest.json", folder), `${JSON.stringify(results, undefined, 2)}\n`);
}
