/**
 * `npm run mutants`: each mutant must be found by its models, which find nothing otherwise. Arguments keep only the
 * mutants whose name contains one of them.
 */
import { exploreMutant, exploreUnchanged } from "./explore-mutant.js";
import type { Mutant } from "./mutant.js";
import { mutants } from "./mutants.js";

const filters = process.argv.slice(2);
const waiting = mutants.filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
const count = waiting.length;
const began = performance.now();
const unchanged = new Map<string, Promise<boolean>>();
let failed = 0;

/** Whether the model of that name holds for the library as it is. */
function holds(mutant: Mutant, title: string): Promise<boolean> {
  let known = unchanged.get(title);
  if (known === undefined) {
    known = exploreUnchanged({ ...mutant, models: [title] }).then((explored) =>
      explored.every(({ exploration }) => exploration.failure === undefined),
    );
    unchanged.set(title, known);
  }
  return known;
}

async function show(mutant: Mutant): Promise<void> {
  const { found, schedules, milliseconds } = await exploreMutant(mutant);
  const valid = found === undefined || (await holds(mutant, found.title));
  if (found === undefined || !valid) failed++;
  const how = found === undefined ? "SURVIVED" : valid ? found.kind : "ALWAYS FAILS";
  const figures = `${String(schedules).padStart(7)} schedules ${(milliseconds / 1000).toFixed(1).padStart(5)} s`;
  console.log(`${mutant.name.padEnd(84)} ${how.padEnd(13)} ${figures}  ${found?.title ?? mutant.models.join(", ")}`);
}

/** One that cannot be explored is told like one that survives: the others go on. */
async function lane(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name } = next;
    await show(next).catch((error: unknown) => {
      failed++;
      console.log(`${name.padEnd(84)} NOT EXPLORED  ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}
await Promise.all([lane(), lane()]);
console.log(`${count} mutants, ${count - failed} found, ${((performance.now() - began) / 1000).toFixed(0)} s`);
process.exitCode = failed === 0 ? 0 : 1;
