import assert from "node:assert/strict";
import { task } from "../../src/index.js";
import { enter, KIND, leave, threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

/** A block of plain memory. */
interface Shared {
  at: number;
}

const MUTEX = 0;
/** 1 while somebody is inside. */
const INSIDE = 1;
/** How many have been inside and out again; how many of them were told that somebody died there. */
const PASSED = 2;
const TOLD = 3;

const setup = task(import.meta, "setup", (): Shared => ({ at: threadHeap().allocator.allocate(4, KIND.plain) }));

const passing = task(import.meta, "passing", ({ at }: Shared) => {
  const heap = threadHeap();
  const { words } = heap;
  if (enter(heap, at + MUTEX)) {
    // What the dead left half done is put right here.
    words[at + TOLD]!++;
    words[at + INSIDE] = 0;
  }
  assert.equal(words[at + INSIDE], 0, "somebody is inside, or died inside and nobody was told");
  words[at + INSIDE] = 1;
  words[at + PASSED]!++;
  words[at + INSIDE] = 0;
  leave(heap, at + MUTEX);
});
const free = task(import.meta, "free", (passed: number, { at }: Shared) => {
  const heap = threadHeap();
  assert.equal(enter(heap, at + MUTEX), false, "it was left by everybody, or a death in it was told");
  assert.ok(heap.words[at + PASSED]! >= passed);
});
/** Whoever died last may have died inside, or while it put things right; nobody is told of a death that was none. */
const sound = task(import.meta, "sound", (deaths: number, { at }: Shared) => {
  const heap = threadHeap();
  const died = enter(heap, at + MUTEX);
  assert.ok(died || heap.words[at + INSIDE] === 0);
  assert.ok(heap.words[at + TOLD]! + (died ? 1 : 0) <= deaths);
});

export const models: Model[] = [
  {
    name: "two callers exclude each other",
    preemptions: 3,
    program: { setup, workers: [passing, passing], check: free.partial(2) },
  },
  {
    name: "three callers exclude each other",
    program: { setup, workers: [passing, passing, passing], check: free.partial(3) },
  },
  {
    name: "a holder dies inside, exactly the next one is told",
    preemptions: 3,
    program: { setup, workers: [passing, passing], check: sound.partial(1) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "of two who find the holder dead one takes over",
    program: { setup, workers: [passing, passing, passing], check: sound.partial(1) },
    options: { deaths: 1, mortal: [0] },
  },
  {
    name: "whoever rebuilds dies too",
    program: { setup, workers: [passing, passing, passing], check: sound.partial(2) },
    options: { deaths: 2, mortal: [0, 1] },
  },
  {
    name: "everybody dies",
    program: { setup, workers: [passing, passing], check: sound.partial(2) },
    options: { deaths: 2 },
  },
];
