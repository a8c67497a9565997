/**
 * `require("allcores")` and `import("allcores")` give one library, in the program and in its workers; `module` names a
 * CommonJS module.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import * as imported from "allcores";
import { timeLimit } from "../time-limit.js";

// Within the package, so that its own name leads to it.
const folder = mkdtempSync(join(import.meta.dirname, "require-"));
after(() => rmSync(folder, { recursive: true }));

async function played(name: string, text: string): Promise<unknown> {
  const file = join(folder, name);
  writeFileSync(file, text);
  const started = promisify(execFile)(process.execPath, [file], { timeout: timeLimit(30_000), killSignal: "SIGKILL" });
  const { stdout } = await started.catch((error) => assert.fail(`${error.stdout}${error.stderr}`));
  return JSON.parse(stdout);
}

const PROGRAM = `
const { isMain, ProcessPool, Queue, task, ThreadPool } = require("allcores");
require("./other.cjs");

exports.look = task(module, async function look(queue) {
  const { Lock, Queue } = await import("allcores");
  return [Lock === require("allcores").Lock, queue instanceof Queue, isMain(module)];
});
exports.plusOne = task(__filename, function plusOne(n) {
  return n + 1;
});

async function main() {
  const out = { program: require("allcores").Lock === (await import("allcores")).Lock };
  for (const Pool of [ThreadPool, ProcessPool]) {
    const pool = new Pool({ workers: 1 });
    out[Pool.name] = [...(await pool.submit(exports.look, new Queue({ across: "processes" }))), await pool.submit(exports.plusOne, 1)];
    pool.terminate();
  }
  console.log(JSON.stringify(out));
}
if (isMain(module)) main();
`;

test("what is required is what is imported, in threads and processes too", async () => {
  writeFileSync(
    join(folder, "other.cjs"),
    `if (require("allcores").isMain(module)) throw new Error("only the program is main");`,
  );
  const worker = [true, true, false, 2];
  assert.deepEqual(await played("program.cjs", PROGRAM), { program: true, ThreadPool: worker, ProcessPool: worker });
});

test("it is so where the library was imported first", () => {
  const required = createRequire(import.meta.url)("allcores") as typeof imported;
  assert.equal(required.Lock, imported.Lock);
  assert.deepEqual(
    Object.keys(imported).filter((name) => !(name in required)),
    [],
  );
});

for (const external of [[], ["allcores"]])
  test(`it is so in a bundle that ${external.length > 0 ? "leaves the library out" : "holds the library"}`, async () => {
    const contents = `import { Lock } from "allcores"; console.log(JSON.stringify(Lock === require("allcores").Lock));`;
    // This project's own tsconfig.json leads to the sources.
    const packed = {
      bundle: true,
      platform: "node",
      format: "cjs",
      tsconfigRaw: {},
      logLevel: "error",
      write: false,
    } as const;
    const { outputFiles } = await build({
      ...packed,
      stdin: { contents, resolveDir: folder },
      external: ["koffi", "tsx", ...external],
    });
    assert.equal(await played("bundle.cjs", outputFiles[0]!.text), true);
  });

test("a module that is evaluated again registers its tasks again; one evaluation does not do so twice", async () => {
  writeFileSync(
    join(folder, "again.cjs"),
    `exports.answer = require("allcores").task(module, function answer() { return 1; });`,
  );
  const twice = `const { task } = require("allcores"); task(module, function f() {}); task(module, function f() {});`;
  writeFileSync(join(folder, "twice.cjs"), twice);
  const out = await played(
    "evaluates.cjs",
    `const file = require.resolve("./again.cjs");
    require(file);
    delete require.cache[file];
    const out = { again: require(file).answer() };
    try { require("./twice.cjs"); } catch (error) { out.twice = error.code; }
    console.log(JSON.stringify(out));`,
  );
  assert.deepEqual(out, { again: 1, twice: "ERR_ALLCORES_STATE" });
});
