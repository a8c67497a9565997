import { controlled } from "#atomics";

let cores = 0;

/** How many threads can run at the same time. Under control one does. */
export function coreCount(): number {
  if (controlled) return 1;
  if (cores === 0) cores = process.getBuiltinModule("node:os").availableParallelism();
  return cores;
}

/**
 * Whether somebody else can run while this thread looks around: on a single core, looking only keeps the one that is
 * looked for from coming.
 */
export function hasSpareCore(): boolean {
  return coreCount() > 1;
}
