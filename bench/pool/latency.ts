/** One no-op after the other: back to back, and with a pause in which both sides fall asleep. */
import { cpuCount, sleep } from "allcores";
import { atMost, median } from "../measure.js";
import type { Model, OpenPool } from "./contender.js";
import { type Choice, entrant, type Use } from "./entrants.js";
import { type Outcome, race, type Sample } from "./race.js";
import { pythonRoles, pythons } from "./rivals/python.js";
import { type Requirement, type Row, row } from "./row.js";
import { sized } from "./size.js";

/** Longer than any spinning that could be forgiven. */
const PAUSE_MS = 3;
const CALLS = { awake: sized(3000, 50), asleep: sized(200, 10) };
const WARM_UP = sized(2000, 50);
const TURNS = sized(5, 1);
const WARM_UPS = sized(1, 0);

export type Pace = "awake" | "asleep";

/** Microseconds. */
export async function calls(pool: OpenPool, count: number, pace: Pace): Promise<Sample> {
  const times: number[] = [];
  for (let call = 0; call < count; call++) {
    if (pace === "asleep") await sleep(PAUSE_MS);
    const start = performance.now();
    await pool.run("noop");
    times.push((performance.now() - start) * 1e3);
  }
  times.sort((a, b) => a - b);
  return { median: median(times), p99: times[Math.floor(times.length * 0.99)]! };
}

export const calling =
  (pace: Pace, count = CALLS[pace]): Use =>
  async (pool) => {
    await calls(pool, WARM_UP, "awake");
    return () => calls(pool, count, pace);
  };

const bounds: Readonly<Record<Pace, Requirement>> = {
  asleep: { bound: atMost(1), against: "best rival" },
  awake: { bound: atMost(0.5), against: "best rival" },
};

export async function latency(
  choices: Readonly<Record<Pace, Readonly<Record<Model, readonly Choice[]>>>>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const model of ["threads", "processes"] as const) {
    for (const pace of ["awake", "asleep"] as const) {
      const contenders = choices[pace][model].map((choice) => entrant(choice, cpuCount(), calling(pace)));
      const python = model === "processes" ? pythons("latency", [CALLS[pace], pace === "asleep" ? PAUSE_MS : 0]) : [];
      rows.push(...rowsOf(model, pace, await race([...contenders, ...python], TURNS, WARM_UPS)));
    }
  }
  return rows;
}

function rowsOf(model: Model, pace: Pace, outcomes: readonly Outcome[]): Row[] {
  const when = pace === "awake" ? "back to back" : `after a pause of ${PAUSE_MS} ms`;
  const options = { section: "latency", unit: "µs", roles: pythonRoles };
  return [
    row(outcomes, { ...options, name: `${when}, ${model}, median`, metric: "median", requirements: [bounds[pace]] }),
    row(outcomes, { ...options, name: `${when}, ${model}, p99`, metric: "p99" }),
  ];
}
