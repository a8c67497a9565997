/** The script that builds and runs a program with each tool leaves nothing behind where it is ended. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { timeLimit } from "./time-limit.js";

const root = resolve(import.meta.dirname, "../..");
const place = mkdtempSync(join(tmpdir(), "allcores-matrix-test-"));
after(() => rmSync(place, { recursive: true, force: true }));
const folders = (): string[] => readdirSync(place).filter((name) => name.startsWith("allcores-matrix-"));

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`${signal} removes its folder`, { timeout: timeLimit(60_000) }, async () => {
    const matrix = spawn(process.execPath, ["scripts/matrix.mjs", "commonjs"], {
      cwd: root,
      env: { ...process.env, TMPDIR: place },
      stdio: "ignore",
    });
    const ended = once(matrix, "exit");
    while (folders().length === 0) {
      assert.equal(matrix.exitCode, null);
      await sleep(5);
    }
    matrix.kill(signal);
    assert.deepEqual(await ended, [128 + constants.signals[signal], null]);
    assert.deepEqual(folders(), []);
  });
