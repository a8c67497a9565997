/** A short, seeded run of the fuzzer: `npm run fuzz` is the long one. */
import { test } from "node:test";
import { hunt } from "./hunt.js";

test("operations on corrupt memory come to their end", { timeout: 100_000 }, () => hunt({ cases: 300, seed: 20_260 }).then(() => {}));
