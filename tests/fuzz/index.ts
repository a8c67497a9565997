/**
 * npm run fuzz [cases] [seed] [subject]: corrupts words of shared memory, and sees that every operation comes to its
 * end. The case of seed s is the same in every run. Subjects `layout` and `layout-processes` are the walks over the
 * layouts: without cases all of them, in parts; they also belong to a run without arguments.
 */
import { isMain } from "allcores";
import { type Ends, isWalk, WALKS } from "./fuzz-case.js";
import { type Hunt, hunt } from "./hunt.js";

const CASES_A_PROCESS = 1000;
/** In so many processes, one after the other, each takes its share of a walk. */
const PARTS_OF_WALK = 100;

async function main(): Promise<void> {
  const [, , casesGiven, seedGiven, only] = process.argv;
  const cases = Number(casesGiven ?? 100_000);
  const seed = Number(seedGiven ?? Date.now() % 1_000_000_000);
  const total: Ends = {};
  let failures = 0;
  const run = async (part: Hunt) => {
    try {
      for (const [end, n] of Object.entries(await hunt(part))) total[end] = (total[end] ?? 0) + n;
    } catch (error) {
      failures++;
      console.log(`  FAIL  ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const all = only === undefined && casesGiven === undefined;
  for (const walk of Object.keys(WALKS)) {
    if (only !== walk && !all) continue;
    if (cases > 0 && only === walk) {
      await run({ cases, seed, only: walk });
      continue;
    }
    console.log(`fuzz: every word of ${walk}, each wrong value`);
    for (let part = 0; part < PARTS_OF_WALK; part++)
      await run({ cases: 0, seed: part, only: walk, every: PARTS_OF_WALK });
  }
  if (!isWalk(only)) {
    console.log(`fuzz: ${cases} cases, seed ${seed}`);
    for (let done = 0; done < cases; done += CASES_A_PROCESS)
      await run({ cases: Math.min(CASES_A_PROCESS, cases - done), seed: seed + done, only });
  }
  for (const [end, n] of Object.entries(total).sort(([, a], [, b]) => b - a))
    console.log(`  ${String(n).padStart(10)}  ${end}`);
  console.log(failures === 0 ? "every operation came to its end" : `${failures} failures`);
  process.exitCode = failures === 0 ? 0 : 1;
}

if (isMain(import.meta)) await main();
