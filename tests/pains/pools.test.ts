/**
 * The pains of Python's pools, by their numbers: what hangs, is lost or is swallowed there ends here, and ends well.
 * Pools of threads where nothing has to be killed from outside.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Pool, ProcessPool, Queue, ThreadPool } from "allcores";
import { isRunning, until } from "../fixtures/pool-processes.js";
import * as tasks from "../fixtures/pain-tasks.js";
import { timeLimit } from "../time-limit.js";

const across = "processes";
const numbers = (to: number) => Array.from({ length: to }, (_, index) => index);

describe("pains of pools", { concurrency: 2, timeout: timeLimit(60_000) }, () => {
  test("pain 2: a pool whose worker dies fails that task, and replaces the worker", async () => {
    await using pool = new ProcessPool({ workers: 2 });
    const started = new Queue<number>({ across });
    const spinning = pool.submit(tasks.spin, started);
    const pid = await started.get();
    process.kill(pid, "SIGKILL");
    await assert.rejects(spinning, { code: "ERR_ALLCORES_WORKER_DIED", signal: "SIGKILL" });
    assert.deepEqual(await pool.map(tasks.echo, numbers(50)), numbers(50));
    assert.equal(isRunning(pid), false);
  });

  test("pain 3: a death costs the running task alone, and a retry not even that", async () => {
    await using pool = new ProcessPool({ workers: 2 });
    const others = numbers(100).map((n) => pool.submit(tasks.echo, n));
    const started = new Queue<number>({ across });
    const spinning = pool.submit(tasks.spin, started);
    const retried = pool.with({ retries: 3 }).submit(tasks.dieUntil, 3);
    process.kill(await started.get(), "SIGKILL");
    await assert.rejects(spinning, { code: "ERR_ALLCORES_WORKER_DIED" });
    assert.equal(await retried, 3);
    assert.deepEqual(await Promise.all(others), numbers(100));
  });

  test("pain 9: an error that cannot be built again, or holds what cannot travel, still arrives", async () => {
    await using pool = new ProcessPool({ workers: 1 });
    await assert.rejects(pool.submit(tasks.failOddly), (error: Error & { sum?: number }) => {
      assert.deepEqual([error.name, error.message, error.sum], ["NeedsThree", "1 and 2 and 3", 6]);
      assert.match(error.stack ?? "", /pain-tasks/);
      return true;
    });
    await assert.rejects(pool.submit(tasks.failWithSocket), /holds what cannot travel/);
    await assert.rejects(pool.submit(tasks.exit, 3), { code: "ERR_ALLCORES_WORKER_DIED", exitCode: 3 });
    assert.equal(await pool.submit(tasks.echo, "still here"), "still here");
  });

  test("pain 10: an initializer that fails fails the pool, once, with its error", async () => {
    for (const Pool of [ThreadPool, ProcessPool]) {
      const pool = new Pool({ workers: 2, initializer: tasks.failToPrepare });
      const failed = (error: Error) => {
        assert.equal((error as { code?: string }).code, "ERR_ALLCORES_INITIALIZER");
        assert.equal((error.cause as Error).message, "no database");
        return true;
      };
      await assert.rejects(pool.submit(tasks.echo, 1), failed);
      assert.throws(() => pool.submit(tasks.echo, 2), failed);
      pool.terminate();
      await pool.join();
    }
  });

  test("pain 11: maxTasksPerWorker never stops the pool", async () => {
    for (const Pool of [ThreadPool, ProcessPool]) {
      await using pool = new Pool({ workers: 2, maxTasksPerWorker: 2 });
      assert.deepEqual(await Promise.all(numbers(9).map((n) => pool.submit(tasks.echo, n))), numbers(9));
    }
  });

  test("pain 12: submitting from a task's end, from many places and while the pool closes never stops it", async () => {
    for (const Pool of [ThreadPool, ProcessPool]) {
      const pool: Pool = new Pool({ workers: 2 });
      const chains = numbers(20).map(async (n) => {
        let value = n;
        for (let step = 0; step < 20; step++) value = (await pool.submit(tasks.echo, value + 1)) as number;
        return value;
      });
      assert.deepEqual(
        await Promise.all(chains),
        numbers(20).map((n) => n + 20),
      );
      const last = numbers(50).map((n) => pool.submit(tasks.echo, n));
      pool.close();
      assert.throws(() => pool.submit(tasks.echo, 0), { code: "ERR_ALLCORES_STATE" });
      assert.deepEqual(await Promise.all(last), numbers(50));
      await pool.join();
    }
  });

  test("pain 14: a closure is refused at the call, and the way out is named", async () => {
    await using pool = new ThreadPool({ workers: 1 });
    assert.throws(() => pool.submit(((n: number) => n + 1) as unknown as typeof tasks.echo, 1), {
      code: "ERR_ALLCORES_NOT_A_TASK",
      message: /task\(import\.meta/,
    });
    assert.throws(() => pool.submit(tasks.echo, { deep: [() => 1] }), {
      code: "ERR_ALLCORES_UNSENDABLE",
      message: /args\[0\]\.deep\[0\]/,
    });
  });

  test("pain 15: workers are warm: the second round of work starts no worker", async () => {
    await using pool = new ProcessPool({ workers: 1 });
    const first = await pool.submit(tasks.identify);
    for (const _ of numbers(20)) assert.equal(await pool.submit(tasks.identify), first);
  });

  test("pain 16: a running task can be cancelled, kindly or by force, and only that one", async () => {
    for (const [Pool, reach] of [
      [ThreadPool, "threads"],
      [ProcessPool, "processes"],
    ] as const) {
      await using pool = new Pool({ workers: 2, killGrace: 50 });
      const started = new Queue<number>({ across: reach });
      const kind = pool.submit(tasks.computeUntilCancelled, started);
      await started.get();
      assert.equal(kind.cancel(), true);
      await assert.rejects(kind, { code: "ERR_ALLCORES_CANCELLED" });
      const deaf = pool.submit(tasks.spin, started);
      await started.get();
      const other = pool.submit(tasks.echo, "not me");
      assert.equal(deaf.cancel(), true);
      await assert.rejects(deaf, { code: "ERR_ALLCORES_CANCELLED" });
      assert.equal(await other, "not me");
      assert.equal(await pool.submit(tasks.echo, "nor me"), "nor me");
    }
  });

  test("pain 17: progress arrives while the task runs, in order, before its result", async () => {
    await using pool = new ThreadPool({ workers: 1 });
    const seen: unknown[] = [];
    const future = pool.submit(tasks.count, 20);
    future.onProgress((done) => seen.push(done));
    assert.equal(await future, 20);
    assert.deepEqual(
      seen,
      numbers(20).map((n) => n + 1),
    );
  });

  test("pain 18: map takes from its input only as much as its results are taken", async () => {
    await using pool = new ThreadPool({ workers: 2 });
    let pulled = 0;
    function* endless() {
      for (;;) yield pulled++;
    }
    const seen: unknown[] = [];
    for await (const value of pool.map(tasks.echo, endless(), { buffer: 8, chunkSize: 1 })) {
      seen.push(value);
      if (seen.length === 5) break;
    }
    assert.deepEqual(seen, numbers(5));
    assert.ok(pulled <= 5 + 8 + 1, `pulled ${pulled}`);
  });

  test("pain 19: without a chunk size, small items travel many at a time", async () => {
    await using pool = new ThreadPool({ workers: 2 });
    const items = numbers(20_000);
    assert.deepEqual(await pool.map(tasks.echo, items), items);
    const { count } = pool.stats().run;
    assert.ok(count < items.length / 4, `${count} pieces of work for ${items.length} items`);
  });

  test("pain 28: a task that waits for its own full pool is told so", async () => {
    for (const Pool of [ThreadPool, ProcessPool]) {
      await using pool = new Pool({ workers: 2 });
      assert.equal(await pool.submit(tasks.nest, pool.handle(), 1), 1);
      await assert.rejects(pool.submit(tasks.nest, pool.handle(), 5), { code: "ERR_ALLCORES_DEADLOCK" });
      assert.equal(await pool.submit(tasks.echo, "goes on"), "goes on");
    }
  });
});

test("what until() waits for in these tests can fail", () => assert.rejects(until(() => false, 10)));
