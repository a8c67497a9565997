/**
 * Workers of node:cluster with a common cache: every answer is computed once, although one of them is killed meanwhile.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("../../examples/shared-cache/index.js", import.meta.url));

test("computes each answer once, whichever worker is asked, and once more where its worker was killed", {
  timeout: timeLimit(60_000),
}, async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program]);
  assert.equal(stderr, "");
  const [requests, alike, cached, computed] = stdout.trimEnd().split("\n");
  assert.match(requests!, /^60 requests for 12 answers, the last is \d+$/);
  assert.equal(alike, "all alike: true");
  assert.match(cached!, /^cached: 12 answers in \d+ bytes$/);
  // Killed between storing an answer and counting it, a worker leaves it uncounted; killed a moment before, uncomputed.
  assert.match(computed!, /^computed 1[12] times, [01] of them after a worker died$/);
});
