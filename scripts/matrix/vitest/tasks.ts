import { task } from "allcores";

export const square = task(import.meta, function square(n: number): number {
  return n * n;
});
