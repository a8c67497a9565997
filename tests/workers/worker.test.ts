/** Thread and Process: one contract. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import {
  activeWorkers,
  cpuCount,
  currentWorker,
  Event,
  isMain,
  Lock,
  Process,
  setUncaughtHook,
  type Task,
  Thread,
  TimeoutError,
  task,
} from "allcores";
import { collectGarbage } from "../fixtures/pool-processes.js";
import { registerLate } from "../fixtures/registers-late.js";
import { never } from "../fixtures/throws-while-loading.js";
import * as tasks from "../fixtures/worker-tasks.js";
import { timeLimit } from "../time-limit.js";
import { runProgram } from "./programs.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Handles that must not be collected. */
const kept = new Set<object>();
const late = registerLate();
const gone = task(new URL("file:///nowhere/at-all.js"), "gone", () => 1);

for (const model of ["thread", "process"] as const) {
  const Worker = (model === "thread" ? Thread : Process) as typeof Process;
  const across = model === "thread" ? "threads" : "processes";
  const died = { code: "ERR_ALLCORES_WORKER_DIED", name: "WorkerDiedError" };

  describe(Worker.name, { timeout: timeLimit(60_000) }, () => {
    test("gives the task's value, blocking and awaiting", async () => {
      assert.equal(await Worker.start(tasks.add, 1, 2).join(), 3);
      assert.equal(Worker.start(tasks.add, 40, 2).joinSync(), 42);
      assert.equal(await Worker.start(tasks.later, "later").join(), "later");
      assert.equal(Worker.start(tasks.later, "later").joinSync(), "later");
      assert.equal(await Worker.start(tasks.add.partial(1), 5).join(), 6);
    });

    test("undefined and null are values, and structures arrive whole", async () => {
      assert.equal(await Worker.start(tasks.nothing).join(), undefined);
      assert.equal(await Worker.start(tasks.echo, null).join(), null);
      const value = { map: new Map([["a", [1n, undefined, null]]]), date: new Date(5), bytes: new Uint8Array([1, 2]) };
      assert.deepEqual(await Worker.start(tasks.echo, value).join(), value);
    });

    test("an error arrives as it was", async () => {
      const worker = Worker.start(tasks.fail);
      const error = (await worker.join().catch((error) => error)) as RangeError & { limit: number; detail: object };
      assert.ok(error instanceof RangeError);
      assert.deepEqual(
        [error.name, error.message, error.limit, error.detail],
        ["RangeError", "too much", 7, { unit: "ms" }],
      );
      assert.ok(error.cause instanceof TypeError && error.cause.message === "because");
      assert.match(error.stack ?? "", /worker-tasks/);
      assert.equal(worker.exitCode, 1);
      assert.throws(() => Worker.start(tasks.fail).joinSync(), RangeError);
    });

    test("anything may be thrown", async () => {
      for (const value of ["text", 5, null, { a: 1 }]) {
        const thrown = await Worker.start(tasks.failWith, value)
          .join()
          .catch((error) => ({ thrown: error }));
        assert.deepEqual(thrown, { thrown: value });
      }
    });

    test("an error outside the task's own promise ends it with that error", async () => {
      await assert.rejects(Worker.start(tasks.failLater).join(), { message: "from a timer" });
    });

    test("a result that cannot be sent is an error that names its path", async () => {
      await assert.rejects(Worker.start(tasks.unsendableResult).join(), {
        code: "ERR_ALLCORES_UNSENDABLE",
        path: "result.inner[0]",
      });
    });

    test("join may be called again, by both kinds of callers", async () => {
      const worker = Worker.start(tasks.add, 1, 1);
      assert.deepEqual(await Promise.all([worker.join(), worker.join()]), [2, 2]);
      assert.equal(worker.joinSync(), 2);
      const failing = Worker.start(tasks.fail);
      const first = await failing.join().catch((error) => error);
      assert.equal(await failing.join().catch((error) => error), first);
    });

    test("exitCode: undefined before, 0, 1, n", async () => {
      const worker = new Worker(tasks.add, { args: [1, 2] });
      assert.equal(worker.exitCode, undefined);
      await worker.start().join();
      assert.equal(worker.exitCode, 0);
      for (const code of [3, 0]) {
        const exiting = Worker.start(tasks.exit, code);
        await assert.rejects(exiting.join(), { ...died, exitCode: code });
        assert.equal(exiting.exitCode, code);
      }
    });

    test("terminate and kill end an endless loop, which join reports", async () => {
      for (const end of ["terminate", "kill"] as const) {
        const started = new Event({ across });
        const worker = Worker.start(tasks.spin, started);
        await started.wait();
        assert.equal(worker.isAlive, true);
        worker[end]();
        await assert.rejects(worker.join(), died);
        assert.equal(worker.isAlive, false);
      }
    });

    test("joinSync notices a death although this loop stands still", async () => {
      const started = new Event({ across });
      const worker = Worker.start(tasks.spin, started);
      started.waitSync();
      worker.kill();
      assert.throws(() => worker.joinSync({ timeout: timeLimit(5000) }), died);
    });

    test("join and joinSync run out without ending it", async () => {
      const event = new Event({ across });
      const worker = Worker.start(tasks.waitFor, event);
      await assert.rejects(worker.join({ timeout: 5 }), { code: "ERR_ALLCORES_TIMEOUT" });
      await assert.rejects(worker.join({ timeout: 0 }), { code: "ERR_ALLCORES_TIMEOUT" });
      assert.throws(() => worker.joinSync({ timeout: 5 }), { code: "ERR_ALLCORES_TIMEOUT" });
      await assert.rejects(worker.join({ signal: AbortSignal.abort(new Error("enough")) }), { message: "enough" });
      await assert.rejects(worker.join({ timeout: -1 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
      assert.equal(worker.isAlive, true);
      event.set();
      assert.equal(await worker.join(), "woken");
    });

    test("misuse of its life is told", async () => {
      const worker = new Worker(tasks.add, { args: [1, 2] });
      const state = { code: "ERR_ALLCORES_STATE" };
      await assert.rejects(worker.join(), state);
      assert.throws(() => worker.joinSync(), state);
      assert.throws(() => worker.terminate(), state);
      assert.equal(worker.isAlive, false);
      worker.start();
      assert.throws(() => worker.start(), state);
      assert.equal(await worker.join(), 3);
      assert.throws(() => worker.start(), state);
    });

    test("what is no task is refused, with what to write", () => {
      function plain() {}
      const notATask = { code: "ERR_ALLCORES_NOT_A_TASK" };
      assert.throws(() => new Worker(plain as unknown as Task), {
        ...notATask,
        message: /task\(import\.meta, function plain/,
      });
      assert.throws(() => new Worker((() => 1) as unknown as Task), notATask);
      assert.throws(() => new Worker("add" as unknown as Task), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      assert.throws(() => new Worker(tasks.add, { args: 5 as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      assert.throws(() => new Worker(tasks.add, { args: [1, 2], name: "" }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    });

    test("an argument that cannot be sent is refused at the start, with its path", async () => {
      const worker = new Worker(tasks.echo, { args: [{ list: [1, () => 1] }] });
      assert.throws(() => worker.start(), { code: "ERR_ALLCORES_UNSENDABLE", path: "args[0].list[1]" });
      assert.equal(worker.isAlive, false);
    });

    test("a module that throws while loading, and a task that is not there, are told", async () => {
      const error = await Worker.start(never)
        .join()
        .catch((error) => error);
      assert.deepEqual([error.code, error.cause.message], ["ERR_ALLCORES_TASK_LOAD", "this module does not load here"]);
      await assert.rejects(Worker.start(late).join(), { code: "ERR_ALLCORES_TASK_NOT_FOUND", message: /late/ });
      await assert.rejects(Worker.start(gone).join(), { code: "ERR_ALLCORES_TASK_LOAD" });
    });

    test("it has a name, and knows itself", async () => {
      const worker = new Worker(tasks.describeSelf, { name: "Ada" }).start();
      const self = await worker.join();
      assert.deepEqual(
        { name: self.name, model: self.model, isMain: self.isMain, others: self.others },
        { name: "Ada", model, isMain: false, others: 0 },
      );
      assert.equal(self.pid === process.pid, model === "thread");
      const [one, two] = [new Worker(tasks.nothing), new Worker(tasks.nothing)];
      const number = (name: string) => Number(new RegExp(`^${Worker.name}-(\\d+)$`).exec(name)?.[1]);
      assert.equal(number(two.name), number(one.name) + 1);
    });

    test("activeWorkers lists it while it runs", async () => {
      const event = new Event({ across });
      const worker = new Worker(tasks.waitForAwaiting, { args: [event], name: "listed", daemon: true }).start();
      const listed = () => activeWorkers().filter(({ name }) => name === "listed");
      assert.deepEqual(
        listed().map(({ daemon, model }) => ({ daemon, model })),
        [{ daemon: true, model }],
      );
      event.set();
      await worker.join();
      assert.deepEqual(listed(), []);
    });

    test("await using waits for its end, and throws what nobody joined for", async () => {
      const event = new Event({ across });
      let worker: Thread | Process | undefined;
      {
        await using inner = Worker.start(tasks.waitForAwaiting, event);
        worker = inner;
        event.set();
      }
      assert.equal(worker.isAlive, false);
      await assert.rejects(async () => {
        await using _ = Worker.start(tasks.fail);
      }, RangeError);
    });

    test("errors without an owner: one that nobody joins for is told to the hook when the handle is collected, once; until then a join gets it, and nobody is told", async () => {
      const told: unknown[] = [];
      const before = setUncaughtHook((error, worker) => told.push([(error as Error).message, worker.name]));
      try {
        const late = new Worker(tasks.fail, { name: "joined late" }).start();
        const impatient = new Worker(tasks.fail, { name: "joined in vain" });
        kept.add(late).add(impatient);
        await assert.rejects(impatient.start().join({ timeout: 0 }), TimeoutError);
        // A name of its own, so that no frame keeps the handle.
        const drop = () => void new Worker(tasks.fail, { name: "never joined" }).start();
        drop();
        while (activeWorkers().some(({ name }) => /joined/.test(name))) await turn();
        while (told.length === 0) {
          collectGarbage();
          await turn();
        }
        assert.deepEqual(told, [["too much", "never joined"]]);
        await assert.rejects(late.join(), RangeError);
        await assert.rejects(impatient.join(), RangeError);
      } finally {
        setUncaughtHook(before);
      }
    });

    test("errors without an owner: whose handle is still there when the program exits is told then; who was joined, ended by the program, or called process.exit(0) is not", async () => {
      const { code, output, errors } = await runProgram("unjoined", model);
      assert.deepEqual([code, output], [0, "the end\n"]);
      assert.deepEqual(
        [...errors.matchAll(/Uncaught error in ([\w ]+): (\w+)/g)].map(([, name, error]) => [name, error]).sort(),
        [
          ["joined in vain", "RangeError"],
          ["never joined", "RangeError"],
        ],
      );
    });

    test("errors without an owner: process.exit(0) is the end of no fault, but gives no result either: a join throws WorkerDiedError with exit code 0", async () => {
      const worker = Worker.start(tasks.exit, 0);
      await assert.rejects(worker.join(), { ...died, exitCode: 0, signal: undefined });
      assert.equal(worker.exitCode, 0);
      assert.throws(() => worker.joinSync(), { ...died, exitCode: 0 });
    });

    test("process.exit(-1) is the exit code 255, and no signal", async () => {
      const worker = Worker.start(tasks.exit, -1);
      await assert.rejects(worker.join(), { ...died, exitCode: 255, signal: undefined });
      assert.equal(worker.exitCode, 255);
    });

    test("each has its own WorkerLocal", async () => {
      const used = await Promise.all(
        [1, 2].map((n) => new Worker(tasks.useLocal, { name: `local-${n}` }).start().join()),
      );
      assert.deepEqual(used, [
        { name: "local-1", uses: 2 },
        { name: "local-2", uses: 2 },
      ]);
    });

    test("a shared object arrives as one object, however often it is sent, and comes back as itself", async () => {
      const lock = new Lock({ across });
      assert.equal(await Worker.start(tasks.same, lock, new Map([["x", [lock, lock]]]), { lock }).join(), true);
      const back = await Worker.start(tasks.giveBack, lock).join();
      assert.ok(back.nested[0] === lock && back.nested[1] === lock);
      await Worker.start(tasks.holdAndReturn, lock).join();
      assert.equal(lock.acquireSync({ timeout: timeLimit(5000) }).ownerDied, true);
      assert.equal(await Worker.start(tasks.locks, lock).join(), true);
    });

    test("what was freed can neither be used nor sent", async () => {
      const lock = new Lock({ across });
      lock.free();
      lock.free();
      const freed = { code: "ERR_ALLCORES_FREED" };
      assert.throws(() => lock.acquireSync(), freed);
      assert.throws(() => lock.tryAcquire(), freed);
      await assert.rejects(lock.acquire(), freed);
      assert.throws(() => lock.release(), freed);
      assert.throws(() => lock.isLocked, freed);
      assert.throws(() => Worker.start(tasks.locks, lock), freed);
    });

    for (const inner of ["thread", "process"] as const) {
      for (const blocking of [true, false]) {
        test(`it starts a ${inner} itself and joins it ${blocking ? "blocking" : "awaiting"}`, async () => {
          const lock = new Lock({ across: "processes" });
          const held = lock.acquireSync();
          assert.equal(await Worker.start(tasks.startAnother, inner, blocking, lock).join(), true);
          held[Symbol.dispose]();
        });
      }
    }
  });
}

test("an object that reaches across threads only is refused by a process, with its path", () => {
  const lock = new Lock();
  assert.throws(() => Process.start(tasks.echo, { deep: [lock] }), {
    code: "ERR_ALLCORES_REACH",
    path: "args[0].deep[0]",
    message: /across: "processes"/,
  });
});

test("a process killed by a signal says by which", async () => {
  const started = new Event({ across: "processes" });
  const worker = Process.start(tasks.spin, started);
  await started.wait();
  process.kill(worker.pid!, "SIGKILL");
  await assert.rejects(worker.join(), { code: "ERR_ALLCORES_WORKER_DIED", message: /signal 9|SIGKILL/ });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(worker.exitCode, -9);
});

test("this is the main thread of a test file", () => {
  assert.deepEqual([currentWorker().name, currentWorker().model], ["MainThread", "main"]);
  assert.equal(isMain(import.meta), true);
  assert.ok(Number.isInteger(cpuCount()) && cpuCount() >= 1);
});

test("nothing of the library's is left in /dev/shm but the lock of this user's programs", () => {
  assert.deepEqual(
    fs
      .readdirSync("/dev/shm")
      .filter((name) => /allcores/i.test(name) && !/^allcores-lock-\d+-[0-9a-f]{16}$/.test(name)),
    [],
  );
});
