import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RLock, SharedArray } from "allcores";
import { decode, encode } from "../../src/codec/index.js";
import "../../src/shared/shared-array.js"; // The copy of the library that decodes here.
import { runIn } from "../fixtures/run-in.js";
import { addToAll, negate } from "../fixtures/shared-data.js";

const refused = (code: string) => ({ code: `ERR_ALLCORES_${code}` });
const range = refused("ARGUMENT_RANGE");
const type = refused("ARGUMENT_TYPE");

for (const across of ["threads", "processes"] as const) {
  describe(`a SharedArray across ${across}`, () => {
    test("starts with zeros, or with what it is given", () => {
      assert.deepEqual([...new SharedArray("int32", 3, { across })], [0, 0, 0]);
      assert.deepEqual(new SharedArray("float64", [0.5, -1], { across }).toArray(), [0.5, -1]);
      assert.deepEqual(new SharedArray("uint8", new Set([3, 4]), { across }).toArray(), [3, 4]);
      assert.deepEqual(new SharedArray("uint8", new Uint8Array([3, 4]), { across }).toArray(), [3, 4]);
      assert.deepEqual(new SharedArray("uint8", { length: 1, 0: 9 }, { across }).toArray(), [9]);
      assert.deepEqual(new SharedArray("bigint64", [1n], { across }).toArray(), [1n]);
      assert.deepEqual(new SharedArray("bool", [true, false], { across }).toArray(), [true, false]);
      assert.deepEqual(new SharedArray("int16", new SharedArray("int16", [5, 6]), { across }).toArray(), [5, 6]);
      assert.deepEqual(new SharedArray("int16", 0, { across }).toArray(), []);
    });

    test("zeros are zeros in memory that was used before", () => {
      new SharedArray("uint8", 4096, { across }).fill(255).free();
      assert.ok(new SharedArray("uint8", 4096, { across }).toArray().every((n) => n === 0));
    });

    test("reads and writes elements", () => {
      const array = new SharedArray("int8", [1, 2, 3], { across });
      array.set(1, -20);
      assert.deepEqual(
        [array.get(0), array.at(1), array.at(-1), array.at(-3), array.at(3), array.at(-4), array.at(1.9)],
        [1, -20, 3, 1, undefined, undefined, -20],
      );
      for (const bad of [-100, 3, 0.5, Number.NaN, 2 ** 32]) {
        assert.throws(() => array.get(bad), range);
        assert.throws(() => array.set(bad, 0), range);
        assert.throws(() => array.add(bad, 0), range);
        assert.throws(() => array.compareExchange(bad, 0, 0), range);
        assert.throws(() => array.update(bad, (n) => n), range);
      }
      assert.throws(() => array.get("0" as never), type);
      assert.throws(() => array.set(0, 128), {
        ...range,
        message: /an element must be an integer from -128 to 127 \(int8\), got 128/,
      });
      assert.throws(() => array.set(0, "1" as never), type);
      assert.deepEqual(array.toArray(), [1, -20, 3]);
    });

    test("changes elements in one step", () => {
      const array = new SharedArray("int8", [127, 0], { across });
      assert.equal(array.add(0, 1), -128);
      assert.equal(array.sub(0, 1), 127);
      assert.equal(array.compareExchange(1, 0, 9), 0);
      assert.equal(
        array.update(1, (n) => n + 1),
        10,
      );
      assert.deepEqual([...array], [127, 10]);
    });

    test("fills as an array does", () => {
      const array = new SharedArray("float32", 4, { across });
      assert.equal(array.fill(1.5), array);
      assert.deepEqual(array.fill(2, 1, -1).toArray(), [1.5, 2, 2, 1.5]);
      assert.throws(() => array.fill("x" as never), type);
      assert.deepEqual(new SharedArray("bool", 2, { across }).fill(true).toArray(), [true, true]);
    });

    test("its view is the same memory, over exactly its elements", () => {
      const array = new SharedArray("float64", [1, 2, 3], { across });
      assert.ok(array.view instanceof Float64Array);
      assert.equal(array.view, array.view);
      assert.equal(array.view.length, 3);
      array.view[1] = 20;
      assert.equal(array.get(1), 20);
      array.set(2, 30);
      assert.deepEqual(Array.from(array.view.subarray(1)), [20, 30]);
    });

    test("two arrays do not overlap", () => {
      const one = new SharedArray("uint8", 300, { across }).fill(1);
      const other = new SharedArray("uint8", 300, { across }).fill(2);
      assert.ok(one.toArray().every((n) => n === 1));
      assert.ok(other.toArray().every((n) => n === 2));
    });

    test("has a lock of its own", () => {
      const array = new SharedArray("int32", 1, { across });
      assert.ok(array.lock instanceof RLock);
      assert.equal(array.lock, array.lock);
      assert.equal(array.lock.across, across);
    });

    test("after free() everything says so", () => {
      const array = new SharedArray("int32", 2, { across });
      array.free();
      array.free();
      const freed = refused("FREED");
      for (const use of [
        () => array.at(0),
        () => array.at(9),
        () => array.get(0),
        () => array.set(0, 1),
        () => array.get(5),
        () => array.view,
        () => array.lock,
        () => array.toArray(),
        () => [...array],
        () => array.fill(0),
        () => array.add(0, 1),
        () => encode(array, { to: "threads" }),
      ]) {
        assert.throws(use, freed);
      }
    });

    test("its memory stays as long as a view is in use", async () => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const part = (() => new SharedArray("uint8", 100_000, { across }).fill(7).view.subarray(50_000))();
      for (let round = 0; round < 3; round++) {
        collect();
        await new Promise((done) => setTimeout(done, 5));
      }
      const others = Array.from({ length: 8 }, () => new SharedArray("uint8", 100_000, { across }).fill(9));
      assert.ok(part.every((n) => n === 7));
      assert.equal(others.length, 8);
    });

    test("arrives as the same object where it is decoded twice", () => {
      const array = new SharedArray("uint32", [5], { across, label: "five" });
      const message = encode([array, array], { to: across });
      const [one, other] = decode(message.toBytes(), 0, message.length) as SharedArray<number>[];
      assert.equal(one, other);
      assert.deepEqual([one?.get(0), one?.type, one?.label, one?.length], [5, "uint32", "five", 1]);
    });

    test("other workers see and change its elements", async () => {
      const array = new SharedArray("float64", [1, 2, 3], { across });
      assert.equal(await runIn(across, negate, array), 3);
      assert.deepEqual(array.toArray(), [-1, -2, -3]);
      await Promise.all([0, 1, 2].map(() => runIn(across, addToAll, array, 1000)));
      assert.deepEqual(array.toArray(), [1499, 1498, 1497]);
    });
  });
}

test("wrong arguments are refused", () => {
  assert.throws(() => new SharedArray("int33" as never, 1), range);
  assert.throws(() => new SharedArray("int32", -1), range);
  assert.throws(() => new SharedArray("int32", 1.5), range);
  assert.throws(() => new SharedArray("int32", Number.NaN), range);
  assert.throws(() => new SharedArray("int32", "12" as never), type);
  assert.throws(() => new SharedArray("int32", undefined as never), type);
  assert.throws(() => new SharedArray("int32", {} as never), type);
  assert.throws(() => new SharedArray("int8", [1, 200]), { ...range, message: /element 1 must be/ });
  assert.throws(() => new SharedArray("float64", 2 ** 28, { across: "processes" }), refused("TOO_LARGE"));
  assert.throws(() => new SharedArray("float64", 2 ** 40), refused("TOO_LARGE"));
  assert.throws(() => new SharedArray("int32", 1, null as never), type);
});

test("is what it says", () => {
  assert.ok(new SharedArray("int32", 1) instanceof SharedArray);
  assert.equal(SharedArray.name, "SharedArray");
});

test("a negative index counts from the end in get, set, add, sub, compareExchange and update, as in a SharedList", () => {
  const array = new SharedArray("int32", [1, 2, 3]);
  array.set(-1, 30);
  assert.equal(array.get(-1), 30);
  assert.equal(array.add(-3, 9), 10);
  assert.equal(array.sub(-2, 1), 1);
  assert.equal(array.compareExchange(-2, 1, 20), 1);
  assert.equal(
    array.update(-1, (n) => n + 1),
    31,
  );
  assert.deepEqual(array.toArray(), [10, 20, 31]);
  for (const index of [-4, 3, -0.5]) assert.throws(() => array.set(index, 1), refused("ARGUMENT_RANGE"));
});
