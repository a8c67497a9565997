// Everything that takes long, one after the other: the whole form of the tests, and what `npm test` plays in part. Goes
// on after a failure; ends with one summary. Words keep only the steps whose name contains one of them.
import { spawn } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const node = (script, ...args) => [process.execPath, "--enable-source-maps", script, ...args];

const steps = Object.entries({
  build: node("scripts/build.mjs"),
  types: node("node_modules/typescript/bin/tsc"),
  lint: node("node_modules/@biomejs/biome/bin/biome", "lint", "--error-on-warnings"),
  format: node("node_modules/@biomejs/biome/bin/biome", "format"),
  suite: node("scripts/test.mjs", "--whole", "--times"),
  portable: ["npm", "run", "test:portable"],
  "first-result": node("scripts/first-result.mjs"),
  matrix: node("scripts/matrix.mjs"),
  models: node("build/tests/models/index.js"),
  mutants: node("build/tests/mutants/index.js"),
  chaos: node("build/tests/chaos/index.js", "1000"),
  fuzz: node("build/tests/fuzz/index.js"),
  stress: node("build/tests/stress/index.js"),
  flaky: node("scripts/flaky.mjs"),
  bench: node("build/bench/index.js"),
});
const parts = process.argv.slice(2);
const chosen = steps.filter(([name]) => parts.length === 0 || parts.some((part) => name.includes(part)));
if (chosen.length === 0) {
  console.error(`npm run nightly -- [STEP...], of these: ${steps.map(([name]) => name).join(", ")}`);
  process.exit(2);
}

let current;
let stopped = false;
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    stopped = true;
    current?.kill(signal);
  });

const results = [];
for (const [index, [name, [command, ...args]]] of chosen.entries()) {
  if (stopped) break;
  console.log(`\n=== ${index + 1} of ${chosen.length}: ${name} (${new Date().toISOString()})`);
  const began = performance.now();
  const ending = await new Promise((done) => {
    current = spawn(command, args, { cwd: root, stdio: "inherit" });
    current.on("error", (error) => done(error.message)).on("exit", (code, signal) => done(signal ?? code));
  });
  const seconds = (performance.now() - began) / 1000;
  results.push({ name, ending, seconds });
  console.log(`=== ${name}: ${verdict(ending)}, ${seconds.toFixed(0)} s`);
}

console.log("\nnightly:");
for (const { name, ending, seconds } of results)
  console.log(`  ${name.padEnd(12)} ${seconds.toFixed(0).padStart(6)} s  ${verdict(ending)}`);
for (const [name] of chosen.slice(results.length)) console.log(`  ${name.padEnd(12)}           not run`);
const failed = results.filter(({ ending }) => ending !== 0);
console.log(
  failed.length === 0 && !stopped
    ? "everything passed"
    : `failed: ${failed.map(({ name }) => name).join(", ") || "stopped"}`,
);
process.exitCode = failed.length === 0 && !stopped ? 0 : 1;

function verdict(ending) {
  return ending === 0 ? "ok" : `FAILED (${ending})`;
}
