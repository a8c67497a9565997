/** The article's CPU-bound work. */
import { task } from "allcores";

const AT_ONCE = 64;

/** `from` x ... x `to`, by binary splitting: multiplied one after the other the numbers would take quadratic time. */
function product(from: number, to: number): bigint {
  if (to - from < AT_ONCE) {
    let result = 1n;
    for (let factor = from; factor <= to; factor++) result *= BigInt(factor);
    return result;
  }
  const middle = Math.floor((from + to) / 2);
  return product(from, middle) * product(middle + 1, to);
}

export const factorial = task(import.meta, function factorial(n: number): bigint {
  return product(1, n);
});
