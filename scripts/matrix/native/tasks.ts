import { product } from "#lib/product.ts";
import { task } from "allcores";

export const square = task(import.meta, function square(n: number): number {
  return product(n, n);
});
