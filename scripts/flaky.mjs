// Runs the compiled tests again and again beside busy loops, and lists those that do not always pass. Words keep only
// the files whose path contains one of them.
//   --runs=N   how often (3)
//   --load=N   busy loops beside them (4)
//   --lanes=N  files at a time
//   --whole    what is long by nature in full, not in its short form
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { measureSlowness } from "./suite/slowness.mjs";
import { lanesOf, playFiles, testFiles } from "./suite/test-files.mjs";

const { values: options, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    load: { type: "string", default: "4" },
    lanes: { type: "string" },
    whole: { type: "boolean", default: false },
  },
});
const [runs, load, lanes] = [Number(options.runs), Number(options.load), lanesOf(options.lanes)];
const files = testFiles(parts);
if (files.length === 0 || !(runs >= 1) || !(load >= 0)) {
  console.error(
    `npm run flaky -- [--runs=N] [--load=N] [PART...]: ${files.length} test files match, ${options.runs} runs, ${options.load} busy loops`,
  );
  process.exit(2);
}

// They end with this program, however it ends, and do not keep it.
const busy = ["-e", "while (process.ppid === Number(process.argv[1]));", String(process.pid)];
const loops = Array.from({ length: load }, () => spawn(process.execPath, busy, { stdio: "ignore" }));
for (const loop of loops) loop.unref();
process.on("exit", () => {
  for (const loop of loops) loop.kill("SIGKILL");
});

/** Of each test of each file: how often it ran, how often it passed, and what its first failure said. */
const tests = new Map();
for (let run = 1; run <= runs; run++) {
  const began = performance.now();
  const slowness = await measureSlowness(lanes);
  let failures = 0;
  await playFiles(files, { lanes, slowness, whole: options.whole }, ({ file, tests: played }) => {
    for (const test of played) {
      if (test.outcome === "skipped" || test.outcome === "todo") continue;
      const name = `${file}: ${test.ended}`;
      const known = tests.get(name) ?? { runs: 0, passes: 0, message: undefined };
      tests.set(name, known);
      known.runs++;
      if (test.outcome === "passed") known.passes++;
      else {
        failures++;
        known.message ??= test.message;
        console.log(`  run ${run}: ${name}\n    ${String(test.text).replaceAll("\n", "\n    ")}`);
      }
    }
  });
  console.log(
    `run ${run} of ${runs}: ${failures} failed, ${((performance.now() - began) / 1000).toFixed(0)} s, limits times ${slowness.toFixed(1)}`,
  );
}

// Where a file ends early, the tests behind it have fewer runs: the one that ended it is listed.
const flaky = [...tests]
  .filter(([, { runs, passes }]) => passes < runs)
  .sort(([, a], [, b]) => a.passes / a.runs - b.passes / b.runs);
console.log(`\n${tests.size} tests, ${runs} runs beside ${load} busy loops: ${flaky.length} did not always pass`);
if (flaky.length > 0) console.log("passes  test");
for (const [name, { runs, passes, message }] of flaky)
  console.log(`${`${passes}/${runs}`.padStart(6)}  ${name}\n        ${String(message).split("\n")[0]}`);
process.exitCode = flaky.length > 0 ? 1 : 0;
