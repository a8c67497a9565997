import assert from "node:assert/strict";
import { post, take } from "../../src/diagnosis/findings.js";
import { type DeadlockReport, task } from "../../src/index.js";
import { atomics, KIND, threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

interface Shared {
  /** A block: how many findings were taken by listeners, and which, one bit each. */
  at: number;
  used: number;
}
const COUNT = 0;
const WHICH = 1;

const setup = task(import.meta, "setup", (): Shared => {
  const { allocator } = threadHeap();
  const at = allocator.allocate(4, KIND.plain);
  return { at, used: allocator.usedWords() };
});

const finding = (text: string): DeadlockReport => ({ kind: "cycle", proven: true, members: [], text });

const finder = task(import.meta, "finder", (_shared: Shared, index: number) => post(threadHeap(), finding(`${index}`)));
function count(at: number, reports: readonly DeadlockReport[]): void {
  const { words } = threadHeap();
  for (const { text } of reports) {
    atomics.add(words, at + COUNT, 1);
    atomics.or(words, at + WHICH, 1 << Number(text));
  }
}
const listener = task(import.meta, "listener", ({ at }: Shared) => count(at, take(threadHeap())));

/** Each was told once, by whomever. */
const told =
  (finders: number) =>
  ({ at, used }: Shared): void => {
    const { words, allocator } = threadHeap();
    count(at, take(threadHeap()));
    assert.equal(words[at + COUNT], finders);
    assert.equal(words[at + WHICH], (1 << finders) - 1);
    assert.equal(allocator.usedWords(), used);
  };
const oneTold = task(import.meta, "oneTold", told(1));
const twoTold = task(import.meta, "twoTold", told(2));

export const models: Model[] = [
  {
    name: "two that find something at once lose nothing",
    preemptions: 3,
    program: { setup, workers: [finder, finder], check: twoTold },
  },
  {
    name: "one is told once, in one of those who listen",
    program: { setup, workers: [finder, listener, listener], check: oneTold },
  },
  { name: "two finders and one who listens", program: { setup, workers: [finder, finder, listener], check: twoTold } },
];
