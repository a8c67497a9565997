import assert from "node:assert/strict";
import { test } from "node:test";
import { Event, RWLock, select, selectSync } from "allcores";
import { fairRWLock, fairSidesContract } from "./fair-rwlock.contract.js";
import { everywhere } from "./fixture.js";

everywhere("fair RWLock", fairRWLock, fairSidesContract);

const TYPE = { code: "ERR_ALLCORES_ARGUMENT_TYPE" };

test("a priority is for a fair read-write lock, and a whole number", async () => {
  const lock = new RWLock({ fair: true });
  const unfair = new RWLock();
  for (const take of [() => unfair.readSync({ priority: 1 }), () => unfair.writing.acquireSync({ priority: 1 })])
    assert.throws(take, { ...TYPE, message: /made with \{ fair: true \}/ });
  await assert.rejects(unfair.read({ priority: 1 }), TYPE);
  assert.throws(() => lock.writeSync({ priority: "high" as never }), TYPE);
  await assert.rejects(lock.write({ priority: 0.5 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  assert.throws(() => lock.readSync({ priority: 1e9 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  lock.readSync({ priority: 5 })[Symbol.dispose]();
  (await lock.writing.acquire({ priority: -5 }))[Symbol.dispose]();
  assert.throws(() => new RWLock({ fair: 1 as never }), { ...TYPE, message: /options\.fair must be true or false/ });
  assert.deepEqual([lock.readers, lock.isWriting, unfair.readers], [0, false, 0]);
});

test("three hundred that await come in their order, readers in groups", async () => {
  const lock = new RWLock({ fair: true });
  const held = lock.writeSync();
  const order: number[] = [];
  let most = 0;
  // Every tenth writes.
  const all = Array.from({ length: 300 }, (_, index) =>
    index % 10 === 9
      ? lock.runWrite(() => order.push(index))
      : lock.runRead(async () => {
          order.push(index);
          most = Math.max(most, lock.readers);
          await new Promise(setImmediate);
        }),
  );
  held[Symbol.dispose]();
  await Promise.all(all);
  // Those of one group may come in any order among themselves.
  const place = (index: number) => (index % 10 === 9 ? index : Math.floor(index / 10) * 10);
  assert.deepEqual(
    order.map(place),
    order.map(place).toSorted((a, b) => a - b),
  );
  assert.equal(order.length, 300);
  assert.equal(most, 9);
});

test("select stands in the line of both sides, and leaves it for the next", async () => {
  const lock = new RWLock({ fair: true });
  const event = new Event();
  const held = lock.readSync();
  const chosen = select({ writing: lock.writing, event });
  const next = lock.read();
  let isIn = false;
  void next.then(() => (isIn = true));
  await new Promise(setImmediate);
  assert.equal(isIn, false, "the select's writer comes first");
  event.set();
  assert.equal((await chosen).key, "event");
  (await next)[Symbol.dispose]();
  held[Symbol.dispose]();
  const first = selectSync({ writing: lock.writing });
  assert.equal(lock.isWriting, true);
  const awaited = lock.reading.acquire();
  assert.throws(() => selectSync({ writing: lock.writing }), { code: "ERR_ALLCORES_DEADLOCK" });
  first.value[Symbol.dispose]();
  (await awaited)[Symbol.dispose]();
});
