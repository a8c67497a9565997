/** Errors arrive as errors, with all they say; and whatever is thrown can be delivered. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { types } from "node:util";
import { decode, type EncodeOptions, encode, encodeError, type Message, sendable } from "../../src/codec/index.js";
import * as library from "../../src/errors/index.js";

const processes: EncodeOptions = { to: "processes" };

function open(message: Message): unknown {
  return decode(message.toBytes(), 0, message.length);
}
function trip<T>(value: T): T {
  return open(encode(value, processes)) as T;
}
function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

for (const ErrorClass of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
  test(`${ErrorClass.name} arrives in full`, () => {
    const error = new ErrorClass("broken", { cause: new Error("deeper") });
    const arrived = trip(error);
    assert.equal(Object.getPrototypeOf(arrived), ErrorClass.prototype);
    assert.ok(types.isNativeError(arrived));
    assert.equal(arrived.message, "broken");
    assert.equal(arrived.stack, error.stack);
    assert.equal((arrived.cause as Error).message, "deeper");
    assert.equal(String(arrived), String(error));
    assert.deepEqual(Object.getOwnPropertyNames(arrived).sort(), ["cause", "message", "stack"]);
    assert.deepEqual(Object.keys(arrived), []);
  });
}

test("an error without message or cause has none afterwards", () => {
  const arrived = trip(new Error());
  assert.equal(Object.hasOwn(arrived, "message"), false);
  assert.equal(Object.hasOwn(arrived, "cause"), false);
  assert.equal(trip(new Error("x", { cause: undefined })).cause, undefined);
  assert.ok(Object.hasOwn(trip(new Error("x", { cause: undefined })), "cause"));
});

test("AggregateError brings its errors", () => {
  const arrived = trip(new AggregateError([new TypeError("a"), "b"], "both"));
  assert.ok(arrived instanceof AggregateError);
  assert.ok(arrived.errors[0] instanceof TypeError);
  assert.equal(arrived.errors[1], "b");
});

test("own fields arrive, code among them", () => {
  const error = caught(() => readFileSync("/does/not/exist")) as NodeJS.ErrnoException;
  const arrived = trip(error);
  assert.deepEqual({ ...arrived }, { errno: error.errno, code: "ENOENT", syscall: "open", path: "/does/not/exist" });
});

test("DOMException, as an aborted signal throws it", () => {
  const { reason } = AbortSignal.abort() as { reason: DOMException };
  const arrived = trip(reason);
  assert.ok(arrived instanceof DOMException);
  assert.equal(arrived.name, "AbortError");
  assert.equal(arrived.message, reason.message);
  assert.equal(arrived.code, 20);
  assert.equal(arrived.stack, reason.stack);
});

/** What some classes take second. */
const SECOND: Readonly<Record<string, object>> = {
  RemoteUnavailableError: { reason: "auth", cause: "NOAUTH" },
  ValueTooLargeError: { path: "args[0]", bytes: 5 },
  WorkerDiedError: { exitCode: 3, cause: "oom" },
};

test("every error class of this library arrives as itself", () => {
  const codes = new Set<string>();
  for (const [name, value] of Object.entries(library)) {
    if (typeof value !== "function" || !(value.prototype instanceof Error)) continue;
    // A former name of another class.
    if (value.name !== name) continue;
    const first = name === "TaskGroupError" ? [new TypeError("first")] : "first";
    const error = Reflect.construct(value, [first, SECOND[name] ?? "second"]) as library.AllcoresError;
    const arrived = trip(error);
    assert.equal(Object.getPrototypeOf(arrived), value.prototype, name);
    assert.ok(library.isAllcoresError(arrived));
    assert.equal(arrived.name, name);
    assert.equal(arrived.code, error.code);
    assert.equal(arrived.message, error.message);
    assert.deepEqual({ ...arrived }, { ...error });
    assert.ok(!codes.has(error.code), `${error.code} is used twice`);
    codes.add(error.code);
  }
  assert.ok(codes.size > 20);
});

class HttpError extends RangeError {
  override name = "HttpError";
  readonly status = 404;
}
class Quiet extends HttpError {}
class Named extends TypeError {}
Object.defineProperty(Named.prototype, "name", { value: "NamedOnPrototype" });

test("an unknown subclass arrives as its nearest builtin, with its name and fields", () => {
  const arrived = trip<Error & { status?: number }>(new Quiet("gone"));
  assert.equal(Object.getPrototypeOf(arrived), RangeError.prototype);
  assert.equal(arrived.name, "HttpError");
  assert.equal(arrived.status, 404);
  const named = trip<Error>(new Named("x"));
  assert.equal(Object.getPrototypeOf(named), TypeError.prototype);
  assert.equal(named.name, "NamedOnPrototype");
  assert.equal(Object.getOwnPropertyDescriptor(named, "name")?.enumerable, false);
});

test("an old-style error, made without class, arrives as an error", () => {
  const old = Object.create(Error.prototype, { message: { value: "old" } }) as Error;
  assert.ok(trip(old) instanceof Error);
  assert.equal(trip(old).message, "old");
});

test("a sendable subclass arrives as itself", () => {
  class Mine extends Error {
    override name = "Mine";
    detail = { at: 1 };
  }
  sendable(import.meta, Mine);
  const arrived = trip(new Mine("m", { cause: 1 }));
  assert.ok(arrived instanceof Mine && types.isNativeError(arrived));
  assert.deepEqual(arrived.detail, { at: 1 });
  assert.equal(arrived.cause, 1);
});

test("a field that cannot cross becomes a string that says so", () => {
  class Request {}
  const error = Object.assign(new Error("failed", { cause: Symbol("s") }), {
    onDone() {},
    request: new Request(),
    context: { deep: [Buffer.alloc(9000), () => 1] },
    fine: { x: 1 },
  } as Record<string, unknown>);
  Object.defineProperty(error, "late", {
    enumerable: true,
    get() {
      throw new Error("no");
    },
  });
  const arrived = trip([error, error.fine]) as [Error & Record<string, unknown>, unknown];
  assert.equal(arrived[0].message, "failed");
  assert.equal(arrived[0].cause, "[symbol cause: could not be sent]");
  assert.equal(arrived[0].onDone, "[function onDone: could not be sent]");
  assert.equal(arrived[0].request, "[instance of Request request: could not be sent]");
  assert.equal(arrived[0].context, "[object context: could not be sent]");
  assert.equal(arrived[0].late, "[getter late: could not be sent]");
  assert.equal(arrived[0].fine, arrived[1], "identities are right after what was taken back");
});

test("a long chain of causes arrives as far as it can", () => {
  let error = new Error("innermost");
  for (let level = 0; level < 5000; level++) error = new Error(`level ${level}`, { cause: error });
  let arrived: unknown = open(encodeError(error, processes));
  let levels = 0;
  for (; arrived instanceof Error; arrived = arrived.cause) levels++;
  assert.equal(levels, 1000);
  assert.equal(arrived, "[instance of Error cause: could not be sent]");
});

const fail = (): never => {
  throw new Error("from a trap");
};
const everyTrap = new Proxy({}, { get: () => fail });
const revoked = Proxy.revocable({}, {});
revoked.revoke();

const thrown: [what: string, value: unknown, shown: RegExp][] = [
  ["a function", function callback() {}, /function.*callback.* was thrown/],
  ["a symbol", Symbol("oops"), /Symbol\(oops\) was thrown/],
  ["a Proxy that throws", new Proxy({}, everyTrap as ProxyHandler<object>), /Proxy.* was thrown/],
  ["a proxied error that throws", new Proxy(new Error("x"), everyTrap as ProxyHandler<Error>), /was thrown/],
  ["a revoked Proxy", revoked.proxy, /was thrown/],
  ["a class", class Foo {}, /Foo.* was thrown/],
  [
    "an instance",
    new (class User {
      id = 7;
    })(),
    /instance of User.*id: 7.* was thrown/,
  ],
  ["an object with a function", { f() {} }, /object .* was thrown/],
  ["a promise", Promise.resolve(), /Promise.* was thrown/],
];
for (const [what, value, shown] of thrown) {
  test(`${what} can be thrown and is told of`, () => {
    const arrived = open(encodeError(value, processes));
    assert.ok(arrived instanceof Error);
    assert.match(arrived.message, shown);
  });
}

test("plain values are thrown as what they are", () => {
  for (const value of [undefined, null, 1, "text", 5n, { code: 1 }, [1]])
    assert.deepEqual(open(encodeError(value, processes)), value);
});

test("an error with hostile fields is delivered all the same", () => {
  const error = new TypeError("real");
  Object.defineProperty(error, "stack", { get: fail });
  Object.defineProperty(error, "name", { get: fail });
  Object.defineProperty(error, "toString", { value: fail });
  const arrived = open(encodeError(error, processes)) as Error;
  assert.ok(arrived instanceof TypeError);
  assert.equal(arrived.message, "real");
});
