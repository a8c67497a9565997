/** A short, seeded run of the chaos suite: `npm run chaos` is the long one. */
import { describe, test } from "node:test";
import { play } from "./play.js";
import { scenarios } from "./scenarios.js";

describe("under random deaths", { concurrency: 2 }, () => {
  for (const scenario of Object.keys(scenarios)) {
    for (const across of ["threads", "processes"] as const)
      test(`${scenario} across ${across}`, { timeout: 100_000 }, () => play({ scenario, across, blows: 4, seed: 20_260 + scenario.length }).then(() => {}));
  }
});
