/**
 * `npm run models`: every model in full. Arguments keep only the models whose title contains one of them;
 * `--preemptions n` bounds all.
 */
import { allModels, type Explored, exploreModel } from "./explore-models.js";

const args = process.argv.slice(2);
const bound = args.indexOf("--preemptions");
const most = bound < 0 ? 3 : Number(args.splice(bound, 2)[1]);
const waiting = await allModels(args);
const began = performance.now();
let failed = 0;

function show({ title, preemptions, exploration }: Explored): void {
  const { schedules, steps, duration, isExhaustive, failure } = exploration;
  const figures = `${preemptions} pre-emptions, ${schedules} schedules, ${steps} steps, ${(duration / 1000).toFixed(1)} s`;
  console.log(`${failure === undefined && isExhaustive ? "ok    " : "FAILED"} ${title.padEnd(90)} ${figures}`);
  if (failure === undefined && isExhaustive) return;
  failed++;
  console.log(exploration.toString());
}

async function lane(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
    show(await exploreModel(next.title, next.model, most));
}
const count = waiting.length;
await Promise.all([lane(), lane()]);
console.log(`${count} models, ${failed} failed, ${((performance.now() - began) / 1000).toFixed(0)} s`);
process.exitCode = failed === 0 ? 0 : 1;
