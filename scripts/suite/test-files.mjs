// The compiled test files, and one of them played in a process of its own.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const tests = join(root, "build/tests");
const reporter = join(import.meta.dirname, "record.mjs");
const minutesPerFile = 5;

/** Those that take longest first, so that none of them is left for the end; found by `npm run test:unit -- --times`. */
const longest = [
  "left-behind/left-behind.test.js",
  "pools/process-pool.test.js",
  "pools/thread-pool.test.js",
  "models/models.test.js",
  "chaos/chaos.test.js",
  "pools/socket-pool.test.js",
  "cli/map.test.js",
  "workers/main-guard.test.js",
  "memory/stopped.test.js",
  "documentation.test.js",
  "pools/auto-pool.test.js",
  "cli/journal.test.js",
  "package.test.js",
  "testing/explore.test.js",
  "mutants/mutants.test.js",
  "diagnosis/deadlock.test.js",
  "workers/descriptors.test.js",
  "pools/pool-life.test.js",
  "article/article.test.js",
  "sync/semaphore-ends.test.js",
  "diagnosis/select-and-pipes.test.js",
  "shared/shared-map.test.js",
  "remote/faults.test.js",
  "contract/fair-lock.test.js",
  "contract/semaphore.test.js",
  "workers/load-gate.test.js",
  "workers/node-options.test.js",
];

/** Those whose path contains one of `parts`; all of them without, but for the long stress run. */
export function testFiles(parts) {
  const rank = (file) => (longest.indexOf(file) + longest.length + 1) % (longest.length + 1);
  return readdirSync(tests, { recursive: true, withFileTypes: true })
    .map((entry) => relative(tests, join(entry.parentPath, entry.name)))
    .filter((file) => file.endsWith(".test.js") && !file.startsWith("fixtures/"))
    .filter((file) => (parts.length > 0 ? parts.some((part) => file.includes(part)) : !file.startsWith("stress/")))
    .sort()
    .sort((one, other) => rank(one) - rank(other));
}

/** How many files run at a time: many of them wait more than they compute. */
export function lanesOf(option) {
  return Math.max(1, Math.trunc(Number(option ?? 2 * availableParallelism())));
}

/** Plays some files at a time; tells of each when it has ended. */
export async function playFiles(files, { lanes, slowness, whole = false }, tell) {
  const waiting = [...files];
  const folder = mkdtempSync(join(tmpdir(), "allcores-tests-"));
  const running = new Set();
  const end = (signal) => {
    waiting.length = 0;
    for (const child of running) kill(child);
    rmSync(folder, { recursive: true, force: true });
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, end);
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift())
      tell(await playFile(file, { folder, slowness, whole, running }));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, end);
  rmSync(folder, { recursive: true, force: true });
}

async function playFile(file, { folder, slowness, whole, running }) {
  const record = join(folder, `${file.replaceAll("/", "-")}.jsonl`);
  // Node reads these certificates at the start of every process, which doubles what a process costs, and only npm needs
  // them.
  const { NODE_EXTRA_CA_CERTS: certificates, ...env } = process.env;
  if (certificates !== undefined) env.npm_config_cafile ??= certificates;
  Object.assign(env, {
    ALLCORES_TEST_RECORD: record,
    ALLCORES_TEST_SLOWNESS: String(slowness),
    ALLCORES_TEST_FORM: whole ? "whole" : "short",
  });
  const reporters = ["spec", "stdout", reporter, "/dev/null"].map(
    (value, index) => `--test-reporter${index % 2 === 0 ? "" : "-destination"}=${value}`,
  );
  const began = performance.now();
  // A group of its own, so that a file that hangs is killed with all that it started.
  const child = spawn(process.execPath, [...reporters, join("build/tests", file)], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  let isTooLong = false;
  const limit = setTimeout(
    () => {
      isTooLong = true;
      kill(child);
    },
    minutesPerFile * 60_000 * slowness * (whole ? 6 : 1),
  );
  const ending = await new Promise((resolve, reject) =>
    child.on("exit", (code, signal) => resolve({ code, signal })).on("error", reject),
  );
  clearTimeout(limit);
  // What it left running holds its output open.
  const drained = new Promise((resolve) =>
    child.stdout.destroyed && child.stderr.destroyed ? resolve() : child.on("close", resolve),
  );
  await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 1000))]);
  kill(child);
  running.delete(child);
  return {
    file,
    output,
    isTooLong,
    ...ending,
    seconds: (performance.now() - began) / 1000,
    ...readRecord(record, file, ending, isTooLong),
  };
}

/**
 * What the file's process wrote down; a test that began and did not end, and a process that ended otherwise than its
 * tests, count as failures.
 */
function readRecord(path, file, { code, signal }, isTooLong) {
  const lines = existing(path)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const ended = lines.filter((line) => line.ended !== undefined);
  const tests = ended.filter(
    ({ isSuite, outcome, kind }) => !isSuite || (outcome === "failed" && kind !== "subtestsFailed"),
  );
  const open = new Set(lines.filter(({ begun }) => begun !== undefined).map(({ begun }) => begun));
  for (const { ended: name } of ended) open.delete(name);
  const how = isTooLong
    ? "it was killed: the file took too long"
    : signal === null
      ? `the process ended with ${code} before it`
      : `the process was killed by ${signal} before it ended`;
  const innermost = [...open].filter((name) => ![...open].some((other) => other.startsWith(`${name} > `)));
  for (const name of innermost)
    tests.push({ ended: name, outcome: "failed", milliseconds: 0, message: how, text: how });
  if ((code !== 0 || isTooLong) && !tests.some(({ outcome }) => outcome === "failed"))
    tests.push({ ended: `(${file})`, outcome: "failed", milliseconds: 0, message: how, text: how });
  return { tests, processorSeconds: lines.find((line) => line.wholeFile !== undefined)?.wholeFile };
}

function existing(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function kill({ pid }) {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // All of them have ended.
    if (error.code !== "ESRCH") throw error;
  }
}
