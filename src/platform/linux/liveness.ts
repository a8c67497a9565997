/**
 * Whether a thread of some process still runs, as the kernel tells it. `kill(pid, 0)` would succeed on zombies, so the state is read from /proc.
 */
import fs from "node:fs";
import { toldAlive, toldThread } from "#atomics";
import { isOutOfDescriptors, outOfDescriptors } from "../descriptors.js";
import { isVisible } from "../visible-file.js";
import { readLife, START_TIME_FIELD, statFields } from "./proc-file.js";

export interface ThreadIdentity {
  pid: number;
  tid: number;
  /** Clock ticks since boot; 0 where the system does not tell. */
  startTime: number;
}

const EXIT_CODE_FIELD = 49;
const ZOMBIE = "Z".charCodeAt(0);
const DEAD = "X".charCodeAt(0);

/** The calling thread. */
export function thisThread(): ThreadIdentity {
  const told = toldThread();
  if (told !== undefined) return told;
  try {
    const tid = Number(/\d+$/.exec(fs.readlinkSync("/proc/thread-self"))![0]);
    return { pid: process.pid, tid, startTime: Number(statFields(`/proc/${process.pid}/task/${tid}/stat`)?.[START_TIME_FIELD] ?? 0) | 0 };
  } catch (error) {
    // With a start time that is not its own, others would take this thread for dead.
    if (isOutOfDescriptors(error)) throw outOfDescriptors("looking up this thread, for those who watch whether it lives", error);
    return { pid: process.pid, tid: process.pid, startTime: 0 };
  }
}

/** Whether this system says which threads are gone. */
export const kernelTells = isVisible("/proc/self/stat");

/** False once the thread is gone, a zombie, or another thread has its number. Where the system does not tell, only `declareDead` ends a worker. */
export function isRunning({ pid, tid, startTime }: ThreadIdentity): boolean {
  const told = toldAlive(pid, tid, startTime);
  if (told !== undefined) return told;
  if (!kernelTells) return true;
  let life: ReturnType<typeof readLife>;
  try {
    life = readLife(`/proc/${pid}/task/${tid}/stat`);
  } catch {
    return true;
  }
  return life !== undefined && life.state !== ZOMBIE && life.state !== DEAD && life.startTime === startTime;
}

/** How a process ended that nobody has reaped yet: its exit code, or `-n` after signal n. Undefined while it runs or once it is reaped. */
export function zombieExitCode(pid: number): number | undefined {
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
