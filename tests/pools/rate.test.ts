import assert from "node:assert/strict";
import { test } from "node:test";
import { AsyncPool } from "allcores";
import { Rate } from "../../src/pools/rate.js";

test("rate: { limit: 2 ** 31 } takes no memory for what has not begun", async () => {
  await using pool = new AsyncPool({ rate: { limit: 2 ** 31, interval: 1000 } });
  assert.equal(await pool.submit(() => 1), 1);
});

test("rate: at most so many begin in any interval, however many began before", () => {
  const rate = new Rate({ limit: 40, interval: 60_000 });
  for (let begun = 0; begun < 40; begun++) {
    assert.equal(rate.wait, 0);
    rate.take();
  }
  assert.ok(rate.wait > 0 && rate.wait <= 60_000);
  const forgetful = new Rate({ limit: 1, interval: 0 });
  for (let begun = 0; begun < 100; begun++) {
    assert.equal(forgetful.wait, 0);
    forgetful.take();
  }
});
