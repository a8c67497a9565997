/**
 * What a pool promises about the user's own callbacks inside of it: `retries.when`, `onProgress`, the input of a map.
 * The table stands in docs/design/callbacks.md.
 */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { describe, test } from "node:test";
import { ArgumentTypeError, type Future, type Pool, setUncaughtHook } from "allcores";
import * as blockingTasks from "../fixtures/pool-tasks.js";
import type { PoolKind } from "./pool.contract.js";
import { casesOf } from "./case-in-turn.js";
import { withPool, withPoolInTurns } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);

/** What the uncaught hook is told while `body` runs. */
async function toldDuring(body: () => Promise<void>): Promise<unknown[]> {
  const told: unknown[] = [];
  const before = setUncaughtHook((error) => told.push(error));
  try {
    await body();
  } finally {
    setUncaughtHook(before);
  }
  return told;
}

export function poolCallbacksContract(title: string, { model, make, tasks = blockingTasks }: PoolKind): void {
  const test = casesOf({ model });
  const using = withPool(make);
  describe(`${title}: callbacks`, { timeout: timeLimit(60_000) }, () => {
    const inTurn = withPoolInTurns(make);
    describe("retries.when", () => {
      const wrong = new TypeError("when is wrong");
      const broken = () => {
        throw wrong;
      };

      test("that throws: the call fails with the task's error, and its own is told once", () =>
        inTurn(1, async (pool) => {
          const told = await toldDuring(() =>
            assert.rejects(pool.with({ retries: { limit: 3, delay: 0, when: broken } }).submit(tasks.attempt, 9), {
              message: "attempt 1",
            }),
          );
          assert.deepEqual(told, [wrong]);
          assert.equal(await pool.submit(tasks.square, 3), 9);
        }));

      test("that throws in a map: the item fails with the task's error", () =>
        inTurn(1, async (pool) => {
          const again = pool.with({ retries: { limit: 3, delay: 0, when: broken } });
          const told = await toldDuring(() =>
            assert.rejects(again.map(tasks.attempt, [1, 9]), { message: "attempt 1" }),
          );
          assert.deepEqual(told, [wrong]);
          assert.equal(await pool.submit(tasks.square, 3), 9);
        }));

      test("that gives a promise is refused, and no rejection is left unhandled", () =>
        inTurn(1, async (pool) => {
          const when = (async () => {
            throw wrong;
          }) as never;
          const told = await toldDuring(() =>
            assert.rejects(pool.with({ retries: { limit: 3, delay: 0, when } }).submit(tasks.attempt, 9), {
              message: "attempt 1",
            }),
          );
          assert.equal(told.length, 1);
          assert.ok(told[0] instanceof ArgumentTypeError && /gave a promise/.test(told[0].message));
        }));

      test("that calls the very call off: it is not tried again", () =>
        using({ workers: 1 }, async (pool) => {
          const when = (): boolean => future.cancel(new Error("called off within when"));
          const future: Future<number> = pool.with({ retries: { limit: 3, delay: 0, when } }).submit(tasks.attempt, 9);
          await assert.rejects(future, { message: "called off within when" });
          assert.equal(future.state, "cancelled");
          assert.equal(await pool.submit(tasks.square, 3), 9);
          assert.equal(pool.stats().retried, 0);
        }));

      test("that submits to the pool, and that closes it: what was taken on is done", () =>
        using({ workers: 1 }, async (pool) => {
          const others: PromiseLike<number>[] = [];
          const when = () => {
            if (others.length === 0) others.push(pool.submit(tasks.square, 3));
            pool.close();
            return true;
          };
          assert.equal(await pool.with({ retries: { limit: 3, delay: 0, when } }).submit(tasks.attempt, 3), 3);
          assert.deepEqual(await Promise.all(others), [9]);
          await pool.join();
        }));

      test("that terminates the pool: the call fails, and the pool ends", () =>
        using({ workers: 1 }, async (pool) => {
          const when = () => {
            pool.terminate();
            return true;
          };
          await assert.rejects(pool.with({ retries: { limit: 3, delay: 0, when } }).submit(tasks.attempt, 9), {
            message: "attempt 1",
          });
          await pool.join();
        }));

      test("is asked in the AsyncLocalStorage context of its call, of a map as well", () =>
        inTurn(1, async (pool) => {
          const user = new AsyncLocalStorage<string>();
          const seen: unknown[] = [];
          const when = () => seen.push(user.getStore()) > 0;
          const again = pool.with({ retries: { limit: 3, delay: 0, when } });
          const names = ["ann", "bob", "cyd"];
          await Promise.all(names.map((name) => user.run(name, () => again.submit(tasks.attempt, 2))));
          assert.deepEqual(seen.splice(0).sort(), names);
          await Promise.all(names.map(async (name) => user.run(name, async () => await again.map(tasks.attempt, [2]))));
          assert.deepEqual(seen.sort(), names);
        }));
    });

    describe("onProgress", () => {
      test("that calls its own call off, submits, or gives a rejected promise hurts nobody else", () =>
        inTurn(1, async (pool) => {
          const others: PromiseLike<number>[] = [];
          const future = pool.submit(tasks.report, 3).onProgress(() => {
            others.push(pool.submit(tasks.square, others.length));
          });
          assert.equal(await future, 3);
          assert.deepEqual(await Promise.all(others), [0, 1, 4]);
          const called = pool.submit(tasks.report, 3).onProgress(() => called.cancel(new Error("enough")));
          await called.catch(() => {});
          assert.equal(await pool.submit(tasks.square, 3), 9);
        }));
    });

    describe("the input of a map", () => {
      const cleanup = new Error("cursor was closed already");
      const fail = () => {
        throw cleanup;
      };
      function* rows() {
        try {
          for (let n = 0; ; n++) yield n;
        } finally {
          fail();
        }
      }
      async function* laterRows() {
        yield* rows();
      }

      for (const [what, input] of [
        ["an iterator", rows],
        ["an asynchronous iterator", laterRows],
      ] as const) {
        /** Without what another test has left, whose futures may be collected now. */
        const ownOf = (told: readonly unknown[]) =>
          told.filter((error) => error === cleanup || /failed at 2/.test(String(error)));
        test(`clean-up of the input that throws does not hide the task's error: ${what}`, () =>
          inTurn(1, async (pool) => {
            const bad = tasks.failAt.partial(2);
            let told = await toldDuring(async () => {
              await assert.rejects(pool.map(bad, input()), { message: "failed at 2" });
            });
            assert.ok(ownOf(told).length <= 1 && ownOf(told).every((error) => error === cleanup));
            told = await toldDuring(async () => {
              await assert.rejects(
                (async () => {
                  for await (const _ of pool.map(bad, input()));
                })(),
                { message: "failed at 2" },
              );
            });
            assert.ok(ownOf(told).every((error) => error === cleanup));
            // Without another error it is thrown, as a loop over the input itself would.
            const run = (async () => {
              for await (const _ of pool.map(tasks.square, input(), { buffer: 1 })) break;
            })();
            const end = await Promise.allSettled([run]);
            assert.ok(end[0].status === "fulfilled" || end[0].reason === cleanup);
            assert.equal(await pool.submit(tasks.square, 3), 9);
          }));
      }

      test("a sync input that throws ends the map with its error, and whatever was begun is let go of", () =>
        inTurn(1, async (pool) => {
          for (const at of [0, 1, 5]) {
            const broken = {
              [Symbol.iterator]() {
                let n = 0;
                return {
                  next() {
                    if (n++ === at) throw new Error(`no item ${at}`);
                    return { done: false, value: n };
                  },
                };
              },
            };
            await assert.rejects(pool.map(tasks.square, broken as Iterable<number>), { message: `no item ${at}` });
          }
          const unmade = {
            [Symbol.iterator](): never {
              throw new Error("no iterator");
            },
          };
          const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
          const before = timers();
          await assert.rejects(pool.map(tasks.square, unmade, { timeout: 3_600_000 }), { message: "no iterator" });
          assert.ok(timers() <= before);
        }));

      test("a sync iterator whose next() gives promises is refused", () =>
        inTurn(1, async (pool) => {
          const wrong = { [Symbol.iterator]: () => ({ next: async () => ({ done: true, value: 1 }) }) };
          await assert.rejects(pool.map(tasks.square, wrong as never), {
            code: "ERR_ALLCORES_ARGUMENT_TYPE",
            message: /next\(\) gave a promise/,
          });
        }));

      test("an input that cancels its own map, or submits to its pool, while it is asked", () =>
        inTurn(1, async (pool) => {
          let isReturned = false;
          function* meddling(): Generator<number> {
            try {
              for (let n = 0; n < 100; n++) {
                if (n === 2) others.push(pool.submit(tasks.square, 5));
                if (n === 3) run.cancel(new Error("by its own input"));
                yield n;
              }
            } finally {
              isReturned = true;
            }
          }
          const others: PromiseLike<number>[] = [];
          const run = pool.map(tasks.square, meddling());
          const told = await toldDuring(() => assert.rejects(run, { message: "by its own input" }));
          assert.deepEqual(await Promise.all(others), [25]);
          assert.deepEqual(told, []);
          assert.ok(isReturned);
        }));

      test("an asynchronous input that never gives its next item: the map can be called off", () =>
        inTurn(1, async (pool) => {
          const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
          await assert.rejects(pool.map(tasks.square, silent, { timeout: 10 }), { code: "ERR_ALLCORES_TIMEOUT" });
          assert.deepEqual(await pool.map(tasks.square, count(3)), [0, 1, 4]);
        }));
    });
  });
}

/** Of a pool whose functions are called in this thread. */
export function asyncCallbacks(
  make: (
    options?: object,
  ) => Pool & { submit(fn: (...args: never[]) => unknown, ...args: never[]): PromiseLike<unknown> },
): void {
  describe("AsyncPool: callbacks of this thread", { timeout: timeLimit(60_000) }, () => {
    const user = new AsyncLocalStorage<string>();
    const names = ["ann", "bob", "cyd"];
    const flaky = () => {
      let tries = 0;
      return async () => {
        await null;
        if (++tries < 3) throw new Error("flaky");
        return user.getStore();
      };
    };

    test("each attempt runs in the AsyncLocalStorage context of its own call", async () => {
      const pool = make({ retries: { limit: 3, delay: 1 } });
      assert.deepEqual(await Promise.all(names.map((name) => user.run(name, () => pool.submit(flaky())))), names);
      pool.close();
      await pool.join();
    });

    test("each attempt at an item runs in the context of who began the map", async () => {
      const pool = make({ retries: { limit: 3, delay: 1 } });
      const seen = await Promise.all(
        names.map((name) =>
          user.run(name, async () => {
            const fn = flaky();
            return await pool.map(((_: number) => fn()) as never, [1]);
          }),
        ),
      );
      assert.deepEqual(seen.flat(), names);
      pool.close();
      await pool.join();
    });

    test("a result whose `then` is a getter that throws: the call fails with that error, and its place is free again", async () => {
      const pool = make({ workers: 1 });
      const hostile = () => ({
        get then(): never {
          throw new Error("the getter of then");
        },
      });
      await assert.rejects(Promise.resolve(pool.submit(hostile)), { message: "the getter of then" });
      await assert.rejects(pool.map(hostile as never, [1]), { message: "the getter of then" });
      assert.equal(await pool.submit(() => 5), 5);
      pool.close();
      await pool.join();
    });
  });
}
