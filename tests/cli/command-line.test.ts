/** The command line itself: help, exit codes, explanations of every code, the doctor, completion. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import * as allcores from "allcores";
import * as testing from "allcores/testing";
import { EXIT, EXIT_MEANINGS } from "../../src/cli/exit-code.js";
import { EXPLANATIONS } from "../../src/cli/explanations.js";
import { closest } from "../../src/cli/closest.js";
import { runCommand } from "../fixtures/command.js";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");
const COMMANDS = ["map", "advise", "tour", "bench", "explain", "doctor", "completion"];

/** The code and name of every error class that is exported, once each. */
function errorClasses(): Map<string, string> {
  const found = new Map<string, string>();
  for (const value of [...Object.values(allcores), ...Object.values(testing)]) {
    const { code } = (typeof value === "function" ? (value.prototype ?? {}) : {}) as { code?: string };
    if (code?.startsWith("ERR_ALLCORES_")) found.set(code, (value as { name: string }).name);
  }
  return found;
}

test("every error code has its explanation, under the name of its class, and none has one that is not there", () => {
  const classes = errorClasses();
  assert.ok(classes.size > 30, String(classes.size));
  const explained = Object.entries(EXPLANATIONS).map(([code, { error }]): [string, string] => [code, error]);
  // What only a test of schedules throws may be exported by nobody.
  assert.deepEqual(
    new Map(explained.filter(([code]) => code !== "ERR_ALLCORES_SCHEDULE").sort()),
    new Map([...classes].filter(([code]) => code !== "ERR_ALLCORES_SCHEDULE").sort()),
  );
  for (const [code, { means, remedy }] of Object.entries(EXPLANATIONS))
    assert.ok(means.length > 20 && remedy.length > 20, code);
});

test("every code of src/errors has an explanation", () => {
  const sources = ["misuse", "outcome", "outside", "remote"]
    .map((name) => readFileSync(resolve(root, `src/errors/${name}.ts`), "utf8"))
    .join("");
  const codes = [...sources.matchAll(/branded\(this, "(ERR_ALLCORES_\w+)"\)/g)].map(([, code]) => code!);
  assert.deepEqual(
    codes.filter((code) => EXPLANATIONS[code] === undefined),
    [],
  );
  assert.equal(codes.length, Object.keys(EXPLANATIONS).length);
});

test("every exit code is documented", () =>
  assert.deepEqual(Object.values(EXIT).map(String).sort(), Object.keys(EXIT_MEANINGS).sort()));

test("a word that was meant is found, and one that means nothing is not", () => {
  assert.equal(closest("deadlok", ["DEADLOCK", "REACH"]), "DEADLOCK");
  assert.equal(closest("thumbnial", ["thumbnail", "other"]), "thumbnail");
  assert.equal(closest("zebra", ["thumbnail", "other"]), undefined);
});

describe("the command", { concurrency: 1, timeout: timeLimit(120_000) }, () => {
  test("has help with examples and exit codes", async () => {
    const { code, out } = await runCommand(["--help"]);
    assert.equal(code, 0);
    for (const word of [...COMMANDS, "Examples:", ...Object.keys(EXIT_MEANINGS)]) assert.ok(out.includes(word), word);
    assert.equal(
      (await runCommand(["--version"])).out.trim(),
      JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")).version,
    );
  });

  for (const name of COMMANDS)
    test(`${name} has help with examples`, async () => {
      const { code, out } = await runCommand([name, "--help"]);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`Usage: allcores ${name} [\\s\\S]*Examples:\n  .*allcores ${name}`));
    });

  for (const args of [
    ["nothing"],
    ["map"],
    ["map", "./x.js", "--modle", "thread"],
    ["map", "./x.js", "--model", "fibre"],
    ["map", "./x.js", "--halt", "later"],
    ["map", "./x.js", "--timeout", "soon"],
    ["map", "./x.js", "--workers", "0"],
    ["advise"],
    ["advise", "./x.js", "--budget", "soon"],
    ["advise", "./x.js", "--sample", "0"],
    ["explain", "NO_SUCH_CODE"],
    ["completion", "tcsh"],
  ])
    test(`${args.join(" ")} is refused`, async () => {
      const { code, out, err } = await runCommand(args);
      assert.equal(code, EXIT.usage, err);
      assert.equal(out, "");
      assert.notEqual(err, "");
    });

  test("explains a code by each of its names, and exit codes", async () => {
    const texts = await Promise.all(
      ["ERR_ALLCORES_TIMEOUT", "timeout", "TimeoutError"].map(
        async (name) => (await runCommand(["explain", name])).out,
      ),
    );
    assert.match(texts[0]!, /^ERR_ALLCORES_TIMEOUT \(TimeoutError\)\n[\s\S]*What to do: /);
    assert.deepEqual(new Set(texts).size, 1);
    assert.match((await runCommand(["explain", "7"])).out, /journal/);
    const { code, err } = await runCommand(["explain", "DEADLOK"]);
    assert.equal(code, EXIT.usage);
    assert.match(err, /did you mean DEADLOCK\?/);
    const listed = JSON.parse((await runCommand(["explain", "--json"])).out) as { code: string }[];
    assert.deepEqual(listed.map(({ code }) => code).sort(), Object.keys(EXPLANATIONS).sort());
  });

  test("the doctor tells what works, and on a system that does not tell, says so", async () => {
    const findings = JSON.parse((await runCommand(["doctor", "--json"])).out) as { subject: string; state: string }[];
    for (const subject of [
      "cores",
      "memory limit",
      "open files",
      "shared memory",
      "other programs",
      "deaths of workers",
      "Node",
      "TypeScript",
    ])
      assert.ok(
        findings.some((finding) => finding.subject === subject),
        subject,
      );
    const portable = JSON.parse(
      (await runCommand(["doctor", "--json"], { env: { ALLCORES_PLATFORM: "portable" } })).out,
    ) as typeof findings;
    const stateOf = (subject: string) => portable.find((finding) => finding.subject === subject)?.state;
    assert.deepEqual(
      [stateOf("shared memory"), stateOf("other programs"), stateOf("deaths of workers")],
      ["missing", "unknown", "limited"],
    );
    assert.match((await runCommand(["doctor"])).out, /^cores +works/m);
  });

  test("bash completes commands, options and values", async () => {
    const { out } = await runCommand(["completion", "bash"]);
    const completed = (...words: string[]) =>
      execFileSync(
        "bash",
        [
          "-c",
          `${out}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _allcores; echo "\${COMPREPLY[*]}"`,
          "bash",
          ...words,
        ],
        {
          encoding: "utf8",
        },
      ).trim();
    assert.equal(completed("allcores", "ex"), "explain");
    assert.equal(completed("allcores", "map", "--journ"), "--journal");
    assert.equal(completed("allcores", "map", "--model", "p"), "process");
    assert.equal(completed("allcores", "bench", "--ht"), "--html");
    for (const shell of ["zsh", "fish"]) assert.match((await runCommand(["completion", shell])).out, /explain/);
  });
});
