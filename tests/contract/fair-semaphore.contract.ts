/** What a semaphore made with `{ fair: true }` adds: who waits is not overtaken, however many permits it wants. */
import assert from "node:assert/strict";
import { BoundedSemaphore, Semaphore } from "allcores";
import { timeLimit } from "../time-limit.js";
import type { Across, Check } from "./fixture.js";

export interface FairPermits {
  readonly semaphore: Semaphore;
}

export const fairSemaphore = (across: Across): FairPermits => ({ semaphore: new Semaphore(2, { across, fair: true }) });
export const fairBoundedSemaphore = (across: Across): FairPermits => ({
  semaphore: new BoundedSemaphore(2, { across, fair: true }),
});

const SOON = { timeout: timeLimit(8_000) };

export const fairPermitsContract: Check<FairPermits> = (fixture, check) => {
  type Who = typeof fixture.subject;
  const { here } = fixture;
  const acquire = fixture.verb("acquire");
  const waiting = (count: number) =>
    here.call(({ semaphore }, { until, waiters }, count) => until(() => waiters(semaphore) === count), count);
  const hold = (who: Who, permits: number) =>
    who.call(
      ({ semaphore }, { held }, permits) => (held.h = semaphore.tryAcquire({ permits })!) !== undefined,
      permits,
    );
  const letGo = (who: Who) => who.call((_, { held }) => held.h![Symbol.dispose]());
  /** Takes permits in its turn, tells who has them, and gives them back. */
  const takes = async (who: Who, options: object, order: string[], name: string) => {
    await who.call(
      async ({ semaphore }, { held }, acquire, options) => void (held.h = await semaphore[acquire](options)),
      acquire,
      options,
    );
    order.push(name);
    await letGo(who);
  };
  const takesHere = async (options: object, order: string[], name: string) => {
    using _ = await fixture.objects.semaphore.acquire(options);
    order.push(name);
  };
  const allFree = () => assert.equal(fixture.objects.semaphore.value, 2);

  check("those who wait come in their order, blocking or awaiting", async () => {
    const order: string[] = [];
    await hold(fixture.third, 2);
    const ends = [takes(fixture.subject, { ...SOON, permits: 2 }, order, "first")];
    await waiting(1);
    ends.push(takesHere({ permits: 2 }, order, "second"));
    await waiting(2);
    ends.push(takesHere({ permits: 2 }, order, "third"));
    await waiting(3);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["first", "second", "third"]);
    allFree();
  });

  check("a first that wants more than there are holds up those who want fewer", async () => {
    const order: string[] = [];
    await hold(fixture.third, 1);
    const ends = [takes(fixture.subject, { ...SOON, permits: 2 }, order, "both")];
    await waiting(1);
    ends.push(takesHere({}, order, "one"));
    await waiting(2);
    // One permit is free, and neither who waits nor who only tries gets it.
    assert.equal(fixture.objects.semaphore.value, 1);
    assert.equal(await here.call(({ semaphore }) => semaphore.tryAcquire() === undefined), true);
    assert.deepEqual(order, []);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["both", "one"]);
    allFree();
  });

  check("what one of them leaves is for the next", async () => {
    await hold(fixture.third, 2);
    const held = here.call(async ({ semaphore }, { held }) => void (held.h = await semaphore.acquire()));
    await waiting(1);
    const end = takes(fixture.subject, SOON, [], "next");
    await waiting(2);
    // One release for both.
    await letGo(fixture.third);
    await held;
    await end;
    await here.call((_, { held }) => held.h![Symbol.dispose]());
    allFree();
  });

  check("a higher priority comes first, equal ones in their order", async () => {
    const order: string[] = [];
    await hold(fixture.third, 2);
    const ends = [takesHere({ priority: -1, permits: 2 }, order, "low")];
    await waiting(1);
    ends.push(takesHere({ permits: 2 }, order, "middle"));
    await waiting(2);
    ends.push(takes(fixture.subject, { ...SOON, priority: 5, permits: 2 }, order, "high"));
    await waiting(3);
    ends.push(takesHere({ priority: 5, permits: 2 }, order, "high too"));
    await waiting(4);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["high", "high too", "middle", "low"]);
  });

  check("a first that gives up makes room for one that wants fewer", async () => {
    await hold(fixture.third, 1);
    const order: string[] = [];
    const out = assert.rejects(takes(fixture.subject, { timeout: 40, permits: 2 }, order, "out"), {
      code: "ERR_ALLCORES_TIMEOUT",
    });
    await waiting(1);
    const end = takesHere({}, order, "next");
    await out;
    await end;
    assert.deepEqual(order, ["next"]);
    await letGo(fixture.third);
    allFree();
  });

  check("cancelWaiters ends the line, and later ones begin a new one", async () => {
    await hold(fixture.third, 2);
    const out = assert.rejects(takes(fixture.subject, SOON, [], "out"), { code: "ERR_ALLCORES_CANCELLED" });
    await waiting(1);
    fixture.objects.semaphore.cancelWaiters();
    await out;
    const order: string[] = [];
    const end = takes(fixture.subject, SOON, order, "later");
    await waiting(1);
    await letGo(fixture.third);
    await end;
    assert.deepEqual(order, ["later"]);
    allFree();
  });

  if (fixture.apart) {
    check("death: a first that is killed is skipped", async () => {
      await hold(fixture.third, 1);
      const order: string[] = [];
      const victim = fixture.victim();
      const gone = assert.rejects(takes(victim, { permits: 2 }, order, "dead"));
      await waiting(1);
      const end = takes(fixture.subject, SOON, order, "next");
      await waiting(2);
      await victim.kill();
      await gone;
      await end;
      assert.deepEqual(order, ["next"]);
      await letGo(fixture.third);
      allFree();
    });

    check("death: the permits of a killed holder go to the first, and then to the next", async () => {
      const victim = fixture.victim();
      await hold(victim, 2);
      const order: string[] = [];
      const ends = [takes(fixture.subject, { ...SOON, permits: 2 }, order, "first")];
      await waiting(1);
      ends.push(takesHere({ permits: 2 }, order, "second"));
      await waiting(2);
      await victim.kill();
      await Promise.all(ends);
      assert.deepEqual(order, ["first", "second"]);
      allFree();
    });
  }

  if (fixture.blocking)
    check("who would block behind awaiting code of its own thread is told", async () => {
      await hold(fixture.third, 2);
      const codes = await fixture.subject.call(async ({ semaphore }, { kept, until, waiters }) => {
        kept.awaited = semaphore.acquire();
        await until(() => waiters(semaphore) === 1);
        const code = (run: () => unknown) => {
          try {
            run();
            return "none";
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        return [code(() => semaphore.acquireSync()), code(() => semaphore.acquireSync({ timeout: 0 }))];
      });
      assert.deepEqual(codes, ["ERR_ALLCORES_DEADLOCK", "ERR_ALLCORES_TIMEOUT"]);
      await letGo(fixture.third);
      await fixture.subject.call(async (_, { kept }) => ((await kept.awaited) as Disposable)[Symbol.dispose]());
      allFree();
    });
};
