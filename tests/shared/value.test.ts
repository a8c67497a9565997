import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Barrier, RLock, Value } from "allcores";
import { decode, encode } from "../../src/codec/index.js";
import "../../src/shared/value.js"; // The copy of the library that decodes here.
import { runIn } from "../fixtures/run-in.js";
import { changeAll, lockEach } from "../fixtures/shared-data.js";

const refused = (code: string) => ({ code: `ERR_ALLCORES_${code}` });
const range = refused("ARGUMENT_RANGE");
const type = refused("ARGUMENT_TYPE");

for (const across of ["threads", "processes"] as const) {
  describe(`a Value across ${across}`, () => {
    test("starts as zero, or as it was told", () => {
      assert.equal(new Value("int32", undefined, { across }).value, 0);
      assert.equal(new Value("float64", undefined, { across }).value, 0);
      assert.equal(new Value("biguint64", undefined, { across }).value, 0n);
      assert.equal(new Value("bool", undefined, { across }).value, false);
      assert.equal(new Value("uint8", 7, { across }).value, 7);
      assert.equal(new Value("bool", true, { across }).value, true);
      assert.equal(new Value("int8", -7, { across }).across, across);
    });

    const limits = {
      int8: [-128, 127],
      uint8: [0, 255],
      int16: [-32768, 32767],
      uint16: [0, 65535],
      int32: [-(2 ** 31), 2 ** 31 - 1],
      uint32: [0, 2 ** 32 - 1],
    } as const;
    for (const [name, [least, most]] of Object.entries(limits)) {
      test(`${name} holds ${least} to ${most}, refuses the rest, and wraps what is added`, () => {
        const value = new Value(name as keyof typeof limits, most, { across });
        assert.equal(value.value, most);
        value.value = least;
        assert.equal(value.value, least);
        for (const bad of [least - 1, most + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
          assert.throws(() => (value.value = bad), range);
          assert.throws(() => value.compareExchange(0, bad), range);
          assert.throws(() => value.update(() => bad), range);
          assert.throws(() => new Value(name as "int8", bad, { across }), range);
        }
        for (const bad of ["1", 1n, undefined, null, true, {}]) assert.throws(() => (value.value = bad as never), type);
        assert.equal(value.value, least);
        assert.equal(value.sub(1), most);
        assert.equal(value.add(1), least);
        assert.equal(value.add(2 ** 40 + 3), least + 3);
        assert.equal(value.value, least + 3);
        assert.throws(() => value.add(0.5), range);
        assert.throws(() => value.add("1" as never), type);
      });
    }

    test("bigints hold 64 bits and wrap what is added", () => {
      const signed = new Value("bigint64", 2n ** 63n - 1n, { across });
      assert.equal(signed.add(1n), -(2n ** 63n));
      assert.throws(() => (signed.value = 2n ** 63n), range);
      assert.throws(() => (signed.value = 1 as never), type);
      assert.throws(() => signed.add(1 as never), type);
      const unsigned = new Value("biguint64", 0n, { across });
      assert.equal(unsigned.sub(1n), 2n ** 64n - 1n);
      assert.throws(() => (unsigned.value = -1n), range);
      assert.equal(
        unsigned.update((n) => n - 1n),
        2n ** 64n - 2n,
      );
      assert.equal(unsigned.compareExchange(2n ** 64n - 2n, 5n), 2n ** 64n - 2n);
      assert.equal(unsigned.value, 5n);
    });

    test("floats round as their type does", () => {
      const wide = new Value("float64", 0.1, { across });
      assert.equal(wide.add(0.2), 0.1 + 0.2);
      assert.equal(wide.sub(0.3), 0.1 + 0.2 - 0.3);
      const narrow = new Value("float32", 0.1, { across });
      assert.equal(narrow.value, Math.fround(0.1));
      assert.equal(narrow.compareExchange(0.1, 0.7), Math.fround(0.1));
      assert.equal(narrow.value, Math.fround(0.7));
      assert.equal(
        narrow.update((n) => n * 2),
        Math.fround(Math.fround(0.7) * 2),
      );
      assert.throws(() => (narrow.value = 1e300), range);
      narrow.value = Number.NEGATIVE_INFINITY;
      assert.equal(narrow.value, Number.NEGATIVE_INFINITY);
    });

    test("compareExchange takes 0 for -0 and NaN for NaN", () => {
      const value = new Value("float64", -0, { across });
      assert.ok(Object.is(value.value, -0));
      assert.ok(Object.is(value.compareExchange(0, Number.NaN), -0));
      assert.equal(value.compareExchange(Number.NaN, 4), Number.NaN);
      assert.equal(value.compareExchange(5, 6), 4);
      assert.equal(value.value, 4);
    });

    test("a bool knows no sums", () => {
      const value = new Value("bool", false, { across });
      assert.equal(value.compareExchange(true, false), false);
      assert.equal(value.compareExchange(false, true), false);
      assert.equal(
        value.update((on) => !on),
        false,
      );
      assert.throws(() => (value as never as Value<number>).add(1), type);
      assert.throws(() => (value as never as Value<number>).sub(1), type);
      assert.throws(() => (value.value = 1 as never), type);
    });

    test("update runs again when somebody was faster", () => {
      for (const value of [
        new Value("int16", 1, { across }),
        new Value("float64", 1, { across }),
        new Value("float32", 1, { across }),
      ]) {
        let runs = 0;
        const result = value.update((n) => {
          if (runs++ === 0) value.add(10);
          return n * 2;
        });
        assert.deepEqual([runs, result, value.value], [2, 22, 22]);
        assert.throws(() => value.update((async () => 1) as never), type);
        assert.throws(
          () =>
            value.update(() => {
              throw new Error("mine");
            }),
          /mine/,
        );
        assert.equal(value.value, 22);
      }
    });

    test("has one lock, the same object each time, of the same reach", () => {
      const value = new Value("int32", 0, { across, label: "hits" });
      assert.ok(value.lock instanceof RLock);
      assert.equal(value.lock, value.lock);
      assert.equal(value.lock.across, across);
      assert.equal(value.lock.label, "hits.lock");
      value.lock.runSync(() => value.lock.runSync(() => (value.value += 1)));
      assert.equal(value.value, 1);
    });

    test("after free() everything says so", () => {
      const value = new Value("int32", 5, { across, label: "gone" });
      const { lock } = value;
      value.free();
      value.free();
      const freed = refused("FREED");
      assert.throws(() => value.value, { ...freed, message: /"gone"/ });
      assert.throws(() => (value.value = 1), freed);
      assert.throws(() => value.add(1), freed);
      assert.throws(() => value.sub(1), freed);
      assert.throws(() => value.compareExchange(1, 2), freed);
      assert.throws(() => value.update((n) => n), freed);
      assert.throws(() => value.lock, freed);
      assert.throws(() => lock.acquireSync(), freed);
      assert.throws(() => encode(value, { to: "threads" }), freed);
    });

    test("arrives as the same object where it is decoded twice", () => {
      const value = new Value("int32", 5, { across });
      const message = encode([value, value], { to: across });
      const [one, other] = decode(message.toBytes(), 0, message.length, message.attachments) as Value<number>[];
      assert.equal(one, other);
      assert.equal(one?.value, 5);
      assert.equal(one?.type, "int32");
    });

    test("loses no update of four workers, by add, by update or under its lock", async () => {
      const counter = new Value("int32", 0, { across });
      const small = new Value("uint8", 0, { across });
      const float = new Value("float64", 0, { across });
      const narrow = new Value("float32", 0, { across });
      const wide = new Value("bigint64", 0n, { across });
      const locked = new Value("int32", 0, { across });
      const on = new Value("bool", false, { across });
      const times = 2000;
      // They begin together: each is done long before the next one could start.
      const meeting = new Barrier(4, { across });
      const counters = { added: [counter, small, float, narrow], wide, locked, flipped: on };
      await Promise.all([0, 1, 2, 3].map(() => runIn(across, changeAll, meeting, counters, times)));
      assert.deepEqual(
        [counter.value, float.value, narrow.value, wide.value, locked.value, on.value],
        [8000, 8000, 8000, 8000n, 8000, false],
      );
      assert.equal(small.value, 8000 % 256);
    });

    test("workers that ask for a lock at the same time get the same one", async () => {
      const values = Array.from({ length: 300 }, () => new Value("int32", 0, { across }));
      await Promise.all([0, 1, 2].map(() => runIn(across, lockEach, values)));
      assert.ok(values.every(({ value }) => value === 3));
    });
  });
}

test("a Value across threads is not sent to a process", () => {
  assert.throws(() => encode({ hits: new Value("int32") }, { to: "processes" }), {
    ...refused("REACH"),
    message: /value\.hits is a Value/,
  });
});

test("a wrong type, initial value or option is refused", () => {
  assert.throws(() => new Value("int33" as never), { ...range, message: /"int33"/ });
  assert.throws(() => new Value(undefined as never, 0, {}), type);
  assert.throws(() => new Value(5 as never), type);
  assert.throws(() => new Value("int32", "5" as never), type);
  assert.throws(() => new Value("int32", { across: "processes" } as never), type);
  assert.throws(() => new Value("int32", 0, 5 as never), type);
  assert.throws(() => new Value("int32", 0, { across: "planets" as never }), type);
  assert.throws(() => new Value("int32", 0, { label: 5 as never }), type);
});

test("is what it says", () => {
  assert.ok(new Value("int32") instanceof Value);
  assert.equal(Value.name, "Value");
});
