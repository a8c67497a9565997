import assert from "node:assert/strict";
import { test } from "node:test";
import { Condition, Lock, RLock } from "allcores";
import { fairContract, fairLock, fairRLock } from "./fair-lock.contract.js";
import { lockContract } from "./lock.contract.js";
import { rlockContract } from "./rlock.contract.js";
import { everywhere } from "./fixture.js";

everywhere("fair Lock", fairLock, fairContract);
everywhere("fair RLock", fairRLock, fairContract);
// In everything else they are what they are without the option.
everywhere("a fair Lock as a Lock", (across) => withIt(new Lock({ across, fair: true })), lockContract);
everywhere("a fair RLock as an RLock", (across) => withIt(new RLock({ across, fair: true })), rlockContract);

function withIt<L>(lock: L): { readonly lock: L; readonly it: never } {
  return { lock, it: lock as never };
}

const TYPE = { code: "ERR_ALLCORES_ARGUMENT_TYPE" };

test("a priority is for a fair lock, and a whole number", () => {
  const lock = new Lock({ fair: true });
  assert.throws(() => new Lock().acquireSync({ priority: 1 }), {
    ...TYPE,
    message: /only a lock or a semaphore made with \{ fair: true \}/,
  });
  assert.throws(() => lock.acquireSync({ priority: "high" as never }), TYPE);
  for (const priority of [0.5, Number.NaN, 100_001, -100_001])
    assert.throws(() => lock.acquireSync({ priority }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  lock.acquireSync({ priority: 100_000 })[Symbol.dispose]();
  assert.equal(lock.isLocked, false);
  assert.throws(() => new Lock({ fair: 1 as never }), { ...TYPE, message: /options\.fair must be true or false/ });
});

test("a condition's blocking wait that could never come back is told before it begins", async () => {
  const lock = new Lock({ fair: true });
  const condition = new Condition(lock);
  const held = lock.acquireSync();
  const awaited = lock.acquire();
  assert.throws(() => condition.waitSync({ timeout: 5 }), { code: "ERR_ALLCORES_DEADLOCK" });
  assert.equal(lock.isOwned, true);
  held[Symbol.dispose]();
  (await awaited)[Symbol.dispose]();
});

test("a thousand that await come in their order", async () => {
  const lock = new Lock({ fair: true });
  const held = lock.acquireSync();
  const order: number[] = [];
  const all = Array.from({ length: 1000 }, (_, index) => lock.run(() => order.push(index)));
  held[Symbol.dispose]();
  await Promise.all(all);
  assert.deepEqual(
    order,
    Array.from({ length: 1000 }, (_, index) => index),
  );
});
