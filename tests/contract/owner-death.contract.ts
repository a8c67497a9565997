/**
 * Locks made with `{ onOwnerDeath: "error" }`: nobody enters what a dead owner may have left half changed, and
 * everybody who asks hears why.
 */
import assert from "node:assert/strict";
import { Condition, type Held, Lock, RLock, RWLock } from "allcores";
import { READERS, WRITERS } from "../fixtures/waiters.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

/** A lock, by the names of a RWLock's operations for writing. */
type Strict = { readonly [verb: string]: (options?: unknown) => unknown };

export interface OwnerDeathObjects {
  readonly Lock: Strict;
  readonly RLock: Strict;
  readonly RWLock: Strict;
  readonly condition: Condition;
}

export function ownerDeathObjects(across: Across): OwnerDeathObjects {
  const options = { across, onOwnerDeath: "error" } as const;
  const [lock, rlock, rwlock] = [new Lock(options), new RLock(options), new RWLock(options)];
  return {
    Lock: lock as never,
    RLock: rlock as never,
    RWLock: rwlock as never,
    condition: new Condition(new Lock(options)),
  };
}

const OWNER_DIED = { code: "ERR_ALLCORES_OWNER_DIED", name: "OwnerDiedError" };

const kinds = [
  { name: "Lock", take: "acquire", tryTake: "tryAcquire", busy: "isLocked", key: 0 },
  { name: "RLock", take: "acquire", tryTake: "tryAcquire", busy: "isLocked", key: 0 },
  { name: "RWLock", take: "write", tryTake: "tryWrite", busy: "isWriting", key: WRITERS },
] as const;

export const ownerDeathContract: Check<OwnerDeathObjects> = (fixture, check) => {
  if (!fixture.apart) return;
  const { here } = fixture;
  for (const { name, take, tryTake, busy, key } of kinds) {
    const hold = (who: typeof fixture.subject) =>
      who.call((objects, { held }, name, tryTake) => void (held.h = objects[name][tryTake]!() as Held), name, tryTake);
    const tries = (who: typeof fixture.subject) =>
      who.call(
        (objects, _, name, tryTake) => {
          const held = objects[name][tryTake]!() as Held | undefined;
          held?.[Symbol.dispose]();
          return held?.ownerDied;
        },
        name,
        tryTake,
      );
    const waits = (who: typeof fixture.subject) =>
      who.call(
        async (objects, _, name, take) => {
          const held = (await objects[name][take]!({ timeout: timeLimit(5000) })) as Held;
          held[Symbol.dispose]();
          return held.ownerDied;
        },
        name,
        fixture.verb(take),
      );
    const consistent = (who: typeof fixture.subject) =>
      who.call((objects, _, name) => void objects[name].consistent!(), name);
    const waiting = (count: number) =>
      here.call(
        (objects, { until, waiters }, name, key, count) => until(() => waiters(objects[name], key) === count),
        name,
        key,
        count,
      );
    const isBusy = () => (fixture.objects[name] as unknown as Record<string, unknown>)[busy];

    check(`${name}: those who wait are told, and those who ask later, until somebody has repaired`, async () => {
      const victim = fixture.victim();
      await hold(victim);
      const waited = [waits(fixture.subject), waits(fixture.other)].map((each) => assert.rejects(each, OWNER_DIED));
      await waiting(2);
      await victim.kill();
      await Promise.all(waited);
      await waiting(0);
      await assert.rejects(tries(fixture.third), OWNER_DIED);
      await assert.rejects(waits(fixture.subject), OWNER_DIED);
      assert.equal(isBusy(), false);
      await consistent(fixture.third);
      assert.equal(await waits(fixture.subject), false);
      assert.equal(await tries(fixture.third), false);
    });

    check(`${name}: consistent() wakes nobody up to what is in order, and is refused to strangers`, async () => {
      await consistent(fixture.subject);
      await hold(fixture.third);
      await assert.rejects(consistent(fixture.subject), { code: "ERR_ALLCORES_NOT_OWNER" });
      await consistent(fixture.third);
      await fixture.third.call((_, { held }) => held.h![Symbol.dispose]());
      assert.equal(await waits(fixture.subject), false);
    });

    check(`${name}: consistent() may come before anybody has asked`, async () => {
      const victim = fixture.victim();
      await hold(victim);
      await victim.kill();
      await consistent(fixture.subject);
      assert.equal(await waits(fixture.subject), false);
    });
  }

  check("RWLock: readers are told too", async () => {
    const victim = fixture.victim();
    await victim.call((objects, { held }) => void (held.h = objects.RWLock.writeSync!() as Held));
    const read = fixture.subject.call(
      async (objects, _, read) => void (await objects.RWLock[read]!({ timeout: timeLimit(5000) })),
      fixture.verb("read"),
    );
    await here.call((objects, { until, waiters }, key) => until(() => waiters(objects.RWLock, key) === 1), READERS);
    const told = assert.rejects(read, OWNER_DIED);
    await victim.kill();
    await told;
    await fixture.third.call((objects) => void objects.RWLock.consistent!());
    assert.equal(await fixture.subject.call((objects) => (objects.RWLock.tryRead!() as Held).ownerDied), false);
  });

  check("Condition: a wait that cannot have its lock back ends with the error, not holding it", async () => {
    const victim = fixture.victim();
    const waited = fixture.subject.call(
      async ({ condition }, _, acquire, wait) => {
        const held = await condition[acquire]();
        try {
          await condition[wait]({ timeout: timeLimit(5000) });
        } catch (error) {
          const { code } = error as { code: string };
          held[Symbol.dispose]();
          return [code, condition.isLocked];
        }
      },
      fixture.verb("acquire"),
      fixture.verb("wait"),
    );
    await here.call(({ condition }, { until, waiters }) =>
      until(() => waiters(condition) === 1 && !condition.isLocked),
    );
    await victim.call(({ condition }) => {
      condition.acquireSync();
      condition.notify();
    });
    await victim.kill();
    assert.deepEqual(await waited, ["ERR_ALLCORES_OWNER_DIED", false]);
    fixture.objects.condition.consistent();
    assert.equal(fixture.objects.condition.tryAcquire()?.ownerDied, false);
  });
};
