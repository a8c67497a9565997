/** Contenders as entrants of a race. */
import type { Contender, OpenPool, Setting } from "./contender.js";
import type { Entrant, Runner, Sample } from "./race.js";

export type Choice = readonly [contender: Contender, setting: Setting];

/** How a row makes use of a pool that is open; undefined where the library has no word for it. */
export type Use = (
  pool: OpenPool,
) => (() => Promise<Sample>) | undefined | Promise<(() => Promise<Sample>) | undefined>;

export class NotAvailable extends Error {
  override readonly name = "NotAvailable";
}

export function entrant([{ library, ours }, setting]: Choice, workers: number, use: Use): Entrant {
  return {
    library,
    setting: setting.text,
    ours: ours === true,
    async start(): Promise<Runner> {
      const pool = await setting.open(workers);
      try {
        const sample = await use(pool);
        if (sample === undefined) throw new NotAvailable(`${library} cannot do this`);
        return { sample, end: () => pool.close() };
      } catch (error) {
        await pool.close();
        throw error;
      }
    },
  };
}
