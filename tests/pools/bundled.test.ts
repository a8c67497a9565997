/** Programs that a bundler made, with the library in them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
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
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, "main.js")], {
    encoding: "utf8",
    timeout: timeLimit(30_000),
  });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  assert.deepEqual(stdout.split("\n"), [
    "Thread-1 greets you",
    "[ 'Process-1 greets one', 'Process-1 greets two' ]",
    "",
  ]);
}

describe("bundled by esbuild", { timeout: timeLimit(60_000) }, () => {
  const bundle = async (
    files: string[],
    options: { minify?: boolean; splitting?: boolean },
    check: (folder: string) => void,
  ) => {
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

interface Form {
  readonly format: "cjs" | "esm";
  readonly define?: Record<string, string>;
}
type Bundle = (program: string, outfile: string, form: Form) => Promise<unknown>;

const bundlers: Record<string, Bundle> = {
  esbuild: (program, outfile, form) =>
    build({
      entryPoints: [program],
      outfile,
      bundle: true,
      platform: "node",
      external: ["koffi", "tsx"],
      alias: { allcores: join(root, "dist/module.js") },
      logLevel: "error",
      ...form,
    }),
  Vite: (program, outfile, { format, define }) =>
    buildByVite({
      root: dirname(program),
      configFile: false,
      logLevel: "error",
      resolve: { alias: { allcores: join(root, "dist/module.js") } },
      ssr: { noExternal: true, external: ["koffi", "tsx"] },
      ...(define && { define }),
      build: {
        ssr: program,
        outDir: dirname(outfile),
        emptyOutDir: false,
        target: "node20",
        rollupOptions: { output: { format, entryFileNames: basename(outfile) } },
      },
    }),
};

/** Bundles a program with the library, and runs it. */
async function built(
  text: string,
  form: Form,
  bundle = bundlers.esbuild!,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const folder = mkdtempSync(join(root, "build/bundled-"));
  const program = join(folder, "source.mjs");
  const outfile = join(folder, form.format === "cjs" ? "main.cjs" : "main.mjs");
  try {
    writeFileSync(program, text);
    await bundle(program, outfile, form);
    const { status, stdout, stderr } = spawnSync(process.execPath, [outfile], {
      encoding: "utf8",
      timeout: timeLimit(30_000),
    });
    return { status, stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("bundled as CommonJS", { timeout: timeLimit(60_000) }, () => {
  const program = `
    import { isMain, ProcessPool, task, Thread } from "allcores";
    const square = task(import.meta, "square", (n) => n * n);
    async function main() {
      const pool = new ProcessPool({ workers: 1 });
      console.log(await Thread.start(square, 2).join(), await pool.submit(square, 3));
      pool.close();
    }
    if (isMain(import.meta)) main();`;
  test("by esbuild, with the module in the place of import.meta: one file is program and worker", async () =>
    assert.deepEqual(await built(program, { format: "cjs", define: { "import.meta": "module" } }), {
      status: 0,
      stdout: "4 9\n",
      stderr: "",
    }));
  for (const [name, bundle] of Object.entries(bundlers))
    test(`without, by ${name}: the error names the line to add`, async () => {
      const { status, stderr } = await built(program, { format: "cjs" }, bundle);
      assert.equal(status, 1);
      assert.match(
        stderr,
        /import\.meta is empty here, as bundlers leave it in CommonJS\. .*esbuild: --define:import\.meta=module/,
      );
    });
});

describe("a bundle whose file no worker can run", { timeout: timeLimit(60_000) }, () => {
  for (const [name, bundle] of Object.entries(bundlers))
    test(`as ${name} left the source's path: every kind of worker names the lines to add`, async () => {
      const program = `
        import { Process, ProcessPool, task, Thread, ThreadPool } from "allcores";
        const square = task(import.meta, "square", (n) => n * n);
        const starts = {
          ThreadPool: () => new ThreadPool({ workers: 1 }).submit(square, 3),
          ProcessPool: async () => await new ProcessPool({ workers: 1 }).submit(square, 3),
          Thread: async () => await Thread.start(square, 1).join(),
          Process: async () => await Process.start(square, 1).join(),
        };
        for (const [name, start] of Object.entries(starts)) await start().catch((error) => console.log(name, error.code, error.message));
        process.exit();`;
      const define = { "import.meta.url": '"file:///nowhere/allcores.js"' };
      const { status, stdout, stderr } = await built(program, { format: "esm", define }, bundle);
      assert.deepEqual([status, stderr], [0, ""]);
      const lines = stdout.trimEnd().split("\n");
      assert.equal(lines.length, 4);
      const said =
        /^\w+ ERR_ALLCORES_STATE no worker can start: .*nowhere.*importMeta = false.*new ThreadPool\(\{ worker: /;
      for (const line of lines) assert.match(line, said);
    });

  test("as it starts a server: the error says what a worker runs, and what to do", async () => {
    const program = `
      import { createServer } from "node:http";
      import { ProcessPool, task, ThreadPool } from "allcores";
      const square = task(import.meta, "square", (n) => n * n);
      createServer().listen(process.env.PORT ??= "0", async function () {
        process.env.PORT = this.address().port;
        const starts = {
          ThreadPool: () => new ThreadPool({ workers: 1 }).submit(square, 3),
          ProcessPool: () => new ProcessPool({ workers: 1 }).submit(square, 3),
        };
        for (const [name, start] of Object.entries(starts)) await start().catch((error) => console.log(name, error.code, error.message));
        process.exit();
      });`;
    const { status, stdout } = await built(program, { format: "esm" });
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2);
    for (const line of lines)
      assert.match(
        line,
        /^\w+ ERR_ALLCORES_WORKER_DIED .*A worker runs all of the file .*behind isMain.*options\.worker/,
      );
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
    for (const script of ["library.cjs", "rest.cjs"])
      assert.ok(readFileSync(join(root, "dist", file!), "utf8").includes(`"${script}"`));
  // And koffi, as `require` finds it, with its native part.
  assert.match(readFileSync(join(root, "dist/index.js"), "utf8"), /import\("\.\/index\.cjs"\)/);
  const required = join(root, "dist/index.cjs");
  const [traced] = /function traced\(\)[^}]*/.exec(readFileSync(required, "utf8"))!;
  const names = [...traced.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name!);
  assert.equal(names[0], "koffi");
  const native = names.filter((name) => name.startsWith(`@koromix/koffi-${process.platform}-${process.arch}/`));
  if (["x64", "arm64"].includes(process.arch)) assert.equal(native.length, 2);
  for (const name of ["koffi", ...native]) createRequire(required).resolve(name);
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
        rollupOptions: {
          input: { main: join(example, "main.ts"), worker: join(example, "worker.ts") },
          output: { entryFileNames: "[name].js" },
        },
      },
    });
    run(outDir);
  } finally {
    rmSync(outDir, { recursive: true });
  }
});

test("a worker of the wrong form is refused by the constructor", () => {
  assert.throws(() => new ThreadPool({ worker: "worker.js" }), {
    code: "ERR_ALLCORES_ARGUMENT_TYPE",
    message: /new Worker\(new URL/,
  });
  assert.throws(() => new ProcessPool({ worker: () => undefined as never }), {
    code: "ERR_ALLCORES_ARGUMENT_TYPE",
    message: /URL or path/,
  });
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
      assert.throws(() => new ProcessPool({ worker }), {
        code: "ERR_ALLCORES_ARGUMENT_TYPE",
        message: /URL or path of a file, got/,
      });
  });
});
