/** Threads and processes that are started ahead of their handles. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { activeWorkers, Event, Lock, Process, task, Thread, transfer } from "allcores";
import { isRunning, until } from "../fixtures/pool-processes.js";
import { keepsOne, whatItHas } from "../fixtures/spare-tasks.js";
import { add, echo, exit, fail, waitFor } from "../fixtures/worker-tasks.js";
import { timeLimit } from "../time-limit.js";
import { runProgram } from "./programs.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The processes that this one has started and that run. */
function children(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, "latin1");
        return Number(text.slice(text.lastIndexOf(")") + 4).split(" ")[0]) === process.pid && isRunning(pid);
      } catch {
        return false;
      }
    });
}

/** Node counts threads: one that is started now has this number. */
function nextThread(): number {
  const worker = new Worker("", { eval: true });
  worker.unref();
  return worker.threadId;
}

for (const Kind of [Thread, Process] as const) {
  const model = Kind === Thread ? "thread" : "process";
  const across = Kind === Thread ? "threads" : "processes";
  after(() => Kind.spare(0));

  /** Runs `start`, and tells whether the worker that it gives was there before. */
  const wasThere = (start: () => Thread | Process): boolean => {
    const before = Kind === Thread ? nextThread() : children();
    const worker = start();
    return typeof before === "number" ? (worker as Thread).id! < before : before.includes((worker as Process).pid!);
  };

  describe(`${Kind.name}.spare`, { timeout: timeLimit(60_000) }, () => {
    test("a start takes one, and another comes in its place", async () => {
      Kind.spare(1);
      let worker: Thread | Process | undefined;
      assert.equal(
        wasThere(() => (worker = Kind.start(add, 1, 2) as Thread)),
        true,
      );
      // Nothing is left in this turn of the loop.
      assert.equal(
        wasThere(() => Kind.start(add, 3, 4) as Thread),
        false,
      );
      assert.equal(await worker!.join(), 3);
      await turn();
      let blocking: Thread | Process | undefined;
      assert.equal(
        wasThere(() => (blocking = Kind.start(add, 5, 6) as Thread)),
        true,
      );
      assert.equal(blocking!.joinSync(), 11);
    });

    test("it is what its handle says, and not active before", async () => {
      await until(() => activeWorkers().length === 0);
      Kind.spare(2);
      assert.deepEqual(activeWorkers(), []);
      const worker = new Kind(whatItHas, { args: ["HOME"], name: "Renamed" });
      assert.equal(
        wasThere(() => worker.start() as Thread),
        true,
      );
      assert.deepEqual(
        activeWorkers().map(({ name }) => name),
        ["Renamed"],
      );
      const { name, ...rest } = await worker.join();
      assert.deepEqual([name, rest.model], ["Renamed", model]);
      await until(() => worker.exitCode === 0 && !worker.isAlive);
    });

    test("it shares objects, and gives values and errors, as any other", async () => {
      Kind.spare(2);
      const lock = new Lock({ across });
      const held = lock.acquireSync();
      assert.ok((await Kind.start(echo, lock).join()) instanceof Lock);
      held[Symbol.dispose]();
      const bytes = new Uint8Array([1, 2, 3]);
      await turn();
      assert.deepEqual(await Kind.start(echo, transfer(bytes.buffer)).join(), new Uint8Array([1, 2, 3]).buffer);
      await turn();
      await assert.rejects(Kind.start(fail).join());
      await turn();
      const ended = Kind.start(exit, 3);
      await assert.rejects(ended.join(), { code: "ERR_ALLCORES_WORKER_DIED" });
      assert.equal(ended.exitCode, 3);
      await turn();
      for (const verb of ["terminate", "kill"] as const) {
        const event = new Event({ across });
        const worker = Kind.start(waitFor, event);
        worker[verb]();
        await assert.rejects(worker.join(), { code: "ERR_ALLCORES_WORKER_DIED" });
        await turn();
      }
    });

    test("a start under another environment, or with other arguments, has a fresh one", async () => {
      Kind.spare(1);
      const has = async () => await started!.join();
      let started: Thread | Process | undefined;
      const start = () => (started = Kind.start(whatItHas, "ALLCORES_TEST_SPARE") as Thread);
      process.env.ALLCORES_TEST_SPARE = "set";
      try {
        assert.equal(wasThere(start), false);
        assert.equal(((await has()) as { variable: string }).variable, "set");
        // The spare one has been replaced by then.
        assert.equal(wasThere(start), true);
        assert.equal(((await has()) as { variable: string }).variable, "set");
      } finally {
        delete process.env.ALLCORES_TEST_SPARE;
      }
      await turn();
      const argv = [...process.argv];
      process.argv.push("more");
      try {
        assert.equal(wasThere(start), false);
        assert.deepEqual(((await has()) as { words: string[] }).words.at(-1), "more");
      } finally {
        process.argv.splice(0, process.argv.length, ...argv);
      }
      if (Kind === Process) {
        await turn();
        const folder = process.cwd();
        process.chdir("/");
        try {
          assert.equal(wasThere(start), false);
          assert.equal(((await has()) as { folder: string }).folder, "/");
        } finally {
          process.chdir(folder);
        }
      }
    });

    test("an environment that is changed for one start leaves the spare ones as they are", async () => {
      Kind.spare(1);
      await turn();
      process.env.ALLCORES_TEST_SPARE = "set";
      const fresh = wasThere(() => Kind.start(add, 1, 2) as Thread);
      delete process.env.ALLCORES_TEST_SPARE;
      assert.deepEqual([fresh, wasThere(() => Kind.start(add, 1, 2) as Thread)], [false, true]);
    });

    test("refuses what is no count, and goes on as before", () => {
      Kind.spare(1);
      for (const count of ["1", undefined, null])
        assert.throws(() => Kind.spare(count as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      for (const count of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9])
        assert.throws(() => Kind.spare(count), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
      assert.equal(
        wasThere(() => Kind.start(add, 1, 2) as Thread),
        true,
      );
    });

    test("spare(0) ends them", async () => {
      Kind.spare(2);
      Kind.spare(0);
      await until(() => activeWorkers().length === 0);
      if (Kind === Process) await until(() => children().length === 0);
      assert.equal(
        wasThere(() => Kind.start(add, 1, 2) as Thread),
        false,
      );
    });

    test("a worker that keeps one ends, and it with the worker", async () => {
      Kind.spare(0);
      const worker = Kind.start(keepsOne, model);
      await worker.join();
      await worker[Symbol.asyncDispose]();
      assert.equal(worker.exitCode, 0);
    });

    test("a program that keeps some ends, and prints nothing of them", async () => {
      const { code, output, errors } = await runProgram("life", "spare workers", model);
      assert.deepEqual({ code, output, errors }, { code: 0, output: "3\nmain ends\n", errors: "" });
    });
  });
}

describe("a spare process", { timeout: timeLimit(60_000) }, () => {
  test("that was killed is not used, and is replaced", async () => {
    Process.spare(0);
    await until(() => children().length === 0);
    Process.spare(1);
    const [pid] = children();
    process.kill(pid!, "SIGKILL");
    await until(() => !isRunning(pid!));
    assert.equal(Process.start(add, 1, 2).joinSync(), 3);
    await until(() => children().some((other) => other !== pid));
    Process.spare(0);
  });

  test("outlives a signal to the group, as any child does", async () => {
    Process.spare(1);
    const worker = Process.start(waitFor, new Event({ across: "processes" }));
    await until(() => worker.worker !== undefined);
    process.kill(worker.pid!, "SIGINT");
    worker.terminate();
    await assert.rejects(worker.join(), { code: "ERR_ALLCORES_WORKER_DIED", signal: "SIGTERM" });
    Process.spare(0);
  });

  test("is not used for a task whose name takes more than a socket does at once", async () => {
    Process.spare(1);
    const started = children();
    const url = `data:text/javascript,${encodeURIComponent(`export default 1; /* ${"x".repeat(5000)} */`)}`;
    const long = Process.start(task(url, "nowhere", () => 1));
    assert.equal(started.includes(long.pid!), false);
    await assert.rejects(long.join());
    Process.spare(0);
  });
});
