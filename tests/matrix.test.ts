/**
 * The scripts that build and run programs in folders of their own leave nothing behind where they are ended. Each kind
 * of use has a row, whose set-up names this library twice at most.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
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

describe("each kind of use", () => {
  const rows = join(root, "scripts/matrix");
  const kinds = {
    script: "script",
    Express: "express",
    Fastify: "fastify",
    Next: "next",
    "Next, standalone": "next-standalone",
    Nitro: "nitro",
    "Vite SSR": "vite-ssr",
    "a command-line tool": "cli",
    Vitest: "vitest",
    Jest: "jest",
    CommonJS: "commonjs",
    monorepo: "monorepo",
  };
  const isSetUp = (file: string): boolean => /\.config\.\w+$|^tsconfig|^build\.mjs$|^\.yarnrc/.test(file);

  for (const [kind, row] of Object.entries(kinds))
    test(`${kind}: at most two lines of its set-up name this library`, () => {
      const folder = join(rows, row);
      const { matrix } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      assert.ok(matrix.run.length > 0);
      const lines = readdirSync(folder)
        .filter(isSetUp)
        .flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n"));
      const commands = [matrix.build ?? [], matrix.run].flat();
      const named = [...lines, ...commands].filter((line) => /allcores|koffi|tsx\b/.test(line));
      assert.ok(named.length <= 2, named.join("\n"));
    });

  test("whatever has to be installed has a lock file", () => {
    for (const row of readdirSync(rows).filter((name) => existsSync(join(rows, name, "package.json")))) {
      const { dependencies } = JSON.parse(readFileSync(join(rows, row, "package.json"), "utf8"));
      assert.equal(existsSync(join(rows, row, "package-lock.json")), dependencies !== undefined, row);
    }
  });
});
