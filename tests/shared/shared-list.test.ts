import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Lock, SharedList } from "allcores";
import { countItems, type Operation, perform } from "../fixtures/map-tasks.js";
import { runIn } from "../fixtures/run-in.js";
import { timeLimit } from "../time-limit.js";

const range = { code: "ERR_ALLCORES_ARGUMENT_RANGE" };
const type = { code: "ERR_ALLCORES_ARGUMENT_TYPE" };

/** A generator of numbers from 0, the same at each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

for (const across of ["threads", "processes"] as const) {
  describe(`a SharedList across ${across}`, () => {
    test("does what an array does", () => {
      const list = new SharedList<number | string>({ across });
      const array: (number | string)[] = [];
      const random = generator(7);
      for (let turn = 0; turn < 8000; turn++) {
        const value = random(9) === 0 ? "x".repeat(random(6000)) : turn;
        const index = random(25) - 5;
        switch (random(8)) {
          case 0:
          case 1:
            assert.equal(list.push(value, turn), array.push(value, turn));
            break;
          case 2:
            assert.equal(list.pop(), array.pop());
            break;
          case 3:
            assert.equal(list.shift(), array.shift());
            break;
          case 4: {
            const count = random(4) - 1;
            const values = [value, turn].slice(random(3));
            assert.deepEqual(list.splice(index, count, ...values), array.splice(index, count, ...values));
            break;
          }
          case 5:
            assert.equal(list.get(index), array.at(index));
            break;
          case 6:
            if (index < 0 || index >= array.length) break;
            list.set(index, value);
            array[index] = value;
            break;
          case 7:
            assert.equal(list.indexOf(value), array.indexOf(value));
        }
        assert.equal(list.length, array.length);
      }
      assert.deepEqual([...list], array);
      assert.deepEqual(list.splice(2), array.splice(2));
      assert.equal(list.unshift("first", 2), array.unshift("first", 2));
      assert.deepEqual(list.toArray(), array);
      list.clear();
      list.clear();
      assert.deepEqual(
        [list.length, list.pop(), list.shift(), list.get(0), [...list]],
        [0, undefined, undefined, undefined, []],
      );
      list.free();
    });

    test("another worker sees and changes the same list", async () => {
      const list = new SharedList<unknown>({ across });
      list.push(1, { two: 2 }, null, undefined);
      const operations: Operation[] = [
        ["get", 1],
        ["get", -2],
        ["push", "five"],
        ["shift"],
        ["pop"],
        ["set", 0, "changed"],
        ["indexOf", "changed"],
        ["set", 7, 1],
      ];
      const results = await runIn(across, perform, list as SharedList, operations);
      assert.deepEqual(results, [{ two: 2 }, null, 5, 1, "five", "itself", 0, "ERR_ALLCORES_ARGUMENT_RANGE"]);
      assert.deepEqual([...list], ["changed", null, undefined]);
      list.free();
    });

    test("loses no update of four workers", { timeout: timeLimit(60_000) }, async () => {
      const list = new SharedList<number>({ across });
      list.push(0, 0, 0);
      await Promise.all([0, 1, 2, 3].map(() => runIn(across, countItems, list, 1000)));
      assert.deepEqual([...list], [4000, 4000, 4000]);
      assert.equal(
        list.update(-1, (count) => count + 1),
        4001,
      );
      list.free();
    });

    test("what makes no sense is refused and changes nothing", () => {
      const list = new SharedList<unknown>({ across, label: "things" });
      list.push(1);
      for (const index of [1, -2, 5]) {
        assert.throws(() => list.set(index, 1), { ...range, message: /"things" has no item/ });
        assert.throws(() => list.update(index, () => 1), range);
        assert.equal(list.get(index), undefined);
      }
      for (const index of [0.5, Number.NaN])
        for (const use of [() => list.get(index), () => list.set(index, 1)]) assert.throws(use, range);
      for (const index of ["0", undefined, null])
        for (const use of [() => list.get(index as never), () => list.set(index as never, 1)]) assert.throws(use, type);
      assert.throws(() => list.push(2, { call: () => 1 }), {
        code: "ERR_ALLCORES_UNSENDABLE",
        message: /^values\[1\]\.call/,
      });
      assert.throws(() => list.update(0, (async () => 1) as never), { ...type, message: /promise/ });
      assert.throws(() => list.update(0, 5 as never), type);
      assert.throws(() => list.update(0, () => assert.fail("mine")), /mine/);
      assert.throws(() => list.splice("0" as never), type);
      if (across === "processes") assert.throws(() => list.push(new Lock()), { code: "ERR_ALLCORES_REACH" });
      assert.deepEqual([...list], [1]);
      list.free();
      const uses = [
        () => list.get(0),
        () => list.length,
        () => list.push(1),
        () => list.pop(),
        () => list.toArray(),
        () => list.clear(),
        () => list.indexOf(1),
      ];
      for (const use of uses) assert.throws(use, { code: "ERR_ALLCORES_FREED" });
    });

    test("shared objects in it arrive as themselves", () => {
      const list = new SharedList<unknown>({ across });
      const lock = new Lock({ across });
      list.push(lock, { lock, bytes: new Uint8Array(10_000) });
      for (let time = 0; time < 3; time++) {
        assert.equal(list.get(0), lock);
        assert.equal((list.get(1) as { lock: Lock }).lock, lock);
      }
      assert.equal(list.indexOf(lock), 0);
      assert.equal(list.shift(), lock);
      assert.equal((list.pop() as { lock: Lock }).lock, lock);
      lock.runSync(() => {});
      list.free();
    });
  });
}
