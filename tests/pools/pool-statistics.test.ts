/** The numbers of `pool.stats()`, by durations and clocks that a test sets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Capacity } from "../../src/pools/capacity.js";
import { Histogram } from "../../src/pools/histogram.js";

test("durations: least, mean, standard deviation and greatest", () => {
  const durations = new Histogram();
  assert.deepEqual(durations.summary(), {
    count: 0,
    mean: 0,
    standardDeviation: 0,
    min: 0,
    max: 0,
    p50: 0,
    p90: 0,
    p99: 0,
  });
  for (const ms of [2, 4, 4, 4, 5, 5, 7, 9]) durations.add(ms);
  const { count, mean, standardDeviation, min, max } = durations.summary();
  assert.deepEqual({ count, min, max }, { count: 8, min: 2, max: 9 });
  assert.ok(Math.abs(mean - 5) < 1e-9, String(mean));
  assert.ok(Math.abs(standardDeviation - 2) < 1e-9, String(standardDeviation));
  assert.ok(Math.abs(durations.total - 40) < 1e-9, String(durations.total));
});

test("durations: a small deviation of many long ones is not lost", () => {
  const durations = new Histogram();
  for (let n = 0; n < 1_000_000; n++) durations.add(1e6 + (n % 2) / 100);
  assert.ok(
    Math.abs(durations.summary().standardDeviation - 0.005) < 1e-5,
    String(durations.summary().standardDeviation),
  );
});

test("utilization: the part of its places that a pool has used, whatever their number was meanwhile", () => {
  let now = 0;
  const capacity = new Capacity(2, () => now);
  assert.equal(capacity.utilization(0), 0);
  now = 100;
  assert.equal(capacity.utilization(50), 0.25);
  capacity.resize(4);
  now = 200;
  assert.equal(capacity.utilization(150), 150 / 600);
  // What runs beside the places.
  assert.equal(capacity.utilization(700), 1);
});
