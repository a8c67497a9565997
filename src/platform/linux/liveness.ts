/**
 * Whether a thread of some process still runs, as the kernel tells it. `kill(pid, 0)` would succeed on zombies, so the
 * state is read from /proc.
 */
import fs from "node:fs";
import type { Liveness, ThreadIdentity } from "../contract.js";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";
import { isVisible } from "../visible-file.js";
import { readLife, START_TIME_FIELD, statFields } from "./proc-file.js";
import { isHalted, threadStatOf } from "./thread-stat.js";

const THREADS_HERE = "/proc/self/task";
const EXIT_CODE_FIELD = 49;
const ZOMBIE = "Z".charCodeAt(0);
const DEAD = "X".charCodeAt(0);

function thisThread(): ThreadIdentity {
  try {
    const tid = Number(/\d+$/.exec(fs.readlinkSync("/proc/thread-self"))![0]);
    return {
      pid: process.pid,
      tid,
      startTime: Number(statFields(`/proc/${process.pid}/task/${tid}/stat`)?.[START_TIME_FIELD] ?? 0) | 0,
    };
  } catch (error) {
    // With a start time that is not its own, others would take this thread for dead.
    if (isOutOfDescriptors(error))
      throw outOfDescriptors("looking up this thread, for those who watch whether it lives", error);
    return { pid: process.pid, tid: process.pid, startTime: 0 };
  }
}

/** Not where there is no /proc, or this program may not read it. */
const isTold = isVisible("/proc/self/stat");

function isRunning({ pid, tid, startTime }: ThreadIdentity): boolean {
  if (!isTold) return true;
  let life: ReturnType<typeof readLife>;
  try {
    life = readLife(`/proc/${pid}/task/${tid}/stat`);
  } catch {
    return true;
  }
  return life !== undefined && life.state !== ZOMBIE && life.state !== DEAD && life.startTime === startTime;
}

function zombieExitCode(pid: number): number | undefined {
  let fields: string[] | undefined;
  try {
    fields = statFields(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  if (fields === undefined || fields[0] !== "Z") return undefined;
  const status = Number(fields[EXIT_CODE_FIELD]);
  return status & 0x7f ? -(status & 0x7f) : (status >> 8) & 0xff;
}

function threadsHere(): number[] | undefined {
  try {
    return fs.readdirSync(THREADS_HERE).map(Number);
  } catch {
    return undefined;
  }
}

export const liveness: Liveness = {
  isTold,
  thisThread,
  isRunning,
  threadStatOf,
  isHalted,
  threadsHere,
  hasThread: (tid) => isVisible(`${THREADS_HERE}/${tid}`),
  zombieExitCode,
};
