/** What the compiler prints for the commonest mistake: a closure where a task is needed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

test("a closure given to submit or map does not compile, and the compiler says what to do", {
  timeout: timeLimit(60_000),
}, () => {
  const folder = mkdtempSync(join(root, "build/closure-"));
  try {
    writeFileSync(
      join(folder, "closure.ts"),
      'import { ProcessPool, ThreadPool } from "allcores";\nnew ThreadPool().submit(() => 1);\nnew ProcessPool().map((n: number) => n, [1]);\n',
    );
    const paths = { allcores: [join(root, "src/index.ts")] };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions: { paths }, include: ["closure.ts"] }),
    );
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    const about = stdout.split(/^(?=\S+\.ts\(\d+,\d+\))/m).filter((text) => /closure\.ts\(/.test(text));
    assert.equal(about.length, 2, stdout);
    for (const text of about)
      assert.match(
        text,
        /a closure cannot travel to another worker: register the function with task\(import\.meta, fn\) and pass that/,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
