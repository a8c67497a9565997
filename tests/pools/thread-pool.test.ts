import assert from "node:assert/strict";
import { test } from "node:test";
import { ThreadPool } from "allcores";
import { handBack, sizeOf } from "../fixtures/pool-tasks.js";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolDeathContract } from "./pool-death.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolTimeContract } from "./pool-time.contract.js";
import { poolWorkersContract } from "./pool-workers.contract.js";

const kind: PoolKind = { model: "thread", across: "threads", make: (options) => new ThreadPool(options) };
poolContract("ThreadPool", kind);
poolCallContract("ThreadPool", kind);
poolCallbacksContract("ThreadPool", kind);
poolMapContract("ThreadPool", kind);
poolWorkersContract("ThreadPool", kind);
poolTimeContract("ThreadPool", kind);
poolDeathContract("ThreadPool", kind);

test("results that move and results that do not each reach their call", async () => {
  await using pool = new ThreadPool({ workers: 1 });
  const lengths = await Promise.all(
    Array.from({ length: 40 }, async (_, index) =>
      index % 2 === 0 ? (await pool.submit(handBack, index, 1)).byteLength : await pool.submit(sizeOf, new Uint8Array(index)),
    ),
  );
  assert.deepEqual(
    lengths,
    Array.from({ length: 40 }, (_, index) => index),
  );
});

test("a result that cannot be posted fails alone, between others that can", async () => {
  await using pool = new ThreadPool({ workers: 1 });
  const [before, broken, after, plain] = await Promise.allSettled([
    pool.submit(handBack, 10, 1),
    pool.submit(handBack, 20, 2),
    pool.submit(handBack, 30, 1),
    pool.submit(sizeOf, new Uint8Array(40)),
  ]);
  assert.equal(before.status === "fulfilled" && before.value.byteLength, 10);
  assert.equal(broken.status === "rejected" && (broken.reason as Error).name, "DataCloneError");
  assert.equal(after.status === "fulfilled" && after.value.byteLength, 30);
  assert.equal(plain.status === "fulfilled" && plain.value, 40);
});
