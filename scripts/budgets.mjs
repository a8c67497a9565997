// Measures what the table in docs/budgets.md limits: the bytes of each shipped file and of what a worker loads. Prints
// the measures beside the budgets.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const table = join(root, "docs/budgets.md");
/** How much more than its budget something may take. */
const TOLERANCE = 1.02;

/** The rows of the table: a name, the bytes, and why they are needed. */
export function budgetsOf(text) {
  const rows = text.matchAll(/^\| `?([^|`]+?)`? \| ([\d,]+) \| ([^|]*) \|$/gm);
  return [...rows].map(([, name, bytes, reason]) => ({
    name,
    bytes: Number(bytes.replaceAll(",", "")),
    reason: reason.trim(),
  }));
}

/** What is wrong: a measure over its budget or without one, a budget without a reason or for nothing. */
export function overruns(budgets, measures) {
  const found = [];
  for (const [name, bytes] of measures) {
    const budget = budgets.find((each) => each.name === name);
    if (budget === undefined)
      found.push(`${name} takes ${bytes} bytes and has no budget: give it a line with a reason`);
    else if (bytes > budget.bytes * TOLERANCE)
      found.push(
        `${name} takes ${bytes} bytes, ${percent(bytes, budget.bytes)} more than its budget of ${budget.bytes}`,
      );
  }
  for (const { name, reason } of budgets) {
    if (!measures.has(name)) found.push(`${name} has a budget and is not there`);
    if (reason === "") found.push(`${name} has a budget without a reason`);
  }
  return found;
}

function percent(bytes, budget) {
  return `${(((bytes - budget) / budget) * 100).toFixed(1)} %`;
}

/** Name and bytes of all that has a budget. */
export async function measure() {
  return new Map([...(await shipped()), ...(await loaded())]);
}

async function shipped() {
  const files = readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(c|m)?js$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const sizes = new Map();
  for (const file of files) {
    const code = readFileSync(file, "utf8");
    // library.cjs and rest.cjs are one expression each, which would be dropped if nobody took it.
    const minified = await transform(/(library|rest)\.cjs$/.test(file) ? `export default ${code}` : code, {
      minify: true,
      loader: "js",
    });
    // The name of a chunk carries its hash.
    const name = relative(root, file).replace(/chunk-\w+/, "chunk");
    add(sizes, name, Buffer.byteLength(code));
    add(sizes, `${name}, minified`, Buffer.byteLength(minified.code));
  }
  return sizes;
}

function add(sizes, name, bytes) {
  sizes.set(name, (sizes.get(name) ?? 0) + bytes);
}

const program = `
import { isMain, Process, Thread, task } from "allcores";
export const nothing = task(import.meta, function nothing() {});
if (isMain(import.meta)) {
  const Worker = { thread: Thread, process: Process }[process.argv[2]];
  await Worker.start(nothing).join();
}
`;

/**
 * The scripts that a worker has loaded when it has run a task that does nothing: the engine lists them in its coverage
 * reports.
 */
async function loaded() {
  const folder = join(root, "build/budgets", String(process.pid));
  const file = join(folder, "program.mjs");
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, program);
  try {
    const sizes = new Map();
    for (const model of ["thread", "process"]) {
      const reports = join(folder, model);
      const env = { ...process.env, NODE_V8_COVERAGE: reports };
      const started = promisify(execFile)(process.execPath, [file, model], { cwd: root, env, timeout: 60_000 });
      await started;
      sizes.set(`a ${model} worker loads`, bytesOf(reportOfWorker(reports, started.child.pid, model), file));
    }
    return sizes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** coverage-<pid>-<time>-<thread>.json of the worker, not of the main program. */
function reportOfWorker(folder, mainPid, model) {
  const ofWorker = readdirSync(folder).filter((name) => {
    const [, pid, , thread] = name.replace(".json", "").split("-");
    return model === "thread" ? Number(thread) !== 0 : Number(pid) !== mainPid;
  });
  if (ofWorker.length !== 1)
    throw new Error(`A ${model} worker was to write one coverage report, and there are ${ofWorker.length}`);
  return JSON.parse(readFileSync(join(folder, ofWorker[0]), "utf8"));
}

function bytesOf({ result }, program) {
  const files = new Set(result.filter(({ url }) => url.startsWith("file:")).map(({ url }) => fileURLToPath(url)));
  if (!files.delete(program)) throw new Error("The worker has not loaded its task");
  return [...files].reduce((bytes, file) => bytes + statSync(file).size, 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const budgets = budgetsOf(readFileSync(table, "utf8"));
  const measures = await measure();
  for (const [name, bytes] of measures) {
    const budget = budgets.find((each) => each.name === name)?.bytes;
    console.log(`${name}: ${bytes}${budget === undefined ? "" : ` of ${budget}, ${percent(bytes, budget)}`}`);
  }
  for (const text of overruns(budgets, measures)) {
    console.error(text);
    process.exitCode = 1;
  }
}
