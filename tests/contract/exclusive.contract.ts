/**
 * What holds for everything that one worker at a time can have, whatever it is called: a lock, a permit of one, the
 * writer's side.
 */
import assert from "node:assert/strict";
import type { Held } from "allcores";
import { waitersOf } from "../fixtures/waiters.js";
import type { Check, Fixture } from "./fixture.js";
import { timeLimit } from "../time-limit.js";

/** The object under test, its operations by name. */
export type Exclusive = { readonly [verb: string]: (options?: unknown) => unknown };

export interface Words {
  /** Verb that waits; `${take}Sync` blocks. */
  readonly take: string;
  readonly tryTake: string;
  /** Property that has this value while it is held. */
  readonly busy: readonly [property: string, value: unknown];
  /** Offset of the key that its waiters wait for. */
  readonly key: number;
  /** Whether `run` and `runSync` exist. */
  readonly runs: boolean;
  /** Whether blocking code of its owner gets it again. */
  readonly reenters?: boolean;
  /** Whether a worker that ends normally has used up what it held. */
  readonly usesUp?: boolean;
}

export type ExclusiveObjects = { readonly it: Exclusive };

const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" };

export function exclusive({
  take,
  tryTake,
  busy,
  key,
  runs,
  reenters = false,
  usesUp = false,
}: Words): Check<ExclusiveObjects> {
  return (fixture, check) => {
    const verb = fixture.verb(take);
    const { here } = fixture;
    const waiting = (count: number) =>
      here.call(({ it }, { until, waiters }) => until(() => waiters(it, key) === count));
    const isBusy = () => (fixture.objects.it as unknown as Record<string, unknown>)[busy[0]] === busy[1];
    /** Takes it and keeps it in the actor. */
    const hold = (who: Fixture<ExclusiveObjects>["subject"], name = "h") =>
      who.call(
        ({ it }, { held }, tryTake, name) => {
          held[name] = it[tryTake]!() as Held;
          return held[name] !== undefined;
        },
        tryTake,
        name,
      );
    const letGo = (who: Fixture<ExclusiveObjects>["subject"], name = "h") =>
      who.call((_, { held }, name) => held[name]![Symbol.dispose](), name);
    const wait = (who: Fixture<ExclusiveObjects>["subject"], options: object = {}, name = "h") =>
      who.call(
        async ({ it }, { held }, verb, name, options) => {
          held[name] = (await it[verb]!(options)) as Held;
          return { ownerDied: held[name].ownerDied };
        },
        verb,
        name,
        options,
      );

    check("it is had by one at a time", async () => {
      assert.deepEqual(await wait(fixture.subject), { ownerDied: false });
      if (fixture.apart || !reenters) assert.equal(await hold(fixture.other, "second"), false);
      assert.equal(await hold(fixture.third), false);
      assert.equal(isBusy(), true);
      await letGo(fixture.subject);
      assert.equal(isBusy(), false);
      assert.equal(await hold(fixture.third), true);
      await letGo(fixture.third);
    });

    check("without options it is had at once when it is free", async () => {
      const died = await fixture.subject.call(async ({ it }, { held }, verb) => {
        held.h = (await it[verb]!()) as Held;
        return held.h.ownerDied;
      }, verb);
      assert.equal(died, false);
      await letGo(fixture.subject);
      assert.equal(isBusy(), false);
    });

    check("one attempt: try answers undefined, timeout 0 throws", async () => {
      await hold(fixture.third);
      assert.equal(await hold(fixture.subject), false);
      await assert.rejects(wait(fixture.subject, { timeout: 0 }), TIMEOUT);
      await letGo(fixture.third);
      assert.deepEqual(await wait(fixture.subject, { timeout: 0 }), { ownerDied: false });
      await letGo(fixture.subject);
    });

    check("a timeout that runs out leaves no trace", async () => {
      await hold(fixture.third);
      const before = Date.now();
      await assert.rejects(wait(fixture.subject, { timeout: 40 }), TIMEOUT);
      assert.ok(Date.now() - before >= 35);
      assert.equal(waitersOf(fixture.objects.it, key), 0);
      assert.equal(isBusy(), true);
      await letGo(fixture.third);
      assert.equal(await hold(fixture.subject), true);
      await letGo(fixture.subject);
      assert.equal(isBusy(), false);
    });

    check("a wrong timeout is refused and changes nothing, free or held", async () => {
      for (const held of [false, true]) {
        if (held) await hold(fixture.third);
        const codes = await fixture.subject.call(async ({ it }, _, verb) => {
          const codes: unknown[] = [];
          for (const options of [
            { timeout: -1 },
            { timeout: Number.NaN },
            { timeout: "1" },
            { timeout: null },
            5,
            null,
          ]) {
            try {
              await it[verb]!(options);
              codes.push("taken");
            } catch (error) {
              codes.push((error as { code?: string }).code ?? error);
            }
          }
          return codes;
        }, verb);
        const [range, type] = ["ERR_ALLCORES_ARGUMENT_RANGE", "ERR_ALLCORES_ARGUMENT_TYPE"];
        assert.deepEqual(codes, [range, range, type, type, type, type]);
        assert.equal(isBusy(), held);
        assert.equal(waitersOf(fixture.objects.it, key), 0);
        if (held) await letGo(fixture.third);
      }
    });

    check("disposing twice is harmless, and a stale hold never frees the next owner's", async () => {
      await hold(fixture.subject, "first");
      await letGo(fixture.subject, "first");
      await letGo(fixture.subject, "first");
      assert.equal(isBusy(), false);
      await hold(fixture.subject, "second");
      await letGo(fixture.subject, "first");
      assert.equal(isBusy(), true);
      await letGo(fixture.subject, "second");
      await hold(fixture.other, "theirs");
      await letGo(fixture.subject, "first");
      await letGo(fixture.subject, "second");
      assert.equal(isBusy(), true);
      assert.equal(await hold(fixture.third), false);
      await letGo(fixture.other, "theirs");
    });

    check("a waiter gets it when it is released", async () => {
      await hold(fixture.third);
      const waited = wait(fixture.subject);
      await waiting(1);
      await letGo(fixture.third);
      assert.deepEqual(await waited, { ownerDied: false });
      assert.equal(waitersOf(fixture.objects.it, key), 0);
      assert.equal(isBusy(), true);
      await letGo(fixture.subject);
    });

    if (fixture.canMeet) {
      check("many waiters of many workers all get it, one after the other", async () => {
        await hold(fixture.other, "first");
        const eachLetsGo = (who: Fixture<ExclusiveObjects>["subject"], verb: string) =>
          who.call(async ({ it }, { kept }, verb) => {
            for (let round = 0; round < 20; round++) {
              const held = (await it[verb]!()) as Held;
              kept.inside = ((kept.inside as number | undefined) ?? 0) + 1;
              if (kept.inside !== 1) throw new Error("two inside");
              kept.inside = 0;
              held[Symbol.dispose]();
            }
            return "done";
          }, verb);
        const all = [
          eachLetsGo(fixture.subject, verb),
          eachLetsGo(fixture.third, take),
          eachLetsGo(fixture.third, take),
        ];
        if (!fixture.blocking) all.push(eachLetsGo(fixture.subject, verb), eachLetsGo(fixture.other, take));
        await here.call(({ it }, { until, waiters }, key) => until(() => waiters(it, key) >= 3), key);
        await letGo(fixture.other, "first");
        assert.deepEqual(new Set(await Promise.all(all)), new Set(["done"]));
        assert.equal(isBusy(), false);
      });
    }

    if (!fixture.blocking) {
      check("a signal that is aborted already rejects with its reason and takes nothing", async () => {
        const told = await fixture.subject.call(
          ({ it }, _, verb) =>
            (it[verb]!({ signal: AbortSignal.abort(new Error("enough")) }) as Promise<Held>).then(
              () => "taken",
              (error) => error.message,
            ),
          verb,
        );
        assert.equal(told, "enough");
        assert.equal(isBusy(), false);
      });

      check("a wrong signal is refused and changes nothing", async () => {
        await assert.rejects(wait(fixture.subject, { signal: {} }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
        assert.equal(isBusy(), false);
      });

      check("aborting a wait leaves no trace", async () => {
        await hold(fixture.third);
        const told = await fixture.subject.call(
          async ({ it }, { waiters, until }, verb, key) => {
            const controller = new AbortController();
            const waiting = (it[verb]!({ signal: controller.signal }) as Promise<Held>).then(
              () => "taken",
              (error) => error.message,
            );
            await until(() => waiters(it, key) === 1);
            controller.abort(new Error("enough"));
            const left = waiters(it, key);
            return [await waiting, left];
          },
          verb,
          key,
        );
        assert.deepEqual(told, ["enough", 0]);
        await letGo(fixture.third);
        assert.equal(isBusy(), false);
        assert.equal(await hold(fixture.subject), true);
        await letGo(fixture.subject);
      });

      check("a wake-up that an aborted waiter had won goes to the next", async () => {
        await hold(fixture.third);
        const second = fixture.subject.call(
          async ({ it }, { untilSync }, verb, [property, value]) => {
            const controller = new AbortController();
            const first = (it[verb]!({ signal: controller.signal }) as Promise<Held>).then(
              () => "taken",
              (error) => error.message,
            );
            const second = it[verb]!() as Promise<Held>;
            // Blocks until the wake-up has been given to this loop, which thus cannot take it before the abort: both
            // stand in the line, and no turn of the loop comes in between.
            untilSync(() => (it as unknown as Record<string, unknown>)[property] !== value);
            controller.abort(new Error("enough"));
            const held = await second;
            held[Symbol.dispose]();
            return first;
          },
          verb,
          busy,
        );
        await waiting(2);
        await letGo(fixture.third);
        assert.equal(await second, "enough");
        assert.equal(isBusy(), false);
      });
    }

    if (runs) {
      check("run gives the function's value, and lets go when it throws", async () => {
        const outcome = await fixture.subject.call(
          async ({ it }, _, run, [property]) => {
            const look = it as unknown as Record<string, unknown>;
            const inside: unknown[] = [];
            const runs = it[run] as (fn: (held: Held) => unknown, options?: unknown) => unknown;
            const value = await runs.call(
              it,
              (held) => {
                inside.push(look[property]);
                return held.ownerDied ? 1 : 2;
              },
              { timeout: 1000 },
            );
            let thrown: unknown;
            try {
              await runs.call(it, () => {
                throw new Error("inside");
              });
            } catch (error) {
              thrown = (error as Error).message;
            }
            return [value, inside, thrown];
          },
          fixture.verb("run"),
          busy,
        );
        assert.deepEqual(outcome, [2, [busy[1]], "inside"]);
        assert.equal(isBusy(), false);
      });

      check("run does not run its function when it cannot have it in time", async () => {
        await hold(fixture.third);
        const outcome = fixture.subject.call(
          async ({ it }, _, run) =>
            (it[run] as (fn: () => unknown, options?: unknown) => unknown).call(it, () => "ran", { timeout: 5 }),
          fixture.verb("run"),
        );
        await assert.rejects(outcome, TIMEOUT);
        await letGo(fixture.third);
      });
    }

    if (fixture.apart) {
      check(
        "death: killed while it holds, a waiter is told, and everybody after it until one says that it is consistent",
        async () => {
          const victim = fixture.victim();
          await hold(victim);
          const waited = wait(fixture.subject, { timeout: timeLimit(5000) });
          await waiting(1);
          await victim.kill();
          assert.deepEqual(await waited, { ownerDied: true });
          await letGo(fixture.subject);
          assert.deepEqual(await wait(fixture.other), { ownerDied: true });
          await fixture.other.call(({ it }) => void it.consistent!());
          await letGo(fixture.other);
          assert.deepEqual(await wait(fixture.subject), { ownerDied: false });
          await letGo(fixture.subject);
        },
      );

      check("death: an heir that dies too leaves word", async () => {
        const victim = fixture.victim();
        const heir = fixture.victim();
        await hold(victim);
        await victim.kill();
        await heir.call(
          async ({ it }, { held, until }, tryTake) =>
            void (await until(() => (held.h = it[tryTake]!() as Held) !== undefined)),
          tryTake,
        );
        await heir.kill();
        assert.deepEqual(await wait(fixture.subject, { timeout: timeLimit(5000) }), { ownerDied: true });
        await fixture.subject.call(({ it }) => void it.consistent!());
        await letGo(fixture.subject);
        assert.deepEqual(await wait(fixture.other), { ownerDied: false });
        await letGo(fixture.other);
      });

      check("consistent() is for who holds it, and changes nothing without a death", async () => {
        const says = (who: Fixture<ExclusiveObjects>["subject"]) => who.call(({ it }) => void it.consistent!());
        await assert.rejects(says(fixture.subject), { code: "ERR_ALLCORES_NOT_HELD" });
        await hold(fixture.third);
        await assert.rejects(says(fixture.subject), { code: /^ERR_ALLCORES_NOT_(OWNER|HELD)$/ });
        await says(fixture.third);
        assert.equal(isBusy(), true);
        await letGo(fixture.third);
        assert.deepEqual(await wait(fixture.subject), { ownerDied: false });
        await letGo(fixture.subject);
        assert.equal(isBusy(), false);
      });

      check("death: killed while it holds, found by trying", async () => {
        const victim = fixture.victim();
        await hold(victim);
        assert.equal(await hold(fixture.subject), false);
        await victim.kill();
        const died = await fixture.subject.call(async ({ it }, { held, until }, tryTake) => {
          await until(() => (held.h = it[tryTake]!() as Held) !== undefined);
          return held.h!.ownerDied;
        }, tryTake);
        assert.equal(died, true);
        await letGo(fixture.subject);
      });

      if (usesUp) {
        check(
          "a worker that ends normally has used up what it held: nobody gets it until it is released, and nobody died",
          async () => {
            const victim = fixture.victim();
            await hold(victim);
            const waited = wait(fixture.subject, { timeout: timeLimit(5000) });
            await waiting(1);
            await victim.end();
            // A worker that began later has its slot, perhaps.
            const successor = fixture.victim();
            assert.equal(await hold(successor), false);
            await fixture.third.call(({ it }, { until }) => {
              let looks = 0;
              return until(() => it.tryAcquire!() !== undefined || ++looks > 20);
            });
            await waiting(1);
            await fixture.third.call(({ it }) => void it.release!());
            assert.deepEqual(await waited, { ownerDied: false });
            await letGo(fixture.subject);
            await successor.end();
          },
        );
      } else {
        check("death: an exit that lets go of nothing counts as one", async () => {
          const victim = fixture.victim();
          await hold(victim);
          const waited = wait(fixture.subject, { timeout: timeLimit(5000) });
          await waiting(1);
          await victim.end();
          assert.deepEqual(await waited, { ownerDied: true });
          await letGo(fixture.subject);
        });
      }

      check("death: killed while it waits, no wake-up is lost", async () => {
        const victim = fixture.victim();
        await hold(fixture.third);
        wait(victim, {}).catch(() => {});
        await waiting(1);
        const waited = wait(fixture.subject, { timeout: timeLimit(5000) });
        await waiting(2);
        await victim.kill();
        await letGo(fixture.third);
        assert.deepEqual(await waited, { ownerDied: false });
        await letGo(fixture.subject);
      });

      check("death: a wake-up that the dead had won goes to the next", async () => {
        const victim = fixture.victim();
        await hold(fixture.third);
        victim
          .call(async ({ it }, _, take) => {
            void it[take]!();
            for (;;);
          }, take)
          .catch(() => {});
        await waiting(1);
        const waited = wait(fixture.subject, { timeout: timeLimit(5000) });
        await waiting(2);
        await letGo(fixture.third);
        await victim.kill();
        await waited;
        await letGo(fixture.subject);
        assert.equal(isBusy(), false);
      });
    }
  };
}
