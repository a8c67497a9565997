/** Bytes that nobody sent: decoding ends, soon and by name, whatever they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../../src/codec/index.js";
import { CorruptError, UnknownClassError } from "../../src/errors/index.js";
import { sampleValues } from "./sample-values.js";

/** Mulberry32: the same cases in every run. */
function randomFrom(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function attempt(bytes: Uint8Array, length = bytes.length): void {
  try {
    decode(bytes, 0, length);
  } catch (error) {
    if (!(error instanceof CorruptError || error instanceof UnknownClassError)) {
      assert.fail(`[${Buffer.from(bytes).toString("hex")}] gave ${(error as Error).stack}`);
    }
  }
}

const messages = sampleValues.map((value) => encode(value, { to: "processes" }).toBytes());

test("every truncation is noticed", () => {
  for (const bytes of messages) {
    for (let length = 0; length < bytes.length; length++) assert.throws(() => decode(bytes, 0, length), CorruptError);
  }
});

function timeOf(bytes: Uint8Array): number {
  const start = performance.now();
  attempt(bytes);
  return performance.now() - start;
}

test("20 000 messages with random bytes changed", () => {
  const random = randomFrom(20260101);
  let slowest = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = (messages[round % messages.length] as Uint8Array).slice();
    for (let changes = 1 + random(4); changes > 0; changes--) bytes[random(bytes.length)] = random(256);
    let took = timeOf(bytes);
    // The machine stood still, or the message takes long: then it does so each time.
    for (let again = 0; took >= 500 && again < 3; again++) took = Math.min(took, timeOf(bytes));
    slowest = Math.max(slowest, took);
  }
  assert.ok(slowest < 500, `the slowest took ${slowest} ms`);
});

test("5 000 messages of nothing but random bytes", () => {
  const random = randomFrom(7);
  for (let round = 0; round < 5000; round++)
    attempt(Uint8Array.from({ length: 1 + random(60) }, () => random(random(2) ? 256 : 0x30)));
});

test("lengths beyond all bounds allocate nothing", () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  for (let tag = 0; tag < 0x40; tag++) {
    const before = process.memoryUsage();
    for (const tail of [huge, [0xff, 0xff, 0xff, 0xff, 0x0f], [0x80, 0x80, 0x80, 0x08, 0x11, 0], [0, ...huge]])
      attempt(Uint8Array.from([tag, ...tail, 0, 0]));
    const after = process.memoryUsage();
    assert.ok(after.arrayBuffers - before.arrayBuffers < 1 << 20 && after.rss - before.rss < 64 << 20, `tag ${tag}`);
  }
});

test("nesting without end is noticed", () => {
  for (const level of [[0x10, 1], [0x0f, 1, 0x41, 0x61], [0x14], [0x13], [0x17], [0x1a, 1, 0, 0, 0]]) {
    const bytes = new Uint8Array(300_000);
    for (let at = 0; at + level.length <= bytes.length; at += level.length) bytes.set(level, at);
    assert.throws(() => decode(bytes, 0, bytes.length), CorruptError);
  }
});

test("what lies outside the message is not read", () => {
  const bytes = Uint8Array.of(0x10, 2, 0x81, 0x82, 0x83);
  assert.deepEqual(decode(bytes, 0, 4), [1, 2]);
  for (const [at, length] of [
    [0, 3],
    [0, 5],
    [0, 6],
    [-1, 3],
    [4, 2],
    [0, -1],
    [0, Number.NaN],
  ] as const)
    assert.throws(() => decode(bytes, at, length), CorruptError);
});

test("unknown kinds and missing attachments are named", () => {
  assert.throws(() => decode(Uint8Array.of(0x22, 0x42, 0x61, 0x62, 0x81), 0, 5), {
    code: "ERR_ALLCORES_CORRUPT",
    message: /kind "ab"/,
  });
  assert.throws(() => decode(Uint8Array.of(0x23, 0), 0, 2), {
    code: "ERR_ALLCORES_CORRUPT",
    message: /travelled beside/,
  });
});
