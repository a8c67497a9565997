/**
 * A million trivial items: our own map, item by item as it is called; the rivals in pieces cut by hand, since a task
 * for each item is the throughput row.
 */
import { cpuCount } from "allcores";
import type { Model, OpenPool } from "./contender.js";
import { type Choice, entrant, type Use } from "./entrants.js";
import { race } from "./race.js";
import { pythonRoles, pythons } from "./rivals/python.js";
import { type Row, row } from "./row.js";
import { sized } from "./size.js";

const ITEMS = sized(1_000_000, 5000);
const PIECE = 10_000;
const PILOT = sized(100_000, 1000);
const FEWEST = sized(20_000, 1000);
/** A slow one gets fewer items, so that a turn ends. */
const TURN_S = 3;
const TURNS = sized(5, 1);
const WARM_UPS = sized(1, 0);
const MOST_US: Readonly<Record<Model, number>> = { threads: 0.3, processes: 0.6 };

async function mapped(pool: OpenPool, items: readonly number[]): Promise<readonly number[]> {
  if (pool.map !== undefined) return pool.map(items);
  const pieces: Promise<unknown>[] = [];
  for (let first = 0; first < items.length; first += PIECE)
    pieces.push(pool.run("plusOnes", items.slice(first, first + PIECE)));
  return ((await Promise.all(pieces)) as number[][]).flat();
}

/** Microseconds an item. */
async function perItem(pool: OpenPool, items: readonly number[]): Promise<number> {
  const start = performance.now();
  const results = await mapped(pool, items);
  const took = performance.now() - start;
  if (results.length !== items.length || results.at(-1) !== items.length)
    throw new Error("the results of the map are wrong");
  return (took * 1e3) / items.length;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function mapping(library: string): Use {
  return async (pool) => {
    await perItem(pool, numbers(FEWEST));
    const pilot = await perItem(pool, numbers(pool.map === undefined ? PILOT : FEWEST));
    const count = Math.round(Math.min(ITEMS, Math.max(FEWEST, (TURN_S * 1e6) / pilot)));
    if (count < ITEMS)
      console.log(`  ${library}: ${count} of ${ITEMS} items a turn, it takes ${pilot.toFixed(1)} µs an item`);
    const items = numbers(count);
    return async () => ({ item: await perItem(pool, items) });
  };
}

export async function map(choices: Readonly<Record<Model, readonly Choice[]>>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const model of ["threads", "processes"] as const) {
    const contenders = choices[model].map((choice) => {
      const one = entrant(choice, cpuCount(), mapping(choice[0].library));
      return choice[0].ours ? one : { ...one, setting: `${one.setting}, by hand ${PIECE} a task` };
    });
    const python =
      model === "processes" ? pythons("map", [ITEMS], { pool: "its own chunks", executor: "chunks as Pool's" }) : [];
    const outcomes = await race([...contenders, ...python], TURNS, WARM_UPS);
    rows.push(
      row(outcomes, {
        section: "map",
        name: `${ITEMS} items, ${model}`,
        unit: "µs",
        metric: "item",
        roles: pythonRoles,
        most: MOST_US[model],
      }),
    );
  }
  return rows;
}
