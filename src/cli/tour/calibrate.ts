import { realNow } from "../../memory/clock.js";

/** Shorter runs say too little about longer ones. */
const ENOUGH_MS = 30;
const ROUNDS = 3;

/**
 * The size at which `run` takes about `target` milliseconds. `power`: how its time grows with the size. It runs what it
 * measures several times before it believes it, since the first runs are not yet compiled.
 */
export function calibrate(run: (size: number) => unknown, target: number, first: number, power: number): number {
  const timed = (size: number): number => {
    const began = realNow();
    run(size);
    return realNow() - began;
  };
  const scaled = (size: number, took: number): number =>
    Math.max(1, Math.round(size * (target / Math.max(took, 0.01)) ** (1 / power)));
  let size = first;
  let took = timed(size);
  while (took < Math.min(ENOUGH_MS, target)) took = timed((size *= 2));
  for (let round = 0; round < ROUNDS; round++) {
    size = scaled(size, took);
    took = timed(size);
  }
  return scaled(size, took);
}
