/** Who the main program is: as Node finds it, in bundles, and where nobody can tell. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { type Counted, runCounted } from "../fixtures/counted-program.js";
import { timeLimit } from "../time-limit.js";

const root = resolve(import.meta.dirname, "../../..");

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "is-main-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/allcores"));
  symlinkSync(join(root, "node_modules/koffi"), join(folder, "node_modules/koffi"));
});
after(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const says = 'import { isMain } from "allcores"; console.log(isMain(import.meta));';
/** Works with the guard, in each model: what the library itself does is in the same file. */
const guarded = `
  import { isMain, Process, ProcessPool, Thread, ThreadPool, task } from "allcores";
  const me = typeof __filename === "string" ? __filename : import.meta;
  const double = task(me, "double", (n) => 2 * n);
  const mainHere = task(me, "mainHere", () => isMain(me));
  if (isMain(me)) {
    (async () => {
      for (const Pool of [ThreadPool, ProcessPool]) {
        const pool = new Pool({ workers: 1 });
        console.log(await pool.map(double, [1, 2]), await pool.submit(mainHere));
        pool.close();
      }
      console.log(await Thread.start(mainHere).join(), await Process.start(mainHere).join());
    })();
  }`;
const expected = "[ 2, 4 ] false\n[ 2, 4 ] false\nfalse false\n";

function prints(done: Counted, output: string): void {
  assert.deepEqual({ code: done.code, errors: done.errors, output: done.output }, { code: 0, errors: "", output });
}

describe("isMain is false in every child of ours, whatever the bundle", { timeout: timeLimit(120_000) }, () => {
  const bundled = async (name: string, format: "esm" | "cjs"): Promise<Counted> => {
    const source = write(`bundled/${name}.mjs`, guarded);
    const outfile = join(folder, `bundled/${name}.bundle.${format === "esm" ? "mjs" : "cjs"}`);
    const alias = { allcores: join(root, "src/index.ts") };
    await build({
      entryPoints: [source],
      outfile,
      format,
      alias,
      bundle: true,
      platform: "node",
      target: "node20",
      external: ["koffi", "tsx"],
      logLevel: "error",
    });
    return await runCounted([outfile]);
  };
  test("a correctly guarded program in one bundled file does not recurse, ESM", async () => {
    const done = await bundled("esm", "esm");
    prints(done, expected);
    assert.equal(done.workers, 4);
  });
  test("a correctly guarded program in one bundled file does not recurse, CommonJS", async () => {
    const done = await bundled("cjs", "cjs");
    prints(done, expected);
    assert.equal(done.workers, 4);
  });
  test("the same program unbundled", async () => prints(await runCounted([write("plain.mjs", guarded)]), expected));
});

describe("where isMain cannot know, it says so", { timeout: timeLimit(60_000) }, () => {
  const frozen = (url: string) =>
    `import { isMain } from "allcores"; if (isMain({ url: ${JSON.stringify(url)} })) console.log("works");`;
  const isRefused = ({ code, errors, output }: Counted) => {
    assert.equal(output, "");
    assert.equal(code, 1);
    assert.match(errors, /StateError: isMain\(import\.meta\) cannot tell.*importMeta/);
  };
  test("import.meta.url is a source that is not there, as webpack freezes it", async () =>
    isRefused(await runCounted([write("frozen.mjs", frozen("file:///build/src/main.js"))])));
  test("import.meta.url is a source that is there, and is not what runs", async () =>
    isRefused(await runCounted([write("frozen-here.mjs", frozen(pathToFileURL(write("source.js", says)).href))])));
  test("import.meta is empty, as esbuild leaves it in CommonJS", async () =>
    isRefused(await runCounted([write("empty.mjs", frozen("").replace('{ url: "" }', "{}"))])));
  test("in a bundle that a framework loads it is a warning, once", async () => {
    write("chunk.mjs", `${frozen("file:///build/src/a.js")} isMain({ url: "file:///build/src/b.js" });`);
    const { code, errors, output } = await runCounted([
      write("framework.mjs", 'import "./chunk.mjs"; console.log("up");'),
    ]);
    assert.deepEqual({ code, output }, { code: 0, output: "up\n" });
    assert.equal(errors.match(/ALLCORES_IS_MAIN/g)?.length, 1, errors);
  });
  test("a function that asks for the module that calls it is no bundle", async () => {
    write("guard.mjs", 'import { isMain } from "allcores"; export const started = (meta) => isMain(meta);');
    write("part.mjs", 'import { started } from "./guard.mjs"; console.log("part", started(import.meta));');
    prints(
      await runCounted([
        write(
          "whole.mjs",
          'import "./part.mjs"; import { started } from "./guard.mjs"; console.log("whole", started(import.meta));',
        ),
      ]),
      "part false\nwhole true\n",
    );
  });
  test("what names no module is refused", async () => {
    const { errors } = await runCounted([
      write("nothing.mjs", 'import { isMain } from "allcores"; isMain("main.js");'),
    ]);
    assert.match(errors, /ArgumentTypeError: isMain/);
  });
});

describe("the program as Node finds it", { timeout: timeLimit(60_000) }, () => {
  before(() => {
    write("app/package.json", '{ "type": "module", "main": "src/app.js" }');
    write("app/src/app.js", says);
    write("app/server.js", says);
    write("app/server.mjs", 'console.log("another file");');
    write("app/lib/index.js", 'const { isMain } = require("allcores"); console.log(isMain(__filename));');
    write("app/lib/package.json", '{ "type": "commonjs" }');
  });
  const app = () => join(folder, "app");
  test("node .", async () => prints(await runCounted(["."], {}, app()), "true\n"));
  test("node app/server", async () => prints(await runCounted(["app/server"], {}, folder), "true\n"));
  test("node folder, CommonJS", async () => prints(await runCounted([join(app(), "lib")]), "true\n"));
  test("a symbolic link, and one that is not followed", async () => {
    symlinkSync(join(app(), "server.js"), join(folder, "app/linked.js"));
    for (const options of [[], ["--preserve-symlinks-main"]])
      prints(await runCounted([...options, "linked.js"], {}, app()), "true\n");
  });
  test("imported, preloaded, and named like the program without being it", async () => {
    const preloaded = write("app/preloaded.mjs", `${says}`);
    prints(await runCounted(["--import", pathToFileURL(preloaded).href, "server.js"], {}, app()), "false\ntrue\n");
    prints(await runCounted([write("app/imports.mjs", 'import "./server.js";')]), "false\n");
    write("app/server.cjs", 'const { isMain } = require("allcores"); console.log(isMain(__filename));');
    prints(await runCounted([write("app/loads.js", 'import "./server.cjs";')]), "false\n");
  });
  test("node -e", async () => {
    prints(await runCounted(["--input-type=module", "-e", says], {}, app()), "true\n");
    prints(await runCounted(["--input-type=module", "-e", 'import "./server.js";', "more"], {}, app()), "false\n");
  });
  test("a worker thread of the program's own", async () => {
    const file = write(
      "app/threads.mjs",
      `import { Worker, isMainThread } from "node:worker_threads"; ${says} if (isMainThread) new Worker(new URL(import.meta.url));`,
    );
    prints(await runCounted([file]), "true\nfalse\n");
  });
});
