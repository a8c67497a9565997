import assert from "node:assert/strict";
import { SharedArray, SharedList, task } from "../../src/index.js";
import { threadHeap } from "../../src/memory/index.js";
import type { Model } from "./model.js";

/** Every item takes several words, all of which say which it is: one made of two is seen. */
const itemOf = (number: number): string => `${number}`.repeat(10);
const numberOf = (item: string | undefined): number => {
  assert.ok(item !== undefined && item === itemOf(Number(item[0])), `${item} is no item`);
  return Number(item[0]);
};

interface Shared {
  list: SharedList<string>;
  /** How often each item was taken. */
  taken: SharedArray<number>;
  /** Words in use while the list was empty. */
  used: number;
}

/** What a death may leave: an entry, or a spine. */
const MOST_LEFT_BY_DEATH = 32;

function shared(count: number): Shared {
  const list = new SharedList<string>();
  const taken = new SharedArray("int32", 10);
  const used = threadHeap().allocator.usedWords();
  for (let number = 0; number < count; number++) list.push(itemOf(number));
  return { list, taken, used };
}

const empty = task(import.meta, "empty", () => shared(0));
const one = task(import.meta, "one", () => shared(1));
const three = task(import.meta, "three", () => shared(3));

const push = task(import.meta, "push", (numbers: readonly number[], { list }: Shared) => {
  for (const number of numbers) list.push(itemOf(number));
});
const pop = task(import.meta, "pop", ({ list, taken }: Shared) => {
  const item = list.pop();
  if (item !== undefined) taken.add(numberOf(item), 1);
});
const shift = task(import.meta, "shift", ({ list, taken }: Shared) => {
  const item = list.shift();
  if (item !== undefined) taken.add(numberOf(item), 1);
});
/** What the first item took up is used for another item at another place. */
const rotate = task(import.meta, "rotate", ({ list }: Shared) => {
  list.shift();
  list.push(itemOf(7));
});
const turnOver = task(import.meta, "turnOver", ({ list }: Shared) => {
  list.pop();
  list.push(itemOf(8));
});
const insert = task(import.meta, "insert", (number: number, { list }: Shared) => {
  list.splice(1, 0, itemOf(number));
});
const readFirst = task(import.meta, "readFirst", ({ list }: Shared) => {
  assert.ok([0, 1].includes(numberOf(list.get(0))));
});
const readLast = task(import.meta, "readLast", ({ list }: Shared) => {
  const item = list.get(2);
  if (item !== undefined) assert.ok([2, 8].includes(numberOf(item)));
});
const readMiddle = task(import.meta, "readMiddle", ({ list }: Shared) => {
  assert.ok([1, 5].includes(numberOf(list.get(1))));
  assert.ok(list.length >= 3);
});
const moveAndReplace = task(import.meta, "moveAndReplace", ({ list }: Shared) => {
  list.shift();
  list.set(0, itemOf(6));
});
/** At its place was the one, then the other; the new item was never there. */
const readMoved = task(import.meta, "readMoved", ({ list }: Shared) => {
  assert.ok([1, 2].includes(numberOf(list.get(1))));
});
const readSecond = task(import.meta, "readSecond", ({ list }: Shared) => {
  assert.ok([1, 4].includes(numberOf(list.get(1))));
});
const count = task(import.meta, "count", (times: number, { list }: Shared) => {
  for (let time = 0; time < times; time++) list.update(0, (item) => itemOf(numberOf(item) + 1));
});

/** Whole, and nothing is in use that was not before. */
function items({ list, used }: Shared, deaths = 0): number[] {
  const { registry, allocator, self } = threadHeap();
  for (const worker of registry.workers()) if (worker !== self) registry.declareDead(worker);
  // What a dead worker still had as its own is free by now, and used again.
  list.push(itemOf(9));
  assert.equal(numberOf(list.pop()), 9);
  const numbers = [...list].map(numberOf);
  assert.equal(list.length, numbers.length);
  for (const [index, number] of numbers.entries()) assert.equal(numberOf(list.get(index)), number);
  list.clear();
  const more = allocator.usedWords() - used;
  assert.ok(more >= 0 && more <= deaths * MOST_LEFT_BY_DEATH, `${more} words more are in use`);
  return numbers;
}
const holds = task(import.meta, "holds", (expected: readonly number[], all: Shared) => {
  assert.deepEqual(items(all).sort(), expected);
});
const once = task(import.meta, "once", (deaths: number, numbers: readonly number[], all: Shared) => {
  const counts = Array.from({ length: 10 }, (_, number) => all.taken.get(number));
  for (const number of items(all, deaths)) counts[number]!++;
  for (const [number, times] of counts.entries()) {
    if (!numbers.includes(number)) assert.equal(times, 0, `item ${number}`);
    else assert.ok(times <= 1 && (times === 1 || deaths > 0), `item ${number} was there ${times} times`);
  }
});
const othersStay = task(import.meta, "othersStay", (stay: readonly number[], all: Shared) => {
  const numbers = items(all, 1);
  assert.deepEqual(
    numbers.filter((number) => stay.includes(number)),
    stay,
  );
});

const mortal = { deaths: 1, mortal: [0] } as const;

export const models: Model[] = [
  {
    name: "two workers put items at the end",
    program: { setup: empty, workers: [push.partial([1]), push.partial([2])], check: holds.partial([1, 2]) },
  },
  {
    name: "each item is taken once, from either end",
    program: { setup: three, workers: [pop, shift], check: once.partial(0).partial([0, 1, 2]) },
  },
  {
    name: "a reader at the beginning beside one who takes from there",
    program: { setup: three, workers: [readFirst, rotate] },
  },
  {
    name: "a reader at the end beside one who takes from there",
    program: { setup: three, workers: [readLast, turnOver] },
  },
  {
    name: "a reader beside one who puts an item into the middle",
    program: { setup: three, workers: [readMiddle, insert.partial(5)] },
  },
  {
    name: "a reader beside one who moves items and replaces one",
    program: { setup: three, workers: [readMoved, moveAndReplace] },
  },
  {
    name: "no update is lost",
    program: { setup: one, workers: [count.partial(2), count.partial(1)], check: holds.partial([3]) },
  },
  {
    name: "who puts an item dies: it is there or not, the others' are",
    program: { setup: three, workers: [push.partial([4]), push.partial([5])], check: othersStay.partial([0, 1, 2, 5]) },
    options: mortal,
  },
  {
    name: "who takes an item dies: nobody takes it again",
    program: { setup: three, workers: [shift, pop], check: once.partial(1).partial([0, 1, 2]) },
    options: mortal,
  },
  {
    name: "who puts an item into the middle dies: the others are there in their order",
    program: { setup: three, workers: [insert.partial(4), readSecond], check: othersStay.partial([0, 1, 2]) },
    options: mortal,
  },
];
