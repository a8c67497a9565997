/** What a pool promises, whatever its workers run on. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe } from "node:test";
import {
  CancelledError,
  type ErrorCode,
  Event,
  Future,
  Lock,
  NotATaskError,
  type Pool,
  type PoolOptions,
  Queue,
  Semaphore,
  StateError,
  type Task,
  task,
  transfer,
  UnsendableError,
  WorkerDiedError,
} from "allcores";
import { collectGarbage, isRunning, until } from "../fixtures/pool-processes.js";
import { Gate } from "../fixtures/gate.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import { inForm } from "../form.js";
import { casesOf } from "./case-in-turn.js";
import { timeLimit } from "../time-limit.js";

const WORKERS = 2;

export interface PoolKind {
  readonly model: "async" | "thread" | "process";
  /** Where shared objects have to reach. */
  readonly across: "threads" | "processes";
  /** The same tasks for a pool whose tasks must not block, since they share the loop of the test. */
  readonly tasks?: typeof blockingTasks;
  /**
   * Its workers share no objects with the program, and nothing is moved to them: its own test shows that each is
   * refused.
   */
  readonly isShareless?: boolean;
  /** A task that was seen to wait goes on in the loop of the test. */
  readonly isAuto?: boolean;
  make(options?: PoolOptions): Pool;
}

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

/** What a promise that must fail fails with. */
async function errorOf<E = unknown>(promise: PromiseLike<unknown>): Promise<E> {
  const end = await Promise.allSettled([promise]);
  assert.equal(end[0].status, "rejected");
  return (end[0] as PromiseRejectedResult).reason as E;
}

export function poolContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose tasks run elsewhere: what crosses, and who dies. */
  const apart = model === "async" ? test.skip : test;
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  /** For pools that hear at once of a worker's death: a socket may take a call that nobody reads any more. */
  const prompt = isShareless ? test.skip : test;
  const apartSharing = isShareless ? test.skip : apart;
  describe(title, { timeout: timeLimit(60_000) }, () => {
    let pool: Pool;
    before(() => {
      pool = make({ workers: WORKERS });
    });
    after(async () => {
      pool.terminate();
      await pool.join();
    });
    const works = async () => assert.equal(await pool.submit(tasks.add, 20, 22), 42);
    const gates: Gate[] = [];
    afterEach(() => {
      for (const gate of gates.splice(0)) gate[Symbol.dispose]();
    });
    const makeGate = () => {
      const gate = new Gate();
      gates.push(gate);
      return gate;
    };
    /** Occupies every worker until the gate opens, at the latest when the test ends. */
    const occupy = async (pool: Pool) => {
      const gate = makeGate();
      const futures = count(WORKERS).map((index) => pool.submit(tasks.hold, gate.path, index));
      const pids = [];
      for (const _ of futures) pids.push(Number(await gate.next()));
      return { gate, futures, pids };
    };

    describe("submit", () => {
      test("gives a future of the task's value", async () => {
        const future = pool.submit(tasks.add, 1, 2);
        assert.ok(future instanceof Promise);
        // Others are made of the sources, which have classes of their own.
        if (!isShareless) assert.ok(future instanceof Future);
        assert.equal(await future, 3);
        assert.equal(await pool.submit(tasks.squareLater, 5), 25);
      });

      test("BigInts come back as such, large ones too", async () => {
        assert.equal(await pool.submit(tasks.power, 3n, 100_000), 3n ** 100_000n);
      });

      apartSharing("workers are called PoolWorker-k and run elsewhere", async () => {
        const { gate, futures } = await occupy(pool);
        gate.open();
        await Promise.all(futures);
        const workers = await Promise.all(count(20).map(() => pool.submit(tasks.who)));
        const names = new Set(workers.map(({ name }) => name));
        assert.ok(names.size <= WORKERS);
        for (const worker of workers) {
          assert.match(worker.name, /^PoolWorker-[1-9]\d*$/);
          assert.equal(worker.model, across === "threads" ? "thread" : "process");
          assert.equal(worker.pid === process.pid, across === "threads");
        }
      });

      test("10000 small tasks, each once", async () => {
        const values = await Promise.all(count(10_000).map((n) => pool.submit(tasks.square, n)));
        assert.deepEqual(
          values,
          count(10_000).map((n) => n * n),
        );
      });

      sharing("shared objects are arguments and results", async () => {
        const noted = new Queue<number>({ across });
        assert.equal(await pool.submit(tasks.note, noted, 7), 7);
        assert.deepEqual(noted.tryGet(), { value: 7 });
      });

      sharing("task.partial carries shared options", async () => {
        const noted = makeGate();
        assert.deepEqual(await pool.map(tasks.noteAt.partial(noted.path), [1, 2, 3]), [1, 2, 3]);
        assert.equal(noted.told.length, 3);
      });

      test("an error arrives with its class's name, message, cause, own fields and stack", async () => {
        const error = await errorOf<blockingTasks.CodedError>(pool.submit(tasks.fail, "on purpose"));
        assert.ok(error instanceof RangeError);
        assert.equal(error.name, "CodedError");
        assert.equal(error.message, "on purpose");
        assert.equal(error.code, "E_CODED");
        assert.deepEqual(error.details, { list: [1n, new Date(5)] });
        assert.ok(error.cause instanceof TypeError && error.cause.message === "the cause");
        assert.match(error.stack ?? "", /pool-tasks/);
        await works();
      });

      apart("what is no error is thrown as it is; what cannot cross is told of", async () => {
        for (const value of ["text", undefined, null, 5n])
          assert.equal(await errorOf(pool.submit(tasks.throwValue, value)), value);
        await assert.rejects(pool.submit(tasks.throwClosure), { message: /function.* was thrown, which cannot cross/ });
        await works();
      });

      apartSharing("an argument that cannot be sent is refused at the call, with its path", async () => {
        const refused = (path: string) => (error: unknown) =>
          error instanceof UnsendableError && error.path === path && error.message.includes(path);
        const loose = tasks.throwValue as Task<(...args: unknown[]) => never>;
        assert.throws(() => pool.submit(loose, () => 1), refused("args[0]"));
        assert.throws(() => pool.submit(loose, 1, { list: [{ onDone() {} }] }), refused("args[1].list[0].onDone"));
        assert.throws(() => pool.submit(loose, Symbol("s")), refused("args[0]"));
        await works();
      });

      if (across === "processes") {
        sharing("an object that reaches across threads only is refused with its path", async () => {
          assert.throws(() => pool.submit(tasks.throwValue, { lock: new Lock() }), {
            code: "ERR_ALLCORES_REACH",
            path: "args[0].lock",
          });
          await works();
        });
      }

      apart("a result that cannot be sent fails its task with its path", async () => {
        await assert.rejects(pool.submit(tasks.giveClosure), {
          code: "ERR_ALLCORES_UNSENDABLE",
          path: "result.list[0]",
        });
        await works();
      });

      apart("what is no task is refused, and the way out is named", () => {
        const closure = (() => 1) as Task<() => number>;
        assert.throws(() => pool.submit(closure), NotATaskError);
        assert.throws(() => pool.submit(function stray() {} as Task<() => void>), {
          code: "ERR_ALLCORES_NOT_A_TASK",
          message: /stray.*task\(import\.meta/s,
        });
        // "bound stray" can be no constant's name.
        const bound = function stray() {}.bind(undefined) as unknown as Task<() => void>;
        assert.throws(() => pool.submit(bound), {
          message: /"bound stray" is not a task: .*export const work = task\(import\.meta, function work\(/s,
        });
        assert.throws(() => pool.map(closure as Task<(n: number) => number>, [1]), NotATaskError);
        for (const wrong of [undefined, null, 5, "add", {}])
          assert.throws(() => pool.submit(wrong as unknown as Task<() => void>), {
            code: "ERR_ALLCORES_ARGUMENT_TYPE",
          });
      });

      apart("a task that its module does not register fails, and says so", async () => {
        const stray = task(new URL("../fixtures/pool-tasks.js", import.meta.url), "stray", () => 1);
        await assert.rejects(pool.submit(stray), { code: "ERR_ALLCORES_TASK_NOT_FOUND", message: /stray/ });
        await works();
      });

      apart("a module that throws while it loads, or is not there, fails its tasks", async () => {
        for (const [file, cause] of [
          ["pool-broken.js", /never loads/],
          ["pool-absent.js", /pool-absent/],
        ] as const) {
          const broken = task(new URL(`../fixtures/${file}`, import.meta.url), "work", () => 1);
          for (const _ of [1, 2]) {
            const error = await errorOf<Error & { code: ErrorCode; cause: Error }>(pool.submit(broken));
            assert.equal(error.code, "ERR_ALLCORES_TASK_LOAD");
            assert.match(error.cause.message, cause);
          }
        }
        await works();
      });

      apartSharing("transfer() moves a buffer to a thread, and copies it to a process", async () => {
        const bytes = new Uint8Array(100_000);
        assert.equal(await pool.submit(tasks.sizeOf, transfer(bytes)), 100_000);
        assert.equal(bytes.byteLength, across === "threads" ? 0 : 100_000);
        const copied = new Uint8Array(100_000);
        assert.equal(await pool.submit(tasks.sizeOf, copied), 100_000);
        assert.equal(copied.byteLength, 100_000);
      });

      sharing("a result is moved too, alone and in a map", async () => {
        const check = (bytes: Uint8Array) => assert.ok(bytes.length === 50_000 && bytes.every((byte) => byte === 5));
        check(await pool.submit(tasks.giveMoved, 50_000));
        const all = await pool.map(
          tasks.giveMoved,
          count(40).map(() => 50_000),
        );
        assert.equal(all.length, 40);
        for (const bytes of all) check(bytes);
      });

      test("large arguments and results", async () => {
        assert.equal(await pool.submit(tasks.sizeOf, new Uint8Array(16_000_000)), 16_000_000);
        const bytes = await pool.submit(tasks.giveBuffer, 16_000_000);
        assert.ok(bytes.length === 16_000_000 && bytes.every((byte) => byte === 7));
      });
    });

    describe("map", () => {
      test("gives the results in the order of the items", async () => {
        assert.deepEqual(
          await pool.map(tasks.squareLater, count(50)),
          count(50).map((n) => n * n),
        );
        assert.deepEqual(await pool.map(tasks.square, []), []);
        assert.deepEqual(await pool.map(tasks.square, new Set([3, 1, 2])), [9, 1, 4]);
      });

      test("takes from an endless input only as much as it needs, and ends it when the loop is left", async () => {
        let pulled = 0;
        let returned = 0;
        function* endless() {
          try {
            for (;;) yield pulled++;
          } finally {
            returned++;
          }
        }
        const run = pool.map(tasks.squareLater, endless(), { chunkSize: 1 });
        assert.equal(pulled, 0);
        let taken = 0;
        for await (const value of run) {
          assert.equal(value, taken * taken);
          taken++;
          assert.ok(pulled - taken <= 2 * WORKERS, `${pulled} pulled for ${taken} taken`);
          if (taken === 40) break;
        }
        assert.equal(returned, 1);
        const before = pulled;
        await works();
        assert.equal(pulled, before);
      });

      test("takes an async input, and gives each result although the next item has not come", async () => {
        let turn = () => {};
        async function* inTurn() {
          for (let n = 1; n <= 5; n++) {
            yield n;
            await new Promise<void>((resolve) => (turn = resolve));
          }
        }
        const got: number[] = [];
        for await (const value of pool.map(tasks.square, inTurn())) {
          got.push(value);
          turn();
        }
        assert.deepEqual(got, [1, 4, 9, 16, 25]);
      });

      test("leaving the loop does not wait for an async input that waits", async () => {
        let returned = 0;
        const items = {
          [Symbol.asyncIterator]: () => ({
            first: true,
            next() {
              const { first } = this;
              this.first = false;
              return first
                ? Promise.resolve({ done: false as const, value: 3 })
                : new Promise<IteratorResult<number>>(() => {});
            },
            return() {
              returned++;
              return Promise.resolve({ done: true as const, value: undefined });
            },
          }),
        };
        for await (const value of pool.map(tasks.square, items)) {
          assert.equal(value, 9);
          break;
        }
        assert.equal(returned, 1);
      });

      test("the first error ends it, and the input with it; what was not begun is called off", async () => {
        let pulled = 0;
        let returned = false;
        function* items() {
          try {
            for (;;) yield pulled++;
          } finally {
            returned = true;
          }
        }
        await assert.rejects(pool.map(tasks.failAt.partial(5), items(), { chunkSize: 1 }), { message: "failed at 5" });
        assert.equal(returned, true);
        assert.ok(pulled <= 6 + 2 * WORKERS);
        await works();
      });

      test("an item that cannot be sent, and an input that throws, end it", async () => {
        if (model !== "async")
          await assert.rejects(pool.map(tasks.throwValue as Task<(value: unknown) => never>, [() => 1]), {
            code: "ERR_ALLCORES_UNSENDABLE",
            path: "args[0]",
          });
        function* broken() {
          yield 1;
          throw new Error("no more items");
        }
        await assert.rejects(pool.map(tasks.square, broken()), { message: "no more items" });
        await works();
      });

      test("does nothing until it is awaited, and can be consumed once", async () => {
        let pulled = 0;
        const run = pool.map(
          tasks.square,
          (function* () {
            pulled++;
            yield 2;
          })(),
        );
        await works();
        assert.equal(pulled, 0);
        assert.deepEqual(await run, [4]);
        assert.deepEqual(await run, [4]);
        await assert.rejects(run[Symbol.asyncIterator]().next(), { code: "ERR_ALLCORES_STATE" });
      });

      test("a run that was cancelled fails: it never passes for a complete one", async () => {
        const early = pool.map(tasks.square, [1, 2, 3]);
        early.cancel(new Error("not needed"));
        await assert.rejects(early, { message: "not needed" });
        const noted = makeGate();
        const { gate, futures } = await occupy(pool);
        const late = pool.map(tasks.noteAt.partial(noted.path), count(20));
        const failed = assert.rejects(late, CancelledError);
        await new Promise((resolve) => setImmediate(resolve));
        late.cancel();
        gate.open();
        await failed;
        await Promise.all(futures);
        assert.equal(noted.told.length, 0);
        const begun = pool.map(tasks.squareLater, count(100));
        await assert.rejects(
          (async () => {
            for await (const value of begun) if (value === 25) begun.cancel();
          })(),
          CancelledError,
        );
        await works();
      });

      test("items of the wrong type are refused at the call", () => {
        for (const wrong of [undefined, null, 5, {}, () => 1])
          assert.throws(() => pool.map(tasks.square, wrong as unknown as number[]), {
            code: "ERR_ALLCORES_ARGUMENT_TYPE",
          });
      });
    });

    describe("cancel", () => {
      test("a pending future can be called off: it never runs", async () => {
        const noted = makeGate();
        const { gate, futures } = await occupy(pool);
        const [first, second, third] = count(3).map((n) => pool.submit(tasks.noteAt, noted.path, n)) as [
          Future<number>,
          Future<number>,
          Future<number>,
        ];
        assert.equal(second.state, "pending");
        assert.equal(second.cancel(), true);
        assert.equal(second.state, "cancelled");
        assert.equal(second.cancel(), false);
        assert.equal(third.cancel(new Error("changed my mind")), true);
        assert.equal(third.state, "cancelled");
        gate.open();
        await assert.rejects(second, CancelledError);
        await assert.rejects(third, { message: "changed my mind" });
        assert.equal(await first, 0);
        await Promise.all(futures);
        assert.equal(noted.told.length, 1);
      });

      test("an ended one cannot", async () => {
        const { gate, futures } = await occupy(pool);
        for (const future of futures) assert.equal(future.state, "running");
        gate.open();
        assert.deepEqual(await Promise.all(futures), count(WORKERS));
        for (const future of futures) assert.deepEqual([future.state, future.cancel()], ["done", false]);
        const failed = pool.submit(tasks.fail, "x");
        await assert.rejects(failed);
        assert.deepEqual([failed.state, failed.cancel()], ["failed", false]);
      });

      sharing("a job that is called off lets go of the shared objects it carried", async () => {
        const witness = new Event({ across });
        const used = () =>
          (witness as unknown as { heap: { allocator: { usedWords(): number } } }).heap.allocator.usedWords();
        const { gate, futures } = await occupy(pool);
        const run = () => {
          const semaphore = new Semaphore(1, { across });
          const future = pool.submit(tasks.throwValue as Task<(value: unknown) => never>, semaphore);
          semaphore.free();
          assert.equal(future.cancel(), true);
        };
        // So that this worker's ledger of references has its size.
        for (const _ of count(50)) run();
        const before = used();
        for (const _ of count(50)) run();
        await until(() => {
          collectGarbage();
          return used() <= before;
        });
        gate.open();
        await Promise.all(futures);
      });
    });

    describe("death", () => {
      apart("a worker that exits fails only its task, and is replaced", async () => {
        const others = count(10).map((n) => pool.submit(tasks.squareLater, n));
        const error = await errorOf<WorkerDiedError>(pool.submit(tasks.exit, 7));
        assert.ok(error instanceof WorkerDiedError);
        assert.equal(error.exitCode, 7);
        assert.equal(error.signal, undefined);
        assert.match(error.message, /^PoolWorker-\d+ ended with exit code 7 while it ran the task "exit"/);
        assert.deepEqual(
          await Promise.all(others),
          count(10).map((n) => n * n),
        );
        await works();
      });

      apart("every worker exits, again and again: the work that waits is done all the same", async () => {
        const futures = count(12).map((n) => (n % 2 === 0 ? pool.submit(tasks.exit, 0) : pool.submit(tasks.square, n)));
        const ends = await Promise.allSettled<number>(futures);
        for (const [n, end] of ends.entries()) {
          if (n % 2 === 0) assert.ok(end.status === "rejected" && end.reason instanceof WorkerDiedError);
          else assert.deepEqual(end, { status: "fulfilled", value: n * n });
        }
        await works();
      });

      apartSharing("an error that nobody catches in the worker fails its task", async () => {
        await assert.rejects(pool.submit(tasks.crashLater), { code: "ERR_ALLCORES_WORKER_DIED", exitCode: 1 });
        await works();
      });

      if (across === "processes") {
        test("killed by SIGKILL in a task: only that one fails, with the signal", async () => {
          const { gate, futures, pids } = await occupy(pool);
          const waiting = pool.submit(tasks.add, 1, 2);
          process.kill(pids[0] as number, "SIGKILL");
          const ends = Promise.allSettled(futures);
          assert.equal(await waiting, 3);
          gate.open();
          const [rejected] = (await ends).filter((end) => end.status === "rejected");
          const error = (rejected as PromiseRejectedResult).reason as WorkerDiedError;
          assert.ok(error instanceof WorkerDiedError);
          assert.equal(error.signal, "SIGKILL");
          assert.equal(error.exitCode, -9);
          assert.match(error.message, /was killed by SIGKILL while it ran the task "hold"/);
          assert.equal((await ends).filter((end) => end.status === "fulfilled").length, WORKERS - 1);
          await works();
        });

        prompt("killed by SIGKILL while idle: nobody notices", async () => {
          const { gate, futures, pids } = await occupy(pool);
          gate.open();
          await Promise.all(futures);
          for (const pid of pids) process.kill(pid, "SIGKILL");
          await until(() => !pids.some(isRunning));
          // One turn of the loop, in which the system tells of it.
          await new Promise((resolve) => setTimeout(resolve, 20));
          assert.deepEqual(await Promise.all(count(4).map((n) => pool.submit(tasks.square, n))), [0, 1, 4, 9]);
        });

        test("killed by SIGKILL again and again while it works: every task ends, and what was returned is right", async () => {
          const gate = makeGate();
          let killed = 0;
          for (let round = 0; round < inForm({ short: 2, whole: 4 }); round++) {
            const futures = count(200).map((n) => pool.submit(tasks.square, n));
            const spinning = pool.submit(tasks.spinAt, gate.path);
            process.kill(Number(await gate.next()), "SIGKILL");
            await assert.rejects(spinning, { signal: "SIGKILL" });
            for (const [n, end] of (await Promise.allSettled(futures)).entries()) {
              if (end.status === "fulfilled") assert.equal(end.value, n * n);
              else killed++;
            }
          }
          assert.equal(killed, 0);
          await works();
        });
      }
    });

    describe("the end", () => {
      test("close lets what was submitted be done, and takes nothing more", async () => {
        const pool = make({ workers: WORKERS });
        const futures = count(10).map((n) => pool.submit(tasks.squareLater, n));
        const run = pool.map(tasks.square, [1]);
        pool.close();
        pool.close();
        assert.throws(() => pool.submit(tasks.add, 1, 2), StateError);
        assert.throws(() => pool.map(tasks.square, [1]), StateError);
        await assert.rejects(run, StateError);
        await pool.join();
        assert.deepEqual(
          await Promise.all(futures),
          count(10).map((n) => n * n),
        );
        await pool.join();
      });

      test("join before close would wait for ever: it is refused", async () => {
        await assert.rejects(pool.join(), { code: "ERR_ALLCORES_STATE", message: /close\(\) or terminate\(\)/ });
        await works();
      });

      test("terminate ends what runs and what waits, at once", async () => {
        const pool = make({ workers: WORKERS });
        const { futures, pids } = await occupy(pool);
        const waiting = pool.submit(tasks.add, 1, 2);
        const ends = Promise.allSettled([...futures, waiting]);
        pool.terminate();
        pool.terminate();
        for (const end of await ends) assert.ok(end.status === "rejected" && end.reason instanceof CancelledError);
        assert.equal(waiting.state, "cancelled");
        assert.throws(() => pool.submit(tasks.add, 1, 2), StateError);
        await pool.join();
        if (across === "processes") assert.deepEqual(pids.filter(isRunning), []);
      });

      test("terminate ends a worker that computes for ever", async () => {
        const pool = make({ workers: 1 });
        const gate = makeGate();
        const spinning = assert.rejects(pool.submit(tasks.spinAt, gate.path), CancelledError);
        await gate.next();
        pool.terminate();
        await Promise.all([spinning, pool.join()]);
      });

      test("a pool that was never used closes and joins", async () => {
        for (const end of ["close", "terminate"] as const) {
          const pool = make();
          pool[end]();
          await pool.join();
        }
      });

      test("await using waits for what was submitted", async () => {
        let future: Future<number>;
        let pids: number[] = [];
        {
          await using pool = make({ workers: WORKERS });
          const { gate, pids: ids } = await occupy(pool);
          pids = ids;
          future = pool.submit(tasks.squareLater, 5);
          gate.open();
        }
        assert.equal(future.state, "done");
        assert.equal(await future, 25);
        if (across === "processes") assert.deepEqual(pids.filter(isRunning), []);
      });

      sharing("the shared memory of ended pools is given back", async () => {
        const witness = new Event({ across });
        const used = () =>
          (witness as unknown as { heap: { allocator: { usedWords(): number } } }).heap.allocator.usedWords();
        const cycle = async () => {
          await using pool = make({ workers: 1 });
          assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        };
        await cycle();
        const before = used();
        await cycle();
        await cycle();
        // The sweep of what an ended worker held may take a moment.
        await until(() => used() <= before);
      });
    });

    test("options are checked", () => {
      for (const workers of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
        assert.throws(() => make({ workers }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
      for (const workers of ["2", null, {}])
        assert.throws(() => make({ workers: workers as unknown as number }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      for (const options of [5, null, "x"])
        assert.throws(() => make(options as unknown as PoolOptions), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
      assert.ok(make().workers >= 1);
      assert.equal(make({ workers: 3 }).workers, 3);
    });
  });
}
