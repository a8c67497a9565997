/** Options of Node: those of the program itself are left out of every child, each with its value. */
import { KnownOptions } from "../../src/errors/index.js";
import "../../src/index.js";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inheritedOptions } from "../../src/workers/node-options.js";
import { runProgram, startProgram } from "./programs.js";
import { timeLimit } from "../time-limit.js";

const cases: [what: string, words: string[], inherited: string[]][] = [
  [
    "the value of an option of the test runner goes with it",
    ["--test-name-pattern", "pool", "--test-reporter", "spec", "--test-reporter-destination", "stdout"],
    [],
  ],
  ["with underscores too", ["--test_name_pattern", "pool", "--title", "t"], ["--title", "t"]],
  [
    "an empty value, and one whose dash is escaped",
    ["--test-name-pattern", "", "--title", "\\-t", "--watch-path", "\\-w"],
    ["--title", "\\-t"],
  ],
  [
    "a value after the sign stays in its word",
    ["--test-name-pattern=pool", "--title=t", "--stack-trace-limit=3"],
    ["--title=t", "--stack-trace-limit=3"],
  ],
  [
    "the value of a kept option stays behind it",
    ["-C", "one", "--conditions", "two", "--env-file", "three"],
    ["-C", "one", "--conditions", "two", "--env-file", "three"],
  ],
  [
    "debuggers, profilers, watchers",
    ["--inspect", "--inspect-port", "0", "--cpu-prof-dir", "d", "--heap-prof", "--watch", "--watch-path", "."],
    [],
  ],
  [
    "what was evaluated",
    ["--no-warnings", "-p", "-e", "1", "-pe", "2", "--input-type", "module", "--print", "3"],
    ["--no-warnings"],
  ],
  ["what another program would be run by", ["-i", "--snapshot-blob", "a.blob", "--entry-url", "--check"], []],
  [
    "options of V8 whose names begin alike",
    ["--print-bytecode", "--interpreted-frames-native-stack"],
    ["--print-bytecode", "--interpreted-frames-native-stack"],
  ],
  [
    "tsx, in each form",
    ["--import", "tsx", "--import=tsx/esm", "--require", "/p/node_modules/tsx/dist/preflight.cjs", "-r", "./own.cjs"],
    ["-r", "./own.cjs"],
  ],
  [
    "permissions",
    ["--experimental-permission", "--allow-fs-read", "/a", "--allow-fs-read=/b"],
    ["--experimental-permission", "--allow-fs-read", "/a", "--allow-fs-read=/b"],
  ],
];

describe("node options with a separate value leave nothing behind", () => {
  for (const [what, words, inherited] of cases) test(what, () => assert.deepEqual(inheritedOptions(words), inherited));

  test("each option that Node itself knows, with a value apart: none becomes another's, or the program", () => {
    for (const option of process.allowedNodeEnvironmentFlags) {
      const left = inheritedOptions(["--title", "before", option, "value", "--title", "after"]);
      const between = left.slice(2, -2);
      assert.deepEqual([...left.slice(0, 2), ...left.slice(-2)], ["--title", "before", "--title", "after"], option);
      assert.ok(between.length === 0 || between.join(" ") === `${option} value`, `${option}: ${between.join(" ")}`);
    }
  });
});

describe("a program's words reach every worker", { timeout: timeLimit(60_000) }, () => {
  const words = ["--verbose", "allcores:", "allcores:{}", "", "ä ö"];
  const everywhere = (seen: string[]) => ({
    program: seen,
    thread: seen,
    process: seen,
    pools: { threads: seen, processes: seen },
    below: { thread: seen, process: seen },
  });

  test("process.argv reaches tasks of threads, processes and pools, and below them", async () => {
    const { code, output, errors } = await runProgram("arguments", ...words);
    assert.deepEqual({ code, errors }, { code: 0, errors: "" });
    assert.deepEqual(JSON.parse(output), everywhere(words));
  });

  test("a word that looks like a child's own start is the program's", async () => {
    const { code, output } = await runProgram("arguments", "allcores:{");
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(output), everywhere(["allcores:{"]));
  });

  test("under options whose values stand apart the children are this library's", async () => {
    const { code, output } = await startProgram(
      ["--test-name-pattern", "pool", "--title", "t", "--stack-trace-limit=20"],
      "arguments",
      "word",
    ).ended;
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(output), everywhere(["word"]));
  });
});

test("Object.prototype.env, and any other option of Node's that somebody adds to every object, does not reach workers", {
  timeout: timeLimit(60_000),
}, async () => {
  assert.deepEqual(await runProgram("polluted"), { code: 0, output: "[]\n", errors: "" });
});

test("what somebody adds to every object becomes no option of this library's, and spoils no property that it defines", {
  timeout: timeLimit(120_000),
}, async () => {
  const others = [
    "env",
    "then",
    "get",
    "set",
    "value",
    "writable",
    "enumerable",
    "configurable",
    "root",
    "attach",
    "lend",
    "tells",
    "keeps",
    "marks",
    "list",
  ];
  const names = [...new Set([...KnownOptions.all, ...others])];
  assert.ok(names.length > 40);
  assert.deepEqual(await runProgram("polluted-options", names.join()), { code: 0, output: "right\n", errors: "" });
});
