import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, describe, test } from "node:test";
import { CancelledError, type Future, Queue, Semaphore, sleep, StateError, TaskGroup, TaskGroupError } from "allcores";
import { gate, Leftovers } from "../fixtures/leftovers.js";
import { timeLimit } from "../time-limit.js";

const count = (to: number) => Array.from({ length: to }, (_, index) => index);
/** Never ends but by the signal. */
const wait = (signal: AbortSignal) => sleep(60_000, { signal });

describe("TaskGroup", { timeout: timeLimit(20_000) }, () => {
  let leftovers: Leftovers;
  beforeEach(() => {
    leftovers = new Leftovers();
  });
  afterEach(() => leftovers.check());

  test("gives results by futures, and what the function returns", async () => {
    const value = await TaskGroup.run(async (group) => {
      const later = group.spawn(async () => "later");
      const now: Future<number> = group.spawn(() => 2);
      return [await later, await now];
    });
    assert.deepEqual(value, ["later", 2]);
  });

  test("waits for tasks that tasks spawned, however deep", async () => {
    const ended: number[] = [];
    await TaskGroup.run((group) => {
      const spawn = (depth: number) =>
        group.spawn(async () => {
          await sleep(1);
          if (depth < 5) spawn(depth + 1);
          ended.push(depth);
        });
      spawn(0);
    });
    assert.deepEqual(ended, count(6));
  });

  test("await using waits too, and throws what failed", async () => {
    let ended = false;
    const error = new Error("broken");
    await assert.rejects(
      (async () => {
        await using group = new TaskGroup();
        group.spawn(async () => {
          await sleep(1);
          throw error;
        });
        group.spawn(async (signal) => {
          await wait(signal).catch(() => {});
          ended = true;
        });
      })(),
      (thrown) => thrown instanceof TaskGroupError && thrown.errors[0] === error && thrown.errors.length === 1,
    );
    assert.equal(ended, true);
  });

  test("the first failure cancels the rest, waits for their clean-up, and carries every real failure", async () => {
    const [first, second] = [new Error("first"), new Error("in cleaning up")];
    const cleaned: string[] = [];
    const futures: Future<unknown>[] = [];
    const error = await TaskGroup.run((group) => {
      futures.push(
        group.spawn(async (signal) => {
          try {
            await wait(signal);
          } finally {
            await sleep(2);
            cleaned.push("one");
          }
        }),
        group.spawn(async (signal) => {
          await wait(signal).catch(() => {});
          throw second;
        }),
        group.spawn(async (signal) => {
          await wait(signal).catch(() => {});
          return "all the same";
        }),
        group.spawn(async () => {
          await sleep(1);
          throw first;
        }),
      );
    }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof TaskGroupError && error instanceof AggregateError);
    assert.deepEqual(error.errors, [first, second]);
    assert.equal(error.code, "ERR_ALLCORES_TASK_GROUP");
    assert.match(error.message, /2 tasks of the group failed: Error: first; Error: in cleaning up/);
    assert.deepEqual(cleaned, ["one"]);
    assert.deepEqual(
      futures.map(({ state }) => state),
      ["cancelled", "failed", "done", "failed"],
    );
    assert.equal(await futures[2], "all the same");
    await assert.rejects(
      futures[0] as Future<unknown>,
      (reason) => reason instanceof CancelledError && reason.cause === first,
    );
  });

  test("an error of the function counts, and cancels", async () => {
    const broken = new Error("the body");
    let state: string | undefined;
    await assert.rejects(
      TaskGroup.run(async (group) => {
        const future = group.spawn(wait);
        future.then(undefined, () => (state = future.state));
        throw broken;
      }),
      (error) => error instanceof TaskGroupError && error.errors.length === 1 && error.errors[0] === broken,
    );
    assert.equal(state, "cancelled");
  });

  test("a failure that the function awaited is one failure, not two", async () => {
    const broken = new Error("once");
    await assert.rejects(
      TaskGroup.run(async (group) => {
        await group.spawn(async () => {
          throw broken;
        });
      }),
      (error) => error instanceof TaskGroupError && error.errors.length === 1 && error.errors[0] === broken,
    );
  });

  test("an AbortError of one's own is a failure; what the platform makes of the signal is none", async () => {
    const own = new DOMException("mine", "AbortError");
    await assert.rejects(
      TaskGroup.run((group) => {
        group.spawn(async (signal) => {
          await new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(new DOMException("the platform's", "AbortError")), {
              once: true,
            }),
          );
        });
        group.spawn(() => {
          throw own;
        });
      }),
      (error) => error instanceof TaskGroupError && error.errors.length === 1 && error.errors[0] === own,
    );
  });

  test("future.cancel ends one task and nothing else; it settles after the clean-up", async () => {
    const order: string[] = [];
    await TaskGroup.run(async (group) => {
      const reason = new Error("not needed");
      const one = group.spawn(async (signal) => {
        try {
          await wait(signal);
        } finally {
          await sleep(2);
          order.push("cleaned");
        }
      });
      const other = group.spawn(async () => {
        await sleep(5);
        return "other";
      });
      assert.equal(one.cancel(reason), true);
      assert.equal(one.state, "running");
      await assert.rejects(one, (error) => error === reason);
      order.push("settled");
      assert.equal(one.state, "cancelled");
      assert.equal(one.cancel(), false);
      assert.equal(group.signal.aborted, false);
      assert.equal(await other, "other");
    });
    assert.deepEqual(order, ["cleaned", "settled"]);
  });

  test("a task that was asked to stop and brings a value has it; one that fails then has failed", async () => {
    await TaskGroup.run(async (group) => {
      const future = group.spawn(async (signal) => {
        await wait(signal).catch(() => {});
        return "after all";
      });
      future.cancel();
      assert.equal(await future, "after all");
    });
    const broken = new Error("in cleaning up");
    await assert.rejects(
      TaskGroup.run((group) => {
        group
          .spawn(async (signal) => {
            await wait(signal).catch(() => {});
            throw broken;
          })
          .cancel();
      }),
      (error) => error instanceof TaskGroupError && error.errors[0] === broken,
    );
  });

  test("cancel ends all, without an error of the group", async () => {
    const ended: number[] = [];
    const value = await TaskGroup.run((group) => {
      for (const n of [1, 2])
        group.spawn(async (signal) => {
          await wait(signal).catch(() => {});
          ended.push(n);
        });
      group.cancel();
      group.cancel();
      return "value";
    });
    assert.equal(value, "value");
    assert.deepEqual(ended, [1, 2]);
    // Without a value there is only the reason.
    const reason = new Error("enough");
    await assert.rejects(
      TaskGroup.run(async (group) => {
        group.cancel(reason);
        await wait(group.signal);
      }),
      (error) => error === reason,
    );
    {
      await using group = new TaskGroup();
      group.spawn(wait);
      group.cancel();
    }
  });

  test("the parent's cancellation reaches every task of every group below, and waits for their clean-up", async () => {
    const parent = leftovers.controller();
    const reason = new Error("the parent");
    const cleaned: number[] = [];
    const ready = gate();
    const running = TaskGroup.run(
      async (outer) => {
        for (const n of count(3))
          outer.spawn(async (signal) => {
            await TaskGroup.run(
              (inner) => {
                for (const m of count(3))
                  inner.spawn(async (own) => {
                    try {
                      await wait(own);
                    } finally {
                      await sleep(1);
                      cleaned.push(n * 3 + m);
                    }
                  });
                if (n === 2) ready.open();
              },
              { signal },
            );
          });
      },
      { signal: parent.signal },
    );
    await ready.opened;
    parent.abort(reason);
    await assert.rejects(running, (error) => error === reason);
    assert.deepEqual(
      cleaned.sort((a, b) => a - b),
      count(9),
    );
  });

  test("a real failure outweighs the parent's cancellation", async () => {
    const parent = leftovers.controller();
    const broken = new Error("in cleaning up");
    const running = TaskGroup.run(
      (group) => {
        group.spawn(async (signal) => {
          await wait(signal).catch(() => {});
          throw broken;
        });
      },
      { signal: parent.signal },
    );
    parent.abort();
    await assert.rejects(running, (error) => error instanceof TaskGroupError && error.errors[0] === broken);
  });

  test("a signal that is aborted already begins nothing", async () => {
    const reason = new Error("before");
    let began = false;
    await assert.rejects(
      TaskGroup.run(
        () => {
          began = true;
        },
        { signal: AbortSignal.abort(reason) },
      ),
      (error) => error === reason,
    );
    assert.equal(began, false);
    assert.throws(
      () => new TaskGroup({ signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
  });

  test("no spawn after the end; none that begins while it is being cancelled", async () => {
    let kept: TaskGroup | undefined;
    let began = false;
    await TaskGroup.run(async (group) => {
      kept = group;
      group.cancel();
      const future = group.spawn(() => {
        began = true;
      });
      assert.equal(future.state, "cancelled");
      await assert.rejects(future, CancelledError);
    });
    assert.equal(began, false);
    assert.throws(() => kept?.spawn(() => 1), StateError);
    kept?.cancel();
    await TaskGroup.run((group) => {
      for (const wrong of [undefined, null, 5, Promise.resolve()])
        assert.throws(() => group.spawn(wrong as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    });
  });

  test("a long life leaves no listener on the parent's signal", async () => {
    const parent = leftovers.controller();
    for (const _ of count(50))
      await TaskGroup.run(
        async (group) => {
          await group.spawn((signal) => sleep(0, { signal }));
        },
        { signal: parent.signal },
      );
    const failing = TaskGroup.run(
      (group) => {
        group.spawn(() => {
          throw new Error("x");
        });
      },
      { signal: parent.signal },
    );
    await assert.rejects(failing);
  });

  test("context of AsyncLocalStorage is the spawner's", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    await TaskGroup.run((group) => {
      for (const name of ["a", "b"])
        context.run(name, () =>
          group.spawn(async () => {
            await sleep(1);
            seen.push(context.getStore());
          }),
        );
    });
    assert.deepEqual(seen.sort(), ["a", "b"]);
  });

  test("the stack of an error leads from the task through the group to who waits for it", async () => {
    async function deepInside(): Promise<never> {
      await sleep(1);
      throw new Error("deep");
    }
    async function whoWaits(): Promise<void> {
      await TaskGroup.run((group) => {
        group.spawn(() => deepInside());
      });
    }
    const error = (await whoWaits().catch((thrown: unknown) => thrown)) as TaskGroupError;
    const { stack } = error.errors[0] as Error;
    assert.match(stack ?? "", /deepInside.*TaskGroup.*whoWaits/s);
  });

  test("a cancelled getter loses no item", async () => {
    const queue = new Queue<number>();
    const got: number[] = [];
    await TaskGroup.run(async (group) => {
      const getter = group.spawn(async (signal) => await queue.get({ signal }));
      await sleep(1);
      queue.putSync(1);
      // The item and the cancellation meet: whoever loses, the item is with one of them.
      getter.cancel();
      await getter.then(
        (item) => got.push(item),
        () => {},
      );
    });
    const rest = queue.tryGet();
    if (rest !== undefined) got.push(rest.value);
    assert.deepEqual(got, [1]);
  });

  test("a cancelled waiter neither keeps nor loses a permit", async () => {
    const semaphore = new Semaphore(1);
    for (const _ of count(50)) {
      await TaskGroup.run(async (group) => {
        const held = semaphore.acquireSync();
        const waiters = count(4).map(() => group.spawn((signal) => semaphore.run(() => sleep(0), { signal })));
        await sleep(0);
        waiters[0]?.cancel();
        held[Symbol.dispose]();
        waiters[1]?.cancel();
        await Promise.allSettled(waiters);
      });
      // All came or were cancelled: the permit is there, once.
      const held = semaphore.tryAcquire();
      assert.ok(held !== undefined);
      assert.equal(semaphore.tryAcquire(), undefined);
      held[Symbol.dispose]();
    }
  });

  test("ten thousand tasks at a time", async () => {
    const sum = await TaskGroup.run(async (group) => {
      const futures = count(10_000).map((n) =>
        group.spawn(async (signal) => {
          await sleep(1, { signal });
          return n;
        }),
      );
      return (await Promise.all(futures)).reduce((a, b) => a + b);
    });
    assert.equal(sum, (10_000 * 9_999) / 2);
  });
});
