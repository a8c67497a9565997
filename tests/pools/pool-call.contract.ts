/** What a pool promises about single calls: options, retries, cancelling, limits, life of the workers. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  asCompleted,
  CancelledError,
  Event,
  type Future,
  type Pool,
  Queue,
  serve,
  setUncaughtHook,
  sleepSync,
  taskModule,
  TimeoutError,
  wait,
  WorkerDiedError,
} from "allcores";
import { collectGarbage, isRunning, until } from "../fixtures/pool-processes.js";
import { Gate } from "../fixtures/gate.js";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import { inForm } from "../form.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool, withPoolInTurns } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");
/** What the task behind one that computes for ever must do with. */
const count = (to: number) => Array.from({ length: to }, (_, index) => index);

export function poolCallContract(
  title: string,
  { model, across, make, tasks = blockingTasks, isShareless = false }: PoolKind,
): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose tasks run elsewhere: what crosses, and who dies. */
  const apart = model === "async" ? test.skip : test;
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  const apartSharing = isShareless ? test.skip : apart;
  describe(`${title}: calls`, { timeout: timeLimit(60_000) }, () => {
    const gates: Gate[] = [];
    afterEach(() => {
      for (const gate of gates.splice(0)) gate[Symbol.dispose]();
    });
    const makeGate = () => {
      const gate = new Gate();
      gates.push(gate);
      return gate;
    };
    const using = withPool(make);
    const inTurn = withPoolInTurns(make);
    /** Keeps every worker busy until the gate opens. */
    const occupy = async (pool: Pool) => {
      const gate = makeGate();
      const futures = count(pool.workers).map((index) => pool.submit(tasks.hold, gate.path, index));
      const pids: number[] = [];
      for (const _ of futures) pids.push(Number(await gate.next()));
      return { gate, futures, pids };
    };

    describe("maxQueue", () => {
      test("sheds what is too much: trySubmit by a value, submit by an error", () =>
        using({ workers: 2, maxQueue: 3 }, async (pool) => {
          const { gate, futures } = await occupy(pool);
          const waiting = count(3).map((n) => pool.trySubmit(tasks.square, n));
          assert.ok(waiting.every((future) => future !== undefined));
          assert.equal(pool.trySubmit(tasks.square, 9), undefined);
          assert.throws(() => pool.submit(tasks.square, 9), { code: "ERR_ALLCORES_POOL_FULL", message: /maxQueue/ });
          assert.equal((waiting[0] as Future<number>).cancel(), true);
          const another = pool.trySubmit(tasks.square, 5);
          gate.open();
          assert.deepEqual(await Promise.all([...waiting.slice(1), another]), [1, 4, 25]);
          await Promise.all(futures);
          assert.equal(await pool.trySubmit(tasks.square, 6), 36);
        }));

      test("0: only a free worker takes work", () =>
        using({ workers: 1, maxQueue: 0 }, async (pool) => {
          const { gate, futures } = await occupy(pool);
          assert.equal(pool.trySubmit(tasks.square, 9), undefined);
          gate.open();
          await Promise.all(futures);
          assert.equal(await pool.submit(tasks.square, 3), 9);
        }));
    });

    describe("with", () => {
      test("priority: the higher goes first, the same in order", () =>
        inTurn(1, async (pool) => {
          const order = makeGate();
          const { gate } = await occupy(pool);
          const futures = [
            pool.submit(tasks.noteAt, order.path, 3),
            pool.submit(tasks.noteAt, order.path, 4),
            pool.with({ priority: -1 }).submit(tasks.noteAt, order.path, 5),
            pool.with({ priority: 5 }).submit(tasks.noteAt, order.path, 1),
            pool.with({ priority: 5 }).submit(tasks.noteAt, order.path, 2),
          ];
          gate.open();
          await Promise.all(futures);
          assert.deepEqual(order.told.map(Number), [1, 2, 3, 4, 5]);
        }));

      test("signal: aborts what waits and what runs, with its reason", () =>
        inTurn(1, async (pool) => {
          const { gate, futures } = await occupy(pool);
          const controller = new AbortController();
          const waiting = pool.with({ signal: controller.signal }).submit(tasks.square, 2);
          const reason = new Error("not needed any more");
          controller.abort(reason);
          await assert.rejects(waiting, (error) => error === reason);
          assert.equal(waiting.state, "cancelled");
          await assert.rejects(
            pool.with({ signal: controller.signal }).submit(tasks.square, 2),
            (error) => error === reason,
          );
          gate.open();
          await Promise.all(futures);
          const heard = makeGate();
          const second = new AbortController();
          const running = pool.with({ signal: second.signal }).submit(tasks.hearSignal, heard.path);
          await heard.next();
          second.abort();
          await assert.rejects(running, { name: "AbortError" });
          assert.equal(await heard.next(), "aborted");
        }));

      test("timers and abort listeners of calls that end, within submit too, are taken down", () =>
        using({ workers: 1 }, async (pool) => {
          const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
          const { signal } = new AbortController();
          const before = timers();
          const watched = pool.with({ timeout: 3_600_000, signal });
          for (let n = 0; n < inForm({ short: 300, whole: 2000 }); n++) await watched.submit(tasks.square, n);
          await assert.rejects(watched.submit(tasks.fail, "x"));
          await assert.rejects(pool.with({ timeout: 3_600_000, signal: AbortSignal.abort() }).submit(tasks.square, 1));
          assert.equal(await pool.submit(tasks.square, 3), 9);
          await until(() => timers() <= before + 1);
          assert.equal(getEventListeners(signal, "abort").length, 0);
        }));

      test("calls that were called off behind one that hangs are not kept, whatever their priority", () =>
        using({ workers: 1, killGrace: Number.POSITIVE_INFINITY }, async (pool) => {
          const { gate, futures } = await occupy(pool);
          const [kept, gone] = [new Set<string>(), new Set<number>()];
          const registry = new FinalizationRegistry<number>((n) => gone.add(n));
          for (const n of count(40)) {
            let item: object | undefined = { n };
            registry.register(item, n);
            const future = pool.with({ priority: (n % 4) - 2 }).submit(tasks.keepNothing, item);
            item = undefined;
            assert.equal(future.cancel(), true);
            kept.add(future.state);
          }
          assert.deepEqual([...kept], ["cancelled"]);
          await until(() => {
            collectGarbage();
            return gone.size >= 39;
          });
          gate.open();
          await Promise.all(futures);
        }));

      test("timeout: from the call on, waiting included", () =>
        inTurn(1, async (pool) => {
          const { gate, futures } = await occupy(pool);
          const late = pool.with({ timeout: 20 }).submit(tasks.square, 2);
          await assert.rejects(late, TimeoutError);
          assert.equal(late.state, "failed");
          gate.open();
          await Promise.all(futures);
          assert.equal(await pool.with({ timeout: timeLimit(10_000) }).submit(tasks.square, 2), 4);
        }));

      sharing("transfer: moves to a thread, copies to a process, and leaves it where nothing travels", () =>
        inTurn(1, async (pool) => {
          const bytes = new Uint8Array(5000).fill(3);
          assert.equal(await pool.with({ transfer: [bytes.buffer] }).submit(tasks.sizeOf, bytes), 5000);
          assert.equal(bytes.byteLength, model === "thread" ? 0 : 5000);
        }),
      );

      test("options are checked", () =>
        inTurn(1, async (pool) => {
          for (const [options, code] of [
            [null, "TYPE"],
            [{ signal: 5 }, "TYPE"],
            [{ priority: "high" }, "TYPE"],
            [{ transfer: 1 }, "TYPE"],
            [{ timeout: -1 }, "RANGE"],
            [{ timeout: "1" }, "TYPE"],
            [{ taskTimeout: -1 }, "RANGE"],
            [{ taskTimeout: "1" }, "TYPE"],
            [{ retries: -1 }, "RANGE"],
            [{ retries: { limit: 1, factor: 0.5 } }, "RANGE"],
            [{ retries: "1" }, "TYPE"],
          ] as const)
            assert.throws(() => pool.with(options as never), { code: `ERR_ALLCORES_ARGUMENT_${code}` });
        }));
    });

    describe("retries", () => {
      test("a task that throws is tried again, and knows how often", () =>
        using({ workers: 2 }, async (pool) => {
          const again = pool.with({ retries: { limit: 3, delay: 1 } });
          assert.equal(await again.submit(tasks.attempt, 3), 3);
          await assert.rejects(again.submit(tasks.attempt, 9), { message: "attempt 4" });
          await assert.rejects(pool.submit(tasks.attempt, 2), { message: "attempt 1" });
          const choosy = pool.with({
            retries: { limit: 5, delay: 1, when: (error) => (error as Error).message !== "attempt 2" },
          });
          await assert.rejects(choosy.submit(tasks.attempt, 9), { message: "attempt 2" });
          assert.equal(pool.stats().retried, 2 + 3 + 1);
        }));

      apart("one whose worker dies is tried in another", () =>
        using({ workers: 2, retries: { limit: 2, delay: 0 } }, async (pool) => {
          assert.equal(await pool.submit(tasks.dieUntil, 3), 3);
          await assert.rejects(pool.submit(tasks.dieUntil, 9), { code: "ERR_ALLCORES_WORKER_DIED", exitCode: 3 });
          assert.equal(pool.stats().died, 5);
        }),
      );

      sharing("a call that may be tried again has its shared objects each time", () =>
        using({ workers: 1, retries: { limit: 2, delay: 0 } }, async (pool) => {
          const noted = new Queue<number>({ across });
          const again = pool.submit(tasks.noteAndFail, noted, 3);
          assert.equal(await again, 3);
          assert.deepEqual([noted.tryGet()?.value, noted.tryGet()?.value, noted.tryGet()?.value], [1, 2, 3]);
        }),
      );
    });

    describe("cancel", () => {
      sharing(
        "a loop that computes reads it from shared memory; its future is rejected at once; the next task hears nothing of it",
        () =>
          inTurn(1, async (pool) => {
            const started = new Queue<number>({ across });
            const ended = new Queue<string>({ across });
            const running = pool.submit(tasks.computeUntilCancelled, started, ended);
            const next = pool.submit(tasks.isCancelled);
            const pid = await started.get();
            assert.equal(running.state, "running");
            assert.equal(running.cancel(), true);
            assert.equal(running.state, "cancelled");
            assert.equal(running.cancel(), false);
            await assert.rejects(running, CancelledError);
            assert.equal(await ended.get(), "cancelled");
            assert.equal(await next, false);
            if (across === "processes") assert.ok(isRunning(pid));
            assert.equal(pool.stats().died, 0);
          }),
      );

      test("one that waits hears it by its signal", () =>
        inTurn(1, async (pool) => {
          const heard = makeGate();
          const running = pool.submit(tasks.hearSignal, heard.path);
          await heard.next();
          running.cancel(new Error("enough"));
          await assert.rejects(running, { message: "enough" });
          assert.equal(await heard.next(), "aborted");
          assert.equal(await pool.submit(tasks.isAborted), false);
        }));

      test("one that does not hear is ended after killGrace; what waits behind it is done by another worker", () =>
        using({ workers: 1, killGrace: 30 }, async (pool) => {
          const gate = makeGate();
          const deaf = pool.submit(tasks.spinAt, gate.path);
          const behind = count(5).map((n) => pool.submit(tasks.square, n));
          const pid = Number(await gate.next());
          deaf.cancel();
          await assert.rejects(deaf, CancelledError);
          assert.deepEqual(await Promise.all(behind), [0, 1, 4, 9, 16]);
          if (across === "processes") await until(() => !isRunning(pid));
        }));

      // Where a worker shares no memory with the pool, the time of its first task has the load of the module in it.
      const taskTimeout = timeLimit(isShareless ? 1500 : 200);
      test("taskTimeout: counts while the task runs, then calls it off", () =>
        using({ workers: 1, taskTimeout, killGrace: 10 }, async (pool) => {
          const slow = pool.submit(tasks.spinAt, makeGate().path);
          const behind = pool.submit(tasks.square, 3);
          await assert.rejects(slow, {
            code: "ERR_ALLCORES_TIMEOUT",
            message: new RegExp(`"spinAt" ran for longer than its taskTimeout of ${taskTimeout} ms`),
          });
          assert.equal(await behind, 9);
        }));

      test("with({ taskTimeout }): for these calls, shorter than the pool's or longer", () =>
        using({ workers: 1, taskTimeout: 10_000_000, killGrace: 10 }, async (pool) => {
          // A look was arranged for the end of the longer time: the shorter one comes before it.
          assert.equal(await pool.submit(tasks.square, 2), 4);
          const hasty = pool.with({ taskTimeout });
          const slow = hasty.submit(tasks.spinAt, makeGate().path);
          const behind = [
            pool.submit(tasks.square, 3),
            hasty.with({ taskTimeout: Number.POSITIVE_INFINITY }).submit(tasks.sleepFor, 2 * taskTimeout),
          ];
          await assert.rejects(slow, {
            code: "ERR_ALLCORES_TIMEOUT",
            message: new RegExp(`"spinAt" ran for longer than its taskTimeout of ${taskTimeout} ms`),
          });
          assert.deepEqual(await Promise.all(behind), [9, 2 * taskTimeout]);
        }));
    });

    describe("progress", () => {
      test("arrives in order and before the result, in the context of who listens", () =>
        inTurn(1, async (pool) => {
          const context = new AsyncLocalStorage<string>();
          const heard: unknown[] = [];
          const future = context.run("mine", () =>
            pool.submit(tasks.report, 200).onProgress((value) => heard.push([value, context.getStore()])),
          );
          const all = future.then(() => heard.length);
          assert.equal(await future, 200);
          assert.equal(await all, 200);
          assert.deepEqual(
            heard,
            count(200).map((n) => [{ n }, "mine"]),
          );
        }));

      apartSharing("is told before the result where both come at once", () =>
        inTurn(1, async (pool) => {
          await pool.submit(tasks.report, 1);
          const ended = new Event({ across });
          let heard = 0;
          const future = pool.submit(tasks.reportAndSet, ended, 50).onProgress(() => heard++);
          // This loop stands still until the task is over.
          ended.waitSync();
          sleepSync(20);
          assert.equal(await future.then(() => heard), 50);
        }),
      );

      test("more of it than the lane holds while nobody looks", () =>
        inTurn(1, async (pool) => {
          let heard = 0;
          assert.equal(await pool.submit(tasks.report, 5000).onProgress(() => heard++), 5000);
          assert.equal(heard, 5000);
        }));
    });

    describe("workers", () => {
      test("the initializer runs in each before its first task", () =>
        using({ workers: 2, initializer: tasks.prepare, initArgs: ["soup"] }, async (pool) => {
          assert.deepEqual(
            new Set(await Promise.all(count(20).map(() => pool.submit(tasks.tellPrepared)))),
            new Set(["soup"]),
          );
        }));

      test("an initializer that fails fails the pool, once and for all", async () => {
        const pool = make({ workers: 2, initializer: tasks.prepare, initArgs: ["broken"] });
        const ends = await Promise.allSettled(count(5).map(() => pool.submit(tasks.tellPrepared)));
        for (const end of ends) {
          assert.equal(end.status, "rejected");
          const { code, cause } = (end as PromiseRejectedResult).reason as { code: string; cause: Error };
          assert.equal(code, "ERR_ALLCORES_INITIALIZER");
          assert.equal(cause.message, "cannot prepare");
        }
        assert.throws(() => pool.submit(tasks.tellPrepared), { code: "ERR_ALLCORES_INITIALIZER" });
        await pool.join();
      });

      apart("maxTasksPerWorker: each does so many", () =>
        using({ workers: 2, maxTasksPerWorker: 3 }, async (pool) => {
          const by = new Map<string, number[]>();
          const calls = inForm({ short: 8, whole: 20 });
          for (const [, name, served] of await Promise.all(count(calls).map(() => pool.submit(tasks.countServed))))
            by.set(name, [...(by.get(name) ?? []), served]);
          assert.ok(by.size >= calls / 3);
          for (const served of by.values()) assert.ok(served.length <= 3);
        }),
      );

      apart("idleTimeout: a worker without work ends, and another comes with the next", () =>
        using({ workers: 1, idleTimeout: 30 }, async (pool) => {
          const [, first] = await pool.submit(tasks.countServed);
          await until(() => pool.stats().workers === 0);
          const [, second] = await pool.submit(tasks.countServed);
          assert.notEqual(first, second);
          assert.equal(pool.stats().died, 0);
        }),
      );

      test("resize: fewer end when they are done, more come with work", () =>
        using({ workers: 1 }, async (pool) => {
          const { gate, futures } = await occupy(pool);
          pool.resize(3);
          assert.equal(pool.workers, 3);
          const more = await Promise.all(count(2).map(() => pool.submit(tasks.countServed)));
          assert.equal(more.length, 2);
          pool.resize(1);
          await until(() => pool.stats().workers === 1);
          gate.open();
          assert.deepEqual(await Promise.all(futures), [0]);
          assert.equal(await pool.submit(tasks.square, 4), 16);
          assert.throws(() => pool.resize(0), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
        }));

      apart("names", () =>
        using({ workers: 1, name: "Cook" }, async (pool) => {
          assert.equal((await pool.submit(tasks.who)).name, "Cook-1");
        }),
      );

      apartSharing("heap limit: the offender fails, the pool goes on", () =>
        using({ workers: 2, resourceLimits: { heap: 24 } }, async (pool) => {
          await assert.rejects(pool.submit(tasks.allocate), {
            code: "ERR_ALLCORES_MEMORY_LIMIT",
            message: /heap: 24 MB/,
          });
          assert.equal(await pool.submit(tasks.square, 4), 16);
        }),
      );

      if (across === "processes") {
        sharing("rss limit: the same for everything that a process takes", () =>
          using({ workers: 1, resourceLimits: { rss: 200 } }, async (pool) => {
            await assert.rejects(pool.submit(tasks.allocateBytes), {
              code: "ERR_ALLCORES_MEMORY_LIMIT",
              message: /rss: 200 MB/,
            });
            assert.equal(await pool.submit(tasks.square, 4), 16);
          }),
        );
      }

      test("stats count what was done", () =>
        using({ workers: 2 }, async (pool) => {
          await Promise.all(count(50).map((n) => pool.submit(tasks.square, n)));
          await assert.rejects(pool.submit(tasks.fail, "x"));
          const { submitted, completed, failed, cancelled, running, queued, wait, run, utilization } = pool.stats();
          assert.deepEqual(
            { submitted, completed, failed, cancelled, running, queued },
            { submitted: 51, completed: 50, failed: 1, cancelled: 0, running: 0, queued: 0 },
          );
          for (const times of [wait, run]) {
            assert.equal(times.count, 51);
            assert.ok(times.min <= times.mean && times.mean <= times.max && times.standardDeviation <= times.max);
            assert.ok(times.p50 <= times.p90 && times.p90 <= times.p99 && times.p99 <= times.max * 1.0001);
          }
          assert.ok(utilization > 0 && utilization <= 1, String(utilization));
        }));
    });

    describe("taskModule", () => {
      const plain = taskModule<typeof import("../fixtures/plain-functions.js")>(
        new URL("../fixtures/plain-functions.js", import.meta.url),
      );

      test("any module's exports are tasks", () =>
        inTurn(1, async (pool) => {
          assert.equal(await pool.submit(plain.double, 21), 42);
          assert.equal(await pool.submit(plain.joined, "a", "b"), "a-b");
          assert.deepEqual(await pool.map(plain.double, [1, 2]), [2, 4]);
          assert.deepEqual(await pool.map(plain.joined.partial("x"), ["y"]), ["x-y"]);
          assert.equal(plain.double, plain.double);
          const loose = plain as unknown as Record<string, typeof plain.double>;
          await assert.rejects(pool.submit(loose.notAFunction as typeof plain.double, 1), {
            code: "ERR_ALLCORES_TASK_NOT_FOUND",
          });
          await assert.rejects(pool.submit(loose.absent as typeof plain.double, 1), {
            code: "ERR_ALLCORES_TASK_NOT_FOUND",
            message: /absent/,
          });
        }));

      test("a handle is no function of this worker, and no promise", async () => {
        assert.throws(() => plain.double(1), { code: "ERR_ALLCORES_STATE", message: /import .*plain-functions/ });
        assert.equal(await plain, plain);
      });

      test("work.ts is found where work.js is not there", () =>
        using({ workers: 1 }, async (pool) => {
          const folder = mkdtempSync(join(root, "build/task-module-"));
          try {
            writeFileSync(join(folder, "work.ts"), "export const half = (n: number): number => n / 2;\n");
            const work = taskModule<{ half(n: number): number }>(join(folder, "work.js"));
            assert.equal(await pool.submit(work.half, 5), 2.5);
          } finally {
            rmSync(folder, { recursive: true });
          }
        }));
    });

    describe("calling back", () => {
      apartSharing("a task calls an object of its submitter, awaiting and blocking", () =>
        inTurn(2, async (pool) => {
          const calls: unknown[] = [];
          const kitchen = {
            cook(dish: string, portions: number) {
              calls.push(dish);
              return { dish, portions };
            },
            async burn(): Promise<never> {
              throw new RangeError("burnt");
            },
          };
          const served = serve(kitchen, { across });
          try {
            assert.deepEqual(await pool.submit(tasks.order, served, 3), { dish: "soup 3", portions: 3 });
            assert.deepEqual(await pool.submit(tasks.orderSync, served, 4), { dish: "bread 4", portions: 4 });
            assert.deepEqual(new Set(calls), new Set(["soup 3", "bread 4"]));
            await assert.rejects(
              pool.submit(tasks.burn, served),
              (error) => error instanceof RangeError && error.message === "burnt",
            );
            await assert.rejects(pool.submit(tasks.askFor, served, "toString"), {
              code: "ERR_ALLCORES_ARGUMENT_TYPE",
              message: /no method "toString"/,
            });
            assert.deepEqual(await served.call("cook", "pie", 1), { dish: "pie", portions: 1 });
            assert.throws(() => served.callSync("cook", "pie", 1), { code: "ERR_ALLCORES_STATE" });
            await Promise.all(count(200).map((n) => pool.submit(n % 2 ? tasks.order : tasks.orderSync, served, n)));
            assert.equal(calls.length, 203);
          } finally {
            served[Symbol.dispose]();
          }
          await assert.rejects(pool.submit(tasks.order, served, 1), {
            code: "ERR_ALLCORES_STATE",
            message: /no longer served/,
          });
        }),
      );

      sharing("a task submits to its own pool; where all workers would wait for each other, the last is refused", () =>
        // Its own: the pool serves its handle until it ends.
        using({ workers: 2 }, async (pool) => {
          assert.equal(await pool.submit(tasks.sumSquares, pool.handle(), [1, 2, 3]), 14);
          const nested = await Promise.allSettled([
            pool.submit(tasks.nest, pool.handle(), 1),
            pool.submit(tasks.nest, pool.handle(), 1),
          ]);
          assert.ok(nested.some(({ status }) => status === "fulfilled"));
          const deep = pool.submit(tasks.nest, pool.handle(), 5);
          // On one loop those who wait need no place.
          if (model === "async") assert.equal(await deep, 5);
          else await assert.rejects(deep, { code: "ERR_ALLCORES_DEADLOCK", message: /all of its 2 workers/ });
          assert.equal(await pool.submit(tasks.square, 3), 9);
        }),
      );
    });

    describe("scheduling", () => {
      test("jobs behind a long one are done by others, whatever came before", () =>
        inTurn(2, async (pool) => {
          // Short jobs teach it to put many ahead.
          await Promise.all(count(2000).map((n) => pool.submit(tasks.square, n)));
          const gate = makeGate();
          const all: Future<number>[] = count(500).map((n) => pool.submit(tasks.square, n));
          const long = pool.submit(tasks.hold, gate.path, 7);
          all.push(...count(500).map((n) => pool.submit(tasks.square, n)));
          await Promise.all(all);
          assert.notEqual(long.state, "done");
          gate.open();
          assert.equal(await long, 7);
        }));

      test("errors without an owner: a pool's end tells of none, and a later await still gets the error", async () => {
        const told: unknown[] = [];
        const before = setUncaughtHook((error, { name }) => told.push([(error as Error).message, name]));
        try {
          const pool = make({ workers: 1 });
          const late = pool.submit(tasks.fail, "somebody listens later");
          await assert.rejects(pool.submit(tasks.fail, "somebody listens"));
          pool.close();
          await pool.join();
          assert.equal(late.state, "failed");
          assert.deepEqual(told, []);
          await assert.rejects(late, { message: "somebody listens later" });
          // A name of its own, so that no frame keeps the future.
          const drop = () => void make({ workers: 1 }).submit(tasks.fail, "nobody listens");
          drop();
          setFlagsFromString("--expose-gc");
          const collect = runInNewContext("gc") as () => void;
          while (told.length === 0) {
            collect();
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
          assert.deepEqual(told, [["nobody listens", title]]);
        } finally {
          setUncaughtHook(before);
        }
      });

      apartSharing(
        "errors without an owner: an uncaught error in an idle worker is told to the hook, once",
        async () => {
          const told: unknown[] = [];
          const before = setUncaughtHook((error) => told.push((error as Error).message));
          try {
            await using({ workers: 1 }, async (pool) => {
              await pool.submit(blockingTasks.failLater, "connection lost", 1);
              await until(() => pool.stats().died === 1);
              assert.deepEqual(told, ["connection lost"]);
            });
          } finally {
            setUncaughtHook(before);
          }
        },
      );

      apartSharing(
        "errors without an owner: an uncaught error during a call is the cause of its WorkerDiedError, and nobody else is told",
        async () => {
          const told: unknown[] = [];
          const before = setUncaughtHook((error) => told.push(error));
          try {
            await using({ workers: 1 }, async (pool) => {
              const call = pool.submit(blockingTasks.failMeanwhile, "connection lost");
              await assert.rejects(
                call,
                (error: WorkerDiedError) => (error.cause as Error).message === "connection lost",
              );
              assert.deepEqual(told, []);
            });
          } finally {
            setUncaughtHook(before);
          }
        },
      );
    });

    describe("wait and asCompleted", () => {
      test("wait tells which have ended, and never throws for them", () =>
        inTurn(2, async (pool) => {
          const { gate, futures } = await occupy(pool);
          const [first] = futures as [Future<number>];
          const none = await wait(futures, { timeout: 0 });
          assert.deepEqual([none.done.length, none.pending.length], [0, 2]);
          assert.equal((await wait(futures, { timeout: 10 })).pending.length, 2);
          const early = wait(futures, { returnWhen: "first" });
          first.cancel();
          assert.deepEqual((await early).done, [first]);
          gate.open();
          assert.equal((await wait(futures)).done.length, 2);
          const failed = pool.submit(tasks.fail, "x");
          const { done } = await wait([failed, pool.submit(tasks.square, 2)], { returnWhen: "firstError" });
          assert.ok(done.includes(failed as never));
          await assert.rejects(wait([5 as never]), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
          await assert.rejects(wait([], { returnWhen: "never" as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
        }));

      test("asCompleted gives them as they end", () =>
        using({ workers: 2 }, async (pool) => {
          const { gate, futures } = await occupy(pool);
          const [first, second] = futures as [Future<number>, Future<number>];
          second.cancel();
          const seen: Future<number>[] = [];
          for await (const { future, status } of asCompleted([first, second])) {
            assert.equal(status, future === first ? "fulfilled" : "rejected");
            seen.push(future);
            gate.open();
          }
          assert.deepEqual(seen, [second, first]);
          const endless = pool.submit(tasks.hold, makeGate().path, 1);
          const inTime = asCompleted([endless, first, first], { timeout: 20 });
          assert.equal((await inTime.next()).value?.future, first, "what has ended comes first, and once");
          await assert.rejects(inTime.next(), { code: "ERR_ALLCORES_TIMEOUT" });
        }));
    });

    apart("a death while many wait costs only the running job", () =>
      using({ workers: 1 }, async (pool) => {
        await Promise.all(count(500).map((n) => pool.submit(tasks.square, n)));
        const exits = pool.submit(tasks.exit, 3);
        const others = count(300).map((n) => pool.submit(tasks.square, n));
        await assert.rejects(exits, WorkerDiedError);
        assert.deepEqual(
          await Promise.all(others),
          count(300).map((n) => n * n),
        );
      }),
    );
  });
}
