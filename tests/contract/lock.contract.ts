/** What a Lock adds: anybody may release it, and the ownership can be handed on. */
import assert from "node:assert/strict";
import { Lock } from "allcores";
import { type ExclusiveObjects, exclusive } from "./exclusive.contract.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type LockObjects = ExclusiveObjects & { readonly lock: Lock };

export function lockObjects(across: Across): LockObjects {
  const lock = new Lock({ across });
  return { lock, it: lock as never };
}

export const lockContract: Check<LockObjects> = (fixture, check) => {
  exclusive({ take: "acquire", tryTake: "tryAcquire", busy: ["isLocked", true], key: 0, runs: true })(
    fixture as never,
    check,
  );
  const acquire = fixture.verb("acquire");

  check("release of what nobody holds is an error that changes nothing", async () => {
    await assert.rejects(
      fixture.subject.call(({ lock }) => lock.release()),
      { code: "ERR_ALLCORES_NOT_HELD" },
    );
    assert.equal(fixture.objects.lock.isLocked, false);
    assert.ok(await fixture.other.call(({ lock }) => lock.tryAcquire() !== undefined));
    fixture.objects.lock.release();
  });

  check("it is not re-entrant", async () => {
    await fixture.subject.call(async ({ lock }, _, acquire) => void (await lock[acquire]()), acquire);
    await assert.rejects(
      fixture.subject.call(async ({ lock }, _, acquire) => lock[acquire]({ timeout: 5 }), acquire),
      { code: "ERR_ALLCORES_TIMEOUT" },
    );
    assert.equal(await fixture.subject.call(({ lock }) => lock.tryAcquire() === undefined), true);
  });

  check("any worker may release it, and the hold that it ended is stale", async () => {
    await fixture.subject.call(
      async ({ lock }, { held }, acquire) => void (held.mine = await lock[acquire]()),
      acquire,
    );
    await fixture.other.call(({ lock }) => lock.release());
    assert.equal(fixture.objects.lock.isLocked, false);
    await fixture.third.call(({ lock }, { held }) => void (held.theirs = lock.acquireSync()));
    await fixture.subject.call((_, { held }) => held.mine![Symbol.dispose]());
    assert.equal(fixture.objects.lock.isLocked, true);
    await fixture.third.call((_, { held }) => held.theirs![Symbol.dispose]());
    assert.equal(fixture.objects.lock.isLocked, false);
  });

  check("a hold that another worker ended never frees the same worker's next hold", async () => {
    const frees = await fixture.subject.call(async ({ lock }, { held }, acquire) => {
      const first = await lock[acquire]();
      lock.release();
      held.second = await lock[acquire]();
      first[Symbol.dispose]();
      return !lock.isLocked;
    }, acquire);
    assert.equal(frees, false);
    await fixture.other.call(({ lock }) => lock.release());
    await fixture.third.call(({ lock }, { held }) => void (held.theirs = lock.acquireSync()));
    await fixture.subject.call((_, { held }) => held.second![Symbol.dispose]());
    assert.equal(fixture.objects.lock.isLocked, true);
  });

  check("release by another worker wakes a waiter", async () => {
    await fixture.third.call(({ lock }, { held }) => void (held.h = lock.acquireSync()));
    const waited = fixture.subject.call(async ({ lock }, _, acquire) => (await lock[acquire]()).ownerDied, acquire);
    await fixture.here.call(({ lock }, { until, waiters }) => until(() => waiters(lock) === 1));
    fixture.objects.lock.release();
    assert.equal(await waited, false);
  });

  check("handing it to a worker that is not alive is an error that changes nothing", async () => {
    await assert.rejects(
      fixture.subject.call(async ({ lock }, { held }, acquire) => {
        held.h = await lock[acquire]();
        held.h.handOff(123456);
      }, acquire),
      { code: "ERR_ALLCORES_NOT_OWNER" },
    );
    assert.equal(fixture.objects.lock.isLocked, true);
    await fixture.subject.call((_, { held }) => held.h![Symbol.dispose]());
    assert.equal(fixture.objects.lock.isLocked, false);
  });

  if (fixture.apart) {
    check("handed on, it is the heir's: the giver's hold is stale, the heir's death is the owner's", async () => {
      const heir = fixture.victim();
      await heir.call(({ lock }) => lock.isLocked);
      await fixture.subject.call(
        async ({ lock }, { held }, acquire, worker) => {
          held.h = await lock[acquire]();
          held.h.handOff(worker as number);
          held.h[Symbol.dispose]();
        },
        acquire,
        heir.worker.worker,
      );
      assert.equal(fixture.objects.lock.isLocked, true);
      await heir.kill();
      assert.equal(
        await fixture.other.call(async ({ lock }) => (await lock.acquire({ timeout: timeLimit(5000) })).ownerDied),
        true,
      );
    });
  }
};
