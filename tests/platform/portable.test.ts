/**
 * What stands in for a system without an implementation, forced here: threads work as ever, and processes are refused.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { timeLimit } from "../time-limit.js";

const env = { ...process.env, ALLCORES_PLATFORM: "portable" };
const tests = join(import.meta.dirname, "..");
// A runner within a runner would report to that one.
delete (env as Record<string, string | undefined>).NODE_TEST_CONTEXT;

test("threads work, and what needs processes names the error", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(tests, "fixtures/programs/portable.js")], {
    env,
    encoding: "utf8",
    timeout: timeLimit(20_000),
  });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout), {
    squares: [1, 4, 9],
    joined: 16,
    blocked: 25,
    counted: 1,
    got: 1,
    set: true,
    refused: Array.from({ length: 5 }, () => "ERR_ALLCORES_PLATFORM"),
  });
});

// `npm run test:portable` runs the others, in some minutes.
test("a contract between threads holds", () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--test", "--test-reporter=tap", join(tests, "contract/event.test.js")],
    {
      env,
      encoding: "utf8",
      timeout: timeLimit(40_000),
    },
  );
  const [, passed, failed] = /^# pass (\d+)$[\s\S]*^# fail (\d+)$/m.exec(stdout) ?? [];
  assert.deepEqual({ status, failed }, { status: 0, failed: "0" }, stdout);
  assert.ok(Number(passed) > 20, stdout);
  assert.doesNotMatch(stdout, /across processes/);
});
