/** Python's pools as entrants of a race: each turn is a program of its own, which warms up first. */
import { pythonOutput, pythonVersion } from "../../measure.js";
import type { Entrant, Sample } from "../race.js";
import type { Role } from "../row.js";

export const POOL = "Python multiprocessing.Pool";
export const EXECUTOR = "Python ProcessPoolExecutor";
export const pythonRoles: Readonly<Record<string, Role>> = { [POOL]: "python", [EXECUTOR]: "python" };

/** `setting` says what the script does where that is a choice. */
export function pythons(
  what: "throughput" | "latency" | "map" | "payload",
  numbers: readonly number[],
  settings: { pool?: string; executor?: string } = {},
): Entrant[] {
  const one = (library: string, kind: "pool" | "executor", setting: string): Entrant => ({
    library,
    setting,
    start() {
      if (pythonVersion() === undefined) throw new Error("there is no python3 here");
      return { sample: () => JSON.parse(pythonOutput("pool", kind, what, ...numbers)) as Sample, end: () => {} };
    },
  });
  return [one(POOL, "pool", settings.pool ?? ""), one(EXECUTOR, "executor", settings.executor ?? "")];
}
