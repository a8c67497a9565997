/** A few mutants that are soon found; `npm run mutants` explores all of them. Every one of them can still be made. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { inForm } from "../form.js";
import type { ModelBounds } from "../models/explore-models.js";
import { exploreMutant, exploreUnchanged } from "./explore-mutant.js";
import { mutants } from "./mutants.js";

const bounds = inForm<ModelBounds>({ short: { schedules: 60, walks: 20 }, whole: {} });
const source = resolve(import.meta.dirname, "../../../src");
const soonFound = [
  "lock: a release wakes nobody",
  "mutex: it is entered by a look and a store",
  "event: set wakes nobody",
  "condition: the lock is given up before the node is armed",
  "references: holders are counted in two steps",
  "queue: an item wakes no getter",
  "pipe: a message wakes nobody",
];

test("what each mutant replaces occurs once", () => {
  for (const { name, file, from } of mutants) assert.equal(readFileSync(resolve(source, file), "utf8").split(from).length, 2, name);
});

for (const name of soonFound) {
  test(`found: ${name}`, async () => {
    const mutant = mutants.find((each) => each.name === name);
    assert.ok(mutant !== undefined);
    const { found } = await exploreMutant(mutant);
    assert.ok(found !== undefined, "it survived");
    for (const { exploration } of await exploreUnchanged({ ...mutant, models: [found.title] }, bounds)) exploration.throwIfFailed();
  });
}
