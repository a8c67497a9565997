/** The least there can be to do. */
import { task } from "allcores";

export const plusOne = task(import.meta, function plusOne(value: number): number {
  return value + 1;
});
