import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Boundary,
  type Crosses,
  crossing,
  decode,
  encode,
  isCrossing,
  type Marshalled,
  registerKind,
} from "../../src/codec/index.js";

class Counter implements Crosses {
  readonly at: number;
  readonly seen: [Boundary, string][] = [];
  retained = 0;
  constructor(at: number) {
    this.at = at;
  }
  [crossing](to: Boundary, path: string): Marshalled {
    this.seen.push([to, path]);
    return { kind: "test.counter", payload: [this.at, 7], retain: () => this.retained++ };
  }
}
registerKind("test.counter", ([at]: [number, number]) => new Counter(at));

function trip<T>(value: T, to: Boundary = "processes"): T {
  const message = encode(value, { to });
  return decode(message.toBytes(), 0, message.length) as T;
}

test("an object travels by what its crossing method says, once", () => {
  const counter = new Counter(5);
  const arrived = trip({ list: [counter, counter], map: new Map([["c", counter]]) }, "threads");
  assert.ok(arrived.list[0] instanceof Counter);
  assert.equal(arrived.list[0].at, 5);
  assert.equal(arrived.list[0], arrived.list[1]);
  assert.equal(arrived.map.get("c"), arrived.list[0]);
  assert.deepEqual(counter.seen, [["threads", "value.list[0]"]]);
  assert.equal(counter.retained, 1);
});

test("a function travels so as well", () => {
  const task = Object.assign(() => 1, { [crossing]: () => ({ kind: "test.task", payload: ["file:///m.js", "name"] }) });
  registerKind("test.task", ([module, name]: [string, string]) => Object.assign(() => 2, { module, name2: name }));
  const arrived = trip([task, task]) as unknown as { module: string }[];
  assert.equal(arrived[0], arrived[1]);
  assert.equal(arrived[0]?.module, "file:///m.js");
});

test("a plain object with a crossing method counts, and an error and an array too", () => {
  for (const value of [{}, [], new Error("x"), new Map()]) {
    assert.ok(
      (trip(
        Object.assign(value, { [crossing]: () => ({ kind: "test.counter", payload: [3, 0] }) }),
      ) as unknown) instanceof Counter,
    );
  }
});

test("marshalled lie in marshalled; encode and decode may be used inside", () => {
  registerKind("test.packed", (bytes: Uint8Array) => decode(bytes, 0, bytes.length));
  registerKind("test.pair", (pair: unknown[]) => pair);
  const inner = new Counter(9);
  const outer = {
    [crossing]: () => {
      const packed = {
        [crossing]: () => ({
          kind: "test.packed",
          payload: encode([inner, "x".repeat(6000)], { to: "processes" }).toBytes(),
        }),
      };
      return { kind: "test.pair", payload: [packed, inner] };
    },
  };
  const [arrived, after] = trip([outer, "after"]) as unknown as [[[Counter, string], Counter], string];
  assert.ok(arrived[0][0] instanceof Counter && arrived[1] instanceof Counter);
  assert.equal(arrived[0][1].length, 6000);
  assert.equal(after, "after");
});

test("an object that needs itself to be made is named", () => {
  const circle: Crosses = { [crossing]: () => ({ kind: "test.counter", payload: [circle, 1] }) };
  assert.throws(() => trip(circle), { code: "ERR_ALLCORES_CORRUPT", message: /needed to make itself/ });
});

test("retain is not called for what an error could not take along", () => {
  const counter = new Counter(1);
  const arrived = trip(Object.assign(new Error("x"), { context: [counter, () => 1], other: counter })) as Error & {
    other: unknown;
  };
  assert.ok(arrived.other instanceof Counter);
  assert.equal(counter.retained, 1);
});

test("isCrossing tells them apart, and registerKind checks its arguments", () => {
  assert.equal(isCrossing(new Counter(1)), true);
  assert.equal(isCrossing({}), false);
  assert.throws(() => registerKind("", () => 1), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
  assert.throws(() => registerKind("x", 5 as never), { code: "ERR_ALLCORES_ARGUMENT_TYPE" });
});
