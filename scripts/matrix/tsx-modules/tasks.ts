import { kind, Squared } from "@lib/decorated.js";
import { task } from "allcores";

export const square = task(import.meta, function square(n: number): number {
  return new Squared(n).value;
});
export const decorators = task(import.meta, function decorators(): string {
  return kind;
});
