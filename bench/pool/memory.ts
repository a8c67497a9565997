/** What a worker takes that waits for work; on the platforms that tell. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { atMost } from "../measure.js";
import type { Model } from "./contender.js";
import type { Choice } from "./entrants.js";
import { type Entrant, race } from "./race.js";
import { BARE, bareRoles } from "./rivals/bare.js";
import { type Row, row } from "./row.js";
import { quick, sized } from "./size.js";

const TURNS = sized(3, 1);
const program = fileURLToPath(new URL("./idle-worker.js", import.meta.url));
const run = promisify(execFile);

const idling = (library: string, setting: string, model: Model, ours: boolean): Entrant => ({
  library,
  setting,
  ours,
  start: () => ({
    async sample() {
      const { stdout } = await run(process.execPath, [program, library, model, ...(quick ? ["--quick"] : [])]);
      return { megabytes: Number(stdout) };
    },
    end: () => {},
  }),
});

export async function memory(choices: Readonly<Record<Model, readonly Choice[]>>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const model of ["threads", "processes"] as const) {
    const taking = choices[model].filter(([{ ours }]) => !quick || ours);
    const contenders = taking.map(([{ library, ours }, setting]) =>
      idling(library, setting.text, model, ours === true),
    );
    const outcomes = await race([...contenders, idling(BARE[model], "", model, false)], TURNS, 0);
    const requirements = [{ bound: atMost(1.1), against: { library: BARE[model] } }];
    rows.push(
      row(outcomes, {
        section: "memory",
        name: `of an idle worker, ${model}`,
        unit: "MB",
        metric: "megabytes",
        roles: bareRoles,
        requirements,
      }),
    );
  }
  return rows;
}
