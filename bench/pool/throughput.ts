/** No-op tasks handed over one by one, at most `IN_FLIGHT` at a time: one library forgets what is beyond 65536. */
import { cpuCount } from "allcores";
import { faster } from "../measure.js";
import type { Model, OpenPool } from "./contender.js";
import { type Choice, entrant, type Use } from "./entrants.js";
import { race } from "./race.js";
import { POOL, pythonRoles, pythons } from "./rivals/python.js";
import { type Row, row } from "./row.js";
import { sized } from "./size.js";

const TASKS = sized(100_000, 2000);
const IN_FLIGHT = 16_384;
const WARM_UP = sized(5000, 200);
const LEAST = sized(10_000, 500);
/** A slow one gets fewer tasks, so that a turn ends. */
const TURN_S = 2;
const TURNS = sized(5, 1);
const WARM_UPS = sized(1, 0);
const PYTHON_TASKS = sized(20_000, 500);

/** Microseconds a task. Two blocks are always on their way, so the pool never runs dry. */
export async function perTask(pool: OpenPool, count: number): Promise<number> {
  const size = Math.min(IN_FLIGHT / 2, count);
  const start = performance.now();
  let previous: Promise<unknown> | undefined;
  for (let first = 0; first < count; first += size) {
    const block: Promise<unknown>[] = [];
    for (let index = first; index < Math.min(first + size, count); index++) block.push(pool.run("noop"));
    await previous;
    previous = Promise.all(block);
  }
  await previous;
  return ((performance.now() - start) * 1e3) / count;
}

export const handingOver =
  (most: number): Use =>
  async (pool) => {
    const pilot = await perTask(pool, WARM_UP);
    const count = Math.round(Math.min(most, Math.max(LEAST, (TURN_S * 1e6) / pilot)));
    return async () => ({ task: await perTask(pool, count) });
  };

const perSecond = (microseconds: number): number => 1e6 / microseconds;
const five = { bound: faster(5), against: "best rival" } as const;
const aim = { bound: { ...faster(10), text: "≥ 10 × as fast (the aim)" }, against: "best rival" } as const;

export async function throughput(choices: Readonly<Record<Model, readonly Choice[]>>): Promise<Row[]> {
  const workers = cpuCount();
  const run = (model: Model) => choices[model].map((choice) => entrant(choice, workers, handingOver(TASKS)));
  const options = { section: "throughput", unit: "tasks/s", metric: "task", rate: perSecond };
  const threads = await race(run("threads"), TURNS, WARM_UPS);
  const python = pythons("throughput", [PYTHON_TASKS], { pool: "map, chunksize 1", executor: "submit" });
  const processes = await race([...run("processes"), ...python], TURNS, WARM_UPS);
  return [
    row(threads, { ...options, name: `${TASKS} no-ops, threads`, requirements: [five, aim] }),
    row(processes, {
      ...options,
      name: `${TASKS} no-ops, processes`,
      roles: pythonRoles,
      requirements: [five, aim, { bound: faster(5), against: { library: POOL } }],
    }),
  ];
}
