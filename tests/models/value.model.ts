import assert from "node:assert/strict";
import { SharedArray, Struct, task, Value } from "../../src/index.js";
import type { Model } from "./model.js";

interface Shared {
  int: Value<number>;
  float: Value<number>;
  big: Value<bigint>;
  flag: Value<boolean>;
  array: SharedArray<number>;
  struct: Struct<{ count: "uint8"; mean: "float32" }>;
}

const setup = task(
  import.meta,
  "setup",
  (): Shared => ({
    int: new Value("int32"),
    float: new Value("float64"),
    big: new Value("bigint64"),
    flag: new Value("bool"),
    array: new SharedArray("int16", 2),
    struct: new Struct({ count: "uint8", mean: "float32" }),
  }),
);

const addInt = task(import.meta, "addInt", ({ int, array }: Shared) => {
  int.add(2);
  array.add(1, 2);
  int.sub(1);
});
const addFloat = task(import.meta, "addFloat", ({ float }: Shared) => {
  float.add(0.5);
  float.update((current) => current + 0.5);
});
const update = task(import.meta, "update", ({ int, big, array, struct }: Shared) => {
  int.update((current) => current + 1);
  big.update((current) => current + 1n);
  array.update(0, (current) => current + 1);
  struct.updateSync(({ count }) => ({ count: count + 1 }));
});
/** Who raises the flag counts. */
const raise = task(import.meta, "raise", ({ int, flag, float }: Shared) => {
  if (!flag.compareExchange(false, true)) int.add(1);
  let current = 0;
  for (;;) {
    const seen = float.compareExchange(current, current + 1);
    if (seen === current) break;
    current = seen;
  }
});
/** A plain reading beside them sees one of the numbers that were there. */
const read = task(import.meta, "read", ({ int, float }: Shared) => {
  assert.ok(int.value >= 0 && int.value <= 4);
  assert.ok([0, 0.5, 1].includes(float.value));
});
const underItsLock = task(import.meta, "underItsLock", ({ int }: Shared) => {
  using _ = int.lock.acquireSync();
  int.value += 1;
});
/** Two plain assignments that nothing orders. */
const assign = task(import.meta, "assign", ({ int }: Shared) => {
  int.value += 1;
});

const sums = task(import.meta, "sums", ({ int, array }: Shared) => assert.deepEqual([int.value, array.get(1)], [2, 4]));
const floats = task(import.meta, "floats", ({ float }: Shared) => assert.equal(float.value, 2));
const ones = task(import.meta, "ones", ({ int, big, array, struct }: Shared) => {
  assert.deepEqual([int.value, big.value, array.get(0), struct.fields.count], [2, 2n, 2, 2]);
});
const raisedOnce = task(import.meta, "raisedOnce", ({ int, flag, float }: Shared) =>
  assert.deepEqual([int.value, flag.value, float.value], [1, true, 2]),
);
const two = task(import.meta, "two", ({ int }: Shared) => assert.equal(int.value, 2));

export const models: Model[] = [
  { name: "add and sub are one step each", preemptions: 3, program: { setup, workers: [addInt, addInt], check: sums } },
  {
    name: "a float is added to in one step",
    preemptions: 3,
    program: { setup, workers: [addFloat, addFloat], check: floats },
  },
  { name: "update is one step, of every kind of cell", program: { setup, workers: [update, update], check: ones } },
  {
    name: "of two that compare and exchange one is first",
    preemptions: 3,
    program: { setup, workers: [raise, raise], check: raisedOnce },
  },
  {
    name: "plain readings beside steps see what was there",
    preemptions: 3,
    program: { setup, workers: [addInt, addFloat, read] },
  },
  {
    name: "a value's own lock orders plain assignments",
    program: { setup, workers: [underItsLock, underItsLock], check: two },
  },
];

/** A program that must fail: what shows that races are found. */
export const racing = { setup, workers: [assign, assign], check: two };
