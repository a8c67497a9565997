/**
 * What the kernel tells of a thread that runs: whether it computes, sleeps or was stopped. Nothing is asked of the
 * thread itself.
 */
import type { ThreadStat } from "../contract.js";
import { readProcFile, statFields } from "./proc-file.js";

/**
 * Where a task sleeps that is frozen with its control group, as by `docker pause`. The freezer of the second version is
 * compiled into its caller by some kernels, which sleeps nowhere else in these states.
 */
const FREEZERS = new Set(["do_freezer_trap", "get_signal", "__refrigerator"]);

const USER_TICKS_FIELD = 11;
const SYSTEM_TICKS_FIELD = 12;
const TICK_NS = 10_000_000;

/** Three small files are read. */
export function threadStatOf(pid: number, tid: number): ThreadStat | undefined {
  const folder = `/proc/${pid}/task/${tid}`;
  try {
    const fields = statFields(`${folder}/stat`);
    if (fields === undefined) return undefined;
    const ticks = Number(fields[USER_TICKS_FIELD]) + Number(fields[SYSTEM_TICKS_FIELD]);
    const [exactly, delayed] = (read(`${folder}/schedstat`) ?? "").split(" ").map(Number);
    const isExact = exactly !== undefined && exactly > 0;
    return {
      state: fields[0]!,
      ran: isExact ? exactly : ticks * TICK_NS,
      delayed: isExact ? delayed : undefined,
      sleepsIn: sleepsIn(folder),
    };
  } catch {
    return undefined;
  }
}

export function isHalted({ state, sleepsIn }: Pick<ThreadStat, "state" | "sleepsIn">): boolean | undefined {
  if (state === "T" || state === "t") return true;
  if (state !== "S" && state !== "D") return false;
  return sleepsIn === undefined ? undefined : FREEZERS.has(sleepsIn);
}

function sleepsIn(folder: string): string | undefined {
  const name = read(`${folder}/wchan`);
  return name === "" || name === "0" ? undefined : name;
}

function read(path: string): string | undefined {
  try {
    return readProcFile(path)?.toString("latin1").trim();
  } catch {
    return undefined;
  }
}
