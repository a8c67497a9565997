const AT_ONCE = 64;
const NUMBERS_PER_SLICE = 2048;

/** n! by binary splitting: multiplied one after the other the numbers would take quadratic time. */
export function factorial(n: number): bigint {
  return product(1, n);
}

/** `from` x ... x `to`. */
function product(from: number, to: number): bigint {
  if (to - from < AT_ONCE) {
    let result = 1n;
    for (let i = from; i <= to; i++) result *= BigInt(i);
    return result;
  }
  const middle = Math.floor((from + to) / 2);
  return product(from, middle) * product(middle + 1, to);
}

/** The same product in the same order, stopping between one part and the next. */
export function* factorialInSlices(from: number, to: number): Generator<void, bigint> {
  if (to - from < NUMBERS_PER_SLICE) return product(from, to);
  const middle = Math.floor((from + to) / 2);
  const left = yield* factorialInSlices(from, middle);
  yield;
  const right = yield* factorialInSlices(middle + 1, to);
  yield;
  return left * right;
}

/** Hexadecimal digits that n! has, by Stirling's series: what a result is checked by. */
export function digitsOfFactorial(n: number): number {
  const ln = n * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI * n) + 1 / (12 * n);
  return Math.floor(ln / Math.log(16)) + 1;
}
