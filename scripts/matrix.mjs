// Builds and runs a program in each way in which this library is used: with bundlers, frameworks, test runners and
// package managers.
//   npm run matrix -- [WORD...]    only the rows whose name contains one of the words
//   --keep                         leaves the rows' folders, and says where they are
// A row is a folder of scripts/matrix/ with a package.json, whose "matrix" says what is done, and a lock file. It is
// copied to a folder of its own, where its tools are installed and this library from its tarball. One line a row: the
// tool's version, built, run, and what its user had to write.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { Workplace } from "./workplace.mjs";

const root = resolve(import.meta.dirname, "..");
const here = join(root, "scripts/matrix");
const LONGEST_MS = 900_000;

const words = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const keeps = process.argv.includes("--keep");
const rows = readdirSync(here).filter(
  (name) =>
    existsSync(join(here, name, "package.json")) && (words.length === 0 || words.some((word) => name.includes(word))),
);
const failures = [];
const place = new Workplace("allcores-matrix-", keeps);
const folder = place.path;

try {
  const packed = await run(`npm pack --ignore-scripts --json --pack-destination ${folder}`, root);
  if (packed.status !== 0) throw new Error(packed.said);
  cpSync(join(folder, JSON.parse(packed.out)[0].filename), join(folder, "allcores.tgz"));
  cpSync(join(here, "ask.mjs"), join(folder, "ask.mjs"));
  const certificates = (await run("npm config get cafile", root)).out.trim();
  // Yarn reads none of npm's settings.
  if (existsSync(certificates)) process.env.YARN_HTTPS_CA_FILE_PATH ??= certificates;
  for (const name of rows) await play(name);
} finally {
  place.remove();
}
for (const { name, step, said } of failures) console.log(`\n${name}: ${step} failed\n${said}`);
process.exitCode = failures.length > 0 ? 1 : 0;

async function play(name) {
  const home = join(folder, name);
  cpSync(join(here, name), home, { recursive: true });
  const { matrix } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  if (matrix.program) cpSync(join(here, "program"), join(home, "src"), { recursive: true });
  for (const [page, files] of Object.entries(matrix.pages ?? {}))
    for (const file of files) writeFileSync(join(home, file), programOf(page, file));
  const steps = {
    install: [
      ...(existsSync(join(home, "package-lock.json"))
        ? ["npm ci --prefer-offline --ignore-scripts --no-audit --no-fund"]
        : []),
      matrix.install ??
        `npm install --prefer-offline --no-save --no-package-lock --ignore-scripts --no-audit --no-fund ${join(folder, "allcores.tgz")}`,
    ],
    build: matrix.build === undefined ? [] : [matrix.build].flat(),
    run: [matrix.run].flat(),
  };
  const took = {};
  let printed = "";
  for (const [step, commands] of Object.entries(steps)) {
    const began = performance.now();
    for (const command of commands) {
      const { status, out, said } = await run(command, home);
      if (step === "run") printed += out;
      if (status !== 0) return fail(name, `${step} (${command})`, said);
    }
    took[step] = ((performance.now() - began) / 1000).toFixed(1);
  }
  const lines = printed.trim().split("\n");
  const missing = [matrix.prints].flat().filter((line) => !lines.includes(line));
  if (missing.length > 0) return fail(name, `run printed what was not expected (${missing.join(", ")})`, printed);
  const built = steps.build.length > 0 ? `built in ${took.build} s, ` : "";
  console.log(
    `ok      ${name.padEnd(16)} ${versionOf(home, matrix.tool).padEnd(24)} ${built}ran in ${took.run} s; wrote: ${matrix.wrote}`,
  );
  if (!keeps) rmSync(home, { recursive: true, force: true });
}

/** A program that a page shows under this name. */
function programOf(page, file) {
  const [, program] = new RegExp(
    `^<!-- file: ${file.replaceAll(".", "\\.")} -->\\n+\`\`\`\\w+\\n([\\s\\S]*?)^\`\`\`$`,
    "m",
  ).exec(readFileSync(join(root, page), "utf8"));
  return program;
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
  const env = {
    ...process.env,
    PATH: `${join(cwd, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    NEXT_TELEMETRY_DISABLED: "1",
    CI: "1",
  };
  return place.run(command, cwd, { env, limit: LONGEST_MS });
}
