/** Signals to a child: to the whole group they are its parent's business; a SIGTERM of `terminate()` is its own. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Event, Process, ProcessPool } from "allcores";
import { awaiting, blocking, computing, deaf, listening, pid as pidOf } from "../fixtures/signal-tasks.js";
import { startProgram } from "./programs.js";
import { timeLimit } from "../time-limit.js";

const tasks = { awaiting, blocking, computing, deaf, listening, pid: pidOf };
const across = "processes";
const died = { code: "ERR_ALLCORES_WORKER_DIED" };

describe("a signal that was sent to the whole group", { timeout: timeLimit(60_000) }, () => {
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const)
    for (const what of ["awaiting", "blocking", "computing"] as const)
      test(`${signal} does not cut off a process that is ${what} while its parent lives`, async () => {
        const begun = new Event({ across });
        const go = new Event({ across });
        const child = Process.start(tasks[what], begun, go);
        await begun.wait();
        for (let times = 0; times < 3; times++) process.kill(child.pid!, signal);
        go.set();
        assert.equal(await child.join(), "done");
        assert.equal(child.exitCode, 0);
      });

  test("does not cut off a pool's processes, idle or at work", async () => {
    await using pool = new ProcessPool({ workers: 1 });
    const pid = await pool.submit(tasks.pid);
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    const begun = new Event({ across });
    const go = new Event({ across });
    const work = pool.submit(tasks.awaiting, begun, go);
    await begun.wait();
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    go.set();
    assert.equal(await work, "done");
    assert.equal(await pool.submit(tasks.pid), pid);
  });

  for (const model of ["process", "pool"])
    test(`does not cut off a ${model === "pool" ? "pool's process" : model} that has not begun: it is started anew`, async () => {
      if (model === "pool") {
        await using pool = new ProcessPool({ workers: 1 });
        const work = pool.submit(tasks.pid);
        const [first] = pool.stats().perWorker;
        process.kill(first!.pid!, "SIGTERM");
        assert.notEqual(await work, first!.pid);
        assert.equal(pool.stats().died, 0);
      } else {
        for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
          const child = Process.start(tasks.pid);
          const { pid } = child;
          process.kill(pid!, signal);
          assert.notEqual(await child.join(), pid);
          assert.equal(child.exitCode, 0);
        }
      }
    });

  test("does not cut off one that has not begun while its parent blocks", () => {
    const child = Process.start(tasks.pid);
    const { pid } = child;
    process.kill(pid!, "SIGTERM");
    assert.notEqual(child.joinSync({ timeout: timeLimit(30_000) }), pid);
  });

  test("is for a task that listens for it", async () => {
    const begun = new Event({ across });
    const go = new Event({ across });
    const child = Process.start(tasks.listening, begun, go);
    await begun.wait();
    process.kill(child.pid!, "SIGTERM");
    go.set();
    assert.equal(await child.join(), "ended by SIGTERM");
  });

  test("terminated by it, a parent that does not listen takes its children along", async () => {
    const { child, says } = startProgram("group-signal");
    let output = "";
    child.stdout!.on("data", (text: string) => (output += text));
    await says("\n");
    child.kill("SIGTERM");
    const pid = Number(output);
    for (const end = Date.now() + timeLimit(10_000); ; await new Promise((resolve) => setTimeout(resolve, 5))) {
      try {
        process.kill(pid, 0);
      } catch {
        break;
      }
      assert.ok(Date.now() < end, "the child lives on");
    }
  });
});

describe("terminate() of a process", { timeout: timeLimit(60_000) }, () => {
  for (const what of ["awaiting", "blocking"] as const)
    test(`is SIGTERM, of which one that is ${what} dies`, async () => {
      const begun = new Event({ across });
      const child = new Process(tasks[what], {
        args: [begun, new Event({ across })],
        killGrace: Number.POSITIVE_INFINITY,
      }).start();
      await begun.wait();
      child.terminate();
      await assert.rejects(child.join(), { ...died, signal: "SIGTERM", exitCode: -15 });
      assert.equal(child.exitCode, -15);
    });

  test("before it has come to its task is SIGTERM too", async () => {
    const child = new Process(tasks.pid, { killGrace: Number.POSITIVE_INFINITY }).start();
    child.terminate();
    await assert.rejects(child.join(), { ...died, exitCode: -15 });
  });

  for (const what of ["computing", "deaf"] as const)
    test(`is SIGKILL after killGrace for one that is ${what}`, async () => {
      const begun = new Event({ across });
      const child = new Process(tasks[what], { args: [begun, new Event({ across })], killGrace: 50 }).start();
      await begun.wait();
      child.terminate();
      await assert.rejects(child.join(), { ...died, signal: "SIGKILL", exitCode: -9 });
    });

  test("is SIGKILL after killGrace though the parent blocks in joinSync", async () => {
    const begun = new Event({ across });
    const child = new Process(tasks.computing, { args: [begun, new Event({ across })], killGrace: 50 }).start();
    begun.waitSync();
    child.terminate();
    assert.throws(() => child.joinSync({ timeout: timeLimit(20_000) }), died);
  });

  test("leaves a task that listens its own way out", async () => {
    const begun = new Event({ across });
    const go = new Event({ across });
    const child = new Process(tasks.listening, { args: [begun, go], killGrace: Number.POSITIVE_INFINITY }).start();
    await begun.wait();
    child.terminate();
    go.set();
    assert.equal(await child.join(), "ended by SIGTERM");
  });

  test("killGrace is checked", () => {
    assert.throws(() => new Process(tasks.pid, { killGrace: -1 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    assert.throws(() => new Process(tasks.pid, { killGrace: "1" as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  });
});
