/** A cache in memory that is full: a heap of its own, so that it is so soon. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { reachOf } from "../../src/objects/index.js";
import { OutOfMemoryError, SharedMap, type SharedMapOptions } from "../../src/index.js";
import { KIND, ThreadHeap } from "../../src/memory/index.js";
import { CONTROL_BYTES } from "../../src/memory/arena.js";
import { createThreadHeap } from "../../src/memory/thread-heap.js";

const MIB = 2 ** 20;

function cache(maxBytes?: number): { map: SharedMap<string>; heap: ThreadHeap } {
  const heap = new ThreadHeap(createThreadHeap(16 * MIB));
  return { heap, map: new SharedMap<string>({ ...reachOf(heap), maxBytes } as SharedMapOptions) };
}

test("a cache whose values change their size over time evicts and goes on; memory given back serves another size", () => {
  const { map, heap } = cache(9 * MIB);
  for (const [name, bytes, count] of [
    ["a", 100, 80_000],
    ["b", 1500, 9000],
    ["c", 400, 30_000],
    ["d", 4000, 4000],
    ["e", 30, 60_000],
  ] as const) {
    const value = "x".repeat(bytes);
    for (let index = 0; index < count; index++) map.set(`${name}${index}`, value);
    assert.equal(map.get(`${name}${count - 1}`), value);
    assert.ok(map.stats().bytes > 4 * MIB, `${name}: entries weigh ${map.stats().bytes}`);
  }
  map.clear();
  map.free();
  const large = Array.from({ length: 100 }, () => heap.allocator.allocate(20_000, KIND.plain));
  for (const at of large) heap.allocator.free(at);
});

test("a cache with a limit beyond all memory evicts what is least used; a map without one is full", () => {
  const bounded = cache(100 * MIB);
  for (let index = 0; index < 30_000; index++) bounded.map.set(`${index}`, "v".repeat(1000));
  assert.ok(bounded.map.stats().evictions > 10_000);
  assert.equal(bounded.map.get("29999")?.length, 1000);
  const { map } = cache();
  let put = 0;
  assert.throws(() => {
    for (; put < 30_000; put++) map.set(`${put}`, "v".repeat(1000));
  }, OutOfMemoryError);
  assert.ok(put > 10_000);
  assert.equal(map.size, put);
  assert.equal(map.get("0")?.length, 1000);
});

test("a cache fills to nine tenths of its limit before it evicts, in a control region of twice the limit", () => {
  const limit = 8 * MIB;
  for (const bytes of [100, 100_000]) {
    const heap = new ThreadHeap(createThreadHeap(2 * limit));
    const map = new SharedMap<string>({ ...reachOf(heap), maxBytes: limit } as SharedMapOptions);
    const value = "x".repeat(bytes);
    let most = 0;
    for (let index = 0; map.stats().evictions === 0; index++) {
      most = Math.max(most, map.stats().bytes);
      map.set(`${index}`, value);
    }
    assert.ok(most >= limit * 0.9, `with values of ${bytes} bytes it evicted at ${most}`);
  }
});

test("the control regions are twice as large as the largest cache that is promised", () => {
  assert.ok(CONTROL_BYTES >= 2 ** 31);
  const { control } = createThreadHeap();
  assert.ok((control as SharedArrayBuffer & { maxByteLength: number }).maxByteLength >= 2 ** 31);
});
