/** From opening a pool of one worker to its first result. */
import { atMost } from "../measure.js";
import type { Model } from "./contender.js";
import type { Choice } from "./entrants.js";
import { type Entrant, race } from "./race.js";
import { BARE, bareRoles, oneShot } from "./rivals/bare.js";
import { type Row, row } from "./row.js";
import { sized } from "./size.js";

const TURNS = sized(11, 1);
const WARM_UPS = sized(2, 0);
const MOST: Readonly<Record<Model, number>> = { threads: 1.2, processes: 1.5 };

const starting = ([{ library, ours }, setting]: Choice): Entrant => ({
  library,
  setting: setting.text,
  ours: ours === true,
  start: () => ({
    async sample() {
      const start = performance.now();
      const pool = await setting.open(1);
      await pool.run("noop");
      const took = performance.now() - start;
      await pool.close();
      return { start: took };
    },
    end: () => {},
  }),
});

const bare = (model: Model): Entrant => ({
  library: BARE[model],
  setting: "",
  start: () => ({ sample: async () => ({ start: await oneShot(model) }), end: () => {} }),
});

export async function coldStart(choices: Readonly<Record<Model, readonly Choice[]>>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const model of ["threads", "processes"] as const) {
    const outcomes = await race([...choices[model].map(starting), bare(model)], TURNS, WARM_UPS);
    const requirements = [{ bound: atMost(MOST[model]), against: { library: BARE[model] } }];
    rows.push(
      row(outcomes, {
        section: "cold start",
        name: `to the first result, ${model}`,
        unit: "ms",
        metric: "start",
        roles: bareRoles,
        requirements,
      }),
    );
  }
  return rows;
}
