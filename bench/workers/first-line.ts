/** A module that knows when its first line ran, on a clock that workers share. */
const began = performance.timeOrigin + performance.now();

import { task } from "allcores";

export const firstLine = task(import.meta, function firstLine(): number {
  return began;
});
