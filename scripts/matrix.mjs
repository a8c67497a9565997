// Builds and runs a program in each way in which this library is used: with bundlers, frameworks, test runners and package managers.
//   npm run matrix -- [WORD...]    only the rows whose name contains one of the words
// A row is a folder of scripts/matrix/ with a package.json, whose "matrix" says what is done, and a lock file. It is copied to a folder of its own,
// where its tools are installed and this library from its tarball. One line a row: the tool's version, built, run, and what its user had to write.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const here = join(root, "scripts/matrix");
const LONGEST_MS = 900_000;

const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const keeps = process.argv.includes("--keep");
const rows = readdirSync(here).filter(
  (name) => existsSync(join(here, name, "package.json")) && (words.length === 0 || words.some((word) => name.includes(word))),
);
const folder = mkdtempSync(join(tmpdir(), "allcores-matrix-"));
const failures = [];
try {
  const tarball = join(folder, "allcores.tgz");
  const [{ filename }] = JSON.parse(run(`npm pack --ignore-scripts --json --pack-destination ${folder}`, root).out);
  cpSync(join(folder, filename), tarball);
  cpSync(join(here, "ask.mjs"), join(folder, "ask.mjs"));
  for (const name of rows) play(name, tarball);
} finally {
  if (keeps) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
for (const { name, step, said } of failures) console.log(`\n${name}: ${step} failed\n${said}`);
process.exitCode = failures.length > 0 ? 1 : 0;

function play(name, tarball) {
  const home = join(folder, name);
  cpSync(join(here, name), home, { recursive: true });
  const { matrix } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  if (matrix.program) cpSync(join(here, "program"), join(home, "src"), { recursive: true });
  const unfit = matrix.node !== undefined && Number.parseInt(process.versions.node, 10) < matrix.node;
  if (unfit) return console.log(`-       ${name.padEnd(16)} needs Node ${matrix.node}`);
  const steps = {
    install: [
      ...(existsSync(join(home, "package-lock.json")) ? ["npm ci --ignore-scripts --no-audit --no-fund"] : []),
      matrix.install ?? `npm install --no-save --no-package-lock --ignore-scripts --no-audit --no-fund ${tarball}`,
    ],
    build: matrix.build === undefined ? [] : [matrix.build].flat(),
    run: [matrix.run].flat(),
  };
  const took = {};
  let printed = "";
  for (const [step, commands] of Object.entries(steps)) {
    const began = performance.now();
    for (const command of commands) {
      const { status, out, said } = run(command, home);
      if (step === "run") printed += out;
      if (status !== 0) return fail(name, `${step} (${command})`, said);
    }
    took[step] = ((performance.now() - began) / 1000).toFixed(1);
  }
  const isGood = printed.trim().split("\n").includes(matrix.prints);
  if (!isGood) return fail(name, `run printed what was not expected (${matrix.prints})`, printed);
  const built = steps.build.length > 0 ? `built in ${took.build} s, ` : "";
  console.log(`ok      ${name.padEnd(16)} ${versionOf(home, matrix.tool).padEnd(24)} ${built}ran in ${took.run} s; wrote: ${matrix.wrote}`);
  if (!keeps) rmSync(home, { recursive: true, force: true });
}

function fail(name, step, said) {
  console.log(`FAILED  ${name.padEnd(16)} ${step}`);
  failures.push({ name, step, said });
}

function versionOf(home, tool) {
  if (tool === "node") return `node ${process.versions.node}`;
  const manifest = join(home, "node_modules", tool, "package.json");
  return `${tool} ${existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : "?"}`;
}

function run(command, cwd) {
  mkdirSync(cwd, { recursive: true });
  const env = { ...process.env, PATH: `${join(cwd, "node_modules/.bin")}${delimiter}${process.env.PATH}`, NEXT_TELEMETRY_DISABLED: "1", CI: "1" };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd, env, encoding: "utf8", timeout: LONGEST_MS });
  return { status, out: stdout, said: `${stdout}${stderr}` };
}
