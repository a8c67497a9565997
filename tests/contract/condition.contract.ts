/**
 * A Condition: exactly as many wake up as were notified, nobody who left takes a wake-up along, and wait always ends
 * holding the lock.
 */
import assert from "node:assert/strict";
import { Condition, Event, Lock } from "allcores";
import { waitersOf } from "../fixtures/waiters.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type ConditionObjects = { readonly condition: Condition; readonly blocked: Event; readonly notified: Event };

/** With an RLock of its own. */
export function conditionObjects(across: Across): ConditionObjects {
  return {
    condition: new Condition(undefined, { across }),
    blocked: new Event({ across }),
    notified: new Event({ across }),
  };
}

/** With a given Lock. */
export function lockConditionObjects(across: Across): ConditionObjects {
  return {
    condition: new Condition(new Lock({ across })),
    blocked: new Event({ across }),
    notified: new Event({ across }),
  };
}

const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" };
const NOT_HELD = { code: "ERR_ALLCORES_NOT_HELD" };

export const conditionContract: Check<ConditionObjects> = (fixture, check) => {
  const { here } = fixture;
  const run = fixture.verb("run");
  const wait = fixture.verb("wait");
  const waitFor = fixture.verb("waitFor");
  const waiting = (count: number) =>
    here.call(({ condition }, { until, waiters }, count) => until(() => waiters(condition) === count), count);
  /** The subject waits under the lock; answers whether it held the lock afterwards. */
  const waits = (options: object = {}) =>
    fixture.subject.call(
      async ({ condition }, _, acquire, wait, options) => {
        const held = await condition[acquire]();
        try {
          await condition[wait](options);
          return { locked: condition.isLocked };
        } finally {
          held[Symbol.dispose]();
        }
      },
      fixture.verb("acquire"),
      wait,
      options,
    );
  const notifies = (n: number) =>
    fixture.third.call(
      ({ condition }, _, n) => void condition.runSync(() => (n === 0 ? condition.notifyAll() : condition.notify(n))),
      n,
    );
  /** `count` awaiting waiters of the third worker; how many are awake is kept. */
  const manyWait = (count: number) =>
    fixture.third.call(async ({ condition }, { kept }, count) => {
      kept.awake = [];
      for (let index = 0; index < count; index++) {
        const held = await condition.acquire();
        void condition.wait().then(() => {
          (kept.awake as number[]).push(index);
          held[Symbol.dispose]();
        });
      }
    }, count);
  const awake = (count: number) =>
    fixture.third.call(async (_, { kept, until }, count) => {
      await until(() => (kept.awake as number[]).length >= count);
      return kept.awake as number[];
    }, count);

  check("wait, notify and notifyAll need the lock", async () => {
    await assert.rejects(
      fixture.subject.call(async ({ condition }, _, wait) => condition[wait]({ timeout: 1 }), wait),
      NOT_HELD,
    );
    await assert.rejects(
      fixture.subject.call(async ({ condition }, _, waitFor) => void (await condition[waitFor](() => true)), waitFor),
      NOT_HELD,
    );
    await assert.rejects(
      fixture.subject.call(({ condition }) => condition.notify()),
      NOT_HELD,
    );
    await fixture.third.call(({ condition }, { held }) => void (held.h = condition.acquireSync()));
    await assert.rejects(
      fixture.subject.call(({ condition }) => condition.notifyAll()),
      NOT_HELD,
    );
    await assert.rejects(
      fixture.subject.call(async ({ condition }, _, wait) => condition[wait]({ timeout: 1 }), wait),
      NOT_HELD,
    );
    await fixture.third.call((_, { held }) => held.h![Symbol.dispose]());
    assert.equal(fixture.objects.condition.isLocked, false);
  });

  check("the lock is free while somebody waits, and held again when the wait is over", async () => {
    const waited = waits();
    await here.call(({ condition }, { until, waiters }) =>
      until(() => waiters(condition) === 1 && !condition.isLocked),
    );
    await notifies(1);
    assert.deepEqual(await waited, { locked: true });
    assert.equal(fixture.objects.condition.isLocked, false);
  });

  check("the waiter does not go on before the notifier has let the lock go", async () => {
    const waited = waits();
    await waiting(1);
    await fixture.third.call(({ condition }, { held }) => {
      held.h = condition.acquireSync();
      condition.notify();
    });
    await here.call(({ condition }, { until, waiters }) => until(() => waiters(condition) === 0));
    assert.equal(fixture.objects.condition.isLocked, true);
    await here.call(({ condition }, { until, waiters }) => until(() => waiters(condition.lock) === 1));
    await fixture.third.call((_, { held }) => held.h![Symbol.dispose]());
    assert.deepEqual(await waited, { locked: true });
  });

  check("notify(n) wakes exactly n, the longest waiting first; notifyAll the rest", async () => {
    const waited = waits();
    await waiting(1);
    await manyWait(4);
    await waiting(5);
    await notifies(3);
    assert.deepEqual(await waited, { locked: true });
    assert.deepEqual(await awake(2), [0, 1]);
    assert.equal(waitersOf(fixture.objects.condition), 2);
    await notifies(0);
    assert.deepEqual(await awake(4), [0, 1, 2, 3]);
    assert.equal(waitersOf(fixture.objects.condition), 0);
  });

  check("more than wait may be notified, and a notification is not remembered", async () => {
    await notifies(1);
    await notifies(0);
    await assert.rejects(waits({ timeout: 30 }), TIMEOUT);
    const waited = waits();
    await waiting(1);
    await notifies(100);
    assert.deepEqual(await waited, { locked: true });
    await assert.rejects(waits({ timeout: 30 }), TIMEOUT);
  });

  check("a timeout ends the wait holding the lock, and leaves no trace", async () => {
    for (const timeout of [0, 30]) {
      const told = await fixture.subject.call(
        async ({ condition }, _, acquire, wait, timeout) => {
          const held = await condition[acquire]();
          let code: unknown;
          try {
            await condition[wait]({ timeout });
          } catch (error) {
            code = (error as { code: string }).code;
          }
          const told = [code, condition.isLocked];
          condition.notify();
          held[Symbol.dispose]();
          return told.concat(condition.isLocked);
        },
        fixture.verb("acquire"),
        wait,
        timeout,
      );
      assert.deepEqual(told, ["ERR_ALLCORES_TIMEOUT", true, false]);
      assert.equal(waitersOf(fixture.objects.condition), 0);
    }
  });

  check("wrong options and numbers are refused, the lock stays held", async () => {
    const codes = await fixture.subject.call(
      async ({ condition }, _, acquire, wait) => {
        const held = await condition[acquire]();
        const codes: unknown[] = [];
        const tries: (() => unknown)[] = [-1, Number.NaN, "1"].map(
          (timeout) => () => condition[wait]({ timeout: timeout as number }),
        );
        for (const n of [0, -1, 1.5, Number.NaN, "1"]) tries.push(() => condition.notify(n as number));
        for (const attempt of tries) await (async () => attempt())().catch((error) => codes.push(error.code));
        codes.push(condition.isLocked);
        held[Symbol.dispose]();
        return codes.concat(condition.isLocked);
      },
      fixture.verb("acquire"),
      wait,
    );
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [range, range, type, range, range, type, type, type, true, false]);
  });

  check("waitFor looks first, then after each notification, and gives the value", async () => {
    const value = await fixture.subject.call(
      async ({ condition }, _, run, waitFor) => condition[run](() => condition[waitFor](() => "now")),
      run,
      waitFor,
    );
    assert.equal(value, "now");
    const counted = fixture.subject.call(
      async ({ condition, blocked }, { kept }, run, waitFor) => {
        kept.looks = 0;
        return condition[run](() =>
          condition[waitFor](() => {
            kept.looks = (kept.looks as number) + 1;
            blocked.set();
            return (kept.looks as number) >= 3 && condition.isLocked && `after ${kept.looks} looks`;
          }),
        );
      },
      run,
      waitFor,
    );
    for (let round = 0; round < 2; round++) {
      // It has looked, and waits: a notification before that would be for nobody.
      await fixture.objects.blocked.wait();
      await here.call(({ condition }, { until, waiters }) =>
        until(() => waiters(condition) === 1 && !condition.isLocked),
      );
      fixture.objects.blocked.clear();
      await notifies(1);
    }
    assert.equal(await counted, "after 3 looks");
    assert.equal(fixture.objects.condition.isLocked, false);
  });

  check("waitFor runs out, and what its predicate throws comes through, both holding the lock", async () => {
    const told = await fixture.subject.call(
      async ({ condition }, _, run, waitFor) =>
        condition[run as "run"](async () => {
          const told: unknown[] = [];
          const attempts = [
            () => condition[waitFor](() => false, { timeout: 20 }),
            () =>
              condition[waitFor](() => {
                throw new Error("predicate");
              }),
          ];
          for (const attempt of attempts)
            await (async () => attempt())().catch((error) => told.push(error.code ?? error.message));
          return told.concat(condition.isLocked);
        }),
      "run",
      waitFor,
    );
    assert.deepEqual(told, ["ERR_ALLCORES_TIMEOUT", "predicate", true]);
    assert.equal(fixture.objects.condition.isLocked, false);
  });

  if (!fixture.blocking) {
    check("an aborted signal ends the wait holding the lock, before and while waiting", async () => {
      const told = await fixture.subject.call(({ condition }, { until, waiters }) =>
        condition.run(async () => {
          const told: unknown[] = [];
          await condition
            .wait({ signal: AbortSignal.abort(new Error("before")) })
            .catch((error) => told.push(error.message, condition.isLocked));
          const controller = new AbortController();
          const waiting = condition
            .wait({ signal: controller.signal })
            .catch((error) => told.push(error.message, condition.isLocked));
          await until(() => waiters(condition) === 1);
          told.push(condition.isLocked);
          controller.abort(new Error("while"));
          await waiting;
          return told;
        }),
      );
      assert.deepEqual(told, ["before", true, false, "while", true]);
      assert.equal(fixture.objects.condition.isLocked, false);
      assert.equal(waitersOf(fixture.objects.condition), 0);
    });

    for (const leaving of ["is aborted", "runs out of time"] as const) {
      check(`a waiter that ${leaving} with a wake-up in its hands passes it on`, async () => {
        const told = fixture.subject.call(
          async ({ condition, blocked, notified }, { until, untilSync, waiters }, leaving) => {
            const told: string[] = [];
            const controller = new AbortController();
            const waits = async (name: string, options: object) => {
              const held = await condition.acquire();
              await condition.wait(options).then(
                () => told.push(`${name} woken`),
                () => told.push(`${name} left`),
              );
              held[Symbol.dispose]();
            };
            const first = waits("first", leaving === "is aborted" ? { signal: controller.signal } : { timeout: 200 });
            const timeIsUp = performance.now() + 210;
            const second = waits("second", {});
            await until(() => waiters(condition) === 2 && !condition.isLocked);
            blocked.set();
            // This loop stands still: the wake-up cannot be taken before the abort or the timeout.
            untilSync(() => notified.isSet && performance.now() > timeIsUp);
            controller.abort();
            await first;
            if (told[0] === "first left") await second;
            return told;
          },
          leaving,
        );
        await fixture.objects.blocked.wait();
        await notifies(1);
        fixture.objects.notified.set();
        const seen = await told;
        // One wake-up, and it went to one of the two.
        assert.deepEqual(seen, seen[0] === "first woken" ? ["first woken"] : ["first left", "second woken"]);
        if (seen.length === 1) await notifies(1);
      });
    }
  }

  if (fixture.apart) {
    check("death: a notification after the death of a waiter reaches a live one", async () => {
      const victim = fixture.victim();
      victim.call(({ condition }) => void condition.runSync(() => condition.waitSync())).catch(() => {});
      await waiting(1);
      const waited = waits({ timeout: timeLimit(5000) });
      await waiting(2);
      await victim.kill();
      await notifies(1);
      assert.deepEqual(await waited, { locked: true });
    });

    check("death: a notification that the dead had not taken yet reaches a live one", async () => {
      const victim = fixture.victim();
      victim
        .call(async ({ condition }) => {
          await condition.acquire();
          void condition.wait();
          for (;;);
        })
        .catch(() => {});
      await waiting(1);
      const waited = waits({ timeout: timeLimit(5000) });
      await waiting(2);
      await notifies(1);
      assert.equal(waitersOf(fixture.objects.condition), 2);
      await victim.kill();
      assert.deepEqual(await waited, { locked: true });
    });

    for (const blocks of [true, false]) {
      check(
        `death: a notification whose ${blocks ? "blocking" : "awaiting"} receiver dies as it takes the lock back reaches a live one`,
        async () => {
          const victim = fixture.victim();
          victim
            .call(async ({ condition }, _, blocks) => {
              await condition.acquire();
              if (blocks) condition.waitSync();
              else await condition.wait();
            }, blocks)
            .catch(() => {});
          await waiting(1);
          const waited = waits({ timeout: timeLimit(5000) });
          await waiting(2);
          await fixture.third.call(({ condition }, { held }) => {
            held.h = condition.acquireSync();
            condition.notify();
          });
          // Notified, it has left the condition's line and stands in the lock's.
          await here.call(({ condition }, { until, waiters }) =>
            until(() => waiters(condition) === 1 && waiters(condition.lock) === 1),
          );
          await victim.kill();
          await fixture.third.call((_, { held }) => held.h![Symbol.dispose]());
          assert.deepEqual(await waited, { locked: true });
        },
      );
    }

    check("death: an owner that dies while somebody waits is told to the hold that waits", async () => {
      const victim = fixture.victim();
      const told = fixture.subject.call(
        async ({ condition }, _, acquire, wait) => {
          const held = await condition[acquire]();
          const told = [held.ownerDied];
          await condition[wait]({ timeout: timeLimit(5000) });
          told.push(held.ownerDied);
          condition.consistent();
          held[Symbol.dispose]();
          const next = await condition[acquire]();
          told.push(next.ownerDied);
          next[Symbol.dispose]();
          return told;
        },
        fixture.verb("acquire"),
        wait,
      );
      await waiting(1);
      await victim.call(({ condition }) => {
        condition.acquireSync();
        condition.notify();
      });
      await victim.kill();
      assert.deepEqual(await told, [false, true, false]);
    });

    check("death: a notifier that dies holding the lock does not keep the notified out", async () => {
      const victim = fixture.victim();
      const waited = waits({ timeout: timeLimit(5000) });
      await waiting(1);
      await victim.call(({ condition }) => {
        condition.acquireSync();
        condition.notify();
      });
      await victim.kill();
      assert.deepEqual(await waited, { locked: true });
      assert.equal(fixture.objects.condition.isLocked, false);
    });
  }
};

/** What only a condition with an RLock can show. */
export const nestedContract: Check<ConditionObjects> = (fixture, check) => {
  conditionContract(fixture, check);
  check("wait gives up all levels of its RLock and takes them back", async () => {
    const told = fixture.subject.call(
      async ({ condition }, _, acquire, wait) => {
        const outer = (await condition[acquire]()) as import("allcores").RHeld;
        const inner = outer.acquire();
        await condition[wait]();
        const told = [condition.isLocked];
        inner[Symbol.dispose]();
        told.push(condition.isLocked);
        outer[Symbol.dispose]();
        return told.concat(condition.isLocked);
      },
      fixture.verb("acquire"),
      fixture.verb("wait"),
    );
    await fixture.here.call(({ condition }, { until, waiters }) =>
      until(() => waiters(condition) === 1 && !condition.isLocked),
    );
    await fixture.third.call(({ condition }) => condition.runSync(() => condition.notify()));
    assert.deepEqual(await told, [true, true, false]);
  });
};
