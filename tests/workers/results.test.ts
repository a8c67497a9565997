import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Lock, Process, Thread } from "allcores";
import { add, sleepFor } from "../fixtures/pool-tasks.js";

describe("results", () => {
  it("reach every join, however many threads end at once", async () => {
    const threads = Array.from({ length: 24 }, (_, n) => Thread.start(add, n, n));
    assert.deepEqual(
      await Promise.all(threads.map((thread) => thread.join())),
      threads.map((_, n) => 2 * n),
    );
  });

  it("are there for a join that comes after the end", async () => {
    const thread = Thread.start(add, 1, 2);
    while (thread.exitCode === undefined || thread.id !== undefined)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await thread.join(), 3);
    assert.equal(await thread.join(), 3);
  });

  it("tell the signal whichever way the death is noticed first", async () => {
    const processes = Array.from({ length: 4 }, () => Process.start(sleepFor, 60_000));
    const joins = processes.map((child) =>
      child.join().catch((error: unknown) => error as { code: string; signal: string; exitCode: number }),
    );
    for (const child of processes) process.kill(child.pid!, "SIGKILL");
    for (const error of await Promise.all(joins)) {
      assert.ok(typeof error === "object");
      assert.deepEqual([error.code, error.signal, error.exitCode], ["ERR_ALLCORES_WORKER_DIED", "SIGKILL", -9]);
    }
    const blocked = Process.start(sleepFor, 60_000);
    process.kill(blocked.pid!, "SIGKILL");
    assert.throws(() => blocked.joinSync(), { code: "ERR_ALLCORES_WORKER_DIED", signal: "SIGKILL", exitCode: -9 });
  });
});

describe("free", () => {
  it("ends a wait of the same worker with FreedError", async () => {
    const lock = new Lock();
    lock.acquireSync();
    const waiting = lock.acquire();
    lock.free();
    await assert.rejects(waiting, { code: "ERR_ALLCORES_FREED" });
    const other = new Lock();
    assert.throws(() => lock.acquireSync(), { code: "ERR_ALLCORES_FREED" });
    assert.ok(other.tryAcquire());
  });
});
