/** What an RLock adds: its owner enters again, by thread where it blocks and through its hold where it awaits. */
import assert from "node:assert/strict";
import { RLock } from "allcores";
import { type ExclusiveObjects, exclusive } from "./exclusive.contract.js";
import type { Across, Check } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

export type RLockObjects = ExclusiveObjects & { readonly lock: RLock };

export function rlockObjects(across: Across): RLockObjects {
  const lock = new RLock({ across });
  return { lock, it: lock as never };
}

export const rlockContract: Check<RLockObjects> = (fixture, check) => {
  exclusive({
    take: "acquire",
    tryTake: "tryAcquire",
    busy: ["isLocked", true],
    key: 0,
    runs: true,
    reenters: fixture.blocking,
  })(fixture as never, check);
  const acquire = fixture.verb("acquire");
  const locked = () => fixture.objects.lock.isLocked;

  check("it is free once it is released as often as it was entered", async () => {
    const seen = await fixture.subject.call(async ({ lock }, _, acquire) => {
      const outer = await lock[acquire]();
      const inner = outer.acquire();
      const innermost = inner.acquire();
      const seen = [lock.isLocked];
      innermost[Symbol.dispose]();
      innermost[Symbol.dispose]();
      inner[Symbol.dispose]();
      seen.push(lock.isLocked);
      outer[Symbol.dispose]();
      seen.push(lock.isLocked);
      return seen;
    }, acquire);
    assert.deepEqual(seen, [true, true, false]);
    assert.equal(await fixture.third.call(({ lock }, { held }) => (held.h = lock.tryAcquire()!) !== undefined), true);
  });

  check("holds may be let go in any order", async () => {
    const seen = await fixture.subject.call(async ({ lock }, _, acquire) => {
      const outer = await lock[acquire]();
      const inner = outer.acquire();
      outer[Symbol.dispose]();
      const seen = [lock.isLocked];
      inner[Symbol.dispose]();
      seen.push(lock.isLocked);
      return seen;
    }, acquire);
    assert.deepEqual(seen, [true, false]);
  });

  check("a hold that is over cannot enter again", async () => {
    await assert.rejects(
      fixture.subject.call(async ({ lock }, _, acquire) => {
        const held = await lock[acquire]();
        held[Symbol.dispose]();
        held.acquire();
      }, acquire),
      { code: "ERR_ALLCORES_NOT_HELD" },
    );
    assert.equal(locked(), false);
  });

  check(
    "release of what nobody holds, and of what another worker holds, is an error that changes nothing",
    async () => {
      const release = () => fixture.subject.call(({ lock }) => lock.release());
      await assert.rejects(release(), { code: "ERR_ALLCORES_NOT_HELD" });
      await fixture.third.call(({ lock }, { held }) => void (held.h = lock.acquireSync()));
      await assert.rejects(release(), { code: "ERR_ALLCORES_NOT_OWNER" });
      assert.equal(locked(), true);
      await fixture.third.call((_, { held }) => held.h![Symbol.dispose]());
      await assert.rejects(release(), { code: "ERR_ALLCORES_NOT_HELD" });
    },
  );

  check("release() ends one level", async () => {
    const seen = await fixture.subject.call(async ({ lock }, _, acquire) => {
      (await lock[acquire]()).acquire();
      lock.release();
      const seen = [lock.isLocked];
      lock.release();
      seen.push(lock.isLocked);
      return seen;
    }, acquire);
    assert.deepEqual(seen, [true, false]);
  });

  if (fixture.blocking) {
    check("blocking code enters again by itself, with or without options", async () => {
      const seen = await fixture.subject.call(({ lock }) => {
        const holds = [lock.acquireSync(), lock.acquireSync(), lock.acquireSync({ timeout: 0 }), lock.tryAcquire()!];
        return lock
          .runSync(() =>
            holds.map((held) => {
              held[Symbol.dispose]();
              return lock.isLocked;
            }),
          )
          .concat(lock.isLocked);
      });
      assert.deepEqual(seen, [true, true, true, true, false]);
    });
  } else {
    check("awaiting code does not enter again by itself: two tasks of one loop exclude each other", async () => {
      const order = await fixture.subject.call(async ({ lock }) => {
        const order: string[] = [];
        const work = (name: string) =>
          lock.run(async () => {
            order.push(`${name} in`);
            await new Promise(setImmediate);
            order.push(`${name} out`);
          });
        await Promise.all([work("a"), work("b")]);
        return order;
      });
      assert.deepEqual(order, ["a in", "a out", "b in", "b out"]);
    });

    check(
      "a blocking acquire of what this thread's own loop holds is a DeadlockError that changes nothing",
      async () => {
        const told = await fixture.subject.call(async ({ lock }) => {
          const held = await lock.acquire();
          const codes: unknown[] = [];
          for (const options of [undefined, {}, { timeout: 1000 }]) {
            try {
              lock.acquireSync(options);
            } catch (error) {
              codes.push((error as { code: string }).code);
            }
          }
          codes.push(lock.tryAcquire() === undefined, lock.isLocked);
          held[Symbol.dispose]();
          codes.push(lock.isLocked);
          return codes;
        });
        const code = "ERR_ALLCORES_DEADLOCK";
        assert.deepEqual(told, [code, code, code, true, true, false]);
      },
    );
  }

  if (fixture.apart) {
    check("death: killed on a deeper level, it is free at once, and the next owner starts at the first", async () => {
      const victim = fixture.victim();
      await victim.call(async ({ lock }, { held }) => void (held.h = (await lock.acquire()).acquire().acquire()));
      await victim.kill();
      const seen = await fixture.subject.call(async ({ lock }, _, acquire) => {
        const held = await lock[acquire]({ timeout: timeLimit(5000) });
        const seen = [held.ownerDied];
        held[Symbol.dispose]();
        seen.push(lock.isLocked);
        return seen;
      }, acquire);
      assert.deepEqual(seen, [true, false]);
    });

    check("handed on from the outermost hold only", async () => {
      const heir = fixture.victim();
      await heir.call(({ lock }) => lock.isLocked);
      const told = await fixture.subject.call(
        async ({ lock }, _, acquire, worker) => {
          const outer = await lock[acquire]();
          const inner = outer.acquire();
          let code: unknown;
          try {
            inner.handOff(worker as number);
          } catch (error) {
            code = (error as { code: string }).code;
          }
          inner[Symbol.dispose]();
          outer.handOff(worker as number);
          outer[Symbol.dispose]();
          return [code, lock.isLocked];
        },
        acquire,
        heir.worker.worker,
      );
      assert.deepEqual(told, ["ERR_ALLCORES_NOT_OWNER", true]);
      await heir.kill();
      assert.equal(
        await fixture.other.call(async ({ lock }) => (await lock.acquire({ timeout: timeLimit(5000) })).ownerDied),
        true,
      );
    });
  }
};
