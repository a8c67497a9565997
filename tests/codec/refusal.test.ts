/** What cannot cross fails at the call, with the path of the culprit and what to do instead. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crossing, decode, type EncodeOptions, encode, transfer } from "../../src/codec/index.js";
import { FreedError, ReachError, UnsendableError } from "../../src/errors/index.js";

class User {
  name = "u";
}
class Special extends Map {}

function* generate(): Generator<number> {
  yield 1;
}

const processes: EncodeOptions = { to: "processes" };

const refused: [what: string, value: unknown, path: string, message: RegExp][] = [
  [
    "a function",
    { onDone: () => 1 },
    "value.onDone",
    /^value\.onDone is a function and cannot cross to another worker: register it with task\(import\.meta, fn\)/,
  ],
  ["a method in an array", [1, { a: [async () => 1] }], "value[1].a[0]", /is a function/],
  ["a class", [User], "value[0]", /is a class .*import it/],
  ["a proxied function", new Proxy(() => 1, {}), "value", /is a Proxy of a function/],
  ["a symbol", { s: Symbol("x") }, "value.s", /is a symbol/],
  ["a boxed symbol", [Object(Symbol("x"))], "value[0]", /Symbol/],
  [
    "an instance",
    { user: new User() },
    "value.user",
    /is an instance of class User .*register it with sendable\(import\.meta, User\)/,
  ],
  ["an instance of a subclass of a builtin", [new Special()], "value[0]", /is an instance of class Special/],
  ["a Promise", { p: Promise.resolve(1) }, "value.p", /is a Promise .*await it/],
  ["a WeakMap", [new WeakMap()], "value[0]", /is a WeakMap/],
  ["a WeakSet", [new WeakSet()], "value[0]", /is a WeakSet/],
  ["a WeakRef", [new WeakRef({})], "value[0]", /is a WeakRef/],
  ["a generator", [generate()], "value[0]", /is a generator .*into an array/],
  ["an iterator", [new Map().entries()], "value[0]", /is an iterator .*into an array/],
  ["a Proxy of an instance", [new Proxy(new User(), {})], "value[0]", /is a Proxy/],
  [
    "an AbortSignal",
    { signal: new AbortController().signal },
    "value.signal",
    /is an AbortSignal .*option of the call/,
  ],
  ["an Intl object", [new Intl.NumberFormat()], "value[0]", /is an instance of NumberFormat .*plain data/],
  ["an odd prototype", [Object.create({ a: 1 })], "value[0]", /.*/],
  [
    "a SharedArrayBuffer",
    { memory: new SharedArrayBuffer(8) },
    "value.memory",
    /SharedArray or SharedMemory with \{ across: "processes" \}/,
  ],
  [
    "a view of one",
    { memory: new Int32Array(new SharedArrayBuffer(8)) },
    "value.memory",
    /SharedArray or SharedMemory/,
  ],
  [
    "a Buffer over one",
    { memory: Buffer.from(new SharedArrayBuffer(8)) },
    "value.memory",
    /SharedArray or SharedMemory/,
  ],
  ["a MessagePort", [new MessageChannel().port1], "value[0]", /MessagePort .*only threads of one process/],
  ["an oddly named field", { "a b": { "": () => 1 } }, 'value["a b"][""]', /is a function/],
  ["a value in a Map", new Map([["k", { f() {} }]]), 'value.get("k").f', /is a function/],
  ["a value in a Map under an object", new Map([[{}, () => 1]]), "value.values()[0]", /is a function/],
  [
    "a key of a Map",
    new Map([
      [1, 1],
      [() => 1, 2],
    ] as [unknown, number][]),
    "value.keys()[1]",
    /is a function/,
  ],
  ["an item of a Set", new Set([1, () => 1]), "value.values()[1]", /is a function/],
  ["what hangs beyond a hole", Object.assign([], { 5: () => 1 }), "value[5]", /is a function/],
  ["something with the mere prototype of a Map", [Object.create(Map.prototype)], "value[0]", /could not be read/],
];

for (const [what, value, path, message] of refused) {
  test(`${what} is refused with its path`, () => {
    assert.throws(
      () => encode(value, processes),
      (error) =>
        error instanceof UnsendableError &&
        error.path === path &&
        error.message.startsWith(path) &&
        message.test(error.message),
    );
  });
}

test("the root of the path is named by the caller", () => {
  assert.throws(() => encode([{ onDone() {} }], { to: "threads", root: "args" }), {
    path: "args[0].onDone",
    message:
      "args[0].onDone is a function and cannot cross to another worker: register it with task(import.meta, fn) in its module and pass the task",
  });
});

test("a very long path is shortened", () => {
  let value: unknown = () => 1;
  for (let level = 0; level < 500; level++) value = { field: value };
  assert.throws(
    () => encode(value, processes),
    (error: UnsendableError) => error.path.length < 400 && error.path.endsWith(".field"),
  );
});

test("what a getter or a Proxy throws is the cause", () => {
  const broken = new Error("broken");
  const fail = (): never => {
    throw broken;
  };
  assert.throws(
    () =>
      encode(
        {
          a: {
            get b() {
              return fail();
            },
          },
        },
        processes,
      ),
    { code: "ERR_ALLCORES_UNSENDABLE", path: "value.a.b", cause: broken },
  );
  assert.throws(() => encode({ a: new Proxy({}, { ownKeys: fail }) }, processes), {
    code: "ERR_ALLCORES_UNSENDABLE",
    path: "value.a",
    cause: broken,
  });
  assert.throws(() => encode({ a: new Proxy({}, { getPrototypeOf: fail }) }, processes), {
    path: "value.a",
    cause: broken,
  });
});

test("a getter that overflows the stack is named too", () => {
  const value = {
    get a(): unknown {
      return this.a;
    },
  };
  assert.throws(() => encode(value, processes), { code: "ERR_ALLCORES_UNSENDABLE", path: "value.a", message: /stack/ });
});

test("a detached buffer is refused", () => {
  const bytes = new Uint8Array(8);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  assert.throws(() => encode({ bytes }, processes), { path: "value.bytes", message: /detached ArrayBuffer/ });
});

test("a buffer detached by a later getter is refused with its path", () => {
  for (const size of [8, 100_000]) {
    for (const options of [processes, { to: "threads", attach: true, marks: "move" }] as const) {
      const bytes = options === processes ? new Uint8Array(size) : transfer(new Uint8Array(size));
      const value = {
        inner: [bytes],
        get last() {
          if (bytes.length > 0) structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
          return 1;
        },
      };
      const send = () => encode(value, options);
      // A small one has been copied by then.
      if (size === 8 && options === processes) assert.ok(send().length > size);
      else
        assert.throws(send, {
          code: "ERR_ALLCORES_UNSENDABLE",
          path: "value.inner[0]",
          message: /was transferred, or made shorter, while the value was read/,
        });
    }
  }
});

test("an object's own refusal reaches the caller as it is, and nothing was retained", () => {
  let retained = 0;
  const good = { [crossing]: () => ({ kind: "test.good", payload: 1, retain: () => retained++ }) };
  const far = {
    [crossing]: (_to: string, path: string) => {
      throw new ReachError(path, `${path} reaches threads only`);
    },
  };
  const freed = {
    [crossing]: () => {
      throw new FreedError("freed");
    },
  };
  const broken = {
    [crossing]: () => {
      throw new Error("bug");
    },
  };
  assert.throws(
    () => encode({ good, list: [far] }, processes),
    (error) => error instanceof ReachError && error.path === "value.list[0]",
  );
  assert.throws(() => encode({ good, freed }, processes), FreedError);
  assert.throws(
    () => encode({ good, broken }, processes),
    (error) => error instanceof UnsendableError && (error.cause as Error).message === "bug",
  );
  assert.throws(() => encode([good, () => 1], processes), UnsendableError);
  assert.equal(retained, 0);
  encode([good, good], processes);
  assert.equal(retained, 1);
});

test("a refused value leaves the next message whole", () => {
  assert.throws(() => encode([Buffer.alloc(50_000), () => 1], processes));
  const message = encode([1], processes);
  assert.deepEqual(decode(message.toBytes(), 0, message.length), [1]);
});
