/** What can be had on any system, of Node alone: threads, of which nobody tells whether they live, and no processes. */
import { PlatformError } from "../../errors/index.js";
import type { Liveness, Peers, Platform, Resources } from "../contract.js";

const liveness: Liveness = {
  isTold: false,
  thisThread: () => ({ pid: process.pid, tid: process.pid, startTime: 0 }),
  isRunning: () => true,
  threadStatOf: () => undefined,
  isHalted: () => undefined,
  threadsHere: () => undefined,
  hasThread: () => true,
  zombieExitCode: () => undefined,
};

const peers: Peers = {
  get user() {
    return process.geteuid?.() ?? 0;
  },
  namespace: 0,
  areLetIn: true,
};

const resources: Resources = {
  residentBytes: () => undefined,
  cpuQuota: () => Number.POSITIVE_INFINITY,
  deletedFolder: () => undefined,
};

export const portable: Platform = {
  liveness,
  peers,
  resources,
  signals: { isCaught: () => false },
  needs: [],
  processes() {
    throw new PlatformError(
      `sharing memory between processes needs Linux, this is ${process.platform}: Process, ProcessPool and objects with { across: "processes" } are not available; ` +
        `threads are: use Thread, ThreadPool and { across: "threads" }`,
    );
  },
};
