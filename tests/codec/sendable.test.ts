import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { decode, type EncodeOptions, encode, sendable } from "../../src/codec/index.js";
import { UnknownClassError } from "../../src/errors/index.js";

const processes: EncodeOptions = { to: "processes" };
function trip<T>(value: T): T {
  const message = encode(value, processes);
  return decode(message.toBytes(), 0, message.length) as T;
}

class User {
  name: string;
  friend: User | undefined;
  constructor(name: string) {
    if (name === undefined) throw new Error("the constructor must not run");
    this.name = name;
  }
  get upper(): string {
    return this.name.toUpperCase();
  }
  set upper(_: string) {
    throw new Error("a setter must not run");
  }
}
sendable(import.meta, User);

class Money {
  readonly #cents: bigint;
  constructor(cents: bigint) {
    this.#cents = cents;
  }
  get cents(): bigint {
    return this.#cents;
  }
  static [Symbol.for("allcores.encode")](money: Money): unknown {
    return { cents: money.#cents };
  }
  static [Symbol.for("allcores.decode")](data: { cents: bigint }): Money {
    return new this(data.cents);
  }
}
sendable(import.meta, Money);

test("an instance arrives as an instance, with its fields, without its constructor", () => {
  const user = new User("ada");
  user.friend = user;
  const arrived = trip([user, user]);
  assert.ok(arrived[0] instanceof User);
  assert.equal(arrived[0], arrived[1]);
  assert.equal(arrived[0]?.upper, "ADA");
  assert.equal(arrived[0]?.friend, arrived[0]);
  assert.deepEqual(Object.keys(arrived[0] as object), ["name", "friend"]);
});

test("a field that shadows a setter of the prototype is a field", () => {
  const user = new User("x");
  Object.defineProperty(user, "upper", { value: "own", enumerable: true });
  assert.equal(Object.getOwnPropertyDescriptor(trip(user), "upper")?.value, "own");
});

test("a class with hooks decides what travels", () => {
  const money = new Money(5n);
  const arrived = trip({ a: money, b: money });
  assert.ok(arrived.a instanceof Money);
  assert.equal(arrived.a.cents, 5n);
  assert.equal(arrived.a, arrived.b);
});

test("a subclass is registered on its own", () => {
  class Admin extends User {}
  assert.throws(() => encode({ user: new Admin("a") }, processes), { path: "value.user", message: /class Admin/ });
  assert.equal(sendable(import.meta, Admin), Admin);
  assert.ok(trip(new Admin("a")) instanceof Admin);
});

test("a large message with instances is whole", () => {
  const value = { a: Buffer.alloc(10_000, 1), u: new User("u"), b: "x".repeat(10_000), m: new Money(7n) };
  const arrived = trip(value);
  assert.deepEqual([arrived.a, arrived.b, arrived.u.name, arrived.m.cents], [value.a, value.b, "u", 7n]);
});

test("a class that was not loaded here is named, before anything else is decoded", () => {
  class Known {}
  sendable("file:///there/other.js", Known);
  const bytes = Buffer.from(encode([new Known()], processes).toBytes());
  bytes.write("Strange".slice(0, 5), bytes.indexOf("Known"), "latin1");
  assert.throws(
    () => decode(bytes, 0, bytes.length),
    (error) =>
      error instanceof UnknownClassError &&
      error.module === "file:///there/other.js" &&
      error.className === "Stran" &&
      error.code === "ERR_ALLCORES_UNKNOWN_CLASS",
  );
});

test("what an encode hook throws names the instance", () => {
  class Broken {
    readonly broken = true;
    static [Symbol.for("allcores.encode")](): never {
      throw new Error("cannot");
    }
    static [Symbol.for("allcores.decode")](): Broken {
      return new this();
    }
  }
  sendable(import.meta, Broken);
  assert.throws(() => encode({ b: new Broken() }, processes), {
    code: "ERR_ALLCORES_UNSENDABLE",
    path: "value.b",
    message: /cannot/,
  });
});

test("modules may be named by import.meta, URL, path and URL text", () => {
  class A {}
  for (const from of [
    import.meta,
    new URL(import.meta.url),
    import.meta.url,
    "/some/file.cjs",
    pathToFileURL("/some/file.cjs"),
  ])
    sendable(from, A);
  for (const from of ["relative.js", "", 5, null, undefined, {}])
    assert.throws(() => sendable(from as never, A), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
});

test("what is no class with a name, or has one hook of two, is refused", () => {
  class Half {
    readonly half = true;
    static [Symbol.for("allcores.encode")](): number {
      return 1;
    }
  }
  for (const value of [() => 1, {}, null, undefined, class {}, Half])
    assert.throws(() => sendable(import.meta, value as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
});
