// Builds dist/ (what is published) and build/ (every source, test, benchmark and example compiled file by file, to be
// run from here). Nothing is deleted before its successor is written, so that programs already running out of dist/ and
// build/ survive a rebuild.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { innerOf, scripts } from "./parts.mjs";

const root = resolve(import.meta.dirname, "..");
process.chdir(root);
/**
 * Programs that tests start again and again: a file for each, since Node takes a millisecond for every file that it
 * loads.
 */
const programs = ["tests/fixtures/socket-worker.ts"];
const externals = ["koffi", "tsx"];
const common = { format: "esm", platform: "node", target: "node20", write: true, metafile: true, logLevel: "error" };

const [bundled, mirrored, declared] = await Promise.all([bundles(), mirror(), declarations()]);
await Promise.all([
  prune("dist", [...bundled, ...declared]),
  ...["src", "tests", "bench", "examples"].map((folder) => prune(join("build", folder), mirrored)),
]);

/**
 * The library; the testing kit; and the library with the testing kit's threads, in which a scheduler stands behind the
 * door to atomics.
 */
async function bundles() {
  const outputs = await Promise.all([
    library(),
    bundle(["src/testing/index.ts"], "dist/testing", "atomics"),
    bundle({ entry: "src/testing/entry.ts", explored: "src/index.ts" }, "dist/testing", "controlled-atomics", {
      splitting: true,
      chunkNames: "chunk-[hash]",
    }),
    commandLine(),
  ]);
  return outputs.flat().flatMap(({ metafile }) => Object.keys(metafile.outputs));
}

/**
 * The library as a module, for bundlers; as a script; and the module that loads the script, which is what Node imports.
 */
async function library() {
  // Who traces a program's files by the condition that bundlers have, as Nitro does, finds so those that Node loads.
  // Bundlers drop it.
  const js = `\nfunction traced() {\n  return [__dirname + "/index.js", __dirname + "/index.cjs"];\n}`;
  const module = await bundle({ module: "src/index.ts" }, "dist", "atomics", { footer: { js } });
  const names = module.metafile.outputs["dist/module.js"].exports;
  const split = (modules) =>
    bundle(Object.fromEntries(Object.keys(modules).map((name) => [name.split(":")[1], name])), "dist", "atomics", {
      modules,
      splitting: true,
      define: { "import.meta.url": "meta.url", "import.meta.code": "meta.code" },
      write: false,
    });
  const inner = innerOf(
    await Promise.all(
      (await filesOf("src/remote")).map(async (file) => [relative("src", file), await readFile(file, "utf8")]),
    ),
  );
  const { library, rest } = await scripts(split, inner);
  await Promise.all([writeFile("dist/library.cjs", library), writeFile("dist/rest.cjs", rest)]);
  const build = createHash("sha256").update(library).update(rest).digest("hex").slice(0, 16);
  // Literally so, for those who trace which files a program needs.
  const files = `new URL("library.cjs", import.meta.url), new URL("rest.cjs", import.meta.url)`;
  const facade = `import { load } from "./src/workers/entry/load.ts";\nexport const { ${names.join(", ")} } = load(${files}, import.meta.url, "${build}");`;
  const stdin = { contents: facade, resolveDir: ".", sourcefile: "index.js" };
  const index = await bundle(undefined, undefined, "atomics", {
    stdin,
    outfile: "dist/index.js",
    // koffi's modules are others for `import` than for `require`.
    footer: { js: '\nfunction traced() {\n  return import("./index.cjs");\n}' },
  });
  return [
    module,
    { metafile: { outputs: { "dist/library.cjs": {}, "dist/rest.cjs": {} } } },
    index,
    await required(build),
    ...(await remote(build)),
  ];
}

/**
 * `allcores/remote`: a script that takes what it needs of the library from the one that is loaded; the module that
 * loads it; and what its workers run.
 */
async function remote(build) {
  const library = (here) => `import { load } from "./src/workers/entry/load.ts";
export const inner = load(new URL("../library.cjs", ${here}), new URL("../rest.cjs", ${here}), new URL("../index.js", ${here}).href, "${build}").$inner();`;
  const parts = (here) => ({ inner: library(here), external: [...externals, "bullmq", "ioredis"] });
  const script = await bundle({ index: "src/remote/index.ts" }, "dist/remote", "atomics", {
    ...parts("remoteUrl"),
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    define: { "import.meta.url": "remoteUrl.href" },
    banner: { js: 'const remoteUrl = require("node:url").pathToFileURL(__filename);' },
  });
  const body = await bundle({ body: "src/remote/body.ts" }, "dist/remote", "atomics", parts("import.meta.url"));
  const names = (
    await bundle({ index: "src/remote/index.ts" }, "dist/remote", "atomics", {
      ...parts("import.meta.url"),
      write: false,
    })
  ).metafile.outputs["dist/remote/index.js"].exports;
  const facade = `import { createRequire } from "node:module";\nexport const { ${names.join(", ")} } = createRequire(import.meta.url)("./index.cjs");`;
  const stdin = { contents: facade, resolveDir: ".", sourcefile: "index.js" };
  return [script, body, await bundle(undefined, undefined, "atomics", { stdin, outfile: "dist/remote/index.js" })];
}

/**
 * What `require` gives: the library of `index.js`, which is the first one's whichever is loaded first. Workers start
 * with `index.js` all the same.
 */
function required(build) {
  const contents = `import { pathToFileURL } from "node:url";
import { load } from "./src/workers/entry/load.ts";
const here = pathToFileURL(__filename);
module.exports = load(new URL("library.cjs", here), new URL("rest.cjs", here), new URL("index.js", here).href, "${build}");`;
  return bundle(undefined, undefined, "atomics", {
    format: "cjs",
    stdin: { contents, resolveDir: ".", sourcefile: "index.cjs" },
    outfile: "dist/index.cjs",
    footer: { js: `\nfunction traced() {\n  return [${koffi().map((name) => `require("${name}")`)}];\n}` },
  });
}

/**
 * What the scripts load by a `require` that they make. Who traces a program's files does not see it, nor its native
 * part, whose name koffi puts together.
 */
function koffi() {
  const native = ["x64", "arm64"].flatMap((cpu) =>
    ["linux", "musl"].map((libc) => `@koromix/koffi-linux-${cpu}/${libc}_${cpu}/koffi.node`),
  );
  return ["koffi", ...native];
}

/**
 * The command `allcores`, with the packages that it uses; and the tasks that its comparison has workers run. The
 * library is that of `index.js` for both.
 */
async function commandLine() {
  // Some of these packages are CommonJS, and require what Node has.
  const banner = {
    js: '#!/usr/bin/env node\nimport { createRequire as $createRequire } from "node:module";\nconst require = $createRequire(import.meta.url);',
  };
  const built = await Promise.all([
    bundle({ cli: "src/cli/main.ts" }, "dist", "atomics", { banner, facade: "./index.js", minifyWhitespace: true }),
    bundle({ comparison: "src/cli/tour/tasks.ts" }, "dist", "atomics", { facade: "./index.js" }),
  ]);
  await chmod("dist/cli.js", 0o755);
  await writeFile("dist/cli.licenses.txt", await licensesOf(Object.keys(built[0].metafile.inputs)));
  return {
    metafile: {
      outputs: Object.assign({ "dist/cli.licenses.txt": {} }, ...built.map(({ metafile }) => metafile.outputs)),
    },
  };
}

/** What the licences of bundled packages ask for: their own texts beside the bundle. */
async function licensesOf(inputs) {
  const folders = new Set(
    inputs
      .map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0])
      .filter((folder) => folder !== undefined),
  );
  const texts = [...folders].sort().map(async (folder) => {
    const { name, version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${folder} has no licence that could be passed on`);
    return `${name} ${version}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
  });
  return `dist/cli.js contains these packages.\n\n${(await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`)}`;
}

/**
 * `facade`: where the library is, for what does not contain it. `modules`: the texts of some that stand in no file.
 * `inner`: the text of the one that gives `src/remote` what it takes of the library.
 */
function bundle(entryPoints, outdir, door, { modules = {}, facade, inner, ...options } = {}) {
  return build({
    ...common,
    ...(entryPoints && { entryPoints, outdir }),
    ...options,
    bundle: true,
    minifySyntax: true,
    external: options.external ?? externals,
    plugins: [
      {
        name: "allcores",
        setup(hooks) {
          hooks.onResolve({ filter: /^library:/ }, ({ path }) => ({ path, namespace: "library" }));
          hooks.onLoad({ filter: /^/, namespace: "library" }, ({ path }) => ({
            contents: modules[path],
            loader: "ts",
            resolveDir: "src",
          }));
          if (facade !== undefined)
            hooks.onResolve({ filter: /^(\.\.\/)+(remote\/)?index\.js$/ }, ({ path, resolveDir }) => {
              const target = resolve(resolveDir, path);
              if (target === resolve("src/index.js")) return { path: facade, external: true };
              return target === resolve("src/remote/index.js")
                ? { path: "./remote/index.js", external: true }
                : undefined;
            });
          if (inner !== undefined) takeInner(hooks, inner);
          hooks.onResolve({ filter: /^#atomics$/ }, () => ({ path: resolve("src/platform", `${door}.ts`) }));
          hooks.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, prepared);
        },
      },
    ],
  });
}

/** What files of `src/remote` import from elsewhere, they are given by `inner`. */
function takeInner(hooks, inner) {
  const home = resolve("src/remote");
  hooks.onResolve({ filter: /^\./ }, ({ path, importer, namespace, resolveDir }) => {
    const target = resolve(resolveDir, path);
    if (namespace !== "file" || !importer.startsWith(`${home}/`) || target.startsWith(`${home}/`)) return undefined;
    // Relative: the bundler writes this path into the bundle, and what is built must not tell where.
    return { path: relative(root, target), namespace: "inner" };
  });
  hooks.onResolve({ filter: /^inner:$/ }, () => ({ path: "library", namespace: "inner-library" }));
  hooks.onLoad({ filter: /^/, namespace: "inner-library" }, () => ({
    contents: inner,
    loader: "ts",
    resolveDir: root,
  }));
  hooks.onLoad({ filter: /^/, namespace: "inner" }, async ({ path }) => {
    const module = relative("src", path);
    const names = [
      ...innerOf(
        await Promise.all(
          (await filesOf("src/remote")).map(async (file) => [relative("src", file), await readFile(file, "utf8")]),
        ),
      ),
    ]
      .filter(([, from]) => from === module)
      .map(([name]) => name);
    return {
      contents: `import { inner } from "inner:";\nexport const { ${names.join(", ")} } = inner;`,
      loader: "ts",
      resolveDir: root,
    };
  });
}

async function prepared({ path }) {
  // Docstrings are in the declarations. In a bundle esbuild keeps those of class members, and each worker would read
  // them.
  const text = (await readFile(path, "utf8")).replace(/^[ \t]*\/\*\*[\s\S]*?\*\/[ \t]*\n/gm, "");
  // A bundled class becomes `var Lock2 = class _Lock`, and `keepNames` would slow every closure down: name the classes
  // alone.
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
  return [
    ...Object.keys(metafile.outputs),
    ...programs.map((file) => join("build", file.replace(/ts$/, "js"))),
    ...copied.map((file) => join("build", file)),
  ];
}

async function declarations() {
  if (!process.argv.includes("--no-types")) {
    const tsc = resolve("node_modules/typescript/bin/tsc");
    const code = await new Promise((done) =>
      spawn(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" }).on("exit", done),
    );
    // What can be built is built all the same: a type error in one place must not stop work in another.
    if (code !== 0) process.exitCode = 1;
  }
  const written = (await filesOf("src")).map((file) => file.replace(/^src/, "dist/types").replace(/\.ts$/, ".d.ts"));
  return [...written, ...(await declarationsToRequire(written))];
}

/**
 * The same once more, for those who `require` the library: whether a declaration is one of a CommonJS module, the
 * compiler reads in the package.json above it.
 */
async function declarationsToRequire(written) {
  const folder = "dist/types-require";
  const there = [];
  // With --no-types a new source has no declaration yet.
  for (const file of written) if (await exists(file)) there.push(file);
  const copies = there.map((file) => [file, file.replace("dist/types", folder)]);
  for (const [, copy] of copies) await mkdir(dirname(copy), { recursive: true });
  await writeFile(`${folder}/package.json`, '{ "type": "commonjs" }\n');
  await Promise.all(
    copies.map(async ([file, copy]) => writeFile(copy, asCommonJs(await readFile(file, "utf8"), dirname(copy)))),
  );
  return [`${folder}/package.json`, ...copies.map(([, copy]) => copy)];
}

/** The package.json above them has no `imports`, and of an ECMAScript module only types are taken. */
function asCommonJs(text, folder) {
  const atomics = relative(folder, "dist/types-require/platform/atomics.js");
  return text
    .replaceAll('"#atomics"', JSON.stringify(atomics.startsWith(".") ? atomics : `./${atomics}`))
    .replace(/^import type (.*) from "koffi";$/gm, 'import type $1 from "koffi" with { "resolution-mode": "import" };');
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
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, resolve(entry.parentPath, entry.name)));
}

function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
