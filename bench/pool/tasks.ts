/** The jobs as tasks of ours. */
import { currentWorker, task, transfer } from "allcores";
import { burn, echo, noop, plusOnes } from "./jobs.js";

export const tasks = {
  noop: task(import.meta, noop),
  plusOnes: task(import.meta, plusOnes),
  echo: task(import.meta, echo<unknown>),
  burn: task(import.meta, burn),
};

export const handBack = task(import.meta, function handBack(buffer: ArrayBuffer): ArrayBuffer {
  return transfer(buffer);
});

/** `cancelled` as design promises it: absent, and so never true, in a version that cannot ask. */
const cancelled = (): boolean => (currentWorker() as { cancelled?: boolean }).cancelled === true;

/** Burns in so many slices, and stops between two when it is asked to. */
export const burnPolitely = task(import.meta, function burnPolitely(rounds: number, slices: number): number {
  let last = 0;
  for (let slice = 0; slice < slices && !cancelled(); slice++) last = burn(Math.ceil(rounds / slices));
  return last;
});
