import { createHash } from "node:crypto";

/** SHA-256 of n! in lower-case hexadecimal, as Python's math.factorial gives it. */
const DIGESTS: Record<number, string> = {
  100000: "1de644ffb4a1f522d1151ea12aad67c689149e165d23d39cc531ad4b781ceccb",
  200000: "c629eb9fe6cfc1db804e702e084a4f078f6cbfbd4d5dda51d021ffe916db7956",
  300000: "5d5531d7e11cad97627dab828fc24099ccea97bab0a7cd889117b94c37aab657",
  400000: "82d9bc5ce3679d560401f7b421f64d124cc7e1c012a4f710eb087dfb70e5d1bc",
  500000: "aeb7e60829c7a6d7cea91e08ff542f6e2fa5d109228069c200dd4b080c112cba",
};
const AT_ONCE = 64;

/** n! by binary splitting: multiplied one after the other the numbers would take quadratic time. */
export function factorial(n: number): bigint {
  return product(1, n);
}

/** `from` x ... x `to`. */
export function product(from: number, to: number): bigint {
  if (to - from < AT_ONCE) {
    let result = 1n;
    for (let i = from; i <= to; i++) result *= BigInt(i);
    return result;
  }
  const middle = Math.floor((from + to) / 2);
  return product(from, middle) * product(middle + 1, to);
}

/** Whether `result` is n!, for the five numbers of the article. */
export function isFactorial(n: number, result: bigint): boolean {
  return createHash("sha256").update(result.toString(16)).digest("hex") === DIGESTS[n];
}
