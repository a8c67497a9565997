/** The search for flaky tests comes to its end, says what it found, and leaves no busy loop. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { timeLimit } from "./time-limit.js";

const script = join(resolve(import.meta.dirname, "../.."), "scripts/flaky.mjs");
/** A word that its busy loops inherit. */
const MARK = `FLAKY_OF_${process.pid}`;

function loopsLeft(): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${MARK}=1`);
    } catch {
      // It has ended, or is another user's.
      return false;
    }
  });
}

test("the search for flaky tests ends, says what it found, and leaves no busy loop", {
  timeout: timeLimit(60_000),
}, async () => {
  const args = [script, "--runs=1", "--load=2", "--lanes=1", "memory/ids.test"];
  const child = spawn(process.execPath, args, { env: { ...process.env, [MARK]: "1" } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(code, 0, output);
  assert.match(output, /^[1-9]\d* tests, 1 runs beside 2 busy loops: 0 did not always pass$/m);
  while (loopsLeft().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
});
