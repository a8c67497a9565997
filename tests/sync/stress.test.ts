/** A short run of the stress test: `npm run stress` is the long one. */
import { describe, test } from "node:test";
import { scenarios } from "../stress/scenarios.js";

for (const across of ["threads", "processes"] as const) {
  describe(`under stress across ${across}`, () => {
    for (const [name, play] of Object.entries(scenarios)) test(name, { timeout: 40_000 }, () => play({ across, workers: 4, ms: 150, seed: 1 }).then(() => {}));
  });
}
