/** What semaphores add: more than one permit, permits out of nothing, and a bound. */
import assert from "node:assert/strict";
import { BoundedSemaphore, Semaphore } from "allcores";
import { type ExclusiveObjects, exclusive } from "./exclusive.contract.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type SemaphoreObjects = ExclusiveObjects & { readonly semaphore: Semaphore; readonly three: Semaphore };

export function semaphoreObjects(across: Across): SemaphoreObjects {
  const semaphore = new Semaphore(1, { across });
  return { semaphore, it: semaphore as never, three: new Semaphore(3, { across }) };
}

export function boundedObjects(across: Across): SemaphoreObjects {
  const semaphore = new BoundedSemaphore(1, { across });
  return { semaphore, it: semaphore as never, three: new BoundedSemaphore(3, { across }) };
}

const permits: Check<SemaphoreObjects> = (fixture, check) => {
  exclusive({ take: "acquire", tryTake: "tryAcquire", busy: ["value", 0], key: 0, runs: true, usesUp: true })(
    fixture as never,
    check,
  );
  const acquire = fixture.verb("acquire");

  check("it counts", async () => {
    const values = await fixture.subject.call(async ({ three }, _, acquire) => {
      const values = [three.value];
      const holds = [];
      for (let index = 0; index < 3; index++) {
        holds.push(await three[acquire]());
        values.push(three.value);
      }
      values.push(Number(three.tryAcquire() === undefined));
      for (const held of holds) {
        held[Symbol.dispose]();
        values.push(three.value);
      }
      return values;
    }, acquire);
    assert.deepEqual(values, [3, 2, 1, 0, 1, 1, 2, 3]);
  });

  check("release gives back what this worker holds, and disposing the permit then does nothing", async () => {
    const values = await fixture.subject.call(async ({ three }, _, acquire) => {
      const first = await three[acquire]();
      const second = await three[acquire]();
      three.release(2);
      const values = [three.value];
      first[Symbol.dispose]();
      second[Symbol.dispose]();
      values.push(three.value);
      return values;
    }, acquire);
    assert.deepEqual(values, [3, 3]);
  });

  check("release(n) wakes as many as it gives", async () => {
    const takeAll = async () => {
      for (let index = 0; index < 3; index++) await fixture.third.call(({ three }) => void three.acquireSync());
    };
    await takeAll();
    const got = fixture.third.call(async ({ three }, { kept }) => {
      kept.got = 0;
      for (let index = 0; index < 3; index++) void three.acquire().then(() => (kept.got = (kept.got as number) + 1));
    });
    await got;
    const { here } = fixture;
    await here.call(({ three }, { until, waiters }) => until(() => waiters(three) === 3));
    await fixture.third.call(({ three }) => three.release(2));
    await fixture.third.call((_, { kept, until }) => until(() => kept.got === 2));
    assert.equal(await here.call(({ three }, { waiters }) => waiters(three)), 1);
    await fixture.third.call(({ three }) => three.release());
    await fixture.third.call((_, { kept, until }) => until(() => kept.got === 3));
    assert.equal(fixture.objects.three.value, 0);
  });

  check("a wrong number is refused and changes nothing", async () => {
    const codes = await fixture.subject.call(({ three }) => {
      const codes: unknown[] = [];
      for (const n of [0, -1, 1.5, Number.NaN, "1", Number.POSITIVE_INFINITY]) {
        try {
          three.release(n as number);
          codes.push("released");
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      return codes;
    });
    const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
    assert.deepEqual(codes, [range, range, type, type, type, type]);
    assert.equal(fixture.objects.three.value, 3);
  });

  if (fixture.apart) {
    check("death: all permits of the dead come back, to several waiters", async () => {
      const victim = fixture.victim();
      await victim.call(async ({ three }) => {
        for (let index = 0; index < 3; index++) await three.acquire();
      });
      const waited = [
        fixture.subject.call(
          async ({ three }, { held }, acquire) => void (held.h = await three[acquire]({ timeout: timeLimit(5000) })),
          acquire,
        ),
        fixture.other.call(
          async ({ three }, { held }) => void (held.h = await three.acquire({ timeout: timeLimit(5000) })),
        ),
        fixture.third.call(({ three }, { held }) => void (held.h = three.acquireSync({ timeout: timeLimit(5000) }))),
      ];
      await fixture.here.call(({ three }, { until, waiters }) => until(() => waiters(three) === 3));
      await victim.kill();
      await Promise.all(waited);
      for (const who of [fixture.subject, fixture.other, fixture.third])
        await who.call((_, { held }) => held.h![Symbol.dispose]());
      assert.equal(fixture.objects.three.value, 3);
    });

    check("a permit that was handed on is the heir's, and comes back when it dies", async () => {
      const heir = fixture.victim();
      await heir.call(({ three }) => three.value);
      await fixture.subject.call(
        async ({ three }, _, acquire, worker) => {
          const held = await three[acquire]();
          held.handOff(worker as number);
          held[Symbol.dispose]();
        },
        acquire,
        heir.worker.worker,
      );
      assert.equal(fixture.objects.three.value, 2);
      await heir.kill();
      const died = await fixture.other.call(async ({ three }) => {
        const seen = [];
        for (let index = 0; index < 3; index++)
          seen.push((await three.acquire({ timeout: timeLimit(5000) })).ownerDied);
        // The dead heir's comes back once there is none else; from then on everybody is told, and those who hold the
        // others are not.
        three.release();
        seen.push((await three.acquire()).ownerDied);
        three.consistent();
        three.release();
        seen.push((await three.acquire()).ownerDied);
        return seen;
      });
      assert.deepEqual(died, [false, false, true, true, false]);
    });
  }
};

export const semaphoreContract: Check<SemaphoreObjects> = (fixture, check) => {
  permits(fixture, check);
  check("a worker that holds none may add permits", async () => {
    await fixture.third.call(({ semaphore }) => void semaphore.acquireSync());
    const waited = fixture.subject.call(
      async ({ semaphore }, _, acquire) => void (await semaphore[acquire]()),
      fixture.verb("acquire"),
    );
    await fixture.here.call(({ semaphore }, { until, waiters }) => until(() => waiters(semaphore) === 1));
    fixture.objects.semaphore.release();
    await waited;
    fixture.objects.semaphore.release(5);
    assert.equal(fixture.objects.semaphore.value, 5);
  });
};

export const boundedContract: Check<SemaphoreObjects> = (fixture, check) => {
  permits(fixture, check);
  check("releasing too often is an error that changes nothing", async () => {
    const release = (n: number) => fixture.subject.call(({ three }, _, n) => three.release(n), n);
    await assert.rejects(release(1), { code: "ERR_ALLCORES_RELEASED_TOO_OFTEN" });
    await fixture.other.call(({ three }) => void three.acquireSync());
    await assert.rejects(release(2), { code: "ERR_ALLCORES_RELEASED_TOO_OFTEN" });
    assert.equal(fixture.objects.three.value, 2);
    await release(1);
    assert.equal(fixture.objects.three.value, 3);
    assert.equal((fixture.objects.three as BoundedSemaphore).limit, 3);
  });

  check("a permit that another released in its holder's stead does not come back twice", async () => {
    await fixture.subject.call(
      async ({ three }, { held }, acquire) => void (held.h = await three[acquire]()),
      fixture.verb("acquire"),
    );
    await fixture.third.call(({ three }) => three.release());
    assert.equal(fixture.objects.three.value, 3);
    await fixture.subject.call((_, { held }) => held.h![Symbol.dispose]());
    assert.equal(fixture.objects.three.value, 3);
    const got = await fixture.other.call(({ three }) => [1, 2, 3, 4].map(() => three.tryAcquire() !== undefined));
    assert.deepEqual(got, [true, true, true, false]);
  });

  if (fixture.apart) {
    check("death: a permit that another released in the dead one's stead does not come back twice", async () => {
      const victim = fixture.victim();
      await victim.call(({ three }) => void three.acquireSync());
      await fixture.subject.call(({ three }) => three.release());
      assert.equal(fixture.objects.three.value, 3);
      await victim.kill();
      const taken = await fixture.other.call(async ({ three }, { until, held }) => {
        for (let index = 0; index < 3; index++) three.acquireSync();
        let none = 0;
        // Long enough for the death to be noticed: each attempt looks.
        await until(() => (held.extra = three.tryAcquire()!) !== undefined || ++none > 200);
        return none;
      });
      assert.equal(taken, 201);
    });
  }
};
