/** CPU-bound work by two workers, beside the same work done here, piece after piece. */
import { faster } from "../measure.js";
import type { Model } from "./contender.js";
import { type Choice, entrant, type Use } from "./entrants.js";
import { burn } from "./jobs.js";
import { type Entrant, race } from "./race.js";
import { type Role, type Row, row } from "./row.js";
import { sized } from "./size.js";

const WORKERS = 2;
const PIECES = 16;
const PIECE_MS = sized(60, 3);
const TURNS = sized(5, 1);
const WARM_UPS = sized(1, 0);
const SERIAL = "one after the other, no pool";
const roles: Readonly<Record<string, Role>> = { [SERIAL]: "bare" };

const burning =
  (rounds: number): Use =>
  async (pool) => {
    const all = () => Promise.all(Array.from({ length: PIECES }, () => pool.run("burn", rounds)));
    await all();
    return async () => {
      const start = performance.now();
      await all();
      return { took: performance.now() - start };
    };
  };

const serial = (rounds: number): Entrant => ({
  library: SERIAL,
  setting: "",
  start: () => ({
    sample() {
      const start = performance.now();
      for (let piece = 0; piece < PIECES; piece++) burn(rounds);
      return { took: performance.now() - start };
    },
    end: () => {},
  }),
});

export async function scaling(
  choices: Readonly<Record<Model, readonly Choice[]>>,
  roundsPerMs: number,
): Promise<Row[]> {
  const rounds = PIECE_MS * roundsPerMs;
  const rows: Row[] = [];
  for (const model of ["threads", "processes"] as const) {
    const outcomes = await race(
      [...choices[model].map((choice) => entrant(choice, WORKERS, burning(rounds))), serial(rounds)],
      TURNS,
      WARM_UPS,
    );
    const requirements = [{ bound: faster(1.9), against: { library: SERIAL } }];
    rows.push(
      row(outcomes, {
        section: "scaling",
        name: `CPU-bound, ${WORKERS} ${model}`,
        unit: "ms",
        metric: "took",
        roles,
        requirements,
      }),
    );
  }
  return rows;
}
