/**
 * The scheduler stands behind the door only under its condition: what is published calls the platform's atomics
 * directly.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../../..");

test("the published library takes its operations straight from Atomics", () => {
  for (const file of ["library.cjs", "module.js"]) {
    const library = readFileSync(join(root, "dist", file), "utf8");
    assert.ok(/\{[^}]*\bcompareExchange\b[^}]*\bload\b[^}]*\} ?= ?Atomics\b/.test(library));
    assert.ok(!/controlled-atomics|scheduler\.before|new Proxy\(words/.test(library));
  }
});

test("what runs under exploration asks the controller", () => {
  const explored = readFileSync(join(root, "dist/testing/explored.js"), "utf8");
  const [, chunk] = /from "\.\/(chunk-\w+\.js)"/.exec(explored)!;
  assert.match(readFileSync(join(root, "dist/testing", chunk!), "utf8"), /controller\.before\(/);
});

for (const [condition, controlled] of [
  [[], false],
  [["--conditions=allcores-explored"], true],
] as const) {
  test(`sources ${controlled ? "under" : "without"} the condition get the ${controlled ? "controlled" : "direct"} door`, () => {
    const program = `import { atomics } from ${JSON.stringify(join(root, "build/src/memory/index.js"))}; console.log(atomics.controlled, atomics.load === Atomics.load);`;
    const printed = execFileSync(process.execPath, [...condition, "--input-type=module", "--eval", program], {
      encoding: "utf8",
      cwd: root,
    });
    assert.equal(printed.trim(), `${controlled} ${!controlled}`);
  });
}
