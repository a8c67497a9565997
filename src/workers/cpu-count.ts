import fs from "node:fs";

/**
 * How many processors this program may use: the machine's, less what affinity and a cgroup's CPU quota leave out. At least 1.
 *
 * @example
 * ```ts
 * import { cpuCount } from "allcores";
 * console.log(cpuCount() >= 1); // true
 * ```
 */
export function cpuCount(): number {
  return Math.max(1, Math.min(process.getBuiltinModule("node:os").availableParallelism(), Math.ceil(cgroupQuota())));
}

/** Processors per period that the cgroup grants, version 2 or 1; Infinity where none says. libuv reads it only from 1.49, after Node 20. */
function cgroupQuota(): number {
  const [quota, period] = (
    read("/sys/fs/cgroup/cpu.max") ?? `${read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ?? ""} ${read("/sys/fs/cgroup/cpu/cpu.cfs_period_us") ?? ""}`
  )
    .split(" ")
    .map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
