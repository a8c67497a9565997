/** The article's program: five factorials by a pool of four, from opening the pool to leaving it. */
import { ProcessPool, ThreadPool } from "allcores";
import { faster, pythonVersion, python as runPython } from "../measure.js";
import { factorial } from "../workers/factorial.js";
import type { Model } from "./contender.js";
import { type Entrant, race } from "./race.js";
import { POOL, pythonRoles } from "./rivals/python.js";
import { type Row, row } from "./row.js";
import { sized } from "./size.js";

const WORKERS = 4;
const DIVISOR = sized(1, 20);
const NUMBERS = [100_000, 200_000, 300_000, 400_000, 500_000].map((number) => number / DIVISOR);
const TURNS = sized(3, 1);

const ours = (model: Model): Entrant => ({
  library: "allcores",
  setting: model,
  ours: true,
  start: () => ({
    async sample() {
      const start = performance.now();
      {
        await using pool =
          model === "threads" ? new ThreadPool({ workers: WORKERS }) : new ProcessPool({ workers: WORKERS });
        const results = await pool.map(factorial, NUMBERS);
        if (results.some((result) => typeof result !== "bigint"))
          throw new Error("a factorial did not come back as a BigInt");
      }
      return { took: (performance.now() - start) / 1e3 };
    },
    end: () => {},
  }),
});

const python: Entrant = {
  library: POOL,
  setting: "",
  start() {
    if (pythonVersion() === undefined) throw new Error("there is no python3 here");
    return { sample: () => ({ took: runPython("factorials", DIVISOR) }), end: () => {} };
  },
};

export async function factorials(): Promise<Row[]> {
  const outcomes = await race([ours("processes"), ours("threads"), python], TURNS, sized(1, 0));
  const options = { section: "factorials", unit: "s", metric: "took", roles: pythonRoles };
  const without = (model: Model) => outcomes.filter(({ setting }) => setting !== model);
  return [
    row(without("threads"), {
      ...options,
      name: `the article's, ${WORKERS} processes`,
      requirements: [{ bound: faster(3), against: { library: POOL } }],
    }),
    row(without("processes"), { ...options, name: `the article's, ${WORKERS} threads` }),
  ];
}
