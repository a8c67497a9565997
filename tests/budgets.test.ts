/** What the package ships, and what a worker loads, stays within docs/budgets.md. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

interface Budget {
  name: string;
  bytes: number;
  reason: string;
}
const root = resolve(import.meta.dirname, "../..");
const {
  budgetsOf,
  measure,
  overruns,
}: {
  budgetsOf(text: string): Budget[];
  measure(): Promise<Map<string, number>>;
  overruns(budgets: Budget[], measures: Map<string, number>): string[];
} = await import(pathToFileURL(join(root, "scripts/budgets.mjs")).href);

test("everything keeps its budget: npm run budgets", async () => {
  const measures = await measure();
  assert.deepEqual(overruns(budgetsOf(readFileSync(join(root, "docs/budgets.md"), "utf8")), measures), []);
  for (const [name, bytes] of measures) assert.ok(bytes > 300, `${name} was not measured: ${bytes}`);
});

test("what is over its budget, has none, or has no reason is named", () => {
  const budgets = budgetsOf(
    "| what | bytes | reason |\n|---|---|---|\n| `dist/a.js` | 1,000 | It is there. |\n| a worker loads | 10 |  |\n| `gone.js` | 10 | Once. |\n",
  );
  assert.equal(budgets.length, 3);
  const measures = (a: number) =>
    new Map([
      ["dist/a.js", a],
      ["a worker loads", 10],
      ["dist/b.js", 1],
    ]);
  const always = [
    /^dist\/b\.js takes 1 bytes and has no budget/,
    /^a worker loads has a budget without a reason/,
    /^gone\.js has a budget and is not there/,
  ];
  const at = (a: number) => overruns(budgets, measures(a));
  for (const expected of always)
    assert.ok(
      at(1020).some((text) => expected.test(text)),
      String(expected),
    );
  assert.equal(at(1020).length, 3);
  assert.ok(at(1021).includes("dist/a.js takes 1021 bytes, 2.1 % more than its budget of 1000"));
});
