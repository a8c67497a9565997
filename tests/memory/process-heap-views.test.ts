/**
 * How much of the memory that processes share a process has in view: V8 counts all of that as its own, and collects
 * garbage when it is much.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Process, Queue, SharedMap, Struct, Value } from "allcores";
import { processHeap } from "../../src/memory/index.js";
import { fill, putMany } from "../fixtures/filling-tasks.js";
import { echo } from "../fixtures/worker-tasks.js";

const MIB = 2 ** 20;
/** From here on V8 begins to collect. */
const SOFT_LIMIT = 64 * MIB;
const processes = { across: "processes" } as const;

test("a process that shares little is charged for little", () => {
  const before = process.memoryUsage().external;
  const value = new Value("int32", 0, processes);
  assert.ok(process.memoryUsage().external - before < SOFT_LIMIT / 4);
  value.free();
});

test("words that another process has added beyond the view are read", async () => {
  const heap = processHeap();
  const [entries, text] = [25_000, "x".repeat(200)];
  const map = new SharedMap<string>(processes);
  map.set("own", "before");
  const seen = heap.words.length;
  await Process.start(fill, map, entries, text).join();
  assert.equal(map.get(`key ${entries - 1}`), text + (entries - 1));
  assert.equal(map.get("key 0"), `${text}0`);
  assert.equal(map.get("own"), "before");
  heap.catchUp();
  assert.ok(heap.words.length > seen, "they lie beyond");
  assert.equal(heap.bytes.length, 4 * heap.words.length);
  map.set("own", "after");
  assert.equal(map.get("own"), "after");
  map.free();
});

test("long bytes that another process has put beyond the view are read", async () => {
  const before = process.memoryUsage().external;
  const [items, bytes] = [3, 3 * MIB];
  const queue = new Queue<Uint8Array>(processes);
  await Process.start(putMany, queue, items, bytes).join();
  for (let item = 0; item < items; item++) {
    const got = queue.getSync();
    assert.equal(got.length, bytes);
    assert.ok(got.every((byte) => byte === item + 1));
  }
  assert.ok(process.memoryUsage().external - before < SOFT_LIMIT, "no window as a whole");
  queue.free();
});

test("a process begins though what its parent made for it lies beyond the first view", async () => {
  // As large as a completion, and more than fit into the first view: no room is left there.
  const structs: { free(): void }[] = [];
  for (let made = 0; made < (4 * MIB) / 4 / 8; made++)
    structs.push(new Struct({ first: "float64", second: "float64" }, {}, processes));
  assert.equal(await Process.start(echo, "begun").join(), "begun");
  for (const struct of structs) struct.free();
});
