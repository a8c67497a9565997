/**
 * A shared object whose maker ended between taking its block and writing to it: a block of zeros, which its maker's
 * death, or the last holder, destroys.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import "../../src/index.js";
import { type Heap, processHeap, threadHeap } from "../../src/memory/index.js";
import { KIND } from "../kinds.js";

const kinds = Object.entries(KIND).filter(([name]) => !["plain", "extent"].includes(name));
const heaps: readonly (readonly [string, () => Heap])[] = [
  ["threads", threadHeap],
  ["processes", processHeap],
];

for (const [reach, heapOf] of heaps) {
  describe(`what was only begun, across ${reach}`, () => {
    for (const [name, kind] of kinds) {
      test(`${name} is given back`, () => {
        const heap = heapOf();
        const before = heap.allocator.usedWords();
        heap.references.letGo(heap.allocator.allocate(2000, kind));
        assert.equal(heap.allocator.usedWords(), before);
      });
    }
  });
}
