/** What all locks promise to those who take nothing, and to those whose waits somebody ends. */
import assert from "node:assert/strict";
import { Lock, RLock, RWLock, Semaphore } from "allcores";
import { WRITERS } from "../fixtures/waiters.js";
import { timeLimit } from "../time-limit.js";
import type { Across, Check } from "./fixture.js";

type Any = { readonly [verb: string]: (options?: unknown) => unknown };

export interface WaitObjects {
  readonly it: Any;
}

/** How each kind is taken, and where those stand who wait to take it and who only watch. */
export interface LockKind {
  readonly name: string;
  readonly make: (across: Across) => Lock | RLock | Semaphore | RWLock;
  readonly take: "acquire" | "write";
  readonly tryTake: "tryAcquire" | "tryWrite";
  readonly takers: number;
  readonly watchers: number;
}

/** The monitors' words behind their hold tables. */
export const kinds: readonly LockKind[] = [
  {
    name: "Lock",
    make: (across) => new Lock({ across }),
    take: "acquire",
    tryTake: "tryAcquire",
    takers: 0,
    watchers: 2,
  },
  {
    name: "fair Lock",
    make: (across) => new Lock({ across, fair: true }),
    take: "acquire",
    tryTake: "tryAcquire",
    takers: 0,
    watchers: 2,
  },
  {
    name: "RLock",
    make: (across) => new RLock({ across }),
    take: "acquire",
    tryTake: "tryAcquire",
    takers: 0,
    watchers: 2,
  },
  {
    name: "Semaphore",
    make: (across) => new Semaphore(1, { across }),
    take: "acquire",
    tryTake: "tryAcquire",
    takers: 0,
    watchers: 25,
  },
  {
    name: "fair Semaphore",
    make: (across) => new Semaphore(1, { across, fair: true }),
    take: "acquire",
    tryTake: "tryAcquire",
    takers: 0,
    watchers: 25,
  },
  {
    name: "RWLock",
    make: (across) => new RWLock({ across }),
    take: "write",
    tryTake: "tryWrite",
    takers: WRITERS,
    watchers: 22,
  },
];

const CANCELLED = { code: "ERR_ALLCORES_CANCELLED", name: "CancelledError", message: /ended by cancelWaiters\(\)/ };
const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT" };
const SOON = { timeout: timeLimit(8_000) };

export function lockWaitsContract({ take, tryTake, takers, watchers }: LockKind): Check<WaitObjects> {
  return (fixture, check) => {
    type Who = typeof fixture.subject;
    const { here } = fixture;
    const taking = fixture.verb(take);
    const watching = fixture.verb("waitForUnlock");
    const waiting = (key: number, count: number) =>
      here.call(({ it }, { until, waiters }, key, count) => until(() => waiters(it, key) === count), key, count);
    const hold = (who: Who) =>
      who.call(({ it }, { held }, tryTake) => (held.h = it[tryTake]!() as never) !== undefined, tryTake);
    const letGo = (who: Who) => who.call((_, { held }) => held.h![Symbol.dispose]());
    const takes = (who: Who, options: object = {}) =>
      who.call(
        async ({ it }, _, taking, options) => {
          ((await it[taking]!(options)) as Disposable)[Symbol.dispose]();
          return "taken";
        },
        taking,
        options,
      );
    const watches = (who: Who, options: object = {}) =>
      who.call(
        async ({ it }, _, watching, options) => {
          await it[watching]!(options);
          return "free";
        },
        watching,
        options,
      );
    const cancel = (who: Who) => who.call(({ it }) => it.cancelWaiters!());

    check("who waits until it is free does not wait where it is, and takes nothing", async () => {
      for (const who of [fixture.subject, fixture.other, fixture.third])
        assert.equal(await watches(who, { timeout: 0 }), "free");
      assert.equal(await hold(fixture.third), true);
      await assert.rejects(watches(fixture.subject, { timeout: 0 }), TIMEOUT);
      await assert.rejects(watches(fixture.subject, { timeout: 5 }), TIMEOUT);
      await letGo(fixture.third);
    });

    check("who waits until it is free goes on, and whoever waits to take it does too", async () => {
      await hold(fixture.third);
      const free = watches(fixture.subject, SOON);
      await waiting(watchers, 1);
      const taken = here.call(async ({ it }, _, take) => ((await it[take]!()) as Disposable)[Symbol.dispose](), take);
      await waiting(takers, 1);
      await letGo(fixture.third);
      assert.equal(await free, "free");
      await taken;
      await waiting(watchers, 0);
    });

    check("all who wait are ended, and who comes later is not concerned", async () => {
      await hold(fixture.third);
      const ended = assert.rejects(takes(fixture.subject, SOON), CANCELLED);
      const beside = here.call(
        ({ it }, _, take) => assert.rejects(it[take]!() as Promise<unknown>, { code: "ERR_ALLCORES_CANCELLED" }),
        take,
      );
      const unwatched = here.call(({ it }) =>
        assert.rejects(it.waitForUnlock!() as Promise<unknown>, { code: "ERR_ALLCORES_CANCELLED" }),
      );
      await waiting(takers, 2);
      await waiting(watchers, 1);
      await cancel(fixture.third);
      await Promise.all([ended, beside, unwatched]);
      assert.equal(await hold(here as never), false);
      const later = takes(fixture.subject, SOON);
      await waiting(takers, 1);
      await letGo(fixture.third);
      assert.equal(await later, "taken");
      await waiting(takers, 0);
    });

    if (fixture.canMeet)
      check("the one who has it keeps it, whoever cancels", async () => {
        await hold(fixture.other);
        const ended = assert.rejects(takes(fixture.subject, SOON), CANCELLED);
        await waiting(takers, 1);
        await cancel(fixture.other);
        await ended;
        assert.equal(await hold(fixture.third), false);
        await letGo(fixture.other);
        assert.equal(await takes(fixture.third), "taken");
      });

    check("nobody waits: nothing happens", async () => {
      await cancel(fixture.subject);
      assert.equal(await takes(fixture.subject), "taken");
      assert.equal(await watches(fixture.third), "free");
    });

    if (fixture.apart)
      check("death: a holder that is killed lets those go on who wait until it is free", async () => {
        const victim = fixture.victim();
        await hold(victim);
        const free = watches(fixture.subject, SOON);
        await waiting(watchers, 1);
        await victim.kill();
        assert.equal(await free, "free");
      });

    if (fixture.apart)
      check("death: who waits and is killed keeps nobody from being told", async () => {
        await hold(fixture.third);
        const victim = fixture.victim();
        const gone = assert.rejects(takes(victim));
        const ended = assert.rejects(takes(fixture.subject, SOON), CANCELLED);
        await waiting(takers, 2);
        await victim.kill();
        await gone;
        await cancel(fixture.third);
        await ended;
        await letGo(fixture.third);
        assert.equal(await takes(fixture.third), "taken");
      });
  };
}
