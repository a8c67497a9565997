/** Short, seeded runs of the fuzzer: `npm run fuzz` is the long one. */
import { test } from "node:test";
import { hunt } from "./hunt.js";

test("operations on corrupt memory come to their end", { timeout: 100_000 }, () => hunt({ cases: 300, seed: 20_260 }).then(() => {}));
for (const [only, every] of [
  ["layout", 331],
  ["layout-processes", 1499],
] as const) {
  test(`a walk over the layouts (${only}): each single wrong word gives a value or an error of ours`, { timeout: 100_000 }, () =>
    hunt({ cases: 0, seed: 11, only, every }).then(() => {}),
  );
}
test("bytes that are no message come to a value or an error of ours", { timeout: 100_000 }, () =>
  hunt({ cases: 1000, seed: 1, only: "messages" }).then(() => {}),
);
