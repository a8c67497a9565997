/** Programs that a bundler made, with the library in them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { ProcessPool, ThreadPool } from "allcores";
import { build } from "esbuild";
import { build as buildByVite } from "vite";
import { square } from "../fixtures/pool-tasks.js";
import { withPool } from "./with-pool.js";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");
const example = join(root, "examples/bundled");
const withProcesses = withPool((options) => new ProcessPool(options));

/** Runs the program of a bundle, and looks at what it printed. */
function run(folder: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "main.js")], { encoding: "utf8", timeout: timeLimit(30_000) });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  assert.deepEqual(stdout.split("\n"), ["Thread-1 greets you", "[ 'Process-1 greets one', 'Process-1 greets two' ]", ""]);
}

describe("bundled by esbuild", { timeout: timeLimit(60_000) }, () => {
  const bundle = async (files: string[], options: { minify?: boolean; splitting?: boolean }, check: (folder: string) => void) => {
    const outdir = mkdtempSync(join(root, "build/bundled-"));
    try {
      await build({
        entryPoints: files.map((file) => join(example, file)),
        outdir,
        bundle: true,
        platform: "node",
        format: "esm",
        target: "node20",
        external: ["koffi", "tsx"],
        alias: { allcores: join(root, "src/index.ts") },
        logLevel: "error",
        ...options,
      });
      check(outdir);
    } finally {
      rmSync(outdir, { recursive: true });
    }
  };
  test("program and worker apart", () => bundle(["main.ts", "worker.ts"], {}, run));
  test("minified", () => bundle(["main.ts", "worker.ts"], { minify: true }, run));
  test("with shared pieces", () =>
    bundle(["main.ts", "worker.ts"], { splitting: true }, (folder) => {
      assert.ok(readdirSync(folder).length > 2);
      run(folder);
    }));
});

describe("bundled by esbuild as CommonJS", { timeout: timeLimit(60_000) }, () => {
  const program = `
    import { isMain, ProcessPool, task, Thread } from "allcores";
    const square = task(import.meta, "square", (n) => n * n);
    async function main() {
      const pool = new ProcessPool({ workers: 1 });
      console.log(await Thread.start(square, 2).join(), await pool.submit(square, 3));
      pool.close();
    }
    if (isMain(import.meta)) main();`;
  const built = async (define: Record<string, string>) => {
    const folder = mkdtempSync(join(root, "build/bundled-"));
    try {
      await build({
        stdin: { contents: program, resolveDir: root },
        outfile: join(folder, "main.cjs"),
        bundle: true,
        platform: "node",
        format: "cjs",
        external: ["koffi", "tsx"],
        alias: { allcores: join(root, "dist/module.js") },
        logLevel: "error",
        define,
      });
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "main.cjs")], { encoding: "utf8", timeout: timeLimit(30_000) });
      return { status, stdout, stderr };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  test("with the module in the place of import.meta: one file is program and worker", async () =>
    assert.deepEqual(await built({ "import.meta": "module" }), { status: 0, stdout: "4 9\n", stderr: "" }));
  test("without: the error names the line to add", async () => {
    const { status, stderr } = await built({});
    assert.equal(status, 1);
    assert.match(stderr, /import\.meta is empty here, as bundlers leave it in CommonJS\. .*esbuild: --define:import\.meta=module/);
  });
});

test("what bundlers follow is what they can", () => {
  for (const file of ["index.js", "index.cjs", "library.cjs", "rest.cjs", "module.js"]) {
    const text = readFileSync(join(root, "dist", file), "utf8");
    // webpack and ncc put a module of their own in the place of any other import, which finds nothing.
    for (const [call] of text.matchAll(/(?<!\.\s*|\w)import\((?!\s*(?:\/\*|["'`.)]))[^)]*\)/g))
      assert.fail(`${file} has an import that webpack would resolve: ${call}`);
    assert.doesNotMatch(text, /import \{[^}]*createRequire[^}]*\} from/, file);
  }
});

test("whoever traces files from the module for bundlers finds those that Node loads", () => {
  const text = readFileSync(join(root, "dist/module.js"), "utf8");
  const named = [...text.matchAll(/__dirname \+ "([^"]+)"/g)].map(([, file]) => file);
  assert.deepEqual(named, ["/index.js", "/index.cjs"]);
  for (const file of named)
    for (const script of ["library.cjs", "rest.cjs"]) assert.ok(readFileSync(join(root, "dist", file!), "utf8").includes(`"${script}"`));
});

test("bundled by Vite", { timeout: timeLimit(60_000) }, async () => {
  const outDir = mkdtempSync(join(root, "build/bundled-"));
  try {
    await buildByVite({
      root: example,
      configFile: false,
      logLevel: "error",
      resolve: { alias: { allcores: join(root, "dist/module.js") } },
      ssr: { noExternal: true, external: ["koffi", "tsx"] },
      build: {
        ssr: true,
        outDir,
        emptyOutDir: false,
        target: "node20",
        rollupOptions: { input: { main: join(example, "main.ts"), worker: join(example, "worker.ts") }, output: { entryFileNames: "[name].js" } },
      },
    });
    run(outDir);
  } finally {
    rmSync(outDir, { recursive: true });
  }
});

test("a worker of the wrong form is refused by the constructor", () => {
  assert.throws(() => new ThreadPool({ worker: "worker.js" }), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /new Worker\(new URL/ });
  assert.throws(() => new ProcessPool({ worker: () => undefined as never }), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /URL or path/ });
});

describe("a worker's file of a ProcessPool", { timeout: timeLimit(60_000) }, () => {
  const file = join(import.meta.dirname, "../fixtures/worker-file.js");
  const forms: [form: string, worker: URL | string][] = [
    ["a relative path", relative(process.cwd(), file)],
    ["a relative path with a dot", `./${relative(process.cwd(), file)}`],
    ["a path that is not in its shortest form", join(dirname(file), "programs").concat("/../worker-file.js")],
    ["a path without its extension", relative(process.cwd(), file).replace(/\.js$/, "")],
    ["a URL", pathToFileURL(file)],
    ["a URL as text", pathToFileURL(file).href],
  ];
  for (const [form, worker] of forms)
    test(`may be ${form}, and its worker takes a task`, () =>
      withProcesses({ workers: 1, worker }, async (pool) => assert.equal(await pool.submit(square, 2), 4)));

  test("stays the same where the program changes its folder before the first task", () =>
    withProcesses({ workers: 1, worker: relative(process.cwd(), file) }, async (pool) => {
      const folder = process.cwd();
      process.chdir("/");
      try {
        assert.equal(await pool.submit(square, 2), 4);
      } finally {
        process.chdir(folder);
      }
    }));

  test("at an address that is no file is refused by the constructor", () => {
    for (const worker of [new URL("https://example.org/worker.js"), "file://host/worker.js"])
      assert.throws(() => new ProcessPool({ worker }), { code: "ERR_ALLCORES_ARGUMENT_TYPE", message: /URL or path of a file, got/ });
  });
});
