import assert from "node:assert/strict";
import { task } from "../../src/index.js";
import { atomics, KIND, threadHeap } from "../../src/memory/index.js";
import { workerInfo } from "../../src/parking/index.js";
import type { Model } from "./model.js";

interface Shared {
  /** A block: the worker whose info is read, whether it waits. */
  at: number;
  used: number;
}
const OWNER = 0;
const WAITS = 1;

const setup = task(import.meta, "setup", (): Shared => {
  const { allocator } = threadHeap();
  const at = allocator.allocate(4, KIND.plain);
  return { at, used: allocator.usedWords() };
});

function begin(at: number): void {
  const heap = threadHeap();
  workerInfo.writeWorkerInfo(heap, "a worker");
  atomics.store(heap.words, at + OWNER, heap.self);
}
function wait(at: number, n: number): void {
  const heap = threadHeap();
  atomics.store(heap.words, at + WAITS, n);
  const waitRecord = workerInfo.putWaitRecord(heap, {
    waits: [{ at: n, key: 2 * n }],
    flags: n,
    since: n,
    text: `wait ${n}`,
  });
  workerInfo.lookedInVain(heap, waitRecord);
  workerInfo.takeWaitRecord(heap, waitRecord);
  atomics.store(heap.words, at + WAITS, 0);
}
/** Waits twice, for something else each time; the second wait record stands in the block of the first. */
const waiter = task(import.meta, "waiter", ({ at }: Shared) => {
  begin(at);
  wait(at, 1);
  wait(at, 2);
});
const mortal = task(import.meta, "mortal", ({ at }: Shared) => {
  begin(at);
  wait(at, 1);
});

function ownersRecord(at: number): number {
  const heap = threadHeap();
  const owner = atomics.load(heap.words, at + OWNER);
  return owner === 0 ? 0 : heap.registry.recordOf(owner);
}

const reader = task(import.meta, "reader", ({ at }: Shared) => {
  const record = ownersRecord(at);
  if (record === 0) return;
  const heap = threadHeap();
  const found = workerInfo.findWaitRecord(heap, record);
  if (found === undefined) return;
  const { waits, flags, since, looks } = found;
  assert.ok(flags === 1 || flags === 2, `flags ${flags}`);
  assert.deepEqual(waits, [{ at: flags, key: 2 * flags }]);
  assert.equal(since, flags);
  assert.ok(looks === 0 || looks === 1);
  const text = workerInfo.readWaitRecord(heap, record, found);
  assert.ok(text === undefined || text === `wait ${flags}`);
});
/** A wait record that is still the same shows that the wait has not ended. */
const doubter = task(import.meta, "doubter", ({ at }: Shared) => {
  const record = ownersRecord(at);
  if (record === 0) return;
  const heap = threadHeap();
  const found = workerInfo.findWaitRecord(heap, record);
  if (found === undefined) return;
  const waits = atomics.load(heap.words, at + WAITS);
  if (workerInfo.isOn(heap, record, found)) assert.equal(waits, found.flags, "the wait had ended");
});
/** Reads, sweeps up after the dead, fills what they left with something else, and reads again. */
const heir = task(import.meta, "heir", (shared: Shared) => {
  const heap = threadHeap();
  const record = ownersRecord(shared.at);
  if (record === 0) return;
  const found = workerInfo.findWaitRecord(heap, record);
  heap.registry.reap(true);
  const block = heap.allocator.allocate(12, KIND.plain);
  heap.words.fill(-1, block, block + 12);
  reader(shared);
  const waits = atomics.load(heap.words, shared.at + WAITS);
  if (found !== undefined && workerInfo.isOn(heap, record, found)) assert.equal(waits, found.flags);
  heap.allocator.free(block);
});

const nothingLeft = task(import.meta, "nothingLeft", ({ used }: Shared) => {
  const heap = threadHeap();
  heap.registry.reap(true);
  // Those who came to their end keep their worker info until they are swept.
  let infoOfLiving = 0;
  for (const worker of heap.registry.workers()) {
    const record = heap.registry.recordOf(worker);
    assert.equal(workerInfo.findWaitRecord(heap, record), undefined);
    const info = workerInfo.workerInfoOf(heap, record);
    if (info !== 0) infoOfLiving += heap.allocator.sizeOfBlock(info);
  }
  assert.equal(heap.allocator.usedWords(), used + infoOfLiving);
});

export const models: Model[] = [
  {
    name: "a wait record is read whole or not at all",
    preemptions: 3,
    program: { setup, workers: [waiter, reader], check: nothingLeft },
  },
  {
    name: "while a wait record is there the wait goes on",
    preemptions: 3,
    program: { setup, workers: [waiter, doubter], check: nothingLeft },
  },
  {
    name: "what a dead worker said of itself is not believed, and goes back",
    program: { setup, workers: [mortal, heir], check: nothingLeft },
    options: { deaths: 1, mortal: [0] },
  },
];
