/** Requests for several permits at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedSemaphore, Semaphore } from "allcores";
import { until } from "../fixtures/pool-processes.js";
import { timeLimit } from "../time-limit.js";
import { type Across, type Check, everywhere } from "./fixture.js";

interface Objects {
  readonly semaphore: Semaphore;
}

/** Where those stand who wait for one permit, and for several. */
const ONE = 0;
const SEVERAL = 21;
/** The word that says for how many permits what comes free is kept. */
const CLAIMED = 22;
const SOON = { timeout: timeLimit(8_000) };

function word(semaphore: object, index: number): number {
  const { words, at } = semaphore as unknown as { words: Int32Array; at: number };
  return words[at + index]!;
}

const contract: Check<Objects> = (fixture, check) => {
  type Who = typeof fixture.subject;
  const { here } = fixture;
  const acquire = fixture.verb("acquire");
  const waiting = (key: number, count: number) =>
    here.call(
      ({ semaphore }, { until, waiters }, key, count) => until(() => waiters(semaphore, key) === count),
      key,
      count,
    );
  const hold = (who: Who, permits: number, name = "h") =>
    who.call(
      ({ semaphore }, { held }, permits, name) => (held[name] = semaphore.tryAcquire({ permits })!) !== undefined,
      permits,
      name,
    );
  const letGo = (who: Who, name = "h") => who.call((_, { held }, name) => held[name]![Symbol.dispose](), name);
  const takes = (who: Who, options: object) =>
    who.call(
      async ({ semaphore }, { held }, acquire, options) => void (held.mine = await semaphore[acquire](options)),
      acquire,
      options,
    );
  const gives = (who: Who) => who.call((_, { held }) => held.mine![Symbol.dispose]());
  const { value } = { value: () => fixture.objects.semaphore.value };

  check("all of them or none, and the hold gives all back", async () => {
    await takes(fixture.subject, { permits: 2 });
    assert.equal(value(), 1);
    assert.equal(await hold(fixture.third, 2), false);
    assert.equal(await hold(fixture.third, 1), true);
    await gives(fixture.subject);
    await gives(fixture.subject);
    assert.equal(value(), 2);
    await letGo(fixture.third);
    assert.equal(value(), 3);
  });

  check("it waits until there are so many, and what comes free is kept for it", async () => {
    for (const name of ["a", "b", "c"]) await hold(fixture.third, 1, name);
    const all = takes(fixture.subject, { ...SOON, permits: 3 });
    await waiting(SEVERAL, 1);
    // It stands in the line before it has made its claim.
    await until(() => word(fixture.objects.semaphore, CLAIMED) === 3);
    await letGo(fixture.third, "a");
    assert.equal(await hold(fixture.third, 1, "d"), false);
    const one = here.call(async ({ semaphore }) => (await semaphore.acquire())[Symbol.dispose]());
    await waiting(ONE, 1);
    await letGo(fixture.third, "b");
    assert.equal(await hold(fixture.third, 1, "d"), false);
    await letGo(fixture.third, "c");
    await all;
    assert.equal(value(), 0);
    await gives(fixture.subject);
    await one;
    assert.equal(value(), 3);
  });

  check("one that gives up leaves what was kept for it to others", async () => {
    await hold(fixture.third, 2);
    const out = assert.rejects(takes(fixture.subject, { permits: 3, timeout: 60 }), {
      code: "ERR_ALLCORES_TIMEOUT",
      message: /no 3 free permits within 60 ms/,
    });
    await waiting(SEVERAL, 1);
    const one = here.call(async ({ semaphore }) => (await semaphore.acquire())[Symbol.dispose]());
    await out;
    await one;
    await letGo(fixture.third);
    assert.equal(value(), 3);
  });

  if (fixture.apart) {
    check("death: one for whom permits are kept is killed, and others go on", async () => {
      await hold(fixture.third, 2);
      const victim = fixture.victim();
      const gone = assert.rejects(takes(victim, { permits: 3 }));
      await waiting(SEVERAL, 1);
      await victim.kill();
      await gone;
      await takes(fixture.subject, SOON);
      await gives(fixture.subject);
      await letGo(fixture.third);
      assert.equal(value(), 3);
    });

    check("death: all that a killed holder had comes back", async () => {
      const victim = fixture.victim();
      await hold(victim, 3);
      const all = takes(fixture.subject, { ...SOON, permits: 3 });
      await waiting(SEVERAL, 1);
      await victim.kill();
      await all;
      await gives(fixture.subject);
      assert.equal(value(), 3);
    });
  }
};

for (const Class of [Semaphore, BoundedSemaphore])
  everywhere(
    `Several permits of a ${Class.name}`,
    (across: Across): Objects => ({ semaphore: new Class(3, { across }) }),
    contract,
  );

test("what makes no sense is refused", () => {
  const semaphore = new BoundedSemaphore(3);
  for (const permits of [0, -1, 1.5, Number.NaN])
    assert.throws(() => semaphore.tryAcquire({ permits }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  assert.throws(() => semaphore.acquireSync({ permits: 4 }), {
    code: "ERR_ALLCORES_ARGUMENT_RANGE",
    message: /never more than 3: ask for fewer/,
  });
  assert.throws(() => semaphore.tryAcquire({ permits: "2" as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  assert.throws(() => semaphore.tryAcquire({ timeout: 1 } as never), {
    code: "ERR_ALLCORES_ARGUMENT_TYPE",
    message: /tryAcquire\(\) never waits/,
  });
  assert.equal(semaphore.value, 3);
});

test("neither kind of request starves the other", async () => {
  const semaphore = new Semaphore(2);
  const done = { one: 0, both: 0 };
  const end = performance.now() + timeLimit(20_000);
  const loop = async (kind: "one" | "both", permits: number) => {
    while ((done.one < 50 || done.both < 50) && performance.now() < end) {
      using _ = await semaphore.acquire({ permits });
      done[kind]++;
      await new Promise(setImmediate);
    }
  };
  await Promise.all([loop("one", 1), loop("one", 1), loop("one", 1), loop("both", 2), loop("both", 2)]);
  assert.ok(done.one >= 50 && done.both >= 50, JSON.stringify(done));
  assert.equal(semaphore.value, 2);
});
