/** What is forgotten without free() is given back when memory would else be full. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { OutOfMemoryError, SharedMap, SharedMemory } from "../../src/index.js";
import { exposeCollector } from "../../src/memory/forgotten.js";
import { untouched } from "../fixtures/untouched.js";

const PIECE = 2 ** 27;
/** More than fit into the data region between threads. */
const MOST = 2 ** 32 / PIECE + 2;
const piece = () => untouched(() => new SharedMemory(PIECE));

test("memory that was forgotten in earlier turns is given back when there is no other, and what is held stays", async () => {
  const held = new SharedMemory(PIECE);
  held.bytes[5] = 7;
  for (let index = 0; index < MOST; index++) {
    piece();
    await setImmediate();
  }
  assert.equal(held.bytes[5], 7);
  held.free();
});

test("memory that is held is full; once it is forgotten it is not", async () => {
  let held: SharedMemory[] = [];
  assert.throws(() => {
    for (let index = 0; index < MOST; index++) held.push(piece());
  }, OutOfMemoryError);
  assert.ok(held.length > 0);
  await setImmediate();
  assert.throws(() => new SharedMemory(PIECE), OutOfMemoryError);
  held = [];
  await setImmediate();
  new SharedMemory(PIECE).free();
  assert.equal(held.length, 0);
});

test("forgotten maps and what only they held go too", async () => {
  for (let round = 0; round < MOST; round++) {
    const [outer, inner] = [new SharedMap(), piece()];
    outer.set("inner", inner);
    inner.free();
    await setImmediate();
  }
});

test("a thread looks for the collector while others hide it: it is found or not, and nothing is thrown", async () => {
  const hiding = new Worker(
    'const { setFlagsFromString } = require("node:v8"); for (;;) setFlagsFromString("--no-expose-gc");',
    { eval: true },
  );
  try {
    await once(hiding, "online");
    for (let tries = 0; tries < 300; tries++) assert.match(typeof exposeCollector(), /^(function|undefined)$/);
  } finally {
    await hiding.terminate();
  }
});
