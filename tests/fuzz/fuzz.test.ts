/** Short, seeded runs of the fuzzer: `npm run fuzz` is the long one. */
import { test } from "node:test";
import { inForm } from "../form.js";
import { hunt } from "./hunt.js";
import { timeLimit } from "../time-limit.js";

test("operations on corrupt memory come to their end", { timeout: timeLimit(100_000) }, () =>
  hunt({ cases: inForm({ short: 100, whole: 1000 }), seed: 20_260 }).then(() => {}),
);
for (const [only, every] of [
  ["layout", inForm({ short: 997, whole: 331 })],
  ["layout-processes", inForm({ short: 4993, whole: 1499 })],
] as const) {
  test(
    `a walk over the layouts (${only}): each single wrong word gives a value or an error of ours`,
    { timeout: timeLimit(100_000) },
    () => hunt({ cases: 0, seed: 11, only, every }).then(() => {}),
  );
}
test("bytes that are no message come to a value or an error of ours", { timeout: timeLimit(100_000) }, () =>
  hunt({ cases: inForm({ short: 500, whole: 5000 }), seed: 1, only: "messages" }).then(() => {}),
);
