import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { AutoPool, createPool, Event, Lock, Queue } from "allcores";
import { changeFolder, hold, note, slowly, squareSlowly } from "../fixtures/auto-tasks.js";
import { Gate } from "../fixtures/gate.js";
import { until } from "../fixtures/pool-processes.js";
import { hold as holdUntil, square, spinAt } from "../fixtures/pool-tasks.js";
import { timeLimit } from "../time-limit.js";
import { poolContract, type PoolKind } from "./pool.contract.js";
import { poolCallContract } from "./pool-call.contract.js";
import { poolCallbacksContract } from "./pool-callbacks.contract.js";
import { poolLoadContract } from "./pool-load.contract.js";
import { poolMapContract } from "./pool-map.contract.js";
import { poolPauseContract } from "./pool-pause.contract.js";
import { poolSlotContract } from "./pool-slot.contract.js";
import { poolTimeContract } from "./pool-time.contract.js";
import { poolWorkersContract } from "./pool-workers.contract.js";

// Its workers are threads until a task was seen to wait, or to need a process.
const kind: PoolKind = { model: "thread", across: "threads", isAuto: true, make: (options) => new AutoPool(options) };
poolContract("AutoPool", kind);
poolCallContract("AutoPool", kind);
poolCallbacksContract("AutoPool", kind);
poolLoadContract("AutoPool", kind);
poolMapContract("AutoPool", kind);
poolPauseContract("AutoPool", kind);
poolSlotContract("AutoPool", kind);
poolWorkersContract("AutoPool", kind);
poolTimeContract("AutoPool", kind);

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

describe("AutoPool", { timeout: timeLimit(300_000) }, () => {
  const pools: AutoPool[] = [];
  const make = (options?: ConstructorParameters<typeof AutoPool>[0]) => {
    const pool = new AutoPool(options);
    pools.push(pool);
    return pool;
  };
  after(async () => {
    for (const pool of pools) pool.terminate();
    await Promise.all(pools.map((pool) => pool.join()));
  });
  const choiceOf = (pool: AutoPool, name: string) => pool.choice.tasks.find(({ task }) => task === name)!;
  /** Waits until the pool has decided; the task waits until then, so that it is seen to. */
  const decided = (pool: AutoPool, name: string) => until(() => choiceOf(pool, name)?.model !== "undecided", 60_000);
  const assertModel = (pool: AutoPool, name: string, model: string) =>
    assert.equal(choiceOf(pool, name).model, model, choiceOf(pool, name).reason);
  /** What was noted, sorted. */
  const all = (noted: Queue<number>): number[] => {
    const found: number[] = [];
    for (let one = noted.tryGet(); one !== undefined; one = noted.tryGet()) found.push(one.value);
    return found.sort((a, b) => a - b);
  };

  test("a task that waits moves to this loop, in a map: each item once, in order", async () => {
    const pool = make({ workers: 2 });
    assert.equal(pool.choice.model, "undecided");
    const [noted, go] = [new Queue<number>(), new Event()];
    const items = count(300);
    const run = pool.map(slowly.partial(noted).partial(go), items).then();
    await until(() => pool.choice.tasks.length > 0, 60_000);
    await decided(pool, "slowly");
    assertModel(pool, "slowly", "async");
    // One at least stays in its thread, and as many as may be are under way here.
    await until(() => noted.size > 32, 60_000);
    assert.ok(noted.size <= 34, String(noted.size));
    go.set();
    assert.deepEqual(await run, items);
    assert.deepEqual(all(noted), items);
    assert.equal(pool.stats().completed, 300);
    assert.match(pool.choice.reason, /it waits/);
    assert.equal(pool.choice.workers, 32);
  });

  test("so do calls that wait for the thread, and the pool closes meanwhile", async () => {
    const pool = make({ workers: 2 });
    const [noted, go] = [new Queue<number>(), new Event()];
    const futures = count(300).map((n) => pool.submit(slowly, noted, go, n));
    pool.close();
    assert.throws(() => pool.submit(slowly, noted, go, 1), { code: "ERR_ALLCORES_STATE" });
    await decided(pool, "slowly");
    assertModel(pool, "slowly", "async");
    go.set();
    await pool.join();
    assert.deepEqual(await Promise.all(futures), count(300));
    assert.deepEqual(all(noted), count(300));
    const { submitted, completed, running, queued } = pool.stats();
    assert.deepEqual(
      { submitted, completed, running, queued },
      { submitted: 300, completed: 300, running: 0, queued: 0 },
    );
  });

  test("a task that computes gets threads", async () => {
    const pool = make({ workers: 2 });
    assert.equal((await pool.map(squareSlowly, count(70)))[7], 49);
    assertModel(pool, "squareSlowly", "thread");
    assert.match(pool.choice.reason, /does not leave its event loop/);
  });

  test("a task that blocks in a call gets threads too, and never this loop", async () => {
    const pool = make({ workers: 2 });
    await pool.map(hold, count(70));
    assertModel(pool, "hold", "thread");
  });

  test("each task has a choice of its own", async () => {
    const pool = make({ workers: 2 });
    const [noted, go] = [new Queue<number>(), new Event()];
    const run = pool.map(slowly.partial(noted).partial(go), count(100)).then();
    await until(() => pool.choice.tasks.length > 0, 60_000);
    await decided(pool, "slowly");
    await pool.map(squareSlowly, count(70));
    go.set();
    await run;
    assertModel(pool, "slowly", "async");
    assertModel(pool, "squareSlowly", "thread");
  });

  test("what a thread cannot do goes to processes from the next call on; what cannot cross to one does not", async () => {
    const pool = make({ workers: 1 });
    await assert.rejects(pool.submit(changeFolder, "/"), { code: "ERR_WORKER_UNSUPPORTED_OPERATION" });
    assert.equal(await pool.submit(changeFolder, "/"), "/");
    assert.equal(pool.choice.model, "process");
    await assert.rejects(pool.submit(changeFolder, "/", new Lock()), { code: "ERR_WORKER_UNSUPPORTED_OPERATION" });
    const choice = pool.choice.tasks.find(({ task }) => task === "changeFolder");
    assert.equal(choice?.model, "thread");
    assert.match(choice?.excluded.find(({ model }) => model === "process")?.reason ?? "", /Lock/);
  });

  test("calls that wait for each other have all threads, though none has ended", async () => {
    const pool = make({ workers: 3 });
    using gate = new Gate();
    const held = count(3).map((n) => pool.submit(holdUntil, gate.path, n));
    for (const _ of held) await gate.next();
    gate.open();
    assert.deepEqual(await Promise.all(held), [0, 1, 2]);
  });

  test("options that are for workers keep tasks that wait off this loop", async () => {
    const pool = make({ workers: 1, maxTasksPerWorker: 1000 });
    const go = new Event();
    const futures = count(40).map((n) => pool.submit(note, go, n));
    await decided(pool, "note");
    go.set();
    assert.deepEqual(await Promise.all(futures), count(40));
    assertModel(pool, "note", "thread");
    assert.match(pool.choice.reason, /maxTasksPerWorker is for workers/);
  });

  test("a call that runs ends where it is, and can be cancelled there; one that moved can be too", async () => {
    const pool = make({ workers: 1 });
    const [noted, go] = [new Queue<number>(), new Event()];
    const futures = count(200).map((n) => pool.submit(slowly, noted, go, n));
    await decided(pool, "slowly");
    assertModel(pool, "slowly", "async");
    // The first one is in its thread, the last one waits here.
    for (const future of [futures[0]!, futures[199]!]) {
      assert.equal(future.cancel(new Error("not any more")), true);
      await assert.rejects(Promise.resolve(future), { message: "not any more" });
    }
    go.set();
    assert.deepEqual(await Promise.all(futures.slice(1, 199)), count(199).slice(1));
    using gate = new Gate();
    const spinning = pool.submit(spinAt, gate.path);
    await gate.next();
    assert.equal(spinning.cancel(), true);
    await assert.rejects(spinning);
    assert.equal(await pool.submit(square, 3), 9);
  });

  test("pause and start hold for tasks on this loop and in threads", async () => {
    const pool = make({ workers: 1 });
    const [noted, go] = [new Queue<number>(), new Event()];
    const first = pool.submit(slowly, noted, go, 0);
    await decided(pool, "slowly");
    assertModel(pool, "slowly", "async");
    go.set();
    await first;
    pool.pause();
    const futures = [pool.submit(slowly, noted, go, 1), pool.submit(square, 2)];
    assert.deepEqual(
      futures.map(({ state }) => state),
      ["pending", "pending"],
    );
    assert.equal(pool.stats().queued, 2);
    pool.start();
    assert.deepEqual(await Promise.all(futures), [1, 4]);
    await pool.waitForIdle();
  });

  test("createPool makes it, and makes it unless told otherwise", async () => {
    for (const pool of [createPool("auto", { workers: 2 }), createPool(undefined, { workers: 2 })]) {
      assert.ok(pool instanceof AutoPool);
      assert.equal(pool.workers, 2);
      assert.equal(pool.choice.model, "undecided");
      assert.equal(await pool.submit(square, 5), 25);
      pool.close();
      await pool.join();
    }
  });
});
