/** What a pool promises whose workers have several tasks under way (`tasksPerWorker`). */
import assert from "node:assert/strict";
import { afterEach, describe } from "node:test";
import {
  CancelledError,
  DeadlockError,
  Event,
  type Future,
  type Pool,
  type PoolOptions,
  Queue,
  Semaphore,
  sleep,
  TimeoutError,
  transfer,
  WorkerDiedError,
} from "allcores";
import { Gate } from "../fixtures/gate.js";
import { collectGarbage, isRunning, until } from "../fixtures/pool-processes.js";
import * as tasks from "../fixtures/pool-tasks.js";
import * as wide from "../fixtures/width-tasks.js";
import { inForm } from "../form.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
type Ends = PromiseSettledResult<unknown>[];
const errorsOf = (ends: Ends) => ends.map((end) => (end as PromiseRejectedResult).reason as unknown);

export function poolWidthContract(title: string, { model, across, make, isShareless = false }: PoolKind): void {
  const test = casesOf({ model, isShareless });
  /** For pools whose workers share objects with the program. */
  const sharing = isShareless ? test.skip : test;
  const using = withPool(make);
  const gates: Gate[] = [];
  afterEach(() => {
    for (const gate of gates.splice(0)) gate[Symbol.dispose]();
  });
  const makeGate = () => {
    const gate = new Gate();
    gates.push(gate);
    return gate;
  };
  /** Has so many tasks begun that wait for the gate. Gives their processes. */
  const begin = async (pool: Pool, many: number) => {
    const gate = makeGate();
    const futures = count(many).map((n) => pool.submit(wide.hold, gate.path, n));
    const pids: number[] = [];
    for (const _ of futures) pids.push(Number(await gate.next()));
    const release = async () => {
      gate.open();
      assert.deepEqual(await Promise.all(futures), count(many));
    };
    return { futures, pids, release };
  };
  const nameOf = (pool: Pool) => pool.stats().perWorker[0]?.name;

  describe(`${title}: several tasks in a worker`, { timeout: timeLimit(120_000) }, () => {
    test("so many are under way, and end in any order; another waits", () =>
      using({ workers: 1, tasksPerWorker: 3 }, async (pool) => {
        const open = count(4).map(makeGate);
        const ended: number[] = [];
        const futures = open.map(({ path }, n) => pool.submit(wide.hold, path, n).then((n) => ended.push(n)));
        for (const gate of open.slice(0, 3)) await gate.next();
        const { workers, running, queued, idle } = pool.stats();
        assert.deepEqual({ workers, running, queued, idle }, { workers: 1, running: 3, queued: 1, idle: 0 });
        assert.deepEqual(open[3]!.told, []);
        for (const n of [2, 0, 3, 1]) {
          open[n]!.open();
          await futures[n];
          if (n === 2) await open[3]!.next();
        }
        assert.deepEqual(ended, [2, 0, 3, 1]);
        assert.ok(pool.stats().utilization <= 1);
      }));

    test("a task goes to the worker that has least, and to a new one before it joins another", () =>
      using({ workers: 2, tasksPerWorker: 2 }, async (pool) => {
        const gate = makeGate();
        const futures = count(4).map(() => pool.submit(wide.holdNamed, gate.path));
        const names: string[] = [];
        for (const _ of futures) names.push(await gate.next());
        assert.deepEqual(
          [...new Set(names)].map((name) => names.filter((other) => other === name).length),
          [2, 2],
        );
        gate.open();
        await Promise.all(futures);
      }));

    test("thousands of short tasks, each once", () =>
      using({ workers: 2, tasksPerWorker: 8 }, async (pool) => {
        const numbers = count(inForm({ short: 300, whole: 2000 }));
        const squares = numbers.map((n) => n * n);
        assert.deepEqual(await Promise.all(numbers.map((n) => pool.submit(tasks.squareLater, n))), squares);
        assert.deepEqual(await Promise.all(numbers.map((n) => pool.submit(tasks.square, n))), squares);
        assert.deepEqual(await pool.map(tasks.squareLater, numbers), squares);
      }));

    test("each knows its own task after an await, and its news are its own", () =>
      using({ workers: 1, tasksPerWorker: 3 }, async (pool) => {
        const gate = makeGate();
        const news: [number, unknown][] = [];
        const futures = count(3).map((n) =>
          pool.submit(wide.knowSelf, gate.path, n).onProgress((value) => news.push([n, value])),
        );
        for (const _ of futures) await gate.next();
        gate.open();
        assert.deepEqual(
          await Promise.all(futures),
          count(3).map(() => ({ attempt: 1, slot: 1 })),
        );
        assert.deepEqual(
          count(3).map((n) => news.filter(([whose]) => whose === n).map(([, value]) => value)),
          count(3).map((n) => [n, n + 0.5]),
        );
      }));

    test("one that is called off hears it; those beside it hear nothing and go on", () =>
      using({ workers: 1, tasksPerWorker: 3 }, async (pool) => {
        const gate = makeGate();
        const futures = count(3).map((n) => pool.submit(wide.heed, gate.path, n));
        await until(() => gate.told.length === 3);
        const name = nameOf(pool);
        for (const n of [1, 0, 2]) {
          const before = gate.told.length;
          futures[n]!.cancel();
          await assert.rejects(Promise.resolve(futures[n]), CancelledError);
          await until(() => gate.told.length > before);
          assert.equal(gate.told.at(-1), `heard ${n}`);
        }
        assert.equal(gate.told.length, 6);
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        assert.equal(nameOf(pool), name);
      }));

    test("one that goes on after it was called off keeps its place; its worker is ended when nothing else is under way", () => {
      const killGrace = timeLimit(400);
      return using({ workers: 1, tasksPerWorker: 3, killGrace }, async (pool) => {
        const gate = makeGate();
        const goesOn = pool.submit(wide.goOn, gate.path);
        const pid = Number(await gate.next());
        const beside = await begin(pool, 1);
        goesOn.cancel();
        await assert.rejects(Promise.resolve(goesOn), CancelledError);
        // Longer than the grace, and than it is until its worker is looked at again.
        await sleep(3 * killGrace);
        assert.deepEqual((await begin(pool, 1)).pids, [pid]);
        gates.at(-1)!.open();
        await beside.release();
        // Now it is alone.
        if (across === "processes") await until(() => !isRunning(pid));
        else await until(() => pool.stats().workers === 0 || pool.stats().perWorker[0]?.task !== "goOn");
        assert.equal(await pool.submit(tasks.add, 1, 2), 3);
        assert.equal(pool.stats().died, 0);
      });
    });

    test("one that computes holds up the others: when one of them is called off and is not heard, all that is under way ends", () =>
      using({ workers: 1, tasksPerWorker: 3, killGrace: 50 }, async (pool) => {
        const [gate, spin] = [makeGate(), makeGate()];
        const spinning = pool.submit(wide.spinOnceOpen, spin.path);
        const other = pool.submit(wide.hold, gate.path, 2);
        await Promise.all([spin.next(), gate.next()]);
        const late = pool.with({ taskTimeout: timeLimit(200) }).submit(wide.hold, gate.path, 1);
        const ends = Promise.allSettled([late, other, spinning]);
        // On a slow machine it is called off before it has told.
        await until(() => gate.told.length === 2 || late.state === "failed");
        const waiting = pool.submit(tasks.add, 1, 2);
        spin.open();
        const [first, ...rest] = errorsOf(await ends);
        assert.ok(first instanceof TimeoutError);
        for (const error of rest) assert.ok(error instanceof WorkerDiedError);
        assert.equal(await waiting, 3);
      }));

    // A link that has sent a task over a socket counts it as begun.
    sharing("what a loop that computes has not begun goes to a worker that comes free", () =>
      using({ workers: 2, tasksPerWorker: 2 }, async (pool) => {
        const [first, second] = [makeGate(), makeGate()];
        const spinning = pool.submit(tasks.spinAt, first.path);
        await first.next();
        const beside = pool.submit(wide.hold, second.path, 1);
        await second.next();
        // Each has one; of these two one goes behind the loop that computes.
        const others = [20, 21].map((n) => pool.submit(tasks.add, n, n));
        second.open();
        assert.equal(await beside, 1);
        assert.deepEqual(await Promise.all(others), [40, 42]);
        assert.equal(spinning.state, "running");
        pool.terminate();
        await assert.rejects(Promise.resolve(spinning), CancelledError);
      }),
    );

    test("taskTimeout ends the one that takes too long, and no other", () =>
      using({ workers: 1, tasksPerWorker: 2, killGrace: timeLimit(5000) }, async (pool) => {
        const gate = makeGate();
        const beside = await begin(pool, 1);
        const late = pool.with({ taskTimeout: 50 }).submit(wide.heed, gate.path, 1);
        await assert.rejects(Promise.resolve(late), TimeoutError);
        await beside.release();
      }));

    test("a worker that ends takes along what it had begun; what waited goes to another", () =>
      using({ workers: 1, tasksPerWorker: 3 }, async (pool) => {
        for (const [task, exitCode] of [
          [wide.exitOnceOpen, 3],
          [wide.crashOnceOpen, 1],
        ] as const) {
          const gate = makeGate();
          const futures = [pool.submit(task, gate.path), ...count(2).map(() => pool.submit(wide.heed, gate.path, 1))];
          await until(() => gate.told.length === 3);
          const waiting = count(5).map((n) => pool.submit(tasks.square, n));
          gate.open();
          for (const error of errorsOf(await Promise.allSettled(futures))) {
            assert.ok(error instanceof WorkerDiedError);
            assert.equal(error.exitCode, exitCode);
            if (task === wide.crashOnceOpen && !isShareless)
              assert.match(String((error.cause as Error).message), /thrown by a timer/);
          }
          assert.deepEqual(await Promise.all(waiting), [0, 1, 4, 9, 16]);
        }
      }));

    test("with retries all that it had begun is tried again", () =>
      using({ workers: 1, tasksPerWorker: 3, retries: 1 }, async (pool) => {
        const gate = makeGate();
        const futures = count(2).map(() => pool.submit(wide.holdFirst, gate.path));
        await until(() => gate.told.length === 2);
        await assert.rejects(Promise.resolve(pool.with({ retries: 0 }).submit(tasks.exit, 4)), WorkerDiedError);
        assert.deepEqual(await Promise.all(futures), [2, 2]);
        assert.equal(pool.stats().retried, 2);
      }));

    if (across === "processes") {
      test("killed by SIGKILL with all places taken, again and again: those fail and no other", () =>
        using({ workers: 2, tasksPerWorker: 4 }, async (pool) => {
          for (let round = 0; round < inForm({ short: 2, whole: 5 }); round++) {
            const { pids, futures } = await begin(pool, 8);
            const waiting = count(20).map((n) => pool.submit(tasks.squareLater, n));
            const killed = pids[round % 8]!;
            process.kill(killed, "SIGKILL");
            const failed: unknown[] = [];
            const ended: Promise<unknown>[] = futures.map((future: Future<number>) =>
              Promise.resolve(future).catch((error: unknown) => failed.push(error)),
            );
            await until(() => failed.length === 4);
            gates.at(-1)!.open();
            await Promise.all(ended);
            assert.equal(failed.length, 4);
            for (const error of failed) assert.ok(error instanceof WorkerDiedError && error.signal === "SIGKILL");
            assert.deepEqual(
              await Promise.all(waiting),
              count(20).map((n) => n * n),
            );
          }
        }));
    }

    test("items of a chunk run one after the other, and as many chunks beside each other as tasks", () =>
      using({ workers: 1, tasksPerWorker: 2 }, async (pool) => {
        for (const chunkSize of [3, 1]) {
          const gate = makeGate();
          const run = pool.map(wide.span.partial(gate.path), count(12), { chunkSize });
          assert.deepEqual(await run, count(12));
          const open = new Set<number>();
          let most = 0;
          for (const line of gate.told) {
            const [what, n] = line.split(" ") as [string, string];
            if (what === "end") open.delete(Number(n));
            else open.add(Number(n));
            most = Math.max(most, open.size);
            const chunks = [...open].map((n) => Math.floor(n / chunkSize));
            assert.equal(new Set(chunks).size, chunks.length, `two items of a chunk: ${[...open].join()}`);
          }
          assert.equal(most, 2);
        }
      }));

    test("an error of an item is its own, whatever runs beside it", () =>
      using({ workers: 1, tasksPerWorker: 4 }, async (pool) => {
        const outcomes = await pool.map(tasks.failAt.partial(5), count(10), { chunkSize: 2 }).settled();
        assert.deepEqual(
          outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : "failed")),
          count(10).map((n) => (n === 5 ? "failed" : n)),
        );
      }));

    test("the initializer has its worker for itself", () =>
      using({ workers: 1, tasksPerWorker: 4, initializer: wide.prepareSlowly }, async (pool) => {
        const futures = count(6).map(() => pool.submit(wide.tellPrepared));
        assert.deepEqual(
          await Promise.all(futures),
          count(6).map(() => true),
        );
      }));

    test("maxTasksPerWorker, recycle and resize let what is under way go on to its end", () =>
      using({ workers: 1, tasksPerWorker: 2, maxTasksPerWorker: 2 }, async (pool) => {
        const gate = makeGate();
        const futures = count(4).map(() => pool.submit(wide.holdNamed, gate.path));
        const first = [await gate.next(), await gate.next()];
        gate.open();
        const names = await Promise.all(futures);
        assert.equal(new Set(first).size, 1);
        assert.deepEqual([...new Set(names)].length, 2);
        const held = makeGate();
        const going = pool.submit(wide.holdNamed, held.path);
        const before = await held.next();
        pool.recycle();
        pool.resize(1);
        const next = pool.submit(wide.holdNamed, gate.path);
        held.open();
        assert.equal(await going, before);
        assert.notEqual(await next, before);
        assert.equal(pool.stats().died, 0);
      }));

    test("a pause begins nothing more, and what is under way goes on", () =>
      using({ workers: 1, tasksPerWorker: 2 }, async (pool) => {
        const { release } = await begin(pool, 1);
        pool.pause();
        const gate = makeGate();
        const later = pool.submit(wide.hold, gate.path, 5);
        await release();
        assert.deepEqual(gate.told, []);
        gate.open();
        pool.start();
        assert.equal(await later, 5);
      }));

    test("close waits for what is under way, and terminate does not", async () => {
      const pool = make({ workers: 1, tasksPerWorker: 3 });
      const { futures, release } = await begin(pool, 3);
      pool.close();
      const joined = pool.join();
      await release();
      await joined;
      assert.ok(futures.every(({ state }) => state === "done"));
      const other = make({ workers: 1, tasksPerWorker: 3 });
      const { futures: held, pids } = await begin(other, 3);
      other.terminate();
      for (const error of errorsOf(await Promise.allSettled(held))) assert.ok(error instanceof CancelledError);
      await other.join();
      if (across === "processes") assert.deepEqual(pids.filter(isRunning), []);
    });

    sharing("tasks that wait for others of their pool: refused once every place would wait so", () =>
      using({ workers: 1, tasksPerWorker: 3 }, async (pool) => {
        const few = makeGate();
        const handle = pool.handle();
        const two = [3, 4].map((n) => pool.submit(wide.squareByPool, handle, few.path, n));
        await until(() => few.told.length === 2);
        few.open();
        assert.deepEqual(await Promise.all(two), [9, 16]);
        const all = makeGate();
        const three = [3, 4, 5].map((n) => pool.submit(wide.squareByPool, handle, all.path, n));
        await until(() => all.told.length === 3);
        all.open();
        const ends = await Promise.allSettled(three);
        const errors = ends.filter(({ status }) => status === "rejected");
        // The one that is refused ends, and so leaves a place to the others.
        assert.equal(errors.length, 1);
        assert.ok((errors[0] as PromiseRejectedResult).reason instanceof DeadlockError);
      }),
    );

    sharing("permits that its tasks kept come back with a worker that dies while others are under way", () =>
      using({ workers: 1, tasksPerWorker: 2 }, async (pool) => {
        const permits = new Semaphore(1, { across });
        /** An error that nobody catches is no normal end of a worker, as `process.exit` is. */
        const crashes = async (before: () => Promise<unknown>) => {
          const gate = makeGate();
          const crash = pool.submit(wide.crashOnceOpen, gate.path);
          await gate.next();
          await before();
          gate.open();
          await assert.rejects(Promise.resolve(crash), WorkerDiedError);
          await until(() => pool.stats().workers === 0);
        };
        await pool.submit(wide.takePermit, permits);
        // None is under way any more: it was used up.
        await crashes(async () => {});
        assert.equal(permits.tryAcquire(), undefined);
        permits.release();
        await crashes(() => pool.submit(wide.takePermit, permits));
        await permits.acquire();
      }),
    );

    sharing("moved buffers go to a worker that has others under way", () =>
      using({ workers: 1, tasksPerWorker: 3 }, async (pool) => {
        const gate = makeGate();
        const futures = count(6).map((n) => {
          const bytes = new Uint8Array(50_000 + n);
          return pool.submit(wide.sizeLater, gate.path, transfer(bytes));
        });
        await until(() => gate.told.length === 3);
        gate.open();
        assert.deepEqual(
          await Promise.all(futures),
          count(6).map((n) => 50_000 + n),
        );
        assert.deepEqual(
          (await Promise.all(count(4).map(() => pool.submit(tasks.giveMoved, 50_000)))).map(({ length }) => length),
          count(4).map(() => 50_000),
        );
      }),
    );

    sharing("what tasks under way have brought is given back when their worker dies", async () => {
      const witness = new Event({ across });
      const used = () =>
        (witness as unknown as { heap: { allocator: { usedWords(): number } } }).heap.allocator.usedWords();
      const cycle = () =>
        using({ workers: 1, tasksPerWorker: 4 }, async (pool) => {
          const gate = makeGate();
          const run = () => {
            const noted = new Queue<number>({ across });
            const futures = count(6).map((n) => pool.submit(wide.noteLater, gate.path, noted, n));
            noted.free();
            return futures;
          };
          const futures = run().slice(0, 4);
          const ends = Promise.allSettled(futures);
          await until(() => gate.told.length === 4);
          pool.terminate();
          await ends;
          await pool.join();
        });
      await cycle();
      await cycle();
      const before = used();
      for (let time = 0; time < 3; time++) await cycle();
      await until(() => {
        collectGarbage();
        return used() <= before;
      });
    });

    test("refused: what is no whole number from 1 to 128", () => {
      for (const tasksPerWorker of [0, -1, 1.5, Number.NaN, 129])
        assert.throws(() => make({ tasksPerWorker }), {
          code: "ERR_ALLCORES_ARGUMENT_RANGE",
          message: /tasksPerWorker/,
        });
      assert.throws(() => make({ tasksPerWorker: "2" as unknown as number }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    });

    test("128 in one worker", () =>
      using({ workers: 1, tasksPerWorker: 128 } satisfies PoolOptions, async (pool) => {
        const { release } = await begin(pool, 128);
        const waiting = pool.submit(tasks.add, 1, 2);
        await release();
        assert.equal(await waiting, 3);
      }));
  });
}
