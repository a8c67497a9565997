import assert from "node:assert/strict";
import { test } from "node:test";
import { createPool, type Pool } from "allcores";
import { createPool as createPoolOfSources } from "../../src/pools/create-pool.js";
import { registerPool } from "../../src/pools/pool-models.js";

test("a class of a higher layer registers its word, and createPool makes it by that", () => {
  const made: unknown[] = [];
  const pool = {} as Pool;
  registerPool("balloon", (options) => {
    made.push(options);
    return pool;
  });
  const options = { workers: 3 };
  assert.equal(createPoolOfSources("balloon" as "async", options), pool);
  assert.deepEqual(made, [options]);
});

test("words that no class has registered are refused, with those that are known", async () => {
  for (const word of ["fibre", "", null, 5])
    assert.throws(() => createPool(word as "async"), {
      code: "ERR_ALLCORES_ARGUMENT_TYPE",
      message: /"async".*"process".*"thread"/,
    });
  assert.throws(() => createPool("remote", { queue: "q" } as never), {
    code: "ERR_ALLCORES_ARGUMENT_TYPE",
    message: /options\.connection/,
  });
  for (const word of ["async", "thread", "process", "auto"] as const) {
    await using pool = createPool(word, { workers: 1 });
    assert.equal(pool.workers, 1);
  }
});
