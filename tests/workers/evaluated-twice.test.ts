import assert from "node:assert/strict";
import { test } from "node:test";
import { AsyncPool, StateError, task } from "../../src/index.js";

test("a module with tasks that is evaluated twice loads without error, and both generations of the task work", async () => {
  const { url } = import.meta;
  const first = task({ url } as ImportMeta, function generation() {
    return 1;
  });
  const second = task({ url } as ImportMeta, function generation() {
    return 2;
  });
  await using pool = new AsyncPool();
  assert.deepEqual([await pool.submit(first), await pool.submit(second)], [1, 2]);
});

test("one evaluation of a module cannot register two tasks of one name", () => {
  task(import.meta, "twin", () => 1);
  assert.throws(() => task(import.meta, "twin", () => 2), StateError);
});
