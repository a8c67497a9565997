import assert from "node:assert/strict";
import { test } from "node:test";
import { Barrier, ThreadPool } from "allcores";
import { ThreadHeap, threadHeap } from "../../src/memory/index.js";
import "../../src/parking/index.js";
import { handBack, meetAt, sizeOf } from "../fixtures/pool-tasks.js";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolDeathContract } from "./pool-death.contract.js";
import { poolJoinSyncContract } from "./pool-join-sync.contract.js";
import { poolLoadContract } from "./pool-load.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolNewsContract } from "./pool-news.contract.js";
import { poolPauseContract } from "./pool-pause.contract.js";
import { poolReadyContract } from "./pool-ready.contract.js";
import { poolRecycleContract } from "./pool-recycle.contract.js";
import { poolSlotContract } from "./pool-slot.contract.js";
import { poolTimeContract } from "./pool-time.contract.js";
import { poolWidthContract } from "./pool-width.contract.js";
import { poolWorkersContract } from "./pool-workers.contract.js";

const kind: PoolKind = { model: "thread", across: "threads", make: (options) => new ThreadPool(options) };
poolContract("ThreadPool", kind);
poolCallContract("ThreadPool", kind);
poolCallbacksContract("ThreadPool", kind);
poolLoadContract("ThreadPool", kind);
poolMapContract("ThreadPool", kind);
poolNewsContract("ThreadPool", kind);
poolPauseContract("ThreadPool", kind);
poolReadyContract("ThreadPool", kind);
poolRecycleContract("ThreadPool", kind);
poolSlotContract("ThreadPool", kind);
poolWidthContract("ThreadPool", kind);
poolWorkersContract("ThreadPool", kind);
poolTimeContract("ThreadPool", kind);
poolDeathContract("ThreadPool", kind);
poolJoinSyncContract("ThreadPool", { model: "thread", across: "threads", make: (options) => new ThreadPool(options) });

test("results that move and results that do not each reach their call", async () => {
  await using pool = new ThreadPool({ workers: 1 });
  const lengths = await Promise.all(
    Array.from({ length: 40 }, async (_, index) =>
      index % 2 === 0
        ? (await pool.submit(handBack, index, 1)).byteLength
        : await pool.submit(sizeOf, new Uint8Array(index)),
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

test("a pool takes the slots of the heap that are left, and others once there are", async () => {
  const { buffers, registry, self } = threadHeap();
  // This copy of the library has its slot before none is left: the sweep of the dead needs it.
  assert.ok(self > 0);
  const [beside, more] = [2, 4];
  // The pool of this test's file has had workers, whose slots come back as they end.
  const taken: number[] = [];
  while (registry.hasRoomFor(beside + 1)) taken.push(new ThreadHeap(buffers).self);
  assert.ok(taken.length > 900);
  await using pool = new ThreadPool({ workers: 1023 });
  const sizes = await Promise.all(Array.from({ length: 20 }, (_, size) => pool.submit(sizeOf, new Uint8Array(size))));
  assert.deepEqual(
    sizes,
    Array.from({ length: 20 }, (_, size) => size),
  );
  assert.ok(pool.stats().workers <= beside);
  const barrier = new Barrier(more);
  const meeting = Promise.all(Array.from({ length: more }, () => pool.submit(meetAt, barrier)));
  for (const worker of taken) registry.declareDead(worker);
  registry.reap(true);
  assert.deepEqual((await meeting).sort(), [0, 1, 2, 3]);
});
