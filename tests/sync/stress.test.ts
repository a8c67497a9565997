/** A short run of the stress test: `npm run stress` is the long one. */
import { describe, test } from "node:test";
import { inForm } from "../form.js";
import { scenarios } from "../stress/scenarios.js";
import { timeLimit } from "../time-limit.js";

const ms = inForm({ short: 40, whole: 150 });

for (const across of ["threads", "processes"] as const) {
  describe(`under stress across ${across}`, () => {
    for (const [name, run] of Object.entries(scenarios))
      test(name, { timeout: timeLimit(40_000) }, () => run({ across, workers: 4, ms, seed: 1 }).then(() => {}));
  });
}
