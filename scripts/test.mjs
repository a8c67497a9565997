// Runs the compiled tests, several files at a time. Words keep only the files whose path contains one of them.
//   --whole    what is long by nature in full, not in its short form
//   --times    at the end, what each file took, and the tests that took most of the processors
//   --lanes=N  files at a time
import { parseArgs } from "node:util";
import { provideRedis } from "./suite/redis.mjs";
import { measureSlowness } from "./suite/slowness.mjs";
import { lanesOf, playFiles, testFiles } from "./suite/test-files.mjs";

const { values: options, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: {
    whole: { type: "boolean", default: false },
    times: { type: "boolean", default: false },
    lanes: { type: "string" },
  },
});
const files = testFiles(parts);
if (files.length === 0) {
  console.error(`No test file matches ${parts.join(" ") || "build/tests/**/*.test.js; run npm run build first"}.`);
  process.exit(1);
}

provideRedis(files);
const began = performance.now();
const lanes = lanesOf(options.lanes);
const slowness = await measureSlowness(lanes);
console.log(`${files.length} test files; limits of time ${slowness.toFixed(1)} times those of an idle machine\n`);
const played = [];
await playFiles(files, { lanes, slowness, whole: options.whole }, (result) => {
  played.push(result);
  const took =
    result.processorSeconds === undefined ? "" : `, ${result.processorSeconds.toFixed(1)} s of the processors`;
  console.log(`▶▶ ${result.file} (${result.seconds.toFixed(1)} s${took})\n${withoutSummary(result.output)}`);
});

const all = played.flatMap(({ file, tests }) => tests.map((test) => ({ file, ...test })));
const failed = all.filter(({ outcome }) => outcome === "failed");
if (options.times) showTimes();
if (failed.length > 0) console.log("✖ failing tests:\n");
for (const { file, ended, text } of failed) console.log(`${file}\n✖ ${ended}\n${String(text).replace(/^/gm, "  ")}\n`);
console.log(`ℹ files ${files.length}\nℹ tests ${all.length}`);
for (const [word, outcome] of Object.entries({ pass: "passed", fail: "failed", skipped: "skipped", todo: "todo" }))
  console.log(`ℹ ${word} ${all.filter((test) => test.outcome === outcome).length}`);
console.log(`ℹ duration_ms ${(performance.now() - began).toFixed(0)}`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** What the spec reporter says of one file at its end is said once, of all of them. */
function withoutSummary(output) {
  return output
    .replace(/^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+\n/gm, "")
    .replace(/\n✖ failing tests:\n[\s\S]*$/, "\n");
}

function showTimes() {
  const sum = (numbers) => numbers.reduce((total, number) => total + (number ?? 0), 0);
  console.log("   wall s  processor s  tests  file");
  for (const { file, seconds, processorSeconds, tests } of [...played].sort((a, b) => b.seconds - a.seconds))
    console.log(
      `${seconds.toFixed(1).padStart(9)}${(processorSeconds?.toFixed(1) ?? "?").padStart(13)}${String(tests.length).padStart(7)}  ${file}`,
    );
  console.log(
    `${sum(played.map(({ seconds }) => seconds))
      .toFixed(1)
      .padStart(9)}${sum(played.map(({ processorSeconds }) => processorSeconds))
      .toFixed(1)
      .padStart(13)}  all\n`,
  );
  console.log("   wall s  processor s  test");
  for (const { file, ended, milliseconds, processorSeconds = 0 } of [...all]
    .sort((a, b) => (b.processorSeconds ?? 0) - (a.processorSeconds ?? 0))
    .slice(0, 100))
    console.log(
      `${(milliseconds / 1000).toFixed(1).padStart(9)}${processorSeconds.toFixed(1).padStart(13)}  ${file}: ${ended}`,
    );
  console.log();
}
