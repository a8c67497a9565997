/** Threads that began before this one had any shared memory: nothing but the message itself can bring it to them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Lock, pack, Queue, unpack, Value } from "allcores";
import { Peer } from "../fixtures/peers.js";
import { timeLimit } from "../time-limit.js";

const [bare, withHeap] = [new Peer("thread"), new Peer("thread")];

test("a thread without memory makes the packer's its own", async () => {
  await bare.call("who");
  const shared = { lock: new Lock(), count: new Value("int32", 0) };
  assert.equal(await bare.call("count", pack(shared), 3), 3);
  assert.equal(shared.count.value, 3);
  assert.equal(await bare.call("countAwaiting", pack(shared), 3), 6);
});

test("a thread that has memory of its own uses both", async () => {
  // Made in its own heaps, of which it has made one of each reach.
  const theirs = unpack<{ lock: Lock; count: Value<number>; local: Value<number> }>(await withHeap.call("make", true));
  assert.equal(theirs.local.value, 9);
  const shared = { lock: new Lock(), count: new Value("int32", 0) };
  assert.equal(await withHeap.call("count", pack(shared), 3), 3);
  assert.equal(await withHeap.call("count", pack(theirs), 3), 10);
  assert.equal(theirs.count.value, 10);
  const queue = new Queue();
  const got = withHeap.call("get", pack(queue));
  await queue.put("ping");
  assert.equal(await got, "ping");
});

test("whoever dies holding a lock of another thread's memory passes it on", async () => {
  const lock = new Lock();
  await withHeap.call("hold", pack(lock));
  const waiting = lock.acquire({ timeout: timeLimit(10_000) });
  await withHeap.kill();
  using held = await waiting;
  assert.equal(held.ownerDied, true);
  await bare.kill();
});
