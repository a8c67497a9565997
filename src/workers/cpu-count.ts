import { platform } from "../platform/index.js";

/**
 * How many processors this program may use: the machine's, less what affinity and a cgroup's CPU quota leave out. At
 * least 1.
 *
 * @returns how many, from 1
 * @throws nothing
 * @remarks **Cost:** the first call reads files of the system.
 *
 * @example
 * ```ts
 * import { cpuCount } from "allcores";
 * console.log(cpuCount() >= 1); // true
 * ```
 */
export function cpuCount(): number {
  return Math.max(
    1,
    Math.min(process.getBuiltinModule("node:os").availableParallelism(), Math.ceil(platform.resources.cpuQuota())),
  );
}
