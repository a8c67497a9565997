/**
 * Values that arrive as they were sent, across every boundary; structured clone is the reference where it carries them
 * too.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import vm from "node:vm";
import { decode, type EncodeOptions, encode } from "../../src/codec/index.js";
import { timeLimit } from "../time-limit.js";

const boundaries: EncodeOptions[] = [{ to: "threads", attach: true }, { to: "threads" }, { to: "processes" }];

function trip<T>(value: T, options: EncodeOptions = { to: "processes" }): T {
  const message = encode(value, options);
  // In the middle of foreign bytes, so that reading too far shows, and at an odd place, as in a ring.
  const bytes = new Uint8Array(message.length + 20).fill(0xee);
  message.writeTo(bytes, 7);
  return decode(bytes, 7, message.length, message.attachments) as T;
}

class Tagged {
  readonly [Symbol.toStringTag] = "Tagged";
}

function sparse(): unknown[] {
  const array: unknown[] = [1];
  array[3] = undefined;
  array[9] = "x";
  return array;
}

function resizable(length: number, maxByteLength: number): ArrayBuffer {
  const buffer = new ArrayBuffer(length, { maxByteLength });
  new Uint8Array(buffer).fill(9);
  return buffer;
}

const long = "The quick brown fox jumps over the lazy dog. ".repeat(500);

/** All of these structured clone carries, to the same result. */
const cloneable: Record<string, unknown> = {
  undefined,
  null: null,
  true: true,
  false: false,
  zero: 0,
  "negative zero": -0,
  NaN: Number.NaN,
  infinities: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  integers: [
    1,
    -1,
    127,
    128,
    -128,
    -129,
    255,
    256,
    32767,
    32768,
    -32768,
    -32769,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53,
  ],
  doubles: [0.1, 1e300, 5e-324, Math.PI, -1.5],
  bigints: [
    0n,
    1n,
    -1n,
    2n ** 63n - 1n,
    2n ** 63n,
    -(2n ** 63n),
    -(2n ** 63n) - 1n,
    2n ** 64n,
    2n ** 200n,
    -(2n ** 201n) + 1n,
  ],
  "empty string": "",
  strings: ["a", "hello", "é", "zażółć", "漢字かな", "😀", "\0\u0001", "x".repeat(63), "x".repeat(64), "é".repeat(63)],
  "long ASCII": long,
  "long Latin": "é".repeat(5000),
  "long Chinese": "漢字".repeat(5000),
  "long mostly ASCII": `${long}é`,
  "lone surrogates": ["\ud800", "a\udfff", "\udc00\ud800", "\ud800".repeat(40), "\ud83d".repeat(6000)],
  dates: [new Date(0), new Date(1.7e12), new Date(-1)],
  regexps: [/a/, /b+(?<n>c)/giu, /\//, /(?:)/],
  "empty object": {},
  object: { id: 1, name: "abc", ok: true, nested: { deep: [1, { x: null }] } },
  "odd keys": {
    "": 1,
    "a b": 2,
    é: 3,
    "0": 4,
    constructor: 5,
    toString: 6,
    hasOwnProperty: 7,
    ["k".repeat(100)]: 8,
    "\ud800": 9,
  },
  "undefined field": { a: undefined },
  "empty array": [],
  array: [1, "two", [3, [4]], { five: 5 }, null, undefined],
  sparse: sparse(),
  "only holes": new Array(5),
  "only many holes": new Array(100_000),
  map: new Map<unknown, unknown>([
    ["a", 1],
    [2, { b: 3 }],
    [{ key: true }, new Map()],
    [Number.NaN, -0],
  ]),
  set: new Set<unknown>([1, "a", { x: 1 }, new Set([2])]),
  boxed: [Object(1), Object(-0), Object("s"), Object(true), Object(false), Object(5n), Object("")],
  "array buffers": [new ArrayBuffer(0), new Uint8Array([1, 2, 3]).buffer, new Uint8Array(100_000).fill(5).buffer],
  "typed arrays": [
    new Int8Array([-1, 2]),
    new Uint8Array([1, 255]),
    new Uint8ClampedArray([3]),
    new Int16Array([-5, 5]),
    new Uint16Array([9]),
    new Int32Array([-7]),
    new Uint32Array([2 ** 32 - 1]),
    new Float32Array([1.5]),
    new Float64Array([Math.E, Number.NaN]),
    new BigInt64Array([-3n]),
    new BigUint64Array([3n]),
    new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
    new Float64Array(0),
    new Uint32Array(new Uint8Array(32).fill(3).buffer, 8, 2),
  ],
  "large typed array": Float64Array.from({ length: 10_000 }, (_, index) => index / 3),
  "resizable buffer": [resizable(10, 100), resizable(0, 8), resizable(8, 8)],
};

for (const options of boundaries) {
  describe(`across ${options.to}${options.attach ? " with attachments" : ""}`, () => {
    for (const [name, value] of Object.entries(cloneable)) {
      test(`${name} as structured clone does`, () =>
        assert.deepStrictEqual(trip(value, options), structuredClone(value)));
    }
    test("everything at once", () => assert.deepStrictEqual(trip(cloneable, options), structuredClone(cloneable)));

    test("Buffer", () => {
      const buffers = [Buffer.from("hello"), Buffer.alloc(0), Buffer.alloc(100_000, 7)];
      const arrived = trip(buffers, options);
      assert.deepStrictEqual(arrived, buffers);
      assert.ok(arrived.every((buffer) => Buffer.isBuffer(buffer)));
    });
    test("URL and URLSearchParams", () => {
      const url = new URL("https://user@example.org:81/path?q=1#h");
      const arrived = trip(
        {
          url,
          search: new URLSearchParams([
            ["a", "1 2"],
            ["a", "é"],
          ]),
        },
        options,
      );
      assert.ok(arrived.url instanceof URL);
      assert.equal(arrived.url.href, url.href);
      assert.ok(arrived.search instanceof URLSearchParams);
      assert.deepEqual(
        [...arrived.search],
        [
          ["a", "1 2"],
          ["a", "é"],
        ],
      );
    });
  });
}

// Not in the table: Node 20 holds two invalid dates to be different.
test("an invalid date arrives invalid", () => {
  const arrived = trip(new Date(Number.NaN));
  assert.ok(arrived instanceof Date && Number.isNaN(arrived.getTime()));
});

test("an object without a prototype arrives without one", () => {
  const value = Object.assign(Object.create(null) as object, { a: 1, ["__proto__"]: 2 });
  assert.deepStrictEqual(trip(value), value);
});

test("a field named __proto__ is a field and not the prototype", () => {
  const value = JSON.parse('{ "__proto__": { "polluted": true }, "a": 1 }') as object;
  const arrived = trip(value);
  assert.equal(Object.getPrototypeOf(arrived), Object.prototype);
  assert.deepStrictEqual(Object.entries(arrived), Object.entries(value));
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
});

test("inherited fields and those that nobody lists stay behind, and getters are read", () => {
  const value = Object.defineProperties(
    {
      get now() {
        return 2;
      },
    },
    { hidden: { value: 1 }, [Symbol("s")]: { value: 1 } },
  );
  assert.deepStrictEqual(trip(value), { now: 2 });
});

test("an array with few elements far apart costs what it holds", () => {
  const array: unknown[] = [];
  array[4_000_000_000] = "far";
  const message = encode(array, { to: "processes" });
  assert.ok(message.length < 40);
  const arrived = trip(array);
  assert.equal(arrived.length, 4_000_000_001);
  assert.deepEqual(Object.keys(arrived), ["4000000000"]);
});

test("an object that occurs twice is one object on the other side", () => {
  const shared = { x: 1 };
  const date = new Date(5);
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  const value = {
    a: shared,
    b: [shared, new Map([[shared, shared]])],
    date,
    also: date,
    whole: new Uint8Array(buffer),
    half: new Uint16Array(buffer, 2),
    buffer,
  };
  const arrived = trip(value);
  assert.deepStrictEqual(arrived, structuredClone(value));
  assert.equal(arrived.b[0], arrived.a);
  assert.equal((arrived.b[1] as Map<unknown, unknown>).get(arrived.a), arrived.a);
  assert.equal(arrived.also, arrived.date);
  assert.equal(arrived.half.buffer, arrived.buffer);
  arrived.whole[2] = 99;
  assert.equal(arrived.half[0], 4 * 256 + 99);
});

test("identity holds among many objects too", () => {
  const objects: { id: number; next?: object }[] = Array.from({ length: 1000 }, (_, id) => ({ id }));
  for (const [id, object] of objects.entries()) object.next = objects[(id * 7) % 1000] as object;
  const arrived = trip(objects);
  for (const [id, object] of arrived.entries()) assert.equal(object.next, arrived[(id * 7) % 1000]);
});

test("cycles", () => {
  const value: { self?: unknown; list: unknown[]; map: Map<unknown, unknown>; set: Set<unknown>; error: Error } = {
    list: [],
    map: new Map(),
    set: new Set(),
    error: new Error("round"),
  };
  value.self = value;
  value.list.push(value.list, value);
  value.map.set(value.map, value);
  value.set.add(value.set);
  value.error.cause = value.error;
  const arrived = trip(value);
  assert.equal(arrived.self, arrived);
  assert.equal(arrived.list[0], arrived.list);
  assert.equal(arrived.list[1], arrived);
  assert.equal(arrived.map.get(arrived.map), arrived);
  assert.ok(arrived.set.has(arrived.set));
  assert.equal(arrived.error.cause, arrived.error);
});

test("a Buffer sends its own bytes and not its pool", () => {
  const pooled = Buffer.from("hello");
  assert.ok(pooled.buffer.byteLength > 1000);
  assert.equal(encode(pooled, { to: "processes" }).length, 7);
});

test("a view of a resizable buffer tracks its length on the other side if it did here", () => {
  const buffer = resizable(16, 64);
  const full = resizable(16, 16);
  const views = {
    tracking: new Uint16Array(buffer, 4),
    fixed: new Uint16Array(buffer, 4, 6),
    inner: new Uint8Array(buffer, 0, 3),
    data: new DataView(buffer, 8),
    fixedData: new DataView(buffer, 8, 8),
    empty: new Uint8Array(buffer, 16),
    fullTracking: new Uint8Array(full),
    fullFixed: new Uint8Array(full, 0, 16),
  };
  const arrived = trip(views);
  (arrived.tracking.buffer as ArrayBuffer).resize(32);
  (arrived.fullTracking.buffer as ArrayBuffer).resize(8);
  assert.equal(arrived.tracking.length, 14);
  assert.equal(arrived.fixed.length, 6);
  assert.equal(arrived.inner.length, 3);
  assert.equal(arrived.data.byteLength, 24);
  assert.equal(arrived.fixedData.byteLength, 8);
  assert.equal(arrived.empty.length, 16);
  assert.equal(arrived.fullTracking.length, 8);
  assert.equal(arrived.fullFixed.length, 0);
  assert.equal(buffer.byteLength, 16);
});

test("objects of another realm arrive as ours", () => {
  const foreign = vm.runInNewContext(
    `({ a: [1, , 3], m: new Map([[1, new Date(7)]]), s: new Set("x"), r: /x/g, u: new Uint8Array([1, 2]), e: new TypeError("far"), b: Object(1) })`,
  ) as Record<string, unknown>;
  const arrived = trip(foreign);
  // biome-ignore lint/suspicious/noSparseArray: holes are what is tested
  assert.deepStrictEqual(arrived.a, [1, , 3]);
  assert.deepStrictEqual(arrived.m, new Map([[1, new Date(7)]]));
  assert.deepStrictEqual(arrived.s, new Set("x"));
  assert.deepStrictEqual(arrived.r, /x/g);
  assert.deepStrictEqual(arrived.u, new Uint8Array([1, 2]));
  assert.deepStrictEqual(arrived.b, Object(1));
  assert.ok(arrived.e instanceof TypeError);
  assert.equal(arrived.e.message, "far");
});

test("numbers and strings of every length, beside each other", () => {
  const values: unknown[] = [];
  for (let length = 0; length < 300; length++)
    values.push("s".repeat(length), length * 1001, { ["k".repeat(length)]: `${"é".repeat(length)}` });
  assert.deepStrictEqual(trip(values), values);
});

test("pieces that are copied late stand in their places", () => {
  const value = {
    before: 1,
    text: "t".repeat(10_000),
    middle: [2, Buffer.alloc(9_000, 3)],
    wide: "漢".repeat(8_000),
    last: new Uint8Array(70_000).fill(4),
    after: "end",
  };
  assert.deepStrictEqual(trip(value), value);
  const message = encode(value, { to: "processes" });
  assert.deepStrictEqual(decode(message.toBytes(), 0, message.length), value);
});

test("16 MB pass through in one copy each way", () => {
  const value = Buffer.alloc(16 << 20, 0xa5);
  const target = new Uint8Array(value.length + 64);
  const before = process.memoryUsage().arrayBuffers;
  const message = encode(value, { to: "processes" });
  message.writeTo(target, 3);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20, "encoding made no copy of its own");
  const arrived = decode(target, 3, message.length) as Buffer;
  assert.ok(process.memoryUsage().arrayBuffers - before < 17 << 20, "decoding made one");
  assert.ok(arrived.equals(value));
  assert.notEqual(arrived.buffer, target.buffer);
});

test("a BigInt of 8.7 million bits is a matter of milliseconds", () => {
  const value = -((1n << 8_700_000n) - 12345n);
  const start = performance.now();
  const arrived = trip(value);
  const elapsed = performance.now() - start;
  assert.ok(arrived === value);
  assert.ok(elapsed < timeLimit(2000), `took ${elapsed} ms`);
});

test("encode can be called while it encodes, and decode while it decodes", () => {
  let inner: unknown;
  const value = {
    a: "x".repeat(5000),
    get b() {
      const message = encode({ other: [1, 2, 3] }, { to: "processes" });
      inner = decode(message.toBytes(), 0, message.length);
      return 2;
    },
    c: 3,
  };
  assert.deepStrictEqual(trip(value), { a: "x".repeat(5000), b: 2, c: 3 });
  assert.deepStrictEqual(inner, { other: [1, 2, 3] });
});

test("an encode after a failed one knows nothing of it", () => {
  const shared = { x: 1 };
  assert.throws(() => encode([shared, "y".repeat(9000), new Tagged()], { to: "processes" }));
  assert.deepStrictEqual(trip([shared, shared]), [shared, shared]);
});

test("nesting up to 1000 levels crosses; deeper is refused by name", () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { value };
    return value;
  };
  // Not deepEqual, which overflows the stack before we do.
  assert.equal(JSON.stringify(trip(nested(1000))), JSON.stringify(nested(1000)));
  for (const levels of [1001, 10_000, 100_000]) {
    assert.throws(() => trip(nested(levels)), {
      code: "ERR_ALLCORES_UNSENDABLE",
      message: /nested more than 1000 levels deep/,
    });
  }
});
