// Builds dist/ (what is published) and build/ (every source, test, benchmark and example compiled file by file, to be run from here).
// Nothing is deleted before its successor is written, so that programs already running out of dist/ and build/ survive a rebuild.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
process.chdir(root);
/** Programs that tests start again and again: a file for each, since Node takes a millisecond for every file that it loads. */
const programs = ["tests/fixtures/socket-worker.ts"];
const common = { format: "esm", platform: "node", target: "node20", write: true, metafile: true, logLevel: "error" };

const [bundled, mirrored, declared] = await Promise.all([bundles(), mirror(), declarations()]);
await Promise.all([prune("dist", [...bundled, ...declared]), ...["src", "tests", "bench", "examples"].map((folder) => prune(join("build", folder), mirrored))]);

/** The library; the testing kit; and the library with the testing kit's threads, in which a scheduler stands behind the door to atomics. */
async function bundles() {
  const outputs = await Promise.all([
    library(),
    bundle(["src/testing/index.ts"], "dist/testing", "atomics"),
    bundle({ entry: "src/testing/entry.ts", explored: "src/index.ts" }, "dist/testing", "controlled-atomics", { splitting: true, chunkNames: "chunk-[hash]" }),
  ]);
  return outputs.flat().flatMap(({ metafile }) => Object.keys(metafile.outputs));
}

/** The library as a module, for bundlers; as a script; and the module that loads the script, which is what Node imports. */
async function library() {
  const module = await bundle({ module: "src/index.ts" }, "dist", "atomics");
  const names = module.metafile.outputs["dist/module.js"].exports;
  const script = await bundle({ library: "src/index.ts" }, "dist", "atomics", {
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    define: { "import.meta.url": "meta.url", "import.meta.code": "meta.code" },
    banner: { js: "(function (module, require, meta) {\nvar late = (id, module) => () => module ??= require(id);" },
    footer: { js: "})" },
    write: false,
  });
  const text = loadingLate(
    script.outputFiles[0].text
      // Otherwise every `import fs from "node:fs"` copies all that it has.
      .replace(/__toESM\((require\("node:[\w/]+"\)), 1\)/g, "{ default: $1 }")
      // A script of its own may not import.
      .replace(/\bimport\(/g, "meta.import("),
  );
  if (/[^\t-~]/.test(text)) throw new Error("library.cjs is read as Latin-1: it must be ASCII");
  await writeFile("dist/library.cjs", text);
  const build = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const facade = `import { load } from "./src/workers/entry/load.ts";\nexport const { ${names.join(", ")} } = load(import.meta.url, "${build}");`;
  const stdin = { contents: facade, resolveDir: ".", sourcefile: "index.js" };
  const index = await bundle(undefined, undefined, "atomics", { stdin, outfile: "dist/index.js" });
  return [module, script, index, await required(build)];
}

/** What `require` gives: the library of `index.js`, which is the first one's whichever is loaded first. Workers start with `index.js` all the same. */
function required(build) {
  const contents = `import { pathToFileURL } from "node:url";
import { load } from "./src/workers/entry/load.ts";
module.exports = load(new URL("index.js", pathToFileURL(__filename)).href, "${build}");`;
  return bundle(undefined, undefined, "atomics", { format: "cjs", stdin: { contents, resolveDir: ".", sourcefile: "index.cjs" }, outfile: "dist/index.cjs" });
}

/** Built-in modules cost each worker that loads them: those that Node does not load before any program are loaded when they are used. */
function loadingLate(script) {
  const always = new Set(["node:events", "node:fs", "node:path", "node:util"]);
  const late = new Set();
  return script
    .replace(/\b(import_\w+) = require\("(node:[\w/]+)"\)/g, (eager, name, module) => {
      if (always.has(module)) return eager;
      late.add(name);
      return `${name} = late("${module}")`;
    })
    .replace(/\b(import_\w+)\.(\w+)/g, (use, name, member) => (late.has(name) ? `(${name}().${member})` : use));
}

function bundle(entryPoints, outdir, door, options = {}) {
  return build({
    ...common,
    ...(entryPoints && { entryPoints, outdir }),
    ...options,
    bundle: true,
    minifySyntax: true,
    external: ["koffi", "tsx"],
    plugins: [
      {
        name: "allcores",
        setup(hooks) {
          hooks.onResolve({ filter: /^#atomics$/ }, () => ({ path: resolve("src/platform", `${door}.ts`) }));
          hooks.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, prepared);
        },
      },
    ],
  });
}

async function prepared({ path }) {
  // Docstrings are in the declarations. In a bundle esbuild keeps those of class members, and each worker would read them.
  const text = (await readFile(path, "utf8")).replace(/^[ \t]*\/\*\*[\s\S]*?\*\/[ \t]*\n/gm, "");
  // A bundled class becomes `var Lock2 = class _Lock`, and `keepNames` would slow every closure down: name the classes alone.
  const named = text.replace(
    /^(?:export )?(?:default )?(?:abstract )?class (\w+)[^{]*\{/gm,
    (head, name) => `${head} static { Object.defineProperty(this, "name", { value: "${name}", configurable: true }); }`,
  );
  return { loader: "ts", contents: named };
}

async function mirror() {
  const files = (await Promise.all(["src", "tests", "bench", "examples"].map(filesOf))).flat();
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
  const copied = files.filter((file) => !/\.(ts|md)$/.test(file) && !file.startsWith("src/"));
  const compiled = { ...common, outbase: ".", outdir: "build", sourcemap: "inline", sourcesContent: false };
  const [{ metafile }] = await Promise.all([
    build({ ...compiled, entryPoints: sources.filter((file) => !programs.includes(file)) }),
    build({ ...compiled, entryPoints: programs, bundle: true, packages: "external", external: ["#atomics"] }),
    ...copied.map(async (file) => {
      await mkdir(dirname(join("build", file)), { recursive: true });
      await copyFile(file, join("build", file));
    }),
  ]);
  return [...Object.keys(metafile.outputs), ...programs.map((file) => join("build", file.replace(/ts$/, "js"))), ...copied.map((file) => join("build", file))];
}

async function declarations() {
  if (!process.argv.includes("--no-types")) {
    const tsc = resolve("node_modules/typescript/bin/tsc");
    const code = await new Promise((done) => spawn(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" }).on("exit", done));
    // What can be built is built all the same: a type error in one place must not stop work in another.
    if (code !== 0) process.exitCode = 1;
  }
  const written = (await filesOf("src")).map((file) => file.replace(/^src/, "dist/types").replace(/\.ts$/, ".d.ts"));
  return [...written, ...(await declarationsToRequire(written))];
}

/** The same once more, for those who `require` the library: whether a declaration is one of a CommonJS module, the compiler reads in the package.json above it. */
async function declarationsToRequire(written) {
  const folder = "dist/types-require";
  const there = [];
  // With --no-types a new source has no declaration yet.
  for (const file of written) if (await exists(file)) there.push(file);
  const copies = there.map((file) => [file, file.replace("dist/types", folder)]);
  for (const [, copy] of copies) await mkdir(dirname(copy), { recursive: true });
  await writeFile(`${folder}/package.json`, '{ "type": "commonjs" }\n');
  await Promise.all(copies.map(([file, copy]) => copyFile(file, copy)));
  return [`${folder}/package.json`, ...copies.map(([, copy]) => copy)];
}

/** Removes what an earlier build left in `folder` and this one did not write. */
async function prune(folder, written) {
  const keep = new Set(written);
  const stale = (await filesOf(folder)).filter((file) => !keep.has(file));
  await Promise.all(stale.map((file) => rm(file, { force: true })));
}

async function filesOf(folder) {
  if (!(await exists(folder))) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, resolve(entry.parentPath, entry.name)));
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
