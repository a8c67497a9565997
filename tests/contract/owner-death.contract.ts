/** Locks made with `{ onOwnerDeath: "error" }`: nobody enters what a dead owner may have left half changed, and everybody who asks hears why. */
import assert from "node:assert/strict";
import { Condition, type Held, Lock, RLock, RWLock } from "allcores";
import { READERS, WRITERS } from "../fixtures/waiters.js";
import type { Across, Check } from "./stage.js";
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
  return { Lock: lock as never, RLock: rlock as never, RWLock: rwlock as never, condition: new Condition(new Lock(options)) };
}

const OWNER_DIED = { code: "ERR_ALLCORES_OWNER_DIED", name: "OwnerDiedError" };

const kinds = [
  { name: "Lock", take: "acquire", tryTake: "tryAcquire", busy: "isLocked", key: 0 },
  { name: "RLock", take: "acquire", tryTake: "tryAcquire", busy: "isLocked", key: 0 },
  { name: "RWLock", take: "write", tryTake: "tryWrite", busy: "isWriting", key: WRITERS },
] as const;

export const ownerDeathContract: Check<OwnerDeathObjects> = (stage, check) => {
  if (!stage.apart) return;
  const { here } = stage;
  for (const { name, take, tryTake, busy, key } of kinds) {
    const hold = (who: typeof stage.subject) =>
      who.call((objects, { held }, name, tryTake) => void (held.h = objects[name][tryTake]!() as Held), name, tryTake);
    const tries = (who: typeof stage.subject) =>
      who.call(
        (objects, _, name, tryTake) => {
          const held = objects[name][tryTake]!() as Held | undefined;
          held?.[Symbol.dispose]();
          return held?.ownerDied;
        },
        name,
        tryTake,
      );
    const waits = (who: typeof stage.subject) =>
      who.call(
        async (objects, _, name, take) => {
          const held = (await objects[name][take]!({ timeout: timeLimit(5000) })) as Held;
          held[Symbol.dispose]();
          return held.ownerDied;
        },
        name,
        stage.verb(take),
      );
    const consistent = (who: typeof stage.subject) => who.call((objects, _, name) => void objects[name].consistent!(), name);
    const waiting = (count: number) =>
      here.call((objects, { until, waiters }, name, key, count) => until(() => waiters(objects[name], key) === count), name, key, count);
    const isBusy = () => (stage.objects[name] as unknown as Record<string, unknown>)[busy];

    check(`${name}: those who wait are told, and those who ask later, until somebody has repaired`, async () => {
      const victim = stage.victim();
      await hold(victim);
      const waited = [waits(stage.subject), waits(stage.other)].map((each) => assert.rejects(each, OWNER_DIED));
      await waiting(2);
      await victim.kill();
      await Promise.all(waited);
      await waiting(0);
      await assert.rejects(tries(stage.third), OWNER_DIED);
      await assert.rejects(waits(stage.subject), OWNER_DIED);
      assert.equal(isBusy(), false);
      await consistent(stage.third);
      assert.equal(await waits(stage.subject), false);
      assert.equal(await tries(stage.third), false);
    });

    check(`${name}: consistent() wakes nobody up to what is in order, and is refused to strangers`, async () => {
      await consistent(stage.subject);
      await hold(stage.third);
      await assert.rejects(consistent(stage.subject), { code: "ERR_ALLCORES_NOT_OWNER" });
      await consistent(stage.third);
      await stage.third.call((_, { held }) => held.h![Symbol.dispose]());
      assert.equal(await waits(stage.subject), false);
    });

    check(`${name}: consistent() may come before anybody has asked`, async () => {
      const victim = stage.victim();
      await hold(victim);
      await victim.kill();
      await consistent(stage.subject);
      assert.equal(await waits(stage.subject), false);
    });
  }

  check("RWLock: readers are told too", async () => {
    const victim = stage.victim();
    await victim.call((objects, { held }) => void (held.h = objects.RWLock.writeSync!() as Held));
    const read = stage.subject.call(async (objects, _, read) => void (await objects.RWLock[read]!({ timeout: timeLimit(5000) })), stage.verb("read"));
    await here.call((objects, { until, waiters }, key) => until(() => waiters(objects.RWLock, key) === 1), READERS);
    const told = assert.rejects(read, OWNER_DIED);
    await victim.kill();
    await told;
    await stage.third.call((objects) => void objects.RWLock.consistent!());
    assert.equal(await stage.subject.call((objects) => (objects.RWLock.tryRead!() as Held).ownerDied), false);
  });

  check("Condition: a wait that cannot have its lock back ends with the error, not holding it", async () => {
    const victim = stage.victim();
    const waited = stage.subject.call(
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
      stage.verb("acquire"),
      stage.verb("wait"),
    );
    await here.call(({ condition }, { until, waiters }) => until(() => waiters(condition) === 1 && !condition.isLocked));
    await victim.call(({ condition }) => {
      condition.acquireSync();
      condition.notify();
    });
    await victim.kill();
    assert.deepEqual(await waited, ["ERR_ALLCORES_OWNER_DIED", false]);
    stage.objects.condition.consistent();
    assert.equal(stage.objects.condition.tryAcquire()?.ownerDied, false);
  });
};
