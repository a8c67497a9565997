/** What a PriorityQueue gives out first, and whose word counts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PriorityQueue, type PriorityQueueOptions, Process, Thread } from "allcores";
import { putRanked } from "../fixtures/queue-tasks.js";
import { randomFrom } from "../fixtures/random.js";

function drained<T>(queue: PriorityQueue<T>): T[] {
  const values: T[] = [];
  for (let item = queue.tryGet(); item !== undefined; item = queue.tryGet()) values.push(item.value);
  return values;
}

for (const across of ["threads", "processes"] as const) {
  describe(`order of a PriorityQueue across ${across}`, () => {
    test("the lowest first, of all kinds of numbers", () => {
      const numbers = [
        5,
        -1,
        0.5,
        Number.POSITIVE_INFINITY,
        -0.5,
        1e300,
        -1e300,
        5e-324,
        -5e-324,
        Number.NEGATIVE_INFINITY,
        2 ** 31,
        -(2 ** 31),
        4294967296.5,
        0,
        3,
      ];
      const queue = new PriorityQueue<number>({ across });
      for (const number of numbers) queue.putSync(number);
      assert.deepEqual(
        drained(queue),
        [...numbers].sort((a, b) => a - b),
      );
      queue.free();
    });

    test("equal ones in the order in which they were put, zero and minus zero too", () => {
      const queue = new PriorityQueue<[priority: number, name: string]>({ across });
      for (const name of ["a", "b", "c"])
        for (const priority of [1, 0, -0])
          queue.putSync([priority, `${name}${Object.is(priority, -0) ? "-" : ""}${priority}`]);
      assert.deepEqual(
        drained(queue).map(([, name]) => name),
        ["a0", "a-0", "b0", "b-0", "c0", "c-0", "a1", "b1", "c1"],
      );
      queue.free();
    });

    test("20000 puts and gets in turns come out as from a sorted list", () => {
      const random = randomFrom(7);
      const queue = new PriorityQueue<{ rank: number; index: number; text: string }>({
        across,
        priority: ({ rank }) => rank,
      });
      const list: { rank: number; index: number }[] = [];
      for (let index = 0; index < 20_000; index++) {
        // It grows, then shrinks, so that it adds slots and gives them back.
        if (random() < (index < 10_000 ? 0.6 : 0.4)) {
          const item = { rank: Math.floor(random() * 50) - 25, index, text: "x".repeat(random() * 60) };
          queue.putSync(item);
          let at = list.length;
          while (at > 0 && (list[at - 1] as { rank: number }).rank > item.rank) at--;
          list.splice(at, 0, item);
        } else {
          assert.equal(queue.tryGet()?.value.index, list.shift()?.index);
        }
      }
      assert.deepEqual(
        drained(queue).map(({ index }) => index),
        list.map(({ index }) => index),
      );
      queue.free();
    });

    test("a put that waited for room takes its place by its priority", async () => {
      const queue = new PriorityQueue<string>({ across, maxSize: 2, priority: () => 5 });
      queue.putSync("first");
      queue.putSync("second");
      const waiting = queue.put("urgent", { priority: 1 });
      assert.equal(queue.getSync(), "first");
      await waiting;
      assert.deepEqual(drained(queue), ["urgent", "second"]);
      queue.free();
    });

    test("the function stays with the worker that made the queue; another one says the priority in put", async () => {
      const queue = new PriorityQueue<string>({ across, priority: (word) => word.length });
      queue.putSync("four");
      const worker = across === "threads" ? Thread.start(putRanked, queue) : Process.start(putRanked, queue);
      assert.match(await worker.join(), /^ERR_ALLCORES_ARGUMENT_TYPE .*put\(value, \{ priority: 1 \}\)/);
      assert.deepEqual(drained(queue), ["of the worker, 3", "four", "of the worker, 5"]);
      queue.free();
    });
  });
}

describe("the priority of a value", () => {
  const fails = (put: () => unknown, error: object, queue: PriorityQueue<never>) => {
    assert.throws(put, error);
    assert.equal(queue.size, 0);
    queue.joinSync({ timeout: 0 });
    queue.free();
  };
  const wrong = { code: "ERR_ALLCORES_ARGUMENT_TYPE" };
  const nan = { code: "ERR_ALLCORES_ARGUMENT_RANGE" };

  test("put's own, before the function's, before the value itself or its first element", () => {
    const ranked = new PriorityQueue<number>({ priority: (value) => -value });
    for (const value of [1, 2, 3]) ranked.putSync(value);
    assert.equal(ranked.tryPut(0, { priority: -10 }), true);
    assert.deepEqual(drained(ranked), [0, 3, 2, 1]);
    const plain = new PriorityQueue<number | [number, string]>();
    for (const value of [[2, "two"], 1, [0, "none"]] as (number | [number, string])[]) plain.putSync(value);
    assert.deepEqual(drained(plain), [[0, "none"], 1, [2, "two"]]);
  });

  test("a value without one is refused, and changes nothing", () => {
    for (const value of ["text", null, undefined, {}, [], ["a", 1], 5n, true]) {
      const queue = new PriorityQueue<never>();
      fails(() => queue.putSync(value as never), { ...wrong, message: /priority/ }, queue);
    }
  });

  test("NaN, and what is no number, is refused, and changes nothing", async () => {
    for (const [priority, error] of [
      [Number.NaN, nan],
      ["5", wrong],
      [null, wrong],
      [5n, wrong],
    ] as const) {
      const told = new PriorityQueue<never>();
      await assert.rejects(told.put(1 as never, { priority: priority as never }), error);
      assert.throws(() => told.tryPut(1 as never, { priority: priority as never }), error);
      fails(() => told.putSync(1 as never, { priority: priority as never }), error, told);
      const asked = new PriorityQueue<never>({ priority: () => priority as never });
      fails(() => asked.putSync(1 as never), error, asked);
    }
    const itself = new PriorityQueue<never>();
    fails(() => itself.putSync(Number.NaN as never), nan, itself);
  });

  test("what the function throws is thrown by put, which changes nothing", () => {
    const queue = new PriorityQueue<never>({
      priority: () => {
        throw new Error("of the function");
      },
    });
    fails(() => queue.putSync("text" as never), { message: "of the function" }, queue);
  });

  test("a function that puts into another queue disturbs nothing", () => {
    const other = new PriorityQueue<string>({ priority: () => 0 });
    const queue = new PriorityQueue<{ name: string }>({
      priority: ({ name }) => {
        other.putSync(`${name} was asked for`);
        return 1;
      },
    });
    queue.putSync({ name: "the item" });
    assert.deepEqual([drained(queue), drained(other)], [[{ name: "the item" }], ["the item was asked for"]]);
  });

  test("what is no function is refused", () => {
    for (const priority of [5, "rank", null, {}])
      assert.throws(() => new PriorityQueue({ priority } as unknown as PriorityQueueOptions<unknown>), wrong);
  });
});

test("an item that stays while the numbers of items begin anew comes out first among its equals, and is not lost", () => {
  const queue = new PriorityQueue<string>();
  const { words, at } = queue as unknown as { words: Int32Array; at: number };
  /** As after so many puts more: both copies of the state have the number of the next item. */
  const skip = (items: number) => {
    for (const copy of [7, 15]) words[at + copy + 4] = (words[at + copy + 4]! + items) | 0;
  };
  const put = (value: string) => queue.putSync(value, { priority: 1 });
  put("first");
  skip(2 ** 31);
  put("second");
  skip(2 ** 31 - 3);
  for (const value of ["third", "fourth", "fifth"]) put(value);
  // Whoever enters after a death inside makes the heap anew.
  words[at] = 1 << 10;
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => queue.getSync({ timeout: 0 })),
    ["first", "second", "third", "fourth", "fifth"],
  );
});
