/**
 * What free() gives back. Apart from the other tests: workers that ended, and are swept later, would blur the count.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Reach, SharedArray, SharedMemory, Struct, Value } from "allcores";
import { HEADER, processHeap, threadHeap } from "../../src/memory/index.js";
import "../../src/parking/index.js";

const uses: Record<string, (round: number, reach: Reach) => void> = {
  "a Value and its lock": (_round, reach) => {
    const value = new Value("float64", 0, reach);
    value.lock.runSync(() => value.add(1));
    value.free();
  },
  "a SharedArray, its elements and its lock": (round, reach) => {
    const array = new SharedArray("int32", 1000, reach);
    if (round % 2 === 0) array.lock.runSync(() => array.set(0, 1));
    if (round % 3 === 0) array.view.fill(1);
    array.free();
  },
  "a Struct and its lock": (_round, reach) => {
    const struct = new Struct({ a: "int32", b: { c: "float64" } }, { a: 1 }, reach);
    struct.updateSync(({ a }) => ({ a: a + 1 }));
    struct.free();
  },
  "SharedMemory, its bytes and its name": (round, reach) => {
    const memory = SharedMemory.create("again", 5000, reach);
    if (round % 2 === 0) memory.unlink();
    if (round % 3 === 0) memory.bytes.fill(1);
    memory.close();
  },
  "SharedMemory whose name is taken": (_round, reach) => {
    const memory = SharedMemory.create("again", 5000, reach);
    assert.throws(() => SharedMemory.create("again", 5000, reach));
    memory.close();
  },
};

for (const [across, heapOf] of [["threads", threadHeap] as const, ["processes", processHeap] as const]) {
  for (const [what, use] of Object.entries(uses)) {
    test(`${what}, across ${across}`, () => {
      const heap = heapOf();
      use(0, { across });
      const words = heap.allocator.usedWords();
      const units = heap.words[HEADER.dataBrk];
      for (let round = 0; round < 100; round++) use(round, { across });
      assert.equal(heap.allocator.usedWords(), words);
      assert.equal(heap.words[HEADER.dataBrk], units);
      assert.equal(heap.words[HEADER.names], 0);
    });
  }
}
