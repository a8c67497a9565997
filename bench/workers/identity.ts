/** There and back. */
import { task, transfer } from "allcores";

export const identity = task(import.meta, function identity<T>(value: T): T {
  return value;
});

export const handBack = task(import.meta, function handBack(buffer: ArrayBuffer): ArrayBuffer {
  return transfer(buffer);
});
