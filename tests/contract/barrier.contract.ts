/**
 * A Barrier lets nobody pass before all are there, and breaks rather than make the others wait for one who cannot come
 * any more.
 */
import assert from "node:assert/strict";
import { Barrier } from "allcores";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type BarrierObjects = { readonly two: Barrier; readonly three: Barrier; readonly timed: Barrier };

export function barrierObjects(across: Across): BarrierObjects {
  return {
    two: new Barrier(2, { across }),
    three: new Barrier(3, { across }),
    timed: new Barrier(2, { across, timeout: 30 }),
  };
}

const BROKEN = { code: "ERR_ALLCORES_BROKEN_BARRIER", name: "BrokenBarrierError" };
const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" };

export const barrierContract: Check<BarrierObjects> = (fixture, check) => {
  const wait = fixture.verb("wait");
  const { here } = fixture;
  const comes = (options: object = {}) =>
    fixture.subject.call(({ two }, _, wait, options) => two[wait](options), wait, options);
  const meets = () => fixture.third.call(({ two }) => two.wait());
  const arrived = (count: number) =>
    here.call(({ two }, { until }, count) => until(() => two.waiting === count), count);

  check("everybody gets a place from 0 to parties - 1", async () => {
    const waits = [
      fixture.subject.call(({ three }, _, wait) => three[wait](), wait),
      fixture.third.call(({ three }) => three.wait()),
      here.call(({ three }) => three.wait()),
    ];
    assert.deepEqual((await Promise.all(waits)).sort(), [0, 1, 2]);
    const { parties, waiting, broken } = fixture.objects.three;
    assert.deepEqual({ parties, waiting, broken }, { parties: 3, waiting: 0, broken: false });
  });

  check("the place is the order of arrival", async () => {
    const first = comes();
    await arrived(1);
    assert.equal(await meets(), 1);
    assert.equal(await first, 0);
  });

  check("round after round, nobody is a round ahead", async () => {
    const rounds = 60;
    const play = [fixture.subject, fixture.third, here].map((who, index) =>
      who.call(
        async ({ three }, _, wait, rounds) => {
          let sum = 0;
          for (let round = 0; round < rounds; round++) sum += await three[wait]({ timeout: timeLimit(5000) });
          return sum;
        },
        index === 0 ? wait : "wait",
        rounds,
      ),
    );
    const sums = await Promise.all(play);
    assert.equal(
      sums.reduce((a, b) => a + b),
      rounds * 3,
    );
    assert.equal(fixture.objects.three.waiting, 0);
  });

  check("the action runs once, before anybody is let through", async () => {
    const acts = (who: typeof fixture.subject, wait: "wait" | "waitSync") =>
      who.call(async ({ three }, { kept }, wait) => {
        kept.acted = 0;
        const place = await three[wait]({ action: () => (kept.acted = (kept.acted as number) + three.waiting) });
        return { place, acted: kept.acted };
      }, wait);
    const told = await Promise.all([acts(fixture.subject, wait), acts(fixture.third, "wait"), acts(here, "wait")]);
    assert.deepEqual(
      told.sort((a, b) => a.place - b.place),
      [
        { place: 0, acted: 0 },
        { place: 1, acted: 0 },
        { place: 2, acted: 3 },
      ],
    );
  });

  check("an action that throws breaks it: its party gets the error, the others a BrokenBarrierError", async () => {
    const first = meets();
    first.catch(() => {});
    await arrived(1);
    const thrower = fixture.subject.call(
      async ({ two }, _, wait) =>
        void (await two[wait]({
          action: () => {
            throw new Error("action");
          },
        })),
      wait,
    );
    await assert.rejects(thrower, { message: "action" });
    await assert.rejects(first, BROKEN);
    assert.equal(fixture.objects.two.isBroken, true);
    await assert.rejects(comes(), BROKEN);
    fixture.objects.two.reset();
    const again = comes();
    await arrived(1);
    assert.deepEqual([await meets(), await again], [1, 0]);
  });

  check("abort breaks it for those who wait and those who come", async () => {
    const waiting = comes();
    waiting.catch(() => {});
    await arrived(1);
    await fixture.third.call(({ two }) => two.abort());
    await assert.rejects(waiting, BROKEN);
    await assert.rejects(comes(), BROKEN);
    assert.equal(fixture.objects.two.isBroken, true);
    assert.equal(fixture.objects.two.waiting, 0);
  });

  check("reset while somebody waits breaks that round only", async () => {
    const waiting = comes();
    waiting.catch(() => {});
    await arrived(1);
    await fixture.third.call(({ two }) => two.reset());
    await assert.rejects(waiting, BROKEN);
    assert.equal(fixture.objects.two.isBroken, false);
    const again = comes();
    await arrived(1);
    assert.deepEqual([await meets(), await again], [1, 0]);
  });

  check("a timeout breaks it: its party gets a TimeoutError, the others a BrokenBarrierError", async () => {
    const other = fixture.third.call(({ three }) => three.wait());
    other.catch(() => {});
    await here.call(({ three }, { until }) => until(() => three.waiting === 1));
    await assert.rejects(
      fixture.subject.call(({ three }, _, wait) => three[wait]({ timeout: 30 }), wait),
      TIMEOUT,
    );
    await assert.rejects(other, BROKEN);
    assert.equal(fixture.objects.three.isBroken, true);
  });

  check("its own timeout is the default, one attempt is timeout 0", async () => {
    await assert.rejects(
      fixture.subject.call(({ timed }, _, wait) => timed[wait](), wait),
      TIMEOUT,
    );
    assert.equal(fixture.objects.timed.isBroken, true);
    await assert.rejects(comes({ timeout: 0 }), TIMEOUT);
    fixture.objects.two.reset();
    const first = meets();
    await arrived(1);
    assert.equal(await comes({ timeout: 0 }), 1);
    assert.equal(await first, 0);
  });

  check("wrong options are refused and change nothing", async () => {
    const codes = await fixture.subject.call(async ({ two }, _, wait) => {
      const codes: unknown[] = [];
      for (const options of [{ timeout: -1 }, { timeout: Number.NaN }, { timeout: "1" }, { action: 5 }, 5]) {
        await (async () => two[wait](options as never))().catch((error) => codes.push(error.code));
      }
      return codes;
    }, wait);
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [range, range, type, type, type]);
    assert.deepEqual([fixture.objects.two.waiting, fixture.objects.two.isBroken], [0, false]);
  });

  check("a number of parties that cannot be is refused", async () => {
    const codes = await fixture.subject.call((_, { allcores }, across) => {
      const codes: unknown[] = [];
      for (const parties of [0, -1, 1.5, Number.NaN, 2 ** 31, "2", undefined]) {
        try {
          new allcores.Barrier(parties as number, { across });
          codes.push("made");
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      return codes;
    }, fixture.across);
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [range, range, range, range, range, type, type]);
  });

  if (!fixture.blocking) {
    check("a signal that is aborted already changes nothing", async () => {
      const told = await fixture.subject.call(({ two }) =>
        two.wait({ signal: AbortSignal.abort(new Error("before")) }).catch((error) => error.message),
      );
      assert.equal(told, "before");
      assert.deepEqual([fixture.objects.two.waiting, fixture.objects.two.isBroken], [0, false]);
    });

    check("aborting a wait rejects with the reason and breaks it for the others", async () => {
      const other = fixture.third.call(({ three }) => three.wait());
      other.catch(() => {});
      const told = await fixture.subject.call(async ({ three }, { until }) => {
        const controller = new AbortController();
        const waiting = three.wait({ signal: controller.signal }).catch((error) => error.message);
        await until(() => three.waiting === 2);
        controller.abort(new Error("while"));
        return waiting;
      });
      assert.equal(told, "while");
      await assert.rejects(other, BROKEN);
    });
  }

  if (fixture.apart) {
    for (const blocked of [true, false]) {
      check(`death: a party that dies while it waits, ${blocked ? "blocking" : "awaiting"}, breaks it`, async () => {
        const victim = fixture.victim();
        victim
          .call(({ three }, _, wait) => three[wait](), blocked ? ("waitSync" as const) : ("wait" as const))
          .catch(() => {});
        await here.call(({ three }, { until }) => until(() => three.waiting === 1));
        const waiting = fixture.subject.call(({ three }, _, wait) => three[wait]({ timeout: timeLimit(5000) }), wait);
        waiting.catch(() => {});
        await here.call(({ three }, { until }) => until(() => three.waiting === 2));
        await victim.kill();
        await assert.rejects(waiting, BROKEN);
        assert.equal(fixture.objects.three.isBroken, true);
        fixture.objects.three.reset();
        assert.equal(fixture.objects.three.waiting, 0);
      });
    }

    check("death: one who comes later than the death is told, too", async () => {
      const victim = fixture.victim();
      victim.call(({ two }) => two.waitSync()).catch(() => {});
      await arrived(1);
      await victim.kill();
      await assert.rejects(comes({ timeout: timeLimit(5000) }), BROKEN);
    });
  }
};
