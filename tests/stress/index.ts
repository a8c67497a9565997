/**
 * npm run stress [seconds per combination] [seed] [part of a scenario's name]: everything under eight workers, for each
 * reach.
 */
import { isMain } from "allcores";
import { scenarios } from "./scenarios.js";

async function main(): Promise<void> {
  const [, , seconds = "10", seedGiven, part = ""] = process.argv;
  const seed = Number(seedGiven ?? Date.now() % 1_000_000);
  console.log(`stress: ${seconds} s per combination, seed ${seed} (replay: npm run stress -- ${seconds} ${seed})`);
  let failures = 0;
  for (const across of ["threads", "processes"] as const) {
    for (const [name, run] of Object.entries(scenarios)) {
      if (!name.includes(part)) continue;
      try {
        const counts = await run({ across, workers: 8, ms: Number(seconds) * 1000, seed });
        console.log(
          `  ok    ${name} across ${across}: ${Object.entries(counts)
            .map(([what, n]) => `${n} ${what}`)
            .join(", ")}`,
        );
      } catch (error) {
        failures++;
        console.log(`  FAIL  ${name} across ${across}:`, error);
      }
    }
  }
  process.exitCode = failures === 0 ? 0 : 1;
}

if (isMain(import.meta)) await main();
