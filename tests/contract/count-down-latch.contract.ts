/** A CountDownLatch counts down to 0 once, and then lets everybody through for good. */
import assert from "node:assert/strict";
import { CountDownLatch } from "allcores";
import { waitersOf } from "../fixtures/waiters.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type CountDownLatchObjects = {
  readonly open: CountDownLatch;
  readonly one: CountDownLatch;
  readonly three: CountDownLatch;
};

export function countDownLatchObjects(across: Across): CountDownLatchObjects {
  return {
    open: new CountDownLatch(0, { across }),
    one: new CountDownLatch(1, { across }),
    three: new CountDownLatch(3, { across }),
  };
}

export const countDownLatchContract: Check<CountDownLatchObjects> = (fixture, check) => {
  const wait = fixture.verb("wait");
  const { here } = fixture;
  const waiting = (count: number) =>
    here.call(({ three }, { until, waiters }, count) => until(() => waiters(three) === count), count);
  const waits = (of: keyof CountDownLatchObjects, options: object = {}) =>
    fixture.subject.call(
      async (objects, _, wait, of, options) => {
        await objects[of as keyof CountDownLatchObjects][wait](options);
        return "let through";
      },
      wait,
      of,
      options,
    );
  const countsDown = () => fixture.other.call(({ three }) => three.countDown());

  check("it is counted down by everybody, and stays at 0", async () => {
    const look = () => fixture.third.call(({ three }) => [three.count, three.tryWait()]);
    assert.deepEqual(await look(), [3, false]);
    await countsDown();
    assert.deepEqual(await look(), [2, false]);
    await fixture.third.call(({ three }) => three.countDown(5));
    assert.deepEqual(await look(), [0, true]);
    await countsDown();
    assert.deepEqual(await look(), [0, true]);
    assert.equal(await waits("three"), "let through");
  });

  check("one of 0 is open from the beginning", async () => {
    assert.equal(await waits("open"), "let through");
    assert.equal(await waits("open", { timeout: 0 }), "let through");
    assert.equal(fixture.objects.open.tryWait(), true);
  });

  check("the last count lets everybody through, and none before it", async () => {
    const through = [
      waits("three"),
      fixture.third.call(async ({ three }) => {
        await Promise.all([three.wait(), three.wait()]);
        return "let through";
      }),
    ];
    const others = fixture.canMeet && !fixture.blocking ? [waits("three"), waits("three")] : [];
    await waiting(3 + others.length);
    for (const left of [2, 1]) {
      fixture.objects.three.countDown();
      assert.equal(fixture.objects.three.count, left);
      await waiting(3 + others.length);
    }
    await fixture.third.call(({ three }) => three.countDown());
    assert.deepEqual(new Set(await Promise.all([...through, ...others])), new Set(["let through"]));
    assert.equal(waitersOf(fixture.objects.three), 0);
  });

  check("select waits for it", async () => {
    const verb = fixture.blocking ? "selectSync" : "select";
    const chosen = fixture.subject.call(
      async ({ three }, { allcores }, verb) => (await allcores[verb]({ three, never: new allcores.Event() })).key,
      verb as "select" | "selectSync",
    );
    await waiting(1);
    await fixture.third.call(({ three }) => three.countDown(3));
    assert.equal(await chosen, "three");
    assert.equal(await fixture.third.call(({ three }, { allcores }) => allcores.trySelect({ three })?.key), "three");
    assert.equal(await fixture.third.call(({ one }, { allcores }) => allcores.trySelect({ one })), undefined);
  });

  check("a timeout leaves no trace, and says how much is left", async () => {
    for (const timeout of [0, 30])
      await assert.rejects(waits("three", { timeout }), {
        code: "ERR_ALLCORES_TIMEOUT",
        name: "TimeoutError",
        message: new RegExp(`was not counted down within ${timeout} ms: 3 left`),
      });
    assert.deepEqual([waitersOf(fixture.objects.three), fixture.objects.three.count], [0, 3]);
    const through = waits("three", { timeout: timeLimit(5000) });
    await waiting(1);
    fixture.objects.three.countDown(3);
    assert.equal(await through, "let through");
  });

  check("wrong options are refused", async () => {
    const codes = await fixture.subject.call(async ({ one }, _, wait) => {
      const codes: unknown[] = [];
      for (const options of [{ timeout: -1 }, { timeout: Number.NaN }, { timeout: "1" }, 5]) {
        await (async () => one[wait](options as never))().catch((error) => codes.push(error.code));
      }
      return codes;
    }, wait);
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [range, range, type, type]);
    assert.equal(waitersOf(fixture.objects.one), 0);
  });

  check("a count that cannot be is refused, of a latch and of countDown, and changes nothing", async () => {
    const codes = await fixture.subject.call(({ three }, { allcores }, across) => {
      const outcome = (call: () => void) => {
        try {
          call();
          return "done";
        } catch (error) {
          return (error as { code: string }).code;
        }
      };
      const wrong: unknown[] = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "2", null];
      const made = [0, 2 ** 31 - 1, 2 ** 31, undefined, ...wrong].map((count) =>
        outcome(() => new allcores.CountDownLatch(count as number, { across }).free()),
      );
      const counted = [0, ...wrong].map((n) => outcome(() => three.countDown(n as number)));
      return { made, counted };
    }, fixture.across);
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    const wrong = [range, range, range, range, type, type];
    assert.deepEqual(codes, { made: ["done", "done", range, type, ...wrong], counted: [range, ...wrong] });
    assert.equal(fixture.objects.three.count, 3);
  });

  if (!fixture.blocking) {
    check("an aborted signal rejects with its reason; aborting while waiting leaves no trace", async () => {
      const told = await fixture.subject.call(async ({ one }, { until, waiters }) => {
        const outcome = (waiting: Promise<void>) =>
          waiting.then(
            () => "let through",
            (error: Error) => error.message,
          );
        const told: unknown[] = [await outcome(one.wait({ signal: AbortSignal.abort(new Error("before")) }))];
        const controller = new AbortController();
        const waiting = outcome(one.wait({ signal: controller.signal }));
        const other = outcome(one.wait());
        await until(() => waiters(one) === 2);
        controller.abort(new Error("while"));
        told.push(await waiting, waiters(one));
        one.countDown();
        told.push(await other);
        return told;
      });
      assert.deepEqual(told, ["before", "while", 1, "let through"]);
    });

    check("free() ends the waits of its worker", async () => {
      const code = await fixture.subject.call(async ({ one }, { until, waiters }) => {
        const waiting = one.wait().then(
          () => "let through",
          (error) => error.code,
        );
        await until(() => waiters(one) === 1);
        one.free();
        const codes = [() => one.countDown(), () => one.count, () => one.tryWait(), () => one.waitSync()].map(
          (call) => {
            try {
              return call();
            } catch (error) {
              return (error as { code: string }).code;
            }
          },
        );
        return [await waiting, ...codes];
      });
      assert.deepEqual(code, Array(5).fill("ERR_ALLCORES_FREED"));
    });
  }

  if (fixture.apart) {
    check("death: a dead waiter disturbs nobody", async () => {
      const victim = fixture.victim();
      victim.call(({ three }) => three.waitSync()).catch(() => {});
      const through = waits("three", { timeout: timeLimit(5000) });
      await waiting(2);
      await victim.kill();
      await fixture.third.call(({ three }) => three.countDown(3));
      assert.equal(await through, "let through");
      assert.equal(waitersOf(fixture.objects.three), 0);
    });

    check("death: what the dead counted is counted, and nobody counts in their stead", async () => {
      const victim = fixture.victim();
      await victim.call(({ three }) => three.countDown());
      await victim.kill();
      await assert.rejects(waits("three", { timeout: 30 }), { code: "ERR_ALLCORES_TIMEOUT", message: /: 2 left$/ });
      const through = waits("three", { timeout: timeLimit(5000) });
      await waiting(1);
      await fixture.third.call(({ three }) => three.countDown(2));
      assert.equal(await through, "let through");
    });
  }
};
