/** The graceful shutdown of a service: a signal to its whole group cuts nothing off. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("../../examples/graceful-shutdown/index.js", import.meta.url));

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"])
  test(`a service whose whole group gets ${signal} answers all that it has accepted, and ends`, {
    timeout: timeLimit(60_000),
  }, async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, signal]);
    assert.equal(stderr, "");
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      `stopping ${signal}`,
      "stopped 6 of 6 answered",
      "6 of 6 answers arrived, the service ended with 0",
    ]);
  });
