/** npm run fuzz [cases] [seed] [subject]: corrupts words of shared memory, and sees that every operation comes to its end. The case of seed s is the same in every run. */
import { isMain } from "allcores";
import type { Ends } from "./fuzz-case.js";
import { hunt } from "./hunt.js";

const CASES_A_PROCESS = 1000;

async function main(): Promise<void> {
  const [, , casesGiven = "100000", seedGiven, only] = process.argv;
  const cases = Number(casesGiven);
  const seed = Number(seedGiven ?? Date.now() % 1_000_000_000);
  console.log(`fuzz: ${cases} cases, seed ${seed}`);
  const total: Ends = {};
  let failures = 0;
  for (let done = 0; done < cases; done += CASES_A_PROCESS) {
    try {
      const ends = await hunt({ cases: Math.min(CASES_A_PROCESS, cases - done), seed: seed + done, only });
      for (const [end, n] of Object.entries(ends)) total[end] = (total[end] ?? 0) + n;
    } catch (error) {
      failures++;
      console.log(`  FAIL  ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const [end, n] of Object.entries(total).sort(([, a], [, b]) => b - a)) console.log(`  ${String(n).padStart(10)}  ${end}`);
  console.log(failures === 0 ? "every operation came to its end" : `${failures} failures`);
  process.exitCode = failures === 0 ? 0 : 1;
}

if (isMain(import.meta)) await main();
