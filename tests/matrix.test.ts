/** The scripts that build and run programs in folders of their own leave nothing behind where they are ended. */
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
const folders = (): string[] => readdirSync(place).filter((name) => /^allcores-(matrix|first-result)-/.test(name));

for (const [script, word] of [
  ["matrix", "commonjs"],
  ["first-result", "CommonJS"],
] as const)
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`${script}: ${signal} removes its folder`, { timeout: timeLimit(60_000) }, async () => {
      const started = spawn(process.execPath, [`scripts/${script}.mjs`, word], {
        cwd: root,
        env: { ...process.env, TMPDIR: place },
        stdio: "ignore",
      });
      const ended = once(started, "exit");
      while (folders().length === 0) {
        assert.equal(started.exitCode, null);
        await sleep(5);
      }
      started.kill(signal);
      assert.deepEqual(await ended, [128 + constants.signals[signal], null]);
      assert.deepEqual(folders(), []);
    });
