/** `npm run mutants`: each mutant must be found by its models. Arguments keep only the mutants whose name contains one of them. */
import { exploreMutant, type MutantResult } from "./explore-mutant.js";
import { mutants } from "./mutants.js";

const filters = process.argv.slice(2);
const waiting = mutants.filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
const count = waiting.length;
const began = performance.now();
let survived = 0;

function show({ mutant, found, schedules, milliseconds }: MutantResult): void {
  if (found === undefined) survived++;
  const how = found === undefined ? "SURVIVED" : found.kind;
  const figures = `${String(schedules).padStart(7)} schedules ${(milliseconds / 1000).toFixed(1).padStart(5)} s`;
  console.log(`${mutant.name.padEnd(84)} ${how.padEnd(13)} ${figures}  ${found?.title ?? mutant.models.join(", ")}`);
}

async function lane(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) show(await exploreMutant(next));
}
await Promise.all([lane(), lane()]);
console.log(`${count} mutants, ${survived} survived, ${((performance.now() - began) / 1000).toFixed(0)} s`);
process.exitCode = survived === 0 ? 0 : 1;
