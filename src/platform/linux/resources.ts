/** Memory, processor time and the working folder, as the kernel tells of them. */
import fs from "node:fs";
import type { Resources } from "../contract.js";
import { isVisible } from "../visible-file.js";
import { readProcFile } from "./proc-file.js";

const PAGE_BYTES = 4096;
const FOLDER_HERE = "/proc/self/cwd";
/** What the kernel puts behind the path of what was deleted. */
const DELETED = " (deleted)";

export const resources: Resources = {
  residentBytes(pid) {
    try {
      const [, resident, shared] = readProcFile(`/proc/${pid}/statm`)!.toString("latin1").split(" ").map(Number);
      return (resident! - shared!) * PAGE_BYTES;
    } catch {
      return undefined;
    }
  },
  /** Processors per period that the cgroup grants, version 2 or 1. libuv reads it only from 1.49, after Node 20. */
  cpuQuota() {
    const [quota, period] = (
      read("/sys/fs/cgroup/cpu.max") ??
      `${read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ?? ""} ${read("/sys/fs/cgroup/cpu/cpu.cfs_period_us") ?? ""}`
    )
      .split(" ")
      .map(Number);
    return quota !== undefined && period !== undefined && quota > 0 && period > 0
      ? quota / period
      : Number.POSITIVE_INFINITY;
  },
  deletedFolder() {
    let folder: string;
    try {
      folder = fs.readlinkSync(FOLDER_HERE);
    } catch {
      return undefined;
    }
    // Not `process.cwd()`, which remembers it.
    return folder.endsWith(DELETED) && !isVisible(folder) ? folder.slice(0, -DELETED.length) : undefined;
  },
};

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
