import { controlled } from "#atomics";

let cores = 0;

/** Whether somebody else can run while this thread looks around: on a single core, looking only keeps the one that is looked for from coming. */
export function hasSpareCore(): boolean {
  if (controlled) return false;
  if (cores === 0) cores = process.getBuiltinModule("node:os").availableParallelism();
  return cores > 1;
}
