/** Who waits until a side of an RWLock can be had, and takes nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CancelledError, RWLock, Thread, TimeoutError } from "allcores";
import { waitForBothSync } from "../fixtures/rwlock-tasks.js";

const settles = async (promise: Promise<unknown>) => {
  let isSettled = false;
  void promise.then(
    () => (isSettled = true),
    () => (isSettled = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return isSettled;
};

test("a free one is waited for by nobody", async () => {
  const lock = new RWLock();
  for (const side of [lock.reading, lock.writing]) {
    await side.waitForUnlock();
    side.waitForUnlockSync({ timeout: 0 });
  }
  assert.equal(lock.isWriting || lock.readers > 0, false);
});

test("readers keep the writing side only", async () => {
  const lock = new RWLock();
  const held = [lock.readSync(), lock.readSync()];
  await lock.reading.waitForUnlock();
  const writing = lock.writing.waitForUnlock();
  held[0]![Symbol.dispose]();
  assert.equal(await settles(writing), false);
  assert.throws(() => lock.writing.waitForUnlockSync({ timeout: 0 }), TimeoutError);
  held[1]![Symbol.dispose]();
  await writing;
  assert.equal(lock.isWriting || lock.readers > 0, false);
});

test("a writer keeps both, in other workers too", async () => {
  const lock = new RWLock();
  const held = lock.writeSync();
  const waits = [lock.reading.waitForUnlock(), lock.writing.waitForUnlock()];
  const thread = Thread.start(waitForBothSync, lock, 60_000);
  assert.equal(await settles(Promise.race(waits)), false);
  held[Symbol.dispose]();
  await Promise.all(waits);
  await thread.join();
});

test("cancelWaiters of either side ends the waits for both, and leaves who has it", async () => {
  for (const side of ["reading", "writing"] as const) {
    const lock = new RWLock();
    const held = lock.writeSync();
    const waits = [
      lock.reading.acquire(),
      lock.writing.acquire(),
      lock.reading.waitForUnlock(),
      lock.writing.waitForUnlock(),
    ];
    lock[side].cancelWaiters();
    for (const wait of waits) await assert.rejects(wait, CancelledError);
    assert.equal(lock.isWriting, true);
    held[Symbol.dispose]();
  }
});

test("a time that is over, and a signal, end the wait", async () => {
  const lock = new RWLock();
  using _ = lock.writeSync();
  await assert.rejects(lock.reading.waitForUnlock({ timeout: 5 }), TimeoutError);
  const reason = new Error("enough");
  await assert.rejects(lock.writing.waitForUnlock({ signal: AbortSignal.abort(reason) }), reason);
});
