/** What a select promises to blocking and awaiting callers, across threads and processes. */
import assert from "node:assert/strict";
import { Event, Lock, Queue, RLock, Semaphore } from "allcores";
import type { Across, Check, Fixture } from "../contract/fixture.js";
import type { Director } from "../fixtures/actor.js";
import { GETTERS } from "../fixtures/queue-insides.js";
import { timeLimit } from "../time-limit.js";

export interface SelectObjects {
  readonly left: Queue;
  readonly right: Queue;
  readonly event: Event;
  readonly lock: Lock;
  readonly rlock: RLock;
  readonly permits: Semaphore;
}

type Name = keyof SelectObjects;
type Json = string | number | boolean | null;

export function selectObjects(across: Across): SelectObjects {
  return {
    left: new Queue({ across }),
    right: new Queue({ across }),
    event: new Event({ across }),
    lock: new Lock({ across }),
    rlock: new RLock({ across }),
    permits: new Semaphore(0, { across }),
  };
}

const TIMEOUT = { code: "ERR_ALLCORES_TIMEOUT", name: "TimeoutError" };
/** The keys that are waited for, where they are not an object's first word. */
const KEYS: Partial<Record<Name, number>> = { left: GETTERS, right: GETTERS };

export const selectContract: Check<SelectObjects> = (fixture: Fixture<SelectObjects>, check) => {
  type Who = Director<SelectObjects>;
  const { here } = fixture;
  const select = fixture.verb("select");

  /** Selects so many times; what is chosen and held is kept under its key. */
  const selects = (who: Who, names: Name[], options: object = {}, times = 1) =>
    who.call(
      async (objects, { allcores, held }, select, names, options, times) => {
        const from = Object.fromEntries(names.map((name) => [name, objects[name]]));
        const chosen: [string, Json][] = [];
        while (chosen.length < times) {
          const { key, value } = await allcores[select](from, options);
          if (typeof value === "object" && value !== null && Symbol.dispose in value) {
            held[key] = value as (typeof held)[string];
            chosen.push([key, "held"]);
          } else chosen.push([key, value === undefined ? "undefined" : (value as Json)]);
        }
        return chosen;
      },
      select,
      names,
      options,
      times,
    );
  const waiting = (names: Name[], count = 1) =>
    here.call((objects, { until, waiters }) =>
      until(() => names.every((name) => waiters(objects[name], KEYS[name]) === count)),
    );
  const nobodyWaits = (names: Name[]) =>
    here.call((objects, { waiters }) =>
      assert.deepEqual(
        names.map((name) => waiters(objects[name], KEYS[name])),
        names.map(() => 0),
      ),
    );
  const put = (who: Who, name: "left" | "right", ...values: Json[]) =>
    who.call(
      (objects, _, name, values) => {
        for (const value of values) objects[name].putSync(value);
      },
      name,
      values,
    );
  const letGo = (who: Who, key: string) => who.call((_, { held }, key) => held[key]?.[Symbol.dispose](), key);
  /** Who can help a subject that waits. */
  const helper = () => (fixture.canMeet ? fixture.other : fixture.third);

  check("it takes what is there, and leaves the others as they are", async () => {
    await put(fixture.other, "left", 1, 2);
    await put(fixture.other, "right", 3);
    const [[key, value]] = (await selects(fixture.subject, ["left", "right", "permits"])) as [[Name, Json]];
    assert.deepEqual(value, key === "left" ? 1 : 3);
    assert.deepEqual([fixture.objects.left.size, fixture.objects.right.size], key === "left" ? [1, 1] : [2, 0]);
    assert.equal(fixture.objects.permits.value, 0);
    await nobodyWaits(["left", "right", "permits"]);
  });

  check("it waits until something comes to a queue", async () => {
    for (const name of ["left", "right"] as const) {
      const chosen = selects(fixture.subject, ["left", "event", "right"]);
      await waiting(["left", "event", "right"]);
      await put(helper(), name, "at last");
      assert.deepEqual(await chosen, [[name, "at last"]]);
      await nobodyWaits(["left", "event", "right"]);
    }
  });

  check("it waits until an event is set, which stays set", async () => {
    const chosen = selects(fixture.subject, ["left", "event"]);
    await waiting(["left", "event"]);
    await helper().call(({ event }) => event.set());
    assert.deepEqual(await chosen, [["event", "undefined"]]);
    assert.equal(fixture.objects.event.isSet, true);
    assert.deepEqual(await selects(fixture.other, ["event"]), [["event", "undefined"]]);
  });

  check("it waits for a permit, and has it", async () => {
    const chosen = selects(fixture.subject, ["permits", "event"]);
    await waiting(["permits", "event"]);
    await helper().call(({ permits }) => permits.release());
    assert.deepEqual(await chosen, [["permits", "held"]]);
    assert.equal(fixture.objects.permits.value, 0);
    await letGo(fixture.subject, "permits");
    assert.equal(fixture.objects.permits.value, 1);
  });

  for (const name of ["lock", "rlock"] as const) {
    check(`it waits until a ${name} is free, and has it`, async () => {
      await fixture.third.call((objects, { held }, name) => void (held.it = objects[name].acquireSync()), name);
      const chosen = selects(fixture.subject, ["left", name]);
      await waiting(["left", name]);
      await letGo(fixture.third, "it");
      assert.deepEqual(await chosen, [[name, "held"]]);
      assert.equal(fixture.objects[name].tryAcquire(), undefined);
      await letGo(fixture.subject, name);
      assert.equal(fixture.objects[name].isLocked, false);
    });
  }

  check("null and undefined are values", async () => {
    const got = await fixture.subject.call(async ({ left, event }, { allcores }, select) => {
      left.putSync(undefined);
      left.putSync(null);
      const [first, second] = [await allcores[select]({ left, event }), await allcores[select]({ left, event })];
      return [first.key, first.value === undefined, second.key, second.value === null];
    }, select);
    assert.deepEqual(got, ["left", true, "left", true]);
  });

  check("of several that are there, none is always behind another", async () => {
    const all = Array.from({ length: 300 }, (_, item) => item);
    await put(fixture.other, "left", ...all);
    await put(fixture.other, "right", ...all);
    const chosen = await selects(fixture.subject, ["left", "permits", "right", "event"], {}, 300);
    const lefts = chosen.filter(([key]) => key === "left");
    assert.ok(lefts.length > 90 && lefts.length < 210, `${lefts.length} of 300`);
    // Each in its order, and nothing else is gone.
    assert.deepEqual(
      lefts.map(([, value]) => value),
      all.slice(0, lefts.length),
    );
    assert.equal(fixture.objects.left.size + fixture.objects.right.size, 300);
  });

  check("a queue that has more than it can give does not starve an event", async () => {
    await put(fixture.other, "left", ...Array.from({ length: 100 }, (_, item) => item));
    await fixture.other.call(({ event }) => event.set());
    const chosen = await selects(fixture.subject, ["left", "event"], {}, 100);
    assert.ok(chosen.some(([key]) => key === "event"));
  });

  check("two selects over the same two queues get one item each", async () => {
    const both = [selects(fixture.subject, ["left", "right"]), selects(fixture.third, ["right", "left"])];
    await waiting(["left", "right"], 2);
    await put(here, "left", "l");
    await put(here, "right", "r");
    assert.deepEqual((await Promise.all(both)).flat().sort(), [
      ["left", "l"],
      ["right", "r"],
    ]);
    await nobodyWaits(["left", "right"]);
  });

  check("what was granted to it by a queue that lost goes to the next getter", async () => {
    for (let round = 0; round < 20; round++) {
      const chosen = selects(fixture.subject, ["left", "right"]);
      await waiting(["left", "right"]);
      const got = fixture.third.call(({ right }) => right.get() as Promise<Json>);
      await waiting(["right"], 2);
      await here.call(({ left, right }) => {
        left.putSync("l");
        right.putSync("r");
        right.putSync("r");
      });
      assert.equal(await got, "r");
      const [[key]] = (await chosen) as [[Name, Json]];
      assert.equal(
        (key === "left" ? fixture.objects.right : fixture.objects.left).getSync({ timeout: 0 }),
        key === "left" ? "r" : "l",
      );
    }
  });

  check("an event wakes every select and every waiter", async () => {
    const chosen = [
      selects(fixture.subject, ["left", "event"]),
      selects(fixture.third, ["event", "right"]),
      here.call(({ event }) => event.wait()),
    ];
    await waiting(["event"], 3);
    await here.call(({ event }) => {
      event.set();
      event.clear();
    });
    await Promise.all(chosen);
  });

  check("a time that runs out takes nothing", async () => {
    const began = performance.now();
    await assert.rejects(selects(fixture.subject, ["left", "event", "permits", "right"], { timeout: 30 }), {
      ...TIMEOUT,
      message: /"event", "left", "permits", "right" .* 30 ms/,
    });
    assert.ok(performance.now() - began >= 29);
    await nobodyWaits(["left", "event", "permits", "right"]);
    await put(fixture.other, "left", "kept");
    assert.equal(fixture.objects.left.size, 1);
  });

  check("timeout 0 is one attempt", async () => {
    await assert.rejects(selects(fixture.subject, ["left", "event"], { timeout: 0 }), TIMEOUT);
    await put(fixture.other, "left", 1);
    assert.deepEqual(await selects(fixture.subject, ["left", "event"], { timeout: 0 }), [["left", 1]]);
  });

  check("a timeout that does not run out makes no difference", async () => {
    const chosen = selects(fixture.subject, ["left", "right"], { timeout: timeLimit(8_000) });
    await waiting(["left", "right"]);
    await put(fixture.third, "right", "in time");
    assert.deepEqual(await chosen, [["right", "in time"]]);
  });

  check("the clock can be chosen, and runs on from one select to the next", async () => {
    const keys = await fixture.subject.call(async ({ left, event }, { allcores }, select) => {
      const began = performance.now();
      const later = allcores.after(30);
      left.putSync(1);
      const first = await allcores[select]({ left, later: allcores.after(10_000) });
      const second = await allcores[select]({ event, later });
      const took = performance.now() - began;
      const third = await allcores[select]({ event, later, left }, { timeout: 0 });
      return [first.key, second.key, took >= 29, third.key, second.value === undefined];
    }, select);
    assert.deepEqual(keys, ["left", "later", true, "later", true]);
    await nobodyWaits(["left", "event"]);
  });

  check("a wrong timeout is refused, and changes nothing", async () => {
    await put(fixture.other, "left", "kept");
    await assert.rejects(selects(fixture.subject, ["left"], { timeout: -1 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
    await assert.rejects(selects(fixture.subject, ["left"], { timeout: "5" }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
    assert.equal(fixture.objects.left.size, 1);
  });

  if (!fixture.blocking) {
    check("an abort ends it, and takes nothing", async () => {
      const ends = await fixture.subject.call(async ({ left, permits }, { allcores, until, waiters }) => {
        const controller = new AbortController();
        const chosen = allcores
          .select({ left, permits }, { signal: controller.signal, timeout: timeLimit(8_000) })
          .then(
            ({ key }) => key as string,
            (error) => error.message as string,
          );
        await until(() => waiters(permits) === 1);
        controller.abort(new Error("enough"));
        const late = allcores.select({ left }, { signal: AbortSignal.abort(new Error("too late")) });
        return [await chosen, await late.catch((error) => error.message as string), waiters(permits)] as Json[];
      });
      assert.deepEqual(ends, ["enough", "too late", 0]);
      await nobodyWaits(["left", "permits"]);
      await put(fixture.other, "left", "kept");
      assert.equal(fixture.objects.left.size, 1);
    });

    check("an item that came with the abort goes to the next getter", async () => {
      const ends = await fixture.subject.call(async ({ left, right }, { allcores, until, waiters }, key) => {
        const controller = new AbortController();
        const first = allcores.select({ left, right }, { signal: controller.signal }).then(
          () => "got it",
          () => "aborted",
        );
        const second = left.get();
        await until(() => waiters(left, key) === 2);
        left.tryPut("the item");
        controller.abort();
        return [await first, (await second) as Json];
      }, GETTERS);
      assert.deepEqual(ends, ["aborted", "the item"]);
    });

    check("many selects of one loop", async () => {
      const got = await fixture.subject.call(async ({ left, right }, { allcores }) => {
        const chosen = Array.from({ length: 50 }, () => allcores.select({ left, right }));
        for (let item = 0; item < 60; item++) await (item % 2 === 0 ? left : right).put(item);
        const values = (await Promise.all(chosen)).map(({ value }) => value as number);
        for (const queue of [left, right])
          for (let rest = queue.tryGet(); rest !== undefined; rest = queue.tryGet()) values.push(rest.value as number);
        return values;
      });
      assert.deepEqual(
        got.sort((a, b) => a - b),
        Array.from({ length: 60 }, (_, item) => item),
      );
    });
  }

  check("a queue that is shut down and drained ends it, with its key", async () => {
    await put(fixture.other, "left", "the last one");
    await fixture.other.call(({ left }) => left.shutdown());
    assert.deepEqual(await selects(fixture.subject, ["left", "right"]), [["left", "the last one"]]);
    const told = await fixture.subject.call(async ({ left, right }, { allcores }, select) => {
      try {
        await allcores[select]({ right, job: left });
        return undefined;
      } catch (error) {
        const { code, key } = error as { code?: string; key?: string };
        return [code, key, error instanceof allcores.QueueShutDownError];
      }
    }, select);
    assert.deepEqual(told, ["ERR_ALLCORES_QUEUE_SHUT_DOWN", "job", true]);
    await nobodyWaits(["left", "right"]);
  });

  check("shutdown ends a select that waits, and the others lose nothing", async () => {
    const chosen = assert.rejects(selects(fixture.subject, ["left", "right", "permits"]), {
      code: "ERR_ALLCORES_QUEUE_SHUT_DOWN",
    });
    await waiting(["left", "right", "permits"]);
    await fixture.third.call(({ right }) => right.shutdown());
    await chosen;
    await nobodyWaits(["left", "right", "permits"]);
    await put(fixture.other, "left", "kept");
    assert.equal(fixture.objects.left.size, 1);
  });

  check("trySelect never waits", async () => {
    const tried = await fixture.subject.call(({ left, right, event }, { allcores }) => {
      const before = allcores.trySelect({ left, event, right });
      right.putSync(5);
      const then = allcores.trySelect({ left, event, right });
      return [before === undefined, then?.key, then?.value as number, right.size];
    });
    assert.deepEqual(tried, [true, "right", 5, 0]);
  });

  check("what was freed ends it", async () => {
    const told = await fixture.subject.call(async ({ left, event }, { allcores }, select) => {
      const queue = new allcores.Queue({ across: left.across });
      queue.free();
      try {
        await allcores[select]({ event, queue });
        return undefined;
      } catch (error) {
        const { code, key } = error as { code?: string; key?: string };
        return [code, key];
      }
    }, select);
    assert.deepEqual(told, ["ERR_ALLCORES_FREED", "queue"]);
  });

  check("what cannot be waited for is refused by its name, and nothing is taken", async () => {
    await put(fixture.other, "left", "kept");
    const told = await fixture.subject.call(async ({ left }, { allcores }, select) => {
      const told: string[][] = [];
      for (const wrong of [
        { left, ms: 5 },
        { left, nothing: null },
        { left, fn: () => left },
        { left, [Symbol.iterator]: 1, o: {} },
        left,
        [left],
        5,
        null,
        {},
      ]) {
        try {
          await allcores[select](wrong as never);
          told.push(["none"]);
        } catch (error) {
          told.push([(error as { code: string }).code, /"(\w+)" cannot/.exec((error as Error).message)?.[1] ?? ""]);
        }
      }
      return told;
    }, select);
    const type = "ERR_ALLCORES_ARGUMENT_TYPE";
    assert.deepEqual(told, [
      [type, "ms"],
      [type, "nothing"],
      [type, "fn"],
      [type, "o"],
      [type, ""],
      [type, ""],
      [type, ""],
      [type, ""],
      ["ERR_ALLCORES_ARGUMENT_RANGE", ""],
    ]);
    assert.equal(fixture.objects.left.size, 1);
  });
};

/** Deaths: each needs a worker of its own. */
export const selectDeathContract: Check<SelectObjects> = (fixture, check) => {
  if (!fixture.apart) return;
  const { here } = fixture;
  const select = fixture.verb("select");
  const waiting = (name: Name, count: number) =>
    here.call((objects, { until, waiters }) => until(() => waiters(objects[name], KEYS[name]) === count));

  check("death of a waiting select takes nothing with it", async () => {
    const victim = fixture.victim();
    const died = assert.rejects(
      victim.call(
        async ({ left, right, permits }, { allcores }, select) =>
          void (await allcores[select]({ left, right, permits })),
        select,
      ),
    );
    await waiting("permits", 1);
    const chosen = fixture.subject.call(
      async ({ left, right }, { allcores }, select) => (await allcores[select]({ left, right })).value as Json,
      select,
    );
    await waiting("right", 2);
    await victim.kill();
    await died;
    fixture.objects.right.putSync("for the living");
    assert.equal(await chosen, "for the living");
    assert.equal(fixture.objects.permits.value, 0);
  });

  check("a lock whose owner dies is chosen, and says so", async () => {
    const victim = fixture.victim();
    await victim.call(({ lock }) => void lock.acquireSync());
    const chosen = fixture.subject.call(async ({ lock, event }, { allcores }, select) => {
      const { key, value } = await allcores[select]({ lock, event });
      return [key, value?.ownerDied === true];
    }, select);
    await waiting("lock", 1);
    await victim.kill();
    assert.deepEqual(await chosen, ["lock", true]);
  });
};
