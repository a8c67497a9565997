/** What a lock made with `{ fair: true }` adds: who waits is not overtaken. */
import assert from "node:assert/strict";
import { Lock, RLock } from "allcores";
import { timeLimit } from "../time-limit.js";
import type { Across, Check } from "./fixture.js";

export interface FairObjects {
  readonly lock: Lock | RLock;
}

export const fairLock = (across: Across): FairObjects => ({ lock: new Lock({ across, fair: true }) });
export const fairRLock = (across: Across): FairObjects => ({ lock: new RLock({ across, fair: true }) });

const SOON = { timeout: timeLimit(8_000) };

export const fairContract: Check<FairObjects> = (fixture, check) => {
  type Who = typeof fixture.subject;
  const { here } = fixture;
  const acquire = fixture.verb("acquire");
  const waiting = (count: number) =>
    here.call(
      ({ lock }, { until, waiters, expectsWake }, count) =>
        until(() => waiters(lock) === count && expectsWake(lock, 0)),
      count,
    );
  const hold = (who: Who) => who.call(({ lock }, { held }) => (held.h = lock.tryAcquire()!) !== undefined);
  const letGo = (who: Who) => who.call((_, { held }) => held.h![Symbol.dispose]());
  /** Takes it in its turn, tells who has it, and lets it go. */
  const takes = async (who: Who, options: object, order: string[], name: string) => {
    await who.call(
      async ({ lock }, { held }, acquire, options) => void (held.h = await lock[acquire](options)),
      acquire,
      options,
    );
    order.push(name);
    await letGo(who);
  };
  const takesHere = async (options: object, order: string[], name: string) => {
    using _ = await fixture.objects.lock.acquire(options);
    order.push(name);
  };

  check("those who wait come in their order, blocking or awaiting", async () => {
    const order: string[] = [];
    await hold(fixture.third);
    const ends = [takes(fixture.subject, SOON, order, "first")];
    await waiting(1);
    ends.push(takesHere({}, order, "second"));
    await waiting(2);
    ends.push(takesHere({}, order, "third"));
    await waiting(3);
    assert.equal(await here.call(({ lock }) => lock.tryAcquire() === undefined), true);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["first", "second", "third"]);
    assert.equal(fixture.objects.lock.isLocked, false);
  });

  check("a higher priority comes first, equal ones in their order", async () => {
    const order: string[] = [];
    await hold(fixture.third);
    const ends = [takesHere({ priority: -1 }, order, "low")];
    await waiting(1);
    ends.push(takesHere({}, order, "middle"));
    await waiting(2);
    ends.push(takes(fixture.subject, { ...SOON, priority: 5 }, order, "high"));
    await waiting(3);
    ends.push(takesHere({ priority: 5 }, order, "high too"));
    await waiting(4);
    await letGo(fixture.third);
    await Promise.all(ends);
    assert.deepEqual(order, ["high", "high too", "middle", "low"]);
  });

  check("a newcomer that only tries, or has no time, does not overtake", async () => {
    await hold(fixture.third);
    const order: string[] = [];
    const end = takes(fixture.subject, SOON, order, "first");
    await waiting(1);
    // Released and asked for in one step: nobody else has run meanwhile.
    const overtaken = await fixture.third.call(({ lock }, { held }) => {
      held.h![Symbol.dispose]();
      return lock.tryAcquire() !== undefined;
    });
    await end;
    assert.equal(overtaken && order.length === 0, false);
  });

  check("a head whose time runs out is skipped", async () => {
    await hold(fixture.third);
    const order: string[] = [];
    const out = assert.rejects(takes(fixture.subject, { timeout: 40 }, order, "out"), { code: "ERR_ALLCORES_TIMEOUT" });
    const end = takesHere({}, order, "next");
    await out;
    await letGo(fixture.third);
    await end;
    assert.deepEqual(order, ["next"]);
  });

  if (!fixture.blocking)
    check("a head whose signal aborts is skipped", async () => {
      await hold(fixture.third);
      const order: string[] = [];
      const reason = fixture.subject.call(async ({ lock }, { until, waiters }) => {
        const controller = new AbortController();
        const end = lock.acquire({ signal: controller.signal }).catch((error: Error) => error.message);
        await until(() => waiters(lock) > 0);
        controller.abort(new Error("enough"));
        return (await end) as string;
      });
      assert.equal(await reason, "enough");
      const end = takesHere({}, order, "next");
      await waiting(1);
      await letGo(fixture.third);
      await end;
      assert.deepEqual(order, ["next"]);
    });

  if (fixture.apart) {
    check("death: a head that is killed is skipped", async () => {
      await hold(fixture.third);
      const order: string[] = [];
      const victim = fixture.victim();
      const gone = assert.rejects(takes(victim, {}, order, "dead"));
      await waiting(1);
      const end = takes(fixture.subject, SOON, order, "next");
      await waiting(2);
      await victim.kill();
      await gone;
      await letGo(fixture.third);
      await end;
      assert.deepEqual(order, ["next"]);
    });

    check("death: the lock of a killed holder goes to the first, and then to the next", async () => {
      const victim = fixture.victim();
      await hold(victim);
      const order: string[] = [];
      const ends = [takes(fixture.subject, SOON, order, "first")];
      await waiting(1);
      ends.push(takesHere({}, order, "second"));
      await waiting(2);
      await victim.kill();
      await Promise.all(ends);
      assert.deepEqual(order, ["first", "second"]);
    });
  }

  if (fixture.blocking)
    check("who would block behind awaiting code of its own thread is told", async () => {
      await hold(fixture.third);
      const codes = await fixture.subject.call(async ({ lock }, { kept, until, waiters }) => {
        kept.awaited = lock.acquire();
        await until(() => waiters(lock) === 1);
        const code = (run: () => unknown) => {
          try {
            run();
            return "none";
          } catch (error) {
            return (error as { code: string }).code;
          }
        };
        return [
          code(() => lock.acquireSync()),
          code(() => lock.acquireSync({ timeout: 5, priority: 0 })),
          code(() => lock.acquireSync({ timeout: 0 })),
        ];
      });
      assert.deepEqual(codes, ["ERR_ALLCORES_DEADLOCK", "ERR_ALLCORES_DEADLOCK", "ERR_ALLCORES_TIMEOUT"]);
      // One of a higher priority does not stand behind it.
      const before = fixture.subject.call(({ lock }) => {
        lock.acquireSync({ priority: 1 })[Symbol.dispose]();
        return true;
      });
      await waiting(2);
      await letGo(fixture.third);
      assert.equal(await before, true);
      await fixture.subject.call(async (_, { kept }) => ((await kept.awaited) as Disposable)[Symbol.dispose]());
      assert.equal(fixture.objects.lock.isLocked, false);
    });
};
