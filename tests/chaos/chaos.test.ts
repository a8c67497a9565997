/** A short, seeded run of the chaos suite, each scenario in one reach: `npm run chaos` is the long one, in both. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as library from "allcores";
import { inForm } from "../form.js";
import { coveredBy, exempt } from "./coverage.js";
import { runChaos } from "./chaos-run.js";
import { scenarios } from "./scenarios.js";
import { timeLimit } from "../time-limit.js";

const faults = inForm({ short: 1, whole: 4 });

describe("under random deaths", { concurrency: 2 }, () => {
  for (const [index, scenario] of Object.keys(scenarios).entries()) {
    // Most in threads, which start sooner.
    const across = index % inForm({ short: 4, whole: 2 }) === 0 ? "processes" : "threads";
    test(`${scenario} across ${across}`, { timeout: timeLimit(100_000) }, () =>
      runChaos({ scenario, across, faults, seed: 20_260 + scenario.length }).then(() => {}),
    );
  }
});

describe("the scenarios", () => {
  const exported = Object.keys(library).filter((name) => !/(Error|Closed|ShutDown)$/.test(name));

  test("use everything that the library exports, or say why not", () => {
    assert.deepEqual(
      exported.filter((name) => !(name in coveredBy) && !(name in exempt)),
      [],
      "no scenario uses them: write one, and list it in coverage.ts",
    );
    assert.deepEqual(
      [...Object.keys(coveredBy), ...Object.keys(exempt)].filter((name) => !exported.includes(name)),
      [],
      "not exported any more",
    );
  });

  test("are there, and name what they use", () => {
    const folders = [import.meta.dirname, join(import.meta.dirname, "../fixtures")];
    const files = folders
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .filter((file) => /(scenarios|chaos-[a-z-]*|supervisor)\.js$/.test(file));
    const words = new Set(files.flatMap((file) => readFileSync(file, "utf8").match(/\w+/g) ?? []));
    for (const [name, by] of Object.entries(coveredBy)) {
      for (const scenario of by) assert.ok(scenario in scenarios, `no scenario is called "${scenario}"`);
      // Types are gone from what is compiled: an end of a pipe is named by what makes it.
      assert.ok(name === "Connection" || words.has(name), `no scenario uses ${name}`);
    }
    const named = new Set(Object.values(coveredBy).flat());
    assert.deepEqual(
      Object.keys(scenarios).filter((name) => !named.has(name)),
      [],
      "listed nowhere in coverage.ts",
    );
  });
});
