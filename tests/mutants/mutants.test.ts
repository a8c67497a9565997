/** A few mutants that are soon found; `npm run mutants` explores all of them. Every one of them can still be made. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { inForm } from "../form.js";
import type { ModelBounds } from "../models/explore-models.js";
import { exploreMutant, exploreUnchanged } from "./explore-mutant.js";
import { mutants } from "./mutants.js";
import { plant } from "./plant.js";

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
  for (const mutant of mutants) plant(readFileSync(resolve(source, mutant.file), "utf8"), mutant);
});

test("a mutant's piece is found however its lines are broken, and only as whole words", () => {
  const put = (text: string, from: string, to: string) =>
    plant(text, { name: "x", file: "x.ts", from, to, models: [] });
  assert.equal(put("if (a)\n  f(\n    b,\n    [c],\n  );\ng();", "if (a) f(b, [c]);", "g(1);"), "g(1);\ng();");
  assert.equal(put("  f(b, c); // it\n", "f(\n  b,\n  c,\n);", ""), "   // it\n");
  assert.equal(put("x = afb + a;", "a", "$&"), "x = afb + $&;");
  assert.throws(() => put("f(a);\nf( a );", "f(a)", ""), /occurs 2 times/);
  assert.throws(() => put("f(a, b)", "f(a b)", ""), /occurs 0 times/);
  assert.throws(() => put("f(ab)", "f(a", ""), /occurs 0 times/);
});

for (const name of soonFound) {
  test(`found: ${name}`, async () => {
    const mutant = mutants.find((each) => each.name === name);
    assert.ok(mutant !== undefined);
    const { found } = await exploreMutant(mutant);
    assert.ok(found !== undefined, "it survived");
    for (const { exploration } of await exploreUnchanged({ ...mutant, models: [found.title] }, bounds))
      exploration.throwIfFailed();
  });
}
