/** The crawler reads each page once, knows what is late and what is missing, keeps its rate and can be called off. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("../../examples/crawler/index.js", import.meta.url));

test("the crawler", { timeout: timeLimit(60_000) }, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program]);
  assert.equal(stderr, "");
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "/: 4 links",
    "  /fruit: 3 links",
    "    /fruit/apple: 1 links",
    "      /fruit/apple/seed: 1 links",
    "    /fruit/pear: 0 links",
    "  /nowhere: 404",
    "    /silent: no answer in time",
    "  /slow: 0 links",
    "  /vegetables: 3 links",
    "    /vegetables/leek: 1 links",
    "10 pages",
    "the rate was kept",
    "called off: the user has seen enough",
  ]);
});
