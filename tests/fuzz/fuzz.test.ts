/** Short, seeded runs of the fuzzer: `npm run fuzz` is the long one. */
import { test } from "node:test";
import { hunt } from "./hunt.js";

test("operations on corrupt memory come to their end", { timeout: 100_000 }, () => hunt({ cases: 300, seed: 20_260 }).then(() => {}));
test("bytes that are no message come to a value or an error of ours", { timeout: 100_000 }, () =>
  hunt({ cases: 1000, seed: 1, only: "messages" }).then(() => {}),
);
