import { task } from "allcores";

/** How many digits n! has. */
export const digits = task(import.meta, "digits", (n: number): number => {
  let product = 1n;
  for (let factor = 2n; factor <= BigInt(n); factor++) product *= factor;
  return product.toString().length;
});
