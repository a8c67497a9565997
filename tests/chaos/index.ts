/**
 * npm run chaos [faults] [seed] [part of a run's name]: so many faults, dealt out over all scenarios and both reaches.
 * Each run has a name and a seed of its own, printed with it: `npm run chaos 18 4763 "task group across processes"`
 * deals the same faults to the same roles again; when they fall is up to the machine.
 */
import { isMain } from "allcores";
import type { Across } from "./supervisor.js";
import { runChaos } from "./chaos-run.js";
import { scenarios } from "./scenarios.js";
import type { Tally } from "./scenario.js";

const MOST_FAULTS_A_RUN = 25;

async function main(): Promise<void> {
  const [, , faultsGiven = "1000", seedGiven, part = ""] = process.argv;
  const faults = Number(faultsGiven);
  const seed = Number(seedGiven ?? Date.now() % 1_000_000);
  const all = Object.keys(scenarios).flatMap((scenario) =>
    (["processes", "threads"] as Across[]).map((across) => ({
      scenario,
      across,
      name: `${scenario} across ${across}`,
    })),
  );
  const runs = all.filter(({ name }) => name.includes(part));
  if (runs.length === 0 || !(faults > 0) || !Number.isSafeInteger(seed)) {
    console.error(
      `npm run chaos [faults] [seed] [part of a run's name], of these:\n${all.map(({ name }) => `  ${name}`).join("\n")}`,
    );
    process.exitCode = 2;
    return;
  }
  // So that each is run, if there are faults for all.
  const share = Math.min(MOST_FAULTS_A_RUN, Math.max(1, Math.ceil(faults / runs.length)));
  console.log(`chaos: ${faults} faults, seed ${seed}`);
  const total: Tally = {};
  let failures = 0;
  for (let dealt = 0, index = 0; dealt < faults; index++) {
    const now = Math.min(share, faults - dealt);
    const { name, ...chosen } = runs[index % runs.length]!;
    const what = { ...chosen, faults: now, seed: seed + index };
    const title = `${name}, ${now} faults, seed ${what.seed}`;
    dealt += now;
    try {
      const tally = await runChaos(what);
      for (const [name, n] of Object.entries(tally)) total[name] = (total[name] ?? 0) + n;
      console.log(`  ok    ${title}: ${say(tally)}`);
    } catch (error) {
      failures++;
      console.log(`  FAIL  ${title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(`${failures === 0 ? "every invariant kept" : `${failures} runs failed`}; in all ${say(total)}`);
  process.exitCode = failures === 0 ? 0 : 1;
}

function say(tally: Tally): string {
  return Object.entries(tally)
    .map(([what, n]) => `${n} ${what}`)
    .join(", ");
}

if (isMain(import.meta)) await main();
