import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedSemaphore, select, Semaphore } from "allcores";
import { fairBoundedSemaphore, fairPermitsContract, fairSemaphore } from "./fair-semaphore.contract.js";
import { everywhere } from "./fixture.js";

everywhere("fair Semaphore", fairSemaphore, fairPermitsContract);
everywhere("fair BoundedSemaphore", fairBoundedSemaphore, fairPermitsContract);

const TYPE = { code: "ERR_ALLCORES_ARGUMENT_TYPE" };

test("a priority is for a fair semaphore, and a whole number", () => {
  const semaphore = new Semaphore(1, { fair: true });
  assert.throws(() => new Semaphore().acquireSync({ priority: 1 }), {
    ...TYPE,
    message: /only a lock or a semaphore made with \{ fair: true \}/,
  });
  assert.throws(() => semaphore.acquireSync({ priority: "high" as never }), TYPE);
  assert.throws(() => semaphore.acquireSync({ priority: 0.5 }), { code: "ERR_ALLCORES_ARGUMENT_RANGE" });
  assert.throws(() => semaphore.tryAcquire({ priority: 1 } as never), {
    ...TYPE,
    message: /tryAcquire\(\) never waits/,
  });
  semaphore.acquireSync({ priority: 5 })[Symbol.dispose]();
  assert.equal(semaphore.value, 1);
  assert.throws(() => new Semaphore(1, { fair: 1 as never }), {
    ...TYPE,
    message: /options\.fair must be true or false/,
  });
});

test("a thousand that await come in their order, several at a time", async () => {
  const semaphore = new BoundedSemaphore(3, { fair: true });
  const held = semaphore.acquireSync({ permits: 3 });
  const order: number[] = [];
  const all = Array.from({ length: 1000 }, (_, index) =>
    semaphore.run(() => order.push(index), { permits: (index % 3) + 1 }),
  );
  held[Symbol.dispose]();
  await Promise.all(all);
  assert.deepEqual(
    order,
    Array.from({ length: 1000 }, (_, index) => index),
  );
  assert.equal(semaphore.value, 3);
});

test("select stands in the line, and leaves it for the next", async () => {
  const [semaphore, other] = [new Semaphore(1, { fair: true }), new Semaphore(0)];
  const held = semaphore.acquireSync();
  const chosen = select({ semaphore, other });
  const next = semaphore.acquire();
  other.release();
  assert.equal((await chosen).key, "other");
  held[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  const first = await select({ semaphore });
  assert.equal(first.key, "semaphore");
  first.value[Symbol.dispose]();
  assert.equal(semaphore.value, 1);
});

test("release adds permits, which go to the first", async () => {
  const semaphore = new Semaphore(0, { fair: true });
  const order: string[] = [];
  const both = semaphore.acquire({ permits: 2 }).then(() => order.push("both"));
  const one = semaphore.acquire().then(() => order.push("one"));
  semaphore.release();
  semaphore.release();
  await both;
  semaphore.release();
  await one;
  assert.deepEqual(order, ["both", "one"]);
});
