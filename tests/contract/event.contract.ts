/** An Event wakes everybody who waits, and remembers that it was set. */
import assert from "node:assert/strict";
import { Event } from "allcores";
import { waitersOf } from "../fixtures/waiters.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type EventObjects = { readonly event: Event };

export function eventObjects(across: Across): EventObjects {
  return { event: new Event({ across }) };
}

export const eventContract: Check<EventObjects> = (fixture, check) => {
  const wait = fixture.verb("wait");
  const { here } = fixture;
  const waiting = (count: number) =>
    here.call(({ event }, { until, waiters }, count) => until(() => waiters(event) === count), count);
  const waits = (options: object = {}) =>
    fixture.subject.call(
      async ({ event }, _, wait, options) => {
        await event[wait](options);
        return "woken";
      },
      wait,
      options,
    );

  check("it is down, up once set, and down once cleared, for everybody", async () => {
    const look = async () => [
      await fixture.subject.call(({ event }) => event.isSet),
      await fixture.third.call(({ event }) => event.isSet),
    ];
    assert.deepEqual(await look(), [false, false]);
    await fixture.subject.call(({ event }) => {
      event.set();
      event.set();
    });
    assert.deepEqual(await look(), [true, true]);
    await fixture.other.call(({ event }) => event.clear());
    assert.deepEqual(await look(), [false, false]);
  });

  check("waiting for one that is set does not wait", async () => {
    fixture.objects.event.set();
    assert.equal(await waits(), "woken");
    assert.equal(await waits({ timeout: 0 }), "woken");
  });

  check("set wakes everybody, even when it is cleared at once", async () => {
    const woken = [
      waits(),
      fixture.third.call(async ({ event }) => {
        await Promise.all([event.wait(), event.wait()]);
        return "woken";
      }),
    ];
    const others = fixture.canMeet && !fixture.blocking ? [waits(), waits()] : [];
    await waiting(3 + others.length);
    await fixture.third.call(({ event }) => {
      event.set();
      event.clear();
    });
    assert.deepEqual(new Set(await Promise.all([...woken, ...others])), new Set(["woken"]));
    assert.equal(fixture.objects.event.isSet, false);
    assert.equal(waitersOf(fixture.objects.event), 0);
  });

  check("a timeout leaves no trace", async () => {
    for (const timeout of [0, 30])
      await assert.rejects(waits({ timeout }), { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" });
    assert.equal(waitersOf(fixture.objects.event), 0);
    assert.equal(fixture.objects.event.isSet, false);
    const woken = waits({ timeout: timeLimit(5000) });
    await waiting(1);
    fixture.objects.event.set();
    assert.equal(await woken, "woken");
  });

  check("wrong options are refused", async () => {
    const codes = await fixture.subject.call(async ({ event }, _, wait) => {
      const codes: unknown[] = [];
      for (const options of [{ timeout: -1 }, { timeout: Number.NaN }, { timeout: "1" }, 5]) {
        await (async () => event[wait](options as never))().catch((error) => codes.push(error.code));
      }
      return codes;
    }, wait);
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [range, range, type, type]);
    assert.equal(waitersOf(fixture.objects.event), 0);
  });

  if (!fixture.blocking) {
    check("an aborted signal rejects with its reason; aborting while waiting leaves no trace", async () => {
      const told = await fixture.subject.call(async ({ event }, { until, waiters }) => {
        const outcome = (waiting: Promise<void>) =>
          waiting.then(
            () => "woken",
            (error: Error) => error.message,
          );
        const told: unknown[] = [await outcome(event.wait({ signal: AbortSignal.abort(new Error("before")) }))];
        const controller = new AbortController();
        const waiting = outcome(event.wait({ signal: controller.signal }));
        const other = outcome(event.wait());
        await until(() => waiters(event) === 2);
        controller.abort(new Error("while"));
        told.push(await waiting, waiters(event));
        event.set();
        told.push(await other);
        return told;
      });
      assert.deepEqual(told, ["before", "while", 1, "woken"]);
    });
  }

  if (fixture.apart) {
    check("death: a dead waiter disturbs nobody", async () => {
      const victim = fixture.victim();
      victim.call(({ event }) => event.waitSync()).catch(() => {});
      const woken = waits({ timeout: timeLimit(5000) });
      await waiting(2);
      await victim.kill();
      await fixture.third.call(({ event }) => {
        event.set();
        event.clear();
      });
      assert.equal(await woken, "woken");
    });
  }
};
