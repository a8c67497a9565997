/** What operations do to shared memory, as `npm run bench -- cores` counts it: exact, and the same each time. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { CountedRow } from "../../bench/cores/counts.js";

const program = join(resolve(import.meta.dirname, "../../.."), "build/bench/cores/counts.js");

function countWith(workers: number): Map<string, CountedRow> {
  const args = ["--conditions=allcores-explored", program, String(workers)];
  const rows = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as CountedRow[];
  return new Map(rows.map((row) => [row.operation, row]));
}

const few = countWith(8);
const many = countWith(16);

test("the counts are the same each time", () => {
  assert.deepEqual(countWith(8), few);
});

test("an operation that nobody disputes does not grow with the number of workers", () => {
  const alone = [...few.values()].filter(({ operation }) => /alone|by turns/.test(operation));
  assert.equal(alone.length, 8);
  for (const row of alone) assert.deepEqual({ ...many.get(row.operation), workers: 8 }, row);
});

test("a Lock alone is two atomic operations, without a mutex and without the kernel", () => {
  const { operations, mutexes, sleeps, wakes, moves } = few.get("lock, alone")!;
  assert.deepEqual(
    { operations, mutexes, sleeps, wakes, moves },
    { operations: 2, mutexes: 0, sleeps: 0, wakes: 0, moves: 0 },
  );
});

test("a hand-over is one sleep and one wake-up, however many wait", () => {
  const woken = [...many.values()].filter(({ operation }) => operation.includes("woken"));
  assert.equal(woken.length, 6);
  for (const { operation, sleeps, wakes } of woken) assert.deepEqual([operation, sleeps, wakes], [operation, 1, 1]);
});

// Of the semaphore five are a look for the dead, which its first try in vain makes.
for (const [primitive, most] of [
  ["lock, woken", 8],
  ["queue, woken by a put", 8],
  ["semaphore, woken", 13],
] as const) {
  test(`${primitive}: each further worker costs at most ${most} operations`, () => {
    for (const where of ["elsewhere", "there"]) {
      const operation = `${primitive}, the others sleep ${where}`;
      const growth = (many.get(operation)!.operations - few.get(operation)!.operations) / 8;
      assert.ok(growth > 0 && growth <= most, `${operation}: ${growth}`);
    }
  });
}
