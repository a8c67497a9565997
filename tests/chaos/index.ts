/**
 * npm run chaos [blows] [seed] [part of a play's name]: so many blows, dealt out over all scenarios and both reaches. Each play has a name and a seed of its own, printed
 * with it: `npm run chaos 18 4763 "task group across processes"` deals the same blows to the same roles again; when they fall is up to the machine.
 */
import { isMain } from "allcores";
import type { Across } from "./crew.js";
import { play } from "./play.js";
import { scenarios } from "./scenarios.js";
import type { Tally } from "./stage.js";

const MOST_BLOWS_A_PLAY = 25;

async function main(): Promise<void> {
  const [, , blowsGiven = "1000", seedGiven, part = ""] = process.argv;
  const blows = Number(blowsGiven);
  const seed = Number(seedGiven ?? Date.now() % 1_000_000);
  const all = Object.keys(scenarios).flatMap((scenario) =>
    (["processes", "threads"] as Across[]).map((across) => ({ scenario, across, name: `${scenario} across ${across}` })),
  );
  const plays = all.filter(({ name }) => name.includes(part));
  if (plays.length === 0 || !(blows > 0) || !Number.isSafeInteger(seed)) {
    console.error(`npm run chaos [blows] [seed] [part of a play's name], of these:\n${all.map(({ name }) => `  ${name}`).join("\n")}`);
    process.exitCode = 2;
    return;
  }
  // So that each is played, if there are blows for all.
  const share = Math.min(MOST_BLOWS_A_PLAY, Math.max(1, Math.ceil(blows / plays.length)));
  console.log(`chaos: ${blows} blows, seed ${seed}`);
  const total: Tally = {};
  let failures = 0;
  for (let dealt = 0, index = 0; dealt < blows; index++) {
    const now = Math.min(share, blows - dealt);
    const { name, ...played } = plays[index % plays.length]!;
    const what = { ...played, blows: now, seed: seed + index };
    const title = `${name}, ${now} blows, seed ${what.seed}`;
    dealt += now;
    try {
      const tally = await play(what);
      for (const [name, n] of Object.entries(tally)) total[name] = (total[name] ?? 0) + n;
      console.log(`  ok    ${title}: ${say(tally)}`);
    } catch (error) {
      failures++;
      console.log(`  FAIL  ${title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  console.log(`${failures === 0 ? "every invariant kept" : `${failures} plays failed`}; in all ${say(total)}`);
  process.exitCode = failures === 0 ? 0 : 1;
}

function say(tally: Tally): string {
  return Object.entries(tally)
    .map(([what, n]) => `${n} ${what}`)
    .join(", ");
}

if (isMain(import.meta)) await main();
