/** CPU-bound: the article's five factorials. */
import { type Lock, task } from "allcores";
import { factorial, isFactorial, product } from "../factorial.js";
import type { Job } from "./job.js";

const NUMBERS = [100000, 200000, 300000, 400000, 500000];
const WORKERS = 4;
const NUMBERS_PER_SLICE = 4096;

export const computeFactorial = task(import.meta, function computeFactorial(n: number) {
  return factorial(n);
});

export const factorialUnderGlobalLock = task(import.meta, function factorialUnderGlobalLock(gil: Lock, n: number) {
  const work = slices(1, n);
  while (true) {
    using _ = gil.acquireSync();
    const slice = work.next();
    if (slice.done) return slice.value;
  }
});

/** The same products in the same order, stopping between one and the next. */
function* slices(from: number, to: number): Generator<void, bigint> {
  if (to - from < NUMBERS_PER_SLICE) return product(from, to);
  const middle = Math.floor((from + to) / 2);
  const left = yield* slices(from, middle);
  yield;
  const right = yield* slices(middle + 1, to);
  yield;
  return left * right;
}

export const factorials: Job<bigint> = {
  title: `五个阶乘，${WORKERS} 个线程或进程 / Five factorials, ${WORKERS} workers (CPU-bound)`,
  workers: WORKERS,
  serially: () => NUMBERS.map(factorial),
  asynchronously: () => Promise.all(NUMBERS.map(async (n) => factorial(n))),
  inPool: (pool) => pool.map(computeFactorial, NUMBERS),
  underGlobalLock: (pool, gil) => pool.map(factorialUnderGlobalLock.partial(gil), NUMBERS),
  check(results) {
    for (const [i, n] of NUMBERS.entries()) if (!isFactorial(n, results[i]!)) throw new Error(`wrong: ${n}!`);
  },
};
