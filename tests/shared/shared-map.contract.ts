/** What a map promises to a worker, whoever made it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Event, Lock, Queue, SharedMap, type SharedMapOptions } from "allcores";
import { runIn } from "../fixtures/run-in.js";
import { type Operation, perform } from "../fixtures/map-tasks.js";
import { timeLimit } from "../time-limit.js";

export type Across = "threads" | "processes";
type Perform = (map: SharedMap, ...operations: Operation[]) => Promise<unknown[]>;

/** Those who call: the worker that made the map, and another one. */
export const places: Record<string, (across: Across) => Perform> = {
  "the worker that made it":
    () =>
    async (map, ...operations) =>
      perform(map as never, operations) as unknown[],
  "another worker":
    (across) =>
    (map, ...operations) =>
      runIn(across, perform, map as never, operations) as Promise<unknown[]>,
};

const type = "ERR_ALLCORES_ARGUMENT_TYPE";
const range = "ERR_ALLCORES_ARGUMENT_RANGE";

export function mapContract(across: Across, call: Perform): void {
  const make = (options?: SharedMapOptions): SharedMap => new SharedMap({ across, ...options });

  test("what is set is there, for everybody", async () => {
    const map = make();
    const value = {
      list: [1, "two", null, undefined],
      when: new Date(5),
      set: new Set([1n]),
      bytes: new Uint8Array([1, 2]),
    };
    assert.deepEqual(await call(map, ["set", "a", value], ["get", "a"], ["has", "a"], ["get", "b"], ["has", "b"]), [
      "itself",
      value,
      true,
      undefined,
      false,
    ]);
    assert.deepEqual(map.get("a"), value);
    map.set("b", null);
    assert.deepEqual(await call(map, ["get", "b"], ["has", "b"], ["delete", "b"], ["delete", "b"], ["has", "b"]), [
      null,
      true,
      true,
      false,
      false,
    ]);
    assert.equal(map.size, 1);
    map.free();
  });

  test("values of every size come back whole", async () => {
    const map = make();
    const sizes = [0, 1, 4, 63, 64, 100, 4000, 4090, 4096, 4100, 100_000];
    for (const size of sizes)
      map.set(`bytes ${size}`, new Uint8Array(size).fill(size)).set(`text ${size}`, "é".repeat(size));
    const read = await call(
      map,
      ...sizes.flatMap((size): Operation[] => [
        ["get", `bytes ${size}`],
        ["get", `text ${size}`],
      ]),
    );
    assert.deepEqual(
      read,
      sizes.flatMap((size) => [new Uint8Array(size).fill(size), "é".repeat(size)]),
    );
    map.free();
  });

  test("keys of every kind are apart: empty, long, of any character, with half of a pair, of the names that objects have", async () => {
    const map = make();
    const keys = [
      "",
      " ",
      "a",
      "ab",
      "abc",
      "abcd",
      "abcde",
      "ÿ",
      "Ā",
      "日本語",
      "\ud800",
      "\udc00",
      "a\ud800",
      "😀",
      "\0",
      "\0\0",
      "__proto__",
      "constructor",
    ];
    keys.push("toString", "hasOwnProperty", "x".repeat(2 ** 20), `${"x".repeat(2 ** 20)}y`, "ж".repeat(1000));
    await call(map, ...keys.map((key, index): Operation => ["set", key, index]));
    assert.equal(map.size, keys.length);
    for (const [index, key] of keys.entries()) assert.equal(map.get(key), index);
    assert.deepEqual(new Map(map as SharedMap<number>), new Map(keys.map((key, index) => [key, index])));
    assert.deepEqual(
      await call(map, ...keys.map((key): Operation => ["delete", key])),
      keys.map(() => true),
    );
    assert.equal(map.size, 0);
    map.free();
  });

  test("grows to many keys and gives each its own", async () => {
    const map = make() as SharedMap<number>;
    const count = 20_000;
    for (let index = 0; index < count; index++) map.set(`key ${index}`, index);
    assert.equal(map.size, count);
    const asked = Array.from({ length: 2000 }, (_, index) => index * 10);
    assert.deepEqual(await call(map as SharedMap, ...asked.map((index): Operation => ["get", `key ${index}`])), asked);
    for (let index = 0; index < count; index++) assert.equal(map.get(`key ${index}`), index);
    for (let index = 0; index < count; index += 2) assert.ok(map.delete(`key ${index}`));
    for (let index = 0; index < count; index++)
      assert.equal(map.get(`key ${index}`), index % 2 === 0 ? undefined : index);
    assert.equal([...map.keys()].length, count / 2);
    map.clear();
    assert.deepEqual([map.size, map.get("key 1"), [...map]], [0, undefined, []]);
    map.set("key 1", 5);
    assert.deepEqual([...map], [["key 1", 5]]);
    map.free();
  });

  test("compareAndSet replaces what is equal, and only that", async () => {
    const map = make();
    const big = new Uint8Array(10_000).fill(1);
    const outcomes = await call(
      map,
      ["compareAndSet", "a", undefined, 1],
      ["compareAndSet", "a", undefined, 2],
      ["compareAndSet", "a", 2, 3],
      ["compareAndSet", "a", 1, { x: [Number.NaN] }],
      ["compareAndSet", "a", { x: [Number.NaN] }, big],
      ["compareAndSet", "a", new Uint8Array(10_000), 0],
      ["compareAndSet", "a", new Uint8Array(10_000).fill(1), -0],
      ["compareAndSet", "a", 0, 1],
      ["compareAndSet", "a", -0, undefined],
      ["compareAndSet", "a", -0, undefined],
      ["compareAndSet", "a", undefined, undefined],
    );
    assert.deepEqual(outcomes, [true, false, false, true, true, false, true, false, true, false, true]);
    assert.equal(map.size, 0);
    map.free();
  });

  test("what cannot be stored, and what makes no sense, is refused and changes nothing", async () => {
    const map = make();
    map.set("a", 1);
    assert.throws(() => map.set("a", { deep: [{ call: () => 1 }] }), {
      code: "ERR_ALLCORES_UNSENDABLE",
      message: /^value\.deep\[0\]\.call is a function/,
    });
    assert.throws(() => map.compareAndSet("a", 1, Symbol("x")), { code: "ERR_ALLCORES_UNSENDABLE", message: /^next/ });
    assert.throws(() => map.update("a", () => Symbol("x")), { code: "ERR_ALLCORES_UNSENDABLE" });
    if (across === "processes")
      assert.throws(() => map.set("a", [new Lock()]), { code: "ERR_ALLCORES_REACH", message: /^value\[0\] is a Lock/ });
    for (const key of [undefined, null, 5, {}, Symbol("x")]) {
      for (const use of [
        () => map.get(key as never),
        () => map.set(key as never, 1),
        () => map.has(key as never),
        () => map.delete(key as never),
      ]) {
        assert.throws(use, { code: type });
      }
      assert.throws(() => map.update(key as never, () => 1), { code: type });
    }
    const refused: [Operation, string][] = [
      [["set", "a", undefined], type],
      [["set", "a", 1, 5], type],
      [["set", "a", 1, { ttl: "5" }], type],
      [["set", "a", 1, { ttl: 0 }], range],
      [["set", "a", 1, { ttl: -1 }], range],
      [["set", "a", 1, { ttl: Number.NaN }], range],
      [["update", "a", 5], type],
    ];
    assert.deepEqual(
      await call(map, ...refused.map(([operation]) => operation)),
      refused.map(([, code]) => code),
    );
    assert.throws(() => map.update("a", (async () => 1) as never), { code: type, message: /promise/ });
    assert.throws(() => map.update("a", () => assert.fail("mine")), /mine/);
    assert.deepEqual([...map], [["a", 1]]);
    for (const bad of [{ maxBytes: "1" }, { ttl: "1" }, { across: 5 }, { label: 5 }])
      assert.throws(() => new SharedMap(bad as never), { code: type });
    for (const bad of [{ maxBytes: -1 }, { maxBytes: Number.NaN }, { ttl: 0 }, { ttl: -5 }])
      assert.throws(() => new SharedMap(bad), { code: range });
    map.free();
  });

  test("update takes out what its function gives up, and runs again when another was faster", async () => {
    const map = make() as SharedMap<number>;
    let runs = 0;
    const result = map.update("a", (count) => {
      if (runs++ === 0) map.set("a", 10);
      return (count ?? 0) + 1;
    });
    assert.deepEqual([runs, result, map.get("a")], [2, 11, 11]);
    // The same value put again is another one.
    runs = 0;
    map.update("a", (count) => {
      if (runs++ === 0) map.set("a", 11);
      return count;
    });
    assert.equal(runs, 2);
    assert.equal(
      map.update("a", () => undefined),
      undefined,
    );
    assert.equal(
      map.update("b", () => undefined),
      undefined,
    );
    assert.equal(map.size, 0);
    map.free();
  });

  test("shared objects in values arrive as themselves, each time they are read", async () => {
    const map = make();
    const lock = new Lock({ across });
    const queue = new Queue<number>({ across });
    map.set("tools", { lock, queue, twice: [lock, lock], bytes: new Uint8Array(10) });
    map.set("large", { lock, bytes: new Uint8Array(10_000) });
    for (let time = 0; time < 3; time++) {
      assert.equal((map.get("tools") as { lock: Lock }).lock, lock);
      assert.equal((map.get("large") as { lock: Lock }).lock, lock);
      for (const [, value] of map) assert.equal((value as { lock: Lock }).lock, lock);
    }
    const [theirs] = (await call(map, ["get", "tools"])) as [{ lock: Lock; queue: Queue<number> }];
    assert.equal(theirs.lock, lock);
    assert.equal(theirs.queue, queue);
    assert.ok(map.compareAndSet("large", { lock, bytes: new Uint8Array(10_000) }, lock));
    assert.equal(map.get("large"), lock);
    map.clear();
    lock.runSync(() => queue.putSync(1));
    map.free();
  });

  test("a map in a map is that map", () => {
    const outer = make();
    const inner = make();
    outer.set("inner", inner);
    (outer.get("inner") as SharedMap).set("a", 1);
    assert.equal(inner.get("a"), 1);
    assert.equal(outer.get("inner"), inner);
    outer.free();
    assert.equal(inner.get("a"), 1);
    inner.free();
  });

  test("iterates over what was there when it began", async () => {
    const map = make() as SharedMap<number>;
    for (let index = 0; index < 100; index++) map.set(`${index}`, index);
    const seen: number[] = [];
    for (const [key, value] of map) {
      seen.push(value);
      map.delete(key);
      map.set(`new ${key}`, value);
    }
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, index) => index),
    );
    assert.equal(map.size, 100);
    assert.deepEqual(
      [...map.values()].sort((a, b) => a - b),
      seen,
    );
    map.free();
  });

  test("after free() everything says so", () => {
    const map = make({ label: "gone" });
    map.set("a", 1);
    map.free();
    map.free();
    const uses: (() => unknown)[] = [
      () => map.get("a"),
      () => map.set("a", 1),
      () => map.has("a"),
      () => map.delete("a"),
      () => map.size,
      () => map.stats(),
    ];
    uses.push(
      () => map.clear(),
      () => [...map],
      () => map.keys(),
      () => map.update("a", () => 1),
      () => map.compareAndSet("a", 1, 2),
      () => map.name,
    );
    for (const use of uses) assert.throws(use, { code: "ERR_ALLCORES_FREED", message: /"gone"/ });
  });

  test("an entry that has ended is absent, whoever asks, and no longer counted", {
    timeout: timeLimit(20_000),
  }, async () => {
    const map = make({ ttl: 40 });
    map.set("short", 1).set("long", 2, { ttl: 3_600_000 }).set("ever", 3, { ttl: Number.POSITIVE_INFINITY });
    map.set("kept", 0, { ttl: 3_600_000 });
    assert.ok(map.update("kept", (count) => (count as number) + 1) === 1 && map.compareAndSet("kept", 1, 2));
    const gone = new Event({ across });
    while (map.has("short")) await gone.wait({ timeout: 5 }).catch(() => {});
    assert.deepEqual(
      await call(map, ["get", "short"], ["has", "short"], ["delete", "short"], ["get", "long"], ["get", "ever"]),
      [undefined, false, false, 2, 3],
    );
    assert.equal(map.get("kept"), 2);
    assert.deepEqual([...map.keys()].sort(), ["ever", "kept", "long"]);
    assert.equal(map.size, 3);
    assert.ok(map.compareAndSet("short", undefined, 5));
    assert.equal(
      map.update("short", (n) => (n as number) + 1),
      6,
    );
    map.free();
  });

  test("entries that have ended make room, without being asked for", { timeout: timeLimit(20_000) }, async () => {
    const map = make();
    for (let index = 0; index < 200; index++) map.set(`old ${index}`, index, { ttl: 1 });
    while (map.size > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const before = map.stats().bytes;
    for (let index = 0; index < 400; index++) map.set("new", index);
    assert.ok(map.stats().bytes < before / 10, `${map.stats().bytes} of ${before} bytes`);
    map.free();
  });

  test("maxBytes is never exceeded, and what is used stays", async () => {
    const maxBytes = 20_000;
    const map = make({ maxBytes });
    map.set("hot", 1);
    // One that nobody uses would be lost some 25 times.
    let lost = 0;
    for (let index = 0; index < 5000; index++) {
      map.set(`key ${index}`, "v".repeat(index % 97));
      assert.ok(map.stats().bytes <= maxBytes);
      if (index % 10 !== 0 || map.get("hot") === 1) continue;
      lost++;
      map.set("hot", 1);
    }
    assert.ok(lost <= 1, `evicted ${lost} times`);
    map.set("hot", 1);
    const { size, evictions } = map.stats();
    assert.ok(size > 50 && evictions === 5001 + lost - size, `${size} left, ${evictions} evicted`);
    assert.deepEqual(await call(map, ["set", "too large", new Uint8Array(maxBytes)]), ["ERR_ALLCORES_TOO_LARGE"]);
    assert.throws(() => map.update("hot", () => new Uint8Array(maxBytes)), {
      code: "ERR_ALLCORES_TOO_LARGE",
      message: /maxBytes is 20000/,
    });
    assert.equal(map.get("hot"), 1);
    map.set("hot", new Uint8Array(8000));
    assert.equal(map.get("hot") instanceof Uint8Array, true);
    assert.ok(map.stats().bytes <= maxBytes);
    map.free();
  });

  test("what is read in each turn of the hand stays, however many others come and go", () => {
    const map = make({ maxBytes: 200_000 });
    const used = Array.from({ length: 50 }, (_, index) => `used ${index}`);
    for (const key of used) map.set(key, 1);
    let lost = 0;
    for (let index = 0; index < 60_000; index++) {
      map.set(`key ${index}`, "v".repeat(index % 97));
      if (index % 200 !== 0) continue;
      for (const key of used) {
        if (map.get(key) === 1) continue;
        lost++;
        map.set(key, 1);
      }
    }
    // Others may have taken one's place, or bear its name; with what all of a hash's end share, more than a hundred
    // were lost.
    assert.ok(lost <= 5, `evicted ${lost} times`);
    map.free();
  });
}
