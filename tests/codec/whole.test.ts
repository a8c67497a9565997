/**
 * Data lost or changed without a word: what the codec cannot carry whole, it refuses with the path. The table has every
 * built-in kind of object that there is a tag or a global class for, and each is sent plain, as an instance of a
 * sendable() subclass, with fields of its own, a getter, a field named by a symbol, and frozen.
 */
import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { createHistogram } from "node:perf_hooks";
import { test } from "node:test";
import { decode, encode, sendable } from "../../src/codec/index.js";
import { Tag } from "../../src/codec/tags.js";
import { UnsendableError } from "../../src/errors/index.js";

type Class = new (...args: never[]) => object;

function trip<T>(value: T): T {
  const message = encode(value, { to: "processes" });
  return decode(message.toBytes(), 0, message.length) as T;
}

interface Kind {
  /** Which tags of the format its objects have. */
  readonly tags: readonly (keyof typeof Tag)[];
  /** The class, and what makes an object of it or of a subclass. */
  readonly Base: Class;
  readonly make: (Class: Class) => object;
  /** What it holds besides fields. */
  readonly holds: (object: never) => unknown;
  /** The platform freezes none. */
  readonly neverFrozen?: true;
}

const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const construct =
  (...args: unknown[]) =>
  (Class: Class) =>
    Reflect.construct(Class, args) as object;
const view = (Base: Class): Kind => ({
  tags: ["view"],
  Base,
  make: construct(bytes.slice().buffer),
  holds: (object: ArrayBufferView) => [...new Uint8Array(object.buffer, object.byteOffset, object.byteLength)],
  neverFrozen: true,
});

const carried: Readonly<Record<string, Kind>> = {
  Object: { tags: ["object"], Base: Object, make: construct(), holds: () => 0 },
  Array: {
    tags: ["array", "sparseRest"],
    Base: Array,
    make: (Class) => Object.assign(new (Class as ArrayConstructor)(), [1, "two"]),
    holds: (it: unknown[]) => Array.from(it),
  },
  "long Array": {
    tags: ["array"],
    Base: Array,
    make: (Class) =>
      Object.assign(
        new (Class as ArrayConstructor)(),
        Array.from({ length: 500 }, (_, index) => index),
      ),
    holds: (it: unknown[]) => Array.from(it),
  },
  Map: {
    tags: ["map", "end"],
    Base: Map,
    make: construct([["a", { deep: 1 }]]),
    holds: (it: Map<unknown, unknown>) => [...Map.prototype.entries.call(it)],
  },
  Set: {
    tags: ["set", "end"],
    Base: Set,
    make: construct([1, "a"]),
    holds: (it: Set<unknown>) => [...Set.prototype.values.call(it)],
  },
  Date: { tags: ["date"], Base: Date, make: construct(5), holds: (it: Date) => it.getTime() },
  RegExp: {
    tags: ["regexp"],
    Base: RegExp,
    make: (Class) => Object.assign(Reflect.construct(Class, ["a", "g"]) as RegExp, { lastIndex: 3 }),
    holds: ({ source, flags, lastIndex }: RegExp) => [source, flags, lastIndex],
  },
  Number: { tags: ["boxed"], Base: Number, make: construct(7), holds: (it: number) => Number(it) },
  String: { tags: ["boxed"], Base: String, make: construct("text"), holds: (it: string) => String(it) },
  Boolean: { tags: ["boxed"], Base: Boolean, make: construct(true), holds: (it: object) => it.valueOf() },
  ArrayBuffer: {
    tags: ["arrayBuffer"],
    Base: ArrayBuffer,
    make: construct(8),
    holds: (it: ArrayBuffer) => [...new Uint8Array(it)],
  },
  "resizable ArrayBuffer": {
    tags: ["resizableBuffer"],
    Base: ArrayBuffer,
    make: construct(8, { maxByteLength: 16 }),
    holds: (it: ArrayBuffer) => [it.byteLength, it.maxByteLength],
  },
  DataView: { ...view(DataView), neverFrozen: undefined as never },
  Int8Array: view(Int8Array),
  Uint8Array: view(Uint8Array),
  "long Uint8Array": { ...view(Uint8Array), make: construct(5000) },
  Uint8ClampedArray: view(Uint8ClampedArray),
  Int16Array: view(Int16Array),
  Uint16Array: view(Uint16Array),
  Int32Array: view(Int32Array),
  Uint32Array: view(Uint32Array),
  Float32Array: view(Float32Array),
  Float64Array: view(Float64Array),
  BigInt64Array: view(BigInt64Array),
  BigUint64Array: view(BigUint64Array),
  Buffer: {
    tags: ["nodeBuffer"],
    Base: Buffer,
    make: (Class) => Object.setPrototypeOf(Buffer.from(bytes), Class.prototype as object) as Buffer,
    holds: (it: Buffer) => [...it],
    neverFrozen: true,
  },
  URL: { tags: ["url"], Base: URL, make: construct("https://a.example/?b=1"), holds: (it: URL) => it.href },
  URLSearchParams: {
    tags: ["searchParams"],
    Base: URLSearchParams,
    make: construct("a=1"),
    holds: (it: URLSearchParams) => String(it),
  },
  Error: { tags: ["error"], Base: Error, make: construct("wrong"), holds: (it: Error) => [it.message, it.stack] },
};
const SharedFloat16 = (globalThis as { Float16Array?: Class }).Float16Array;
const kinds = Object.entries(SharedFloat16 === undefined ? carried : { ...carried, Float16Array: view(SharedFloat16) });

/**
 * Classes of the platform whose objects hold what no message carries: refused, and so are instances of their
 * subclasses.
 */
const refused: Readonly<Record<string, (Class: Class) => object>> = {
  WeakMap: construct(),
  WeakSet: construct(),
  WeakRef: construct({}),
  FinalizationRegistry: construct(() => {}),
  Promise: construct(() => {}),
  Headers: construct([["a", "1"]]),
  FormData: construct(),
  Request: construct("https://a.example"),
  Response: construct(),
  Blob: construct(["a"]),
  File: construct(["a"], "a.txt"),
  AbortController: construct(),
  EventTarget: construct(),
  Event: construct("a"),
  MessageEvent: construct("a"),
  CustomEvent: construct("a"),
  TextEncoder: construct(),
  TextDecoder: construct(),
  TextEncoderStream: construct(),
  TextDecoderStream: construct(),
  CompressionStream: construct("gzip"),
  DecompressionStream: construct("gzip"),
  ReadableStream: construct(),
  WritableStream: construct(),
  TransformStream: construct(),
  ByteLengthQueuingStrategy: construct({ highWaterMark: 1 }),
  CountQueuingStrategy: construct({ highWaterMark: 1 }),
  MessageChannel: construct(),
};

const registered = (Base: Class, name: string): Class => {
  const Sub = { [name]: class extends (Base as new () => object) {} }[name] as Class;
  Object.defineProperty(Sub, "name", { value: name });
  return sendable(import.meta, Sub);
};

const fieldsOf = (object: object): unknown[] =>
  Object.entries(object).filter(([key]) => key === "extra" || key === "list");
const same = (arrived: object, { holds }: Kind, sent: object): void => {
  assert.equal(Object.getPrototypeOf(arrived), Object.getPrototypeOf(sent));
  assert.deepEqual(holds(arrived as never), holds(sent as never));
  assert.deepEqual(fieldsOf(arrived), fieldsOf(sent));
};

for (const [name, kind] of kinds) {
  test(`${name}: plain, a subclass, fields of its own, a getter and frozen are carried whole; a field named by a symbol is refused with its path`, () => {
    const dressings: [string, (object: object) => object][] = [
      ["plain", (object) => object],
      ["fields of its own", (object) => Object.assign(object, { extra: "field", list: [1, { deep: true }] })],
      ["a getter", (object) => Object.defineProperty(object, "extra", { get: () => "got", enumerable: true })],
    ];
    if (kind.neverFrozen !== true)
      dressings.push(["frozen", (object) => Object.freeze(Object.assign(object, { extra: "frozen" }))]);
    const Sub = registered(kind.Base, `Sub${name.replace(/\W/g, "")}`);
    for (const Class of [kind.Base, Sub]) {
      for (const [, dress] of dressings) {
        const sent = dress(kind.make(Class));
        same(trip(sent), kind, sent);
        // In other values, and twice.
        const [first, [second]] = trip([sent, [sent]] as const);
        assert.equal(first, second);
        same(first, kind, sent);
      }
      // Errors are always deliverable: what cannot cross of them is left out.
      if (kind.tags[0] === "error") continue;
      const named = Object.assign(kind.make(Class), { [Symbol("s")]: 1 });
      assert.throws(
        () => trip({ a: [named] }),
        (error) =>
          error instanceof UnsendableError &&
          error.path === "value.a[0][Symbol(s)]" &&
          /named by a symbol/.test(error.message),
      );
      assert.throws(() => trip([Object.assign(kind.make(Class), { extra: () => 1 })]), { path: "value[0].extra" });
    }
  });
}

for (const [name, make] of Object.entries(refused)) {
  const Base = (globalThis as unknown as Record<string, Class>)[name];
  if (Base === undefined) continue;
  test(`${name}, and a sendable() subclass of it, is refused with its path, and the advice helps`, () => {
    assert.throws(() => trip({ a: [make(Base)] }), { code: "ERR_ALLCORES_UNSENDABLE", path: "value.a[0]" });
    const Sub = registered(Base, `Sub${name}`);
    assert.throws(() => trip({ a: [make(Sub)] }), {
      path: "value.a[0]",
      message: new RegExp(`Sub${name}, which extends ${name},.*allcores\\.encode.*allcores\\.decode`),
    });
    // As the advice says.
    Object.assign(Sub, {
      [Symbol.for("allcores.encode")]: () => "what it holds",
      [Symbol.for("allcores.decode")]: (data: unknown) => Object.assign({}, { data }),
    });
    sendable(import.meta, Sub);
    assert.deepEqual(trip(make(Sub)), { data: "what it holds" });
  });
}

test("an unregistered subclass is refused, and registering it as the refusal says is enough", () => {
  class Cache extends Map<string, number> {
    limit = 10;
  }
  const cache = new Cache([["a", 1]]);
  assert.throws(() => trip([cache]), {
    path: "value[0]",
    message: /class Cache.*register it with sendable\(import\.meta, Cache\)/,
  });
  sendable(import.meta, Cache);
  const arrived = trip(cache);
  assert.ok(arrived instanceof Cache);
  assert.equal(arrived.get("a"), 1);
  assert.equal(arrived.limit, 10);
  class Small extends Cache {}
  sendable(import.meta, Small);
  assert.equal(trip(new Small([["b", 2]])).get("b"), 2);
});

test("named fields of arrays: what a RegExp matched arrives whole", () => {
  const match = "2024-05".match(/(?<year>\d+)-(?<month>\d+)/d);
  assert.deepStrictEqual(trip(match), match);
  const far = Object.assign([], { 5: 1, name: "x", "007": 7, "4294967295": 8 });
  assert.deepStrictEqual(trip(far), far);
  // biome-ignore lint/suspicious/noSparseArray: holes are what is tested
  const holes = Object.assign([1, , 3], { name: "as many keys as elements" });
  assert.deepStrictEqual(trip(holes), holes);
  const ending = Object.assign(Array.from({ length: 100 }, String), { note: "and 3 more items ]" });
  assert.deepStrictEqual(trip(ending), ending);
});

test("an object that is dressed and contains itself", () => {
  const map = new Map<string, unknown>();
  const self = Object.assign(map, { self: map });
  self.set("self", self);
  const arrived = trip(self);
  assert.equal(arrived.self, arrived);
  assert.equal(arrived.get("self"), arrived);
});

test("only built-in objects are dressed, and no element stands among the fields", () => {
  const read = (...message: number[]) => decode(Uint8Array.from(message), 0, message.length);
  assert.deepEqual(Object.entries(read(Tag.dressed, 0, Tag.array, 0, 1, 0x41, 0x61, 0x81) as object), [["a", 1]]);
  for (const inner of [Tag.dressed, Tag.object, Tag.reference, Tag.error, Tag.marshalled, 0x80])
    assert.throws(() => read(Tag.dressed, 0, inner, 0, 0, 0), { code: "ERR_ALLCORES_CORRUPT" });
  assert.throws(() => read(Tag.dressed, 0, Tag.array, 0, 1, 0x41, 0x30, 0x81), { code: "ERR_ALLCORES_CORRUPT" });
  assert.throws(() => read(Tag.dressed, 1, Tag.array, 0, 0), { code: "ERR_ALLCORES_CORRUPT" });
});

test("an object that rides beside the bytes is refused with the path of a field that somebody added", async () => {
  const send = (value: unknown) => encode(value, { to: "threads", attach: true }).attachments.length;
  const blob = new Blob(["a"]);
  assert.equal(send({ blob, histogram: createHistogram(), port: new MessageChannel().port1 }), 3);
  await using file = await open(import.meta.filename);
  assert.equal(send(file), 1);
  assert.throws(() => send({ blob: Object.assign(blob, { title: "x" }) }), {
    path: "value.blob.title",
    message: /added to a Blob/,
  });
});

test("the table has every tag of the format, and every global class of the platform", () => {
  const elsewhere: (keyof typeof Tag)[] = [
    "undefined",
    "null",
    "false",
    "true",
    "int8",
    "int16",
    "int32",
    "double",
    "bigint64",
    "bigintPositive",
    "bigintNegative",
    "ascii",
    "utf8",
    "utf16",
  ];
  // Of the format alone, or in tests of their own: round-trip, sendable, marshalled, attachment, shared-view,
  // error-object.
  const others: (keyof typeof Tag)[] = [
    "reference",
    "classTable",
    "bareObject",
    "dressed",
    "instance",
    "hookedInstance",
    "marshalled",
    "attachment",
    "sharedBuffer",
    "domException",
  ];
  const known = new Set<string>([...elsewhere, ...others, ...kinds.flatMap(([, { tags }]) => tags)]);
  assert.deepEqual(
    Object.keys(Tag).filter((tag) => !known.has(tag)),
    [],
  );

  // Made by no program's `new`; or errors, which the Error row and error-object.test.ts stand for; or carried only
  // beside the bytes, with a refusal of its own in refusal.test.ts.
  const unmade =
    /Error$|^(Proxy|Symbol|BigInt|Function|Iterator|AsyncFunction|DOMException|AbortSignal|SharedArrayBuffer|MessagePort|BroadcastChannel|Worker|WebSocket|EventSource|CloseEvent|ErrorEvent|Crypto|CryptoKey|SubtleCrypto|Navigator|Storage|Performance\w*|Readable\w+(Reader|Controller|Request)|Writable\w+(Writer|Controller)|TransformStreamDefaultController|QuotaExceededError|URLPattern|SuppressedError|DisposableStack|AsyncDisposableStack)$/;
  const missing = Object.entries(Object.getOwnPropertyDescriptors(globalThis))
    .filter(
      ([name, { value }]) =>
        /^[A-Z]/.test(name) && (value === undefined || (typeof value === "function" && "prototype" in value)),
    )
    .map(([name]) => name)
    .filter((name) => !(name in carried) && name !== "Float16Array" && !(name in refused) && !unmade.test(name));
  assert.deepEqual(
    missing,
    ["Infinity", "NaN"].filter((name) => missing.includes(name)),
  );
});
