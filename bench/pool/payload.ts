/** Bytes there and back through one worker, one trip after the other. */
import { atMost, faster } from "../measure.js";
import type { Model, OpenPool } from "./contender.js";
import { type Choice, entrant, type Use } from "./entrants.js";
import { race, type Sample } from "./race.js";
import { BARE, bareEcho, bareRoles, type Echo } from "./rivals/bare.js";
import { POOL, pythonRoles, pythons } from "./rivals/python.js";
import { type Requirement, type Row, row } from "./row.js";
import { sized } from "./size.js";

interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly rounds: number;
}

const SIZES: readonly Size[] = [
  { name: "1 KB", bytes: 1 << 10, rounds: sized(1000, 20) },
  { name: "64 KB", bytes: 64 << 10, rounds: sized(300, 10) },
  { name: "16 MB", bytes: 16 << 20, rounds: sized(5, 1) },
];
const MOVES = sized(300, 10);
const TURNS = sized(5, 1);
const WARM_UPS = sized(2, 0);

async function trips(
  { bytes, rounds }: Size,
  send: (data: Uint8Array) => Promise<unknown>,
): Promise<() => Promise<Sample>> {
  const data = new Uint8Array(bytes);
  await send(data);
  return async () => {
    let last: unknown;
    const start = performance.now();
    for (let round = 0; round < rounds; round++) last = await send(data);
    const took = performance.now() - start;
    if (!(last instanceof Uint8Array) || last.byteLength !== bytes) throw new Error("the bytes did not come back");
    return { round: (took * 1e3) / rounds };
  };
}

async function moves(send: (buffer: ArrayBuffer) => Promise<unknown>): Promise<() => Promise<Sample>> {
  let buffer = (await send(new ArrayBuffer(16 << 20))) as ArrayBuffer;
  return async () => {
    const start = performance.now();
    for (let round = 0; round < MOVES; round++) buffer = (await send(buffer)) as ArrayBuffer;
    const took = performance.now() - start;
    if (buffer.byteLength !== 16 << 20) throw new Error("the buffer did not come back");
    return { round: (took * 1e3) / MOVES };
  };
}

const copying =
  (size: Size): Use =>
  (pool: OpenPool) =>
    pool.movesAll ? undefined : trips(size, (data) => pool.run("echo", data));

const moving: Use = (pool) => {
  const { move } = pool;
  return move && moves(move);
};

const requirementsOf = (model: Model, { name }: Size): Requirement[] =>
  model === "processes" && name === "16 MB" ? [{ bound: faster(3), against: { library: POOL } }] : [];

export async function payload(choices: Readonly<Record<Model, readonly Choice[]>>): Promise<Row[]> {
  const rows: Row[] = [];
  const common = { section: "payload", unit: "µs", metric: "round", roles: { ...bareRoles, ...pythonRoles } };
  for (const model of ["threads", "processes"] as const) {
    for (const size of SIZES) {
      const bare = bareEcho(model, (one: Echo) => trips(size, (data) => one.send(data)));
      const python = model === "processes" ? pythons("payload", [size.rounds, size.bytes]) : [];
      const outcomes = await race(
        [...choices[model].map((choice) => entrant(choice, 1, copying(size))), bare, ...python],
        TURNS,
        WARM_UPS,
      );
      rows.push(
        row(outcomes, {
          ...common,
          name: `${size.name} copied there and back, ${model}`,
          requirements: requirementsOf(model, size),
        }),
      );
    }
  }
  const bare = bareEcho("threads", (one: Echo) => moves((buffer) => one.send(buffer, [buffer])));
  const outcomes = await race([...choices.threads.map((choice) => entrant(choice, 1, moving)), bare], TURNS, WARM_UPS);
  const requirements: Requirement[] = [{ bound: atMost(1), against: { library: BARE.threads } }];
  rows.push(row(outcomes, { ...common, name: "16 MB moved there and back, threads", requirements }));
  return rows;
}
