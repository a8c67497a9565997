/**
 * Decoding takes at most 64 bytes of memory for each byte of the message, beyond what V8 needs for the smallest value
 * of each kind.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { decode } from "../../src/codec/index.js";
import { CorruptError } from "../../src/errors/index.js";

const LIMIT = 64;

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}

const text = (value: string): number[] => [0x40 + value.length, ...Buffer.from(value, "latin1")];

/**
 * What V8 and Node need for the smallest value of each kind, in bytes: measured on Node 20, 22 and 24, and rounded up.
 * The message is that value's.
 */
const SMALLEST: Readonly<Record<string, { readonly bytes: readonly number[]; readonly needs: number }>> = {
  double: { bytes: [0x07, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f], needs: 24 },
  bigint: { bytes: [0x08, 1, 0, 0, 0, 0, 0, 0, 0], needs: 32 },
  text: { bytes: [0x42, 0x61, 0x62], needs: 32 },
  object: { bytes: [0x0f, 0], needs: 64 },
  bareObject: { bytes: [0x26, 0], needs: 256 },
  "array with a field": { bytes: [0x27, 0, 0x10, 0, 1, ...text("a"), 0x80], needs: 128 },
  array: { bytes: [0x10, 0], needs: 48 },
  map: { bytes: [0x13, 0x12], needs: 256 },
  set: { bytes: [0x14, 0x12], needs: 224 },
  date: { bytes: [0x15, 0x80], needs: 112 },
  regexp: { bytes: [0x16, ...text("a"), ...text(""), 0x80], needs: 256 },
  boxed: { bytes: [0x17, 0x80], needs: 48 },
  arrayBuffer: { bytes: [0x18, 0], needs: 320 },
  // A page at the least.
  resizableBuffer: { bytes: [0x19, 1, 0], needs: 4608 },
  view: { bytes: [0x1a, 2, 0, 0, 0, 0x18, 0], needs: 512 },
  nodeBuffer: { bytes: [0x1b, 0], needs: 256 },
  url: { bytes: [0x1c, ...text("a:")], needs: 1024 },
  searchParams: { bytes: [0x1d, ...text("")], needs: 256 },
  error: { bytes: [0x1e, ...text("Error"), 0, 0], needs: 320 },
  domException: { bytes: [0x1f, ...text(""), ...text(""), 0], needs: 768 },
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** How many bytes a value keeps, once it is decoded: of the heap and of buffers. */
function kept(message: Uint8Array): number {
  collect();
  const before = process.memoryUsage();
  let value: unknown;
  try {
    value = decode(message, 0, message.length);
  } catch (error) {
    assert.ok(error instanceof CorruptError, String(error));
  }
  collect();
  const after = process.memoryUsage();
  // Until here it is in use.
  assert.ok(value !== null);
  return (
    after.heapUsed -
    before.heapUsed +
    after.arrayBuffers -
    before.arrayBuffers +
    Math.max(0, after.external - before.external - (after.arrayBuffers - before.arrayBuffers))
  );
}

const MANY = 4000;
/** What a measurement takes up itself. */
const SLACK = 300_000;

function arrayOf(count: number, each: readonly number[] | ((index: number) => readonly number[])): Uint8Array {
  const all = [0x10, ...varint(count)];
  for (let index = 0; index < count; index++)
    for (const byte of typeof each === "function" ? each(index) : each) all.push(byte);
  return Uint8Array.from(all);
}

for (const [kind, { bytes, needs }] of Object.entries(SMALLEST)) {
  test(`the smallest ${kind} needs no more than the table says, and ${LIMIT} bytes for each of the message`, () => {
    const count = kind === "resizableBuffer" ? 1000 : MANY;
    const message = arrayOf(count, bytes);
    const took = kept(message);
    assert.ok(took <= count * needs + message.length * LIMIT + SLACK, `${took / count} bytes each`);
  });
}

const element = (needs: number): number => needs;
/** Messages that ask for much, by what they are made of; and what V8 needs for the smallest values in them. */
const GREEDY: Readonly<Record<string, { readonly message: () => Uint8Array; readonly needs: number }>> = {
  "arrays with 1023 holes": { message: () => arrayOf(MANY, [0x10, ...varint(1023), 0x11, 0]), needs: MANY * 48 },
  "arrays with 17 holes": { message: () => arrayOf(MANY, [0x10, 17, 0x11, 0]), needs: MANY * 48 },
  "arrays with 16 holes": { message: () => arrayOf(MANY, [0x10, 16, 0x11, 0]), needs: MANY * 48 },
  "arrays of two and 1000 holes": {
    message: () => arrayOf(MANY, [0x10, ...varint(1002), 0x80, 0x80, 0x11, 0]),
    needs: MANY * 48,
  },
  "arrays of ten and 400 holes": {
    message: () => arrayOf(MANY, [0x10, ...varint(410), ...new Array<number>(10).fill(0x80), 0x11, 0]),
    needs: MANY * 48,
  },
  "arrays with one element far behind": {
    message: () => arrayOf(MANY, [0x10, ...varint(1000), 0x11, 1, ...varint(999), 0x80]),
    needs: MANY * 48,
  },
  "arrays with elements at every tenth place": {
    message: () =>
      arrayOf(200, [
        0x10,
        ...varint(1000),
        0x11,
        100,
        ...Array.from({ length: 100 }, (_, index) => [...varint(index * 10), 0x80]).flat(),
      ]),
    needs: 200 * 48,
  },
  "sparse arrays in sparse arrays": {
    message: () => {
      const all: number[] = [];
      for (let level = 0; level < 900; level++) all.push(0x10, ...varint(5000), 0x11, 1, ...varint(4999));
      return Uint8Array.from([...all, 0x80]);
    },
    needs: 900 * 48,
  },
  "an array of 2^32 - 1 holes": { message: () => Uint8Array.from([0x10, ...varint(2 ** 32 - 1), 0x11, 0]), needs: 48 },
  "objects with a field of a great number": {
    message: () => arrayOf(MANY, [0x0f, 1, ...text("1000"), 0x80]),
    needs: MANY * 64,
  },
  "objects with the field 17": { message: () => arrayOf(MANY, [0x0f, 1, ...text("17"), 0x80]), needs: MANY * 64 },
  "objects with numbers that are far apart": {
    message: () => arrayOf(MANY, [0x0f, 3, ...text("900"), 0x80, ...text("1800"), 0x80, ...text("2700"), 0x80]),
    needs: MANY * 64,
  },
  "errors with a field of a great number": {
    message: () => arrayOf(MANY, [0x1e, ...text("Error"), 0, 1, ...text("1000"), 1, 0x80]),
    needs: MANY * 320,
  },
  "DOMExceptions with a field of a great number": {
    message: () => arrayOf(MANY, [0x1f, 0x40, 0x40, 1, ...text("1000"), 1, 0x80]),
    needs: MANY * 768,
  },
  "objects with fields of their own": {
    message: () => arrayOf(MANY, (index) => [0x0f, 2, ...text(`k${index}`), 0x80, ...text(`m${index}`), 0x80]),
    needs: MANY * (64 + 2 * element(32)),
  },
  "a map of small numbers": {
    message: () =>
      Uint8Array.from([
        0x13,
        ...Array.from({ length: 60_000 }, (_, index) => [0x05, index & 0xff, index >> 8, 0x80]).flat(),
        0x12,
      ]),
    needs: 256,
  },
  "a set of small numbers": {
    message: () =>
      Uint8Array.from([
        0x14,
        ...Array.from({ length: 60_000 }, (_, index) => [0x05, index & 0xff, index >> 8]).flat(),
        0x12,
      ]),
    needs: 224,
  },
  "references to one object": {
    message: () => arrayOf(60_000, (index) => (index === 0 ? [0x0f, 0] : [0x0e, 1])),
    needs: 64,
  },
  "sets of one object": {
    message: () => arrayOf(MANY, (index) => (index === 0 ? [0x0f, 0] : [0x14, 0x0e, 1, 0x12])),
    needs: MANY * 224,
  },
  "views of one buffer": {
    message: () => arrayOf(MANY, (index) => (index === 0 ? [0x18, 0] : [0x1a, 2, 0, 0, 0, 0x0e, 1])),
    needs: MANY * 512,
  },
  "UTF-8 that is none": {
    message: () => Uint8Array.from([0x0c, ...varint(100_000), ...new Array<number>(100_000).fill(0xff)]),
    needs: 32,
  },
  "empty search parameters": {
    message: () => Uint8Array.from([0x1d, 0x0b, ...varint(60_000), ...Buffer.from("=&".repeat(30_000))]),
    needs: 256,
  },
  "many search parameters": {
    message: () => Uint8Array.from([0x1d, 0x0b, ...varint(60_000), ...Buffer.from("ab&".repeat(20_000))]),
    needs: 256,
  },
  "arrays with fields in arrays": {
    message: () =>
      Uint8Array.from([...Array.from({ length: 999 }, () => [0x27, 0, 0x10, 0, 1, 0x41, 0x61]).flat(), 0x80]),
    needs: 999 * 128,
  },
  "dates with a field of a great number": {
    message: () => arrayOf(MANY, [0x27, 0, 0x15, 0x80, 1, ...text("1000"), 0x80]),
    needs: MANY * 160,
  },
  "objects in objects": {
    message: () => Uint8Array.from([...Array.from({ length: 999 }, () => [0x0f, 1, 0x41, 0x61]).flat(), 0x80]),
    needs: 999 * 64,
  },
};

for (const [what, { message, needs }] of Object.entries(GREEDY)) {
  test(`decoding takes at most ${LIMIT} bytes for each byte of the message: ${what}`, () => {
    const bytes = message();
    const took = kept(bytes);
    assert.ok(
      took <= needs + bytes.length * LIMIT + SLACK,
      `${took} bytes of ${bytes.length}: ${(took - needs) / bytes.length} each`,
    );
  });
}

test("a message of 2 MB that asks for gigabytes is decoded in a small heap", () => {
  const program = `
    import { decode } from ${JSON.stringify(new URL("../../src/codec/index.js", import.meta.url).href)};
    const each = Buffer.from(process.argv[1], "hex");
    const count = Math.floor(2_000_000 / each.length);
    const varint = (n) => (n < 128 ? [n] : [(n % 128) | 128, ...varint(Math.floor(n / 128))]);
    const bytes = Buffer.concat([Buffer.from([0x10, ...varint(count)]), Buffer.alloc(count * each.length, each)]);
    try {
      globalThis.kept = decode(bytes, 0, bytes.length);
    } catch (error) {
      console.log(error.code);
    }
  `;
  for (const each of [
    [0x10, ...varint(1023), 0x11, 0],
    [0x0f, 1, ...text("1000"), 0x80],
  ]) {
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--max-old-space-size=200", "--input-type=module", "-e", program, Buffer.from(each).toString("hex")],
      {
        encoding: "utf8",
      },
    );
    assert.equal(status, 0, stderr.slice(0, 2000));
  }
});

test("resizable buffers set aside no more address space than one message may", () => {
  const one = [0x19, ...varint(2 ** 32 - 1), 0];
  const end = (count: number) => {
    const message = arrayOf(count, one);
    return () => decode(message, 0, message.length);
  };
  assert.throws(end(300), { code: "ERR_ALLCORES_CORRUPT", message: /address space/ });
  assert.equal((end(3)() as ArrayBuffer[]).length, 3);
});

test("a regular expression of a thousand classes of characters is refused, on both sides", () => {
  const source = "\\p{L}".repeat(1000);
  const bytes = Uint8Array.from([0x16, 0x0b, ...varint(source.length), ...Buffer.from(source), ...text("u"), 0x80]);
  assert.throws(() => decode(bytes, 0, bytes.length), { code: "ERR_ALLCORES_CORRUPT" });
});

test("holes and numbered fields arrive as they were", () => {
  const at = (bytes: number[]) => decode(Uint8Array.from(bytes), 0, bytes.length);
  const sparse = at([0x10, ...varint(1000), 0x81, 0x11, 2, ...varint(900), 0x82, ...varint(999), 0x83]) as unknown[];
  assert.equal(sparse.length, 1000);
  assert.deepEqual(Object.keys(sparse), ["0", "900", "999"]);
  assert.deepEqual(Object.values(sparse), [1, 2, 3]);
  const numbered = at([0x0f, 3, ...text("4294967294"), 0x81, ...text("1000"), 0x82, ...text("007"), 0x83]) as object;
  assert.deepEqual(Object.entries(numbered), [
    ["1000", 2],
    ["4294967294", 1],
    ["007", 3],
  ]);
  const [first, last] = [
    at([0x0f, 1, ...text("500"), 0x81]) as object,
    at([0x10, ...varint(2 ** 32 - 1), 0x11, 1, ...varint(2 ** 32 - 2), 0x81]) as unknown[],
  ];
  assert.deepEqual(Object.entries(first), [["500", 1]]);
  assert.equal(last.length, 2 ** 32 - 1);
  assert.equal(last[2 ** 32 - 2], 1);
});
