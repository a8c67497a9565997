import assert from "node:assert/strict";
import { test } from "node:test";
import { AsyncPool } from "allcores";
import { FixedWindows } from "../../src/pools/fixed-windows.js";
import { Rate } from "../../src/pools/rate.js";

test("rate: { limit: 2 ** 31 } takes no memory for what has not begun", async () => {
  await using pool = new AsyncPool({ rate: { limit: 2 ** 31, interval: 1000 } });
  assert.equal(await pool.submit(() => 1), 1);
});

test("rate: at most so many begin in any interval, however many began before", () => {
  const rate = new Rate(40, 60_000);
  for (let begun = 0; begun < 40; begun++) {
    assert.equal(rate.wait(), 0);
    rate.take();
  }
  assert.ok(rate.wait() > 0 && rate.wait() <= 60_000);
  const forgetful = new Rate(1, 0);
  for (let begun = 0; begun < 100; begun++) {
    assert.equal(forgetful.wait(), 0);
    forgetful.take();
  }
});

/** A clock that a test sets. */
function clock() {
  const time = { now: 1000, read: () => time.now };
  return time;
}

test("fixed windows: the count starts anew with each, from the first task after the last one", () => {
  const time = clock();
  const windows = new FixedWindows(2, 100, false, time.read);
  assert.equal(windows.wait(0), 0);
  windows.take(0);
  time.now += 90;
  windows.take(1);
  assert.equal(windows.wait(2), 10);
  time.now += 10;
  // Twice as many around its turn, which a sliding rate does not let through.
  for (let begun = 0; begun < 2; begun++) {
    assert.equal(windows.wait(2), 0);
    windows.take(2);
  }
  assert.equal(windows.wait(4), 100);
  time.now += 1050;
  assert.equal(windows.wait(0), 0);
  windows.take(0);
  windows.take(1);
  assert.equal(windows.wait(2), 100);
});

test("fixed windows with carryOver: what still runs counts in the next", () => {
  const time = clock();
  const windows = new FixedWindows(2, 100, true, time.read);
  windows.take(0);
  windows.take(1);
  time.now += 100;
  // One has ended.
  assert.equal(windows.wait(1), 0);
  windows.take(1);
  assert.equal(windows.wait(2), 100);
  time.now += 100;
  assert.equal(windows.wait(2), 100);
  // What ends within a window makes no room in it.
  assert.equal(windows.wait(0), 100);
  time.now += 100;
  assert.equal(windows.wait(0), 0);
});

test("rate of fixed windows: a pool begins no more than so many in a window", async () => {
  const pool = new AsyncPool({ rate: { limit: 3, interval: 3_600_000, window: "fixed", carryOver: true } });
  const futures = Array.from({ length: 5 }, (_, n) => pool.submit(() => n));
  assert.deepEqual(await Promise.all(futures.slice(0, 3)), [0, 1, 2]);
  const { completed, queued } = pool.stats();
  assert.deepEqual({ completed, queued }, { completed: 3, queued: 2 });
  pool.terminate();
  await Promise.allSettled(futures);
  await pool.join();
});

test("rate: windows that make no sense are refused", () => {
  for (const [rate, message] of [
    [{ window: "tumbling" }, /"sliding" or "fixed"/],
    [{ window: "fixed", carryOver: 1 }, /carryOver must be true or false/],
    [{ carryOver: true }, /needs fixed windows/],
  ] as const)
    assert.throws(() => new AsyncPool({ rate: { limit: 1, interval: 1, ...(rate as object) } }), {
      code: "ERR_ALLCORES_ARGUMENT_TYPE",
      message,
    });
});
