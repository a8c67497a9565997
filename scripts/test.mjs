// Runs the compiled tests with node:test (Node 20's `--test` knows no globs). Arguments keep only the files whose path contains one of them.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const tests = join(root, "build/tests");
const filters = process.argv.slice(2);
const secondsPerFile = 300;

const files = readdirSync(tests, { recursive: true, withFileTypes: true })
  .map((entry) => relative(tests, join(entry.parentPath, entry.name)))
  .filter((file) => file.endsWith(".test.js") && !file.startsWith("fixtures/"))
  .filter((file) => (filters.length > 0 ? filters.some((part) => file.includes(part)) : !file.startsWith("stress/")))
  .sort();

if (files.length === 0) {
  console.error(`No test file matches ${filters.join(" ") || "build/tests/**/*.test.js; run npm run build first"}.`);
  process.exit(1);
}

const runner = ["--enable-source-maps", "--test", "--test-reporter=spec", "--test-concurrency=2", `--test-timeout=${secondsPerFile * 1000}`];
// Node reads these certificates at the start of every process, which doubles what a process costs, and only npm needs them.
const { NODE_EXTRA_CA_CERTS: certificates, ...env } = process.env;
if (certificates !== undefined) env.npm_config_cafile ??= certificates;
const child = spawn(process.execPath, [...runner, ...files.map((file) => join("build/tests", file))], { cwd: root, stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));
