/** Waiter nodes: who gets a wake-up, and that none is lost, doubled or given for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Heap, threadHeap } from "../../src/memory/index.js";
import { AWAITING, BLOCKING, HEADER } from "../../src/memory/layout.js";
import "../../src/parking/index.js";

const heap: Heap = threadHeap();
const { waitQueue } = heap;
// A node is looked for in the records of workers only: this thread must be entered.
assert.ok(heap.self > 0);
const EVERYBODY = 0x7fffffff;

/** Uses the grants that came and withdraws as many waiters; returns how many. */
function take(node: number): number {
  const grants = waitQueue.useGrants(node);
  for (let index = 0; index < grants; index++) waitQueue.withdraw(node);
  return grants;
}
let nextKey = 1_000_000;

test("a wake-up goes to nobody when nobody waits", () => assert.equal(waitQueue.wake(nextKey++, 5), 0));

test("the longest waiting is woken first, each once", () => {
  const key = nextKey++;
  const nodes = [waitQueue.takeNode(), waitQueue.takeNode(), waitQueue.takeNode()] as const;
  for (const node of [nodes[2], nodes[0], nodes[1]]) waitQueue.arm(node, key, AWAITING);
  assert.equal(waitQueue.countWaiters(key), 3);
  assert.equal(waitQueue.wake(key, 1), 1);
  assert.deepEqual(
    nodes.map((node) => waitQueue.hasGrant(node)),
    [false, false, true],
  );
  assert.equal(waitQueue.wake(key, 1), 1);
  assert.deepEqual(
    nodes.map((node) => waitQueue.hasGrant(node)),
    [true, false, true],
  );
  assert.equal(waitQueue.wake(key, 5), 1);
  assert.equal(waitQueue.wake(key, 5), 0);
  for (const node of nodes) {
    assert.equal(take(node), 1);
    waitQueue.putNode(node);
  }
  assert.equal(waitQueue.countWaiters(key), 0);
});

test("one node may stand for many waiters", () => {
  const key = nextKey++;
  const node = waitQueue.takeNode();
  for (let index = 0; index < 5; index++) waitQueue.arm(node, key, AWAITING);
  assert.equal(waitQueue.wake(key, 2), 2);
  assert.equal(take(node), 2);
  assert.equal(waitQueue.wake(key, EVERYBODY), 3);
  assert.equal(take(node), 3);
  waitQueue.putNode(node);
});

test("withdrawing takes no wake-up along, except the last one, which is then the caller's", () => {
  const key = nextKey++;
  const node = waitQueue.takeNode();
  waitQueue.arm(node, key, AWAITING);
  waitQueue.arm(node, key, AWAITING);
  waitQueue.wake(key, 1);
  assert.equal(waitQueue.withdraw(node), false);
  assert.equal(waitQueue.hasGrant(node), true);
  assert.equal(waitQueue.withdraw(node), true);
  assert.equal(waitQueue.hasGrant(node), false);
  assert.equal(waitQueue.countWaiters(key), 0);
  waitQueue.putNode(node);
});

test("the order survives the wrap of the ticket counter", () => {
  const key = nextKey++;
  const before = Atomics.exchange(heap.words, HEADER.ticket, 0x7fffffff);
  const [old, young] = [waitQueue.takeNode(), waitQueue.takeNode()];
  waitQueue.arm(old, key, AWAITING);
  waitQueue.arm(young, key, AWAITING);
  assert.equal(waitQueue.wake(key, 1), 1);
  assert.deepEqual([waitQueue.hasGrant(old), waitQueue.hasGrant(young)], [true, false]);
  assert.equal(waitQueue.wake(key, EVERYBODY), 1);
  for (const node of [old, young]) {
    take(node);
    waitQueue.putNode(node);
  }
  Atomics.store(heap.words, HEADER.ticket, before);
});

test("more nodes than a record holds", () => {
  const key = nextKey++;
  const nodes = Array.from({ length: 200 }, () => waitQueue.takeNode());
  for (const node of nodes) waitQueue.arm(node, key, AWAITING);
  assert.equal(waitQueue.countWaiters(key), 200);
  assert.equal(waitQueue.wake(key, EVERYBODY), 200);
  for (const node of nodes) {
    assert.equal(take(node), 1);
    waitQueue.putNode(node);
  }
});

test("a waiter that wakes at once and waits for something else got its wake-up: it is not given again", (context) => {
  const [key, other] = [nextKey++, nextKey++];
  const node = waitQueue.blockingNode();
  const second = waitQueue.takeNode();
  waitQueue.arm(node, key, BLOCKING);
  waitQueue.arm(second, key, AWAITING);
  context.mock.method(heap, "ring", () => {
    take(node);
    waitQueue.arm(node, other, BLOCKING);
  });
  assert.equal(waitQueue.wake(key, 1), 1);
  assert.equal(waitQueue.hasGrant(second), false);
  waitQueue.withdraw(node);
  waitQueue.withdraw(second);
  waitQueue.putNode(second);
});

test("waking everybody ends, even if each is beaten and stays, or leaves and waits again at once", (context) => {
  for (const stays of [true, false]) {
    const key = nextKey++;
    const node = waitQueue.blockingNode();
    const second = waitQueue.takeNode();
    let rings = 0;
    waitQueue.arm(node, key, BLOCKING);
    waitQueue.arm(second, key, AWAITING);
    const ring = context.mock.method(heap, "ring", () => {
      assert.ok(++rings < 1000, "for ever");
      if (stays) waitQueue.useGrants(node);
      else if (take(node) === 1) waitQueue.arm(node, key, BLOCKING);
    });
    assert.equal(waitQueue.wake(key, EVERYBODY), 2);
    assert.equal(take(second), 1);
    waitQueue.withdraw(node);
    waitQueue.putNode(second);
    ring.mock.restore();
  }
});

test("who waits while the tickets wrap keeps its place", () => {
  const key = nextKey++;
  const nodes = [waitQueue.takeNode(), waitQueue.takeNode(), waitQueue.takeNode()] as const;
  const pass = (tickets: number) => {
    heap.words[HEADER.ticket] = (heap.words[HEADER.ticket]! + tickets) | 0;
    for (const node of nodes) waitQueue.keepPlace(node);
  };
  const [first, second, last] = nodes;
  waitQueue.arm(first, key, AWAITING);
  waitQueue.arm(second, key, AWAITING);
  // Six times 2^30: once round, and half a turn more.
  for (let turn = 0; turn < 6; turn++) pass(2 ** 30);
  waitQueue.arm(last, key, AWAITING);
  assert.equal(waitQueue.wake(key, 2), 2);
  assert.deepEqual(
    nodes.map((node) => waitQueue.hasGrant(node)),
    [true, true, false],
  );
  assert.equal(waitQueue.wake(key, 5), 1);
  for (const node of nodes) {
    assert.equal(take(node), 1);
    waitQueue.putNode(node);
  }
});
