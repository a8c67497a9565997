// Reads the imports of src/ with dependency-cruiser and checks them against scripts/import-rules.mjs.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "..");
const run = promisify(execFile);

/**
 * Every import of `<folder>/src`, and what the rules say of it. Throws when the tool has read fewer files than there
 * are.
 */
export async function readImports(folder = root) {
  const arguments_ = ["--config", join(root, "scripts/import-rules.mjs"), "--output-type", "json", "src"];
  // The tool exits with the number of errors that it has found: its report is the answer either way.
  const { stdout, stderr } = await run(
    process.execPath,
    ["--preserve-symlinks", "--preserve-symlinks-main", tool(), ...arguments_],
    {
      cwd: folder,
      maxBuffer: 1 << 28,
    },
  ).catch((error) => error);
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    throw new Error(`dependency-cruiser gave no report:\n${stdout.slice(0, 2000)}${stderr}`);
  }
  const modules = report.modules.filter(({ source }) => source.startsWith("src/"));
  const unread = unreadFiles(sources(folder), modules);
  if (unread.length > 0)
    throw new Error(
      `dependency-cruiser did not read ${unread.length} files of src/: ${unread.slice(0, 10).join(", ")}`,
    );
  return {
    modules,
    violations: report.summary.violations.filter(({ rule }) => rule.severity !== "ignore").map(violation),
    circles: circlesOf(modules),
  };
}

/** Those of `files` that the report does not have. */
export function unreadFiles(files, modules) {
  const read = new Set(modules.map(({ source }) => source));
  return files.filter((file) => !read.has(file));
}

function sources(folder) {
  return readdirSync(join(folder, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function violation({ rule, from, to, cycle }) {
  return { rule: rule.name, from, text: `${from}: ${rule.name}: ${cycle ? nameOf(cycle) : to}` };
}

function circlesOf(modules) {
  const cycles = modules.flatMap(({ dependencies }) =>
    dependencies.flatMap(({ cycle }) => (cycle ? [nameOf(cycle)] : [])),
  );
  return [...new Set(cycles)].sort();
}

function nameOf(cycle) {
  return cycle
    .map(({ name }) => name)
    .sort()
    .join(" ");
}

/**
 * The path of the tool, seen from a folder where `typescript` is one that it can use.
 *
 * dependency-cruiser reads TypeScript through the compiler's JavaScript API, which TypeScript 7 does not have. It says
 * nothing when there is none and skips every `.ts` file. So it is run through a link that has the TypeScript 6 of API
 * Extractor beside it; `--preserve-symlinks` makes Node look there first. Our own `tsc` stays as it is.
 */
function tool() {
  const beside = join(root, "build/imports/node_modules");
  const extractor = createRequire(createRequire(import.meta.url).resolve("@microsoft/api-extractor"));
  mkdirSync(beside, { recursive: true });
  link(join(root, "node_modules/dependency-cruiser"), join(beside, "dependency-cruiser"));
  link(dirname(extractor.resolve("typescript/package.json")), join(beside, "typescript"));
  return join(beside, "dependency-cruiser/bin/dependency-cruise.mjs");
}

function link(target, path) {
  try {
    symlinkSync(relative(dirname(path), target), path);
  } catch (error) {
    if (error.code !== "EEXIST" || !existsSync(path)) throw error;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { modules, violations, circles } = await readImports();
  for (const { text } of violations) console.error(text);
  console.log(`${modules.length} files, ${circles.length} circles, ${violations.length} faults`);
  process.exitCode = violations.length > 0 ? 1 : 0;
}
