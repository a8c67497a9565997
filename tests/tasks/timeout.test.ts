import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { sleep, StateError, TaskGroup, timeout, timeoutAt, TimeoutError, type TimeoutScope } from "allcores";
import { gate, Leftovers } from "../fixtures/leftovers.js";
import { timeLimit } from "../time-limit.js";

describe("timeout", { timeout: timeLimit(20_000) }, () => {
  let leftovers: Leftovers;
  beforeEach(() => {
    leftovers = new Leftovers();
  });
  afterEach(() => leftovers.check());

  test("gives the block's value, and throws its error as it is", async () => {
    assert.equal(await timeout(60_000, async () => "value"), "value");
    assert.equal(await timeout(60_000, () => 5), 5);
    assert.equal(await timeout(Number.POSITIVE_INFINITY, ({ when }) => when), Number.POSITIVE_INFINITY);
    const error = new Error("mine");
    await assert.rejects(
      timeout(60_000, () => {
        throw error;
      }),
      (thrown) => thrown === error,
    );
    await assert.rejects(
      timeout(60_000, () => Promise.reject(error)),
      (thrown) => thrown === error,
    );
  });

  test("aborts the block's signal, waits for its clean-up, and throws TimeoutError", async () => {
    let cleaned = false;
    let reason: unknown;
    const error = await timeout(5, async (scope) => {
      try {
        await sleep(60_000, { signal: scope.signal });
      } catch (thrown) {
        reason = thrown;
        assert.equal(scope.isExpired, true);
        throw thrown;
      } finally {
        await sleep(5);
        cleaned = true;
      }
    }).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof TimeoutError);
    assert.equal(error, reason);
    assert.equal(cleaned, true);
  });

  test("a block that never asked for its signal is left at once, and what becomes of it is ignored", async () => {
    const never = gate();
    await assert.rejects(
      timeout(2, () => never.opened),
      TimeoutError,
    );
    never.fail(new Error("nobody hears this"));
  });

  test("a value that comes in spite of the signal counts; an error of the block's own is told", async () => {
    const stubborn = await timeout(2, async ({ signal }) => {
      await sleep(60_000, { signal }).catch(() => {});
      return "all the same";
    });
    assert.equal(stubborn, "all the same");
    const own = new Error("in cleaning up");
    await assert.rejects(
      timeout(2, async ({ signal }) => {
        await sleep(60_000, { signal }).catch(() => {});
        throw own;
      }),
      (thrown) => thrown === own,
    );
  });

  test("a result that lies ready when the time runs out wins", async () => {
    for (let round = 0; round < 20; round++) {
      const value = await timeout(5, async () => {
        const result = new Promise((resolve) => setTimeout(resolve, 6, "ready"));
        // Both timers are due when the loop goes on, the limit's first.
        const until = performance.now() + 10;
        while (performance.now() < until);
        return await result;
      });
      assert.equal(value, "ready");
    }
  });

  test("reports its own expiry only", async () => {
    // The inner one's is no limit of the outer one.
    let outer: TimeoutScope | undefined;
    const inner = await timeout(60_000, async (scope) => {
      outer = scope;
      await timeout(2, ({ signal }) => sleep(60_000, { signal }), { signal: scope.signal });
    }).catch((error: unknown) => error);
    assert.ok(inner instanceof TimeoutError);
    assert.equal(outer?.isExpired, false);
    // And the outer one's passes the inner one by, which may catch its own alone.
    let scope: TimeoutScope | undefined;
    let passed: unknown;
    const thrown = await timeout(2, async ({ signal }) => {
      try {
        await timeout(
          60_000,
          (own) => {
            scope = own;
            return sleep(60_000, { signal: own.signal });
          },
          { signal },
        );
      } catch (error) {
        passed = error;
        throw error;
      }
    }).catch((error: unknown) => error);
    assert.ok(thrown instanceof TimeoutError);
    assert.equal(passed, thrown);
    assert.equal(scope?.isExpired, false);
    // A TimeoutError that the block itself throws is not this one's.
    const foreign = new TimeoutError("of something else");
    await assert.rejects(
      timeout(60_000, () => Promise.reject(foreign)),
      (error) => error === foreign,
    );
  });

  test("can be rescheduled until it has run out or the block has ended", async () => {
    const order: string[] = [];
    let kept: TimeoutScope | undefined;
    const value = await timeout(5, async (scope) => {
      kept = scope;
      const before = scope.when;
      scope.reschedule(60_000);
      assert.ok(scope.when > before + 50_000);
      await sleep(15);
      order.push("later than 5 ms");
      scope.reschedule(Number.POSITIVE_INFINITY);
      assert.equal(scope.when, Number.POSITIVE_INFINITY);
      scope.rescheduleAt(performance.now() + 60_000);
      return "in time";
    });
    assert.equal(value, "in time");
    assert.deepEqual(order, ["later than 5 ms"]);
    assert.throws(() => kept?.reschedule(5), StateError);
    await assert.rejects(
      timeout(Number.POSITIVE_INFINITY, async (scope) => {
        scope.reschedule(1);
        await sleep(60_000, { signal: scope.signal }).catch(() => {});
        scope.reschedule(5);
      }),
      StateError,
    );
    for (const [wrong, code] of [
      [-1, "RANGE"],
      [Number.NaN, "RANGE"],
      ["1", "TYPE"],
    ] as const)
      await timeout(60_000, (scope) =>
        assert.throws(() => scope.reschedule(wrong as number), { code: `ERR_ALLCORES_ARGUMENT_${code}` }),
      );
  });

  test("timeoutAt: the same moment for several", async () => {
    const deadline = performance.now() + 20;
    await timeoutAt(deadline, () => sleep(1));
    await assert.rejects(
      timeoutAt(deadline, ({ signal }) => sleep(60_000, { signal })),
      TimeoutError,
    );
    await assert.rejects(
      timeoutAt(deadline, ({ signal }) => sleep(60_000, { signal })),
      TimeoutError,
    );
    await assert.rejects(
      timeoutAt(Number.NaN, () => 1),
      { code: "ERR_ALLCORES_ARGUMENT_RANGE" },
    );
  });

  test("0 gives what needs no waiting; a limit beyond the longest timer is kept", async () => {
    assert.equal(await timeout(0, async () => "at once"), "at once");
    await assert.rejects(
      timeout(0, ({ signal }) => sleep(60_000, { signal })),
      TimeoutError,
    );
    assert.equal(await timeout(2 ** 40, () => sleep(2).then(() => "kept")), "kept");
  });

  test("options.signal ends it with its reason, and is listened to no longer", async () => {
    const controller = leftovers.controller();
    assert.equal(await timeout(60_000, () => 1, { signal: controller.signal }), 1);
    const reason = new Error("the caller");
    const running = timeout(60_000, ({ signal }) => sleep(60_000, { signal }), { signal: controller.signal });
    const deaf = timeout(60_000, () => new Promise(() => {}), { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(running, (error) => error === reason);
    await assert.rejects(deaf, (error) => error === reason);
    await assert.rejects(
      timeout(5, () => 1, { signal: controller.signal }),
      (error) => error === reason,
    );
  });

  test("in a group: the group's cancellation passes through, the block's own limit is a failure", async () => {
    const broken = new Error("broken");
    let thrown: unknown;
    await assert.rejects(
      TaskGroup.run((group) => {
        group.spawn((signal) =>
          timeout(60_000, (scope) => sleep(60_000, { signal: scope.signal }), { signal }).catch((error: unknown) => {
            thrown = error;
            throw error;
          }),
        );
        group.spawn(async () => {
          await sleep(1);
          throw broken;
        });
      }),
      (error) => error instanceof AggregateError && error.errors.length === 1 && error.errors[0] === broken,
    );
    assert.equal((thrown as Error).cause, broken);
    await assert.rejects(
      TaskGroup.run((group) => {
        group.spawn((signal) => timeout(2, (scope) => sleep(60_000, { signal: scope.signal }), { signal }));
      }),
      (error) => error instanceof AggregateError && error.errors[0] instanceof TimeoutError,
    );
  });

  test("the stack of an error leads through the block to its caller", async () => {
    async function deepInside(): Promise<never> {
      await sleep(1);
      throw new Error("deep");
    }
    async function caller(): Promise<void> {
      await timeout(60_000, () => deepInside());
    }
    const { stack } = (await caller().catch((error: unknown) => error)) as Error;
    assert.match(stack ?? "", /deepInside.*timeout.*caller/s);
  });

  test("arguments are checked", async () => {
    for (const [ms, code] of [
      [-1, "RANGE"],
      [Number.NaN, "RANGE"],
      ["5", "TYPE"],
    ] as const)
      await assert.rejects(
        timeout(ms as number, () => 1),
        { code: `ERR_ALLCORES_ARGUMENT_${code}` },
      );
    await assert.rejects(timeout(5, Promise.resolve() as never), {
      code: "ERR_ALLCORES_ARGUMENT_TYPE",
      message: /waitFor/,
    });
  });
});
