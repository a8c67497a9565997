// The library as two scripts: what each worker runs, and the rest, which a worker runs when it first needs something
// of it.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { transform } from "esbuild";

/**
 * What the index exports of these is there at once: what the start of a worker loads anyway, and what is no class or
 * function.
 */
const AT_ONCE =
  /^\.\/(?:codec|diagnosis|errors|futures\/(?:future|uncaught-hook)|sync\/selectable|workers(?!\/(?:thread|process)))/;

/**
 * The texts of both. `bundle` takes entry points, and modules that stand in no file. `inner`: what `$inner` is to give.
 */
export async function scripts(bundle, inner) {
  const exported = [
    ...(await readFile("src/index.ts", "utf8")).matchAll(/^export (?!type)(?:\{[^}]*\}|\*) from "([^"]+)";$/gm),
  ];
  const [core, late] = [true, false].map((atOnce) =>
    exported
      .filter(([, from]) => AT_ONCE.test(from) === atOnce)
      .map(([line]) => line)
      .join("\n"),
  );
  const hidden = `
    import "./diagnosis/deadlock-watch.js";
    export { ownUrl as $ownUrl } from "./platform/index.js";
    export { enter as $enter } from "./workers/entry/enter.js";
    export { exportLate as $exportLate } from "./workers/entry/parts.js";`;
  const { outputFiles } = await bundle({
    "library:core": core + hidden,
    "library:rest": `${core}${hidden}${late}\n${giving(inner)}`,
  });
  const text = (name) => new Module(outputFiles.find(({ path }) => new RegExp(`/${name}`).test(path)).text);
  const [shared, first, rest] = [text("chunk"), text("core"), text("rest")];
  // Every module of the first is named in the second, so all of them are in the chunk.
  const own = Object.fromEntries(
    Object.entries(first.exports).map(([name, local]) => [name, shared.exports[first.imports[local]]]),
  );
  const { $ownUrl, $enter, $exportLate, ...atOnce } = own;
  const names = Object.keys(rest.exports).filter((name) => !(name in own));
  const [classes, functions] = [true, false].map((isClass) =>
    JSON.stringify(names.filter((name) => /^[A-Z]/.test(name) === isClass)),
  );
  const needed = object(Object.fromEntries(Object.values(rest.imports).map((name) => [name, shared.exports[name]])));
  const library = `${shared.body}
module.exports = ${object(atOnce)};
var $rest = () => meta.rest(${needed});
if (meta.isWorker) ${$exportLate}(module.exports, ${classes}, ${functions}, $rest);
else Object.assign(module.exports, $rest());
${$enter}(${$ownUrl}(meta.url), meta.code);`;
  // Copied once: of what changes later, as a test's clock, the rest would not hear.
  const imports = Object.entries(rest.imports).map(([local, name]) => `${name}: ${local}`);
  const remainder = `var { ${imports.join(", ")} } = core;\n${rest.body}\nmodule.exports = ${object(Object.fromEntries(names.map((name) => [name, rest.exports[name]])))};`;
  return { library: await script(library), rest: await script(remainder) };
}

/**
 * What files outside of the library take of its inside, by name: so that they share its classes and its state. Of each
 * name, the module that has it.
 */
export function innerOf(texts) {
  const inner = new Map();
  for (const [file, text] of texts) {
    for (const [, list, from] of text.matchAll(/^import \{([^}]*)\} from "(\.[^"]+)";$/gm)) {
      const module = join(dirname(file), from);
      if (module.startsWith("remote/")) continue;
      for (const word of list.split(",").map((each) => each.trim())) {
        if (word === "" || word.startsWith("type ")) continue;
        const [name] = word.split(" as ");
        if ((inner.get(name) ?? module) !== module)
          throw new Error(
            `${file} takes ${name} from ${module}, others from ${inner.get(name)}: take it from one module`,
          );
        inner.set(name, module);
      }
    }
  }
  return inner;
}

function giving(inner) {
  const imports = [...inner].map(([name, module]) => `import { ${name} as $${name} } from "./${module}";`);
  return `${imports.join("\n")}\nexport function $inner() { return { ${[...inner.keys()].map((name) => `${name}: $${name}`).join(", ")} }; }`;
}

function object(fields) {
  return `{ ${Object.entries(fields).map(([name, value]) => `${name}: ${value}`)} }`;
}

/** A module that esbuild wrote: what it takes from the other, and gives to it. */
class Module {
  /** By local names, what they are called there. */
  imports = {};
  /** By the names for others, what they are called here. */
  exports = {};
  body;

  constructor(text) {
    const words = (list) =>
      list
        .split(",")
        .map((word) => word.trim().split(" as "))
        .filter(([word]) => word !== "");
    this.body = text
      .replace(/^import \{([^}]*)\} from "\.\/[^"]+";$/gm, (_, list) => {
        for (const [name, local = name] of words(list)) this.imports[local] = name;
        return "";
      })
      .replace(/^export \{([^}]*)\};$/gm, (_, list) => {
        for (const [local, name = local] of words(list)) this.exports[name] = local;
        return "";
      });
  }
}

async function script(module) {
  const { code } = await transform(module, { format: "cjs", platform: "node", target: "node20" });
  const linked = loadingLate(
    code
      // Otherwise every `import fs from "node:fs"` copies all that it has.
      .replace(/__toESM\((require\("node:[\w/]+"\))(?:, 1)?\)/g, "{ default: $1 }")
      // A script of its own may not import.
      .replace(/\bimport\(/g, "meta.import("),
  );
  const text = `(function (module, require, meta, core) {\nvar onUse = (id, module) => () => module ??= require(id);\n${await shortened(linked)}})\n`;
  if (/[^\t-~]/.test(text)) throw new Error("The library's scripts are read as Latin-1: they must be ASCII");
  return text;
}

/**
 * Each worker reads and keeps the text. Names at the top level stay, since stacks show them: of what is no module,
 * esbuild shortens only the names inside. So are those of classes, methods and properties; private names become
 * short.
 */
async function shortened(script) {
  // `var Lock = class _Lock`: an inner name would be shortened, and stacks would show it. Without one V8 takes that of
  // the variable.
  const outer = new Map();
  for (const [, name, inner] of script.matchAll(/\b(\w+) = class (_\w+)/g)) {
    if (outer.has(inner))
      throw new Error(
        `Two classes call themselves ${inner} in one script: which of them is meant, only its scope tells`,
      );
    outer.set(inner, name);
  }
  const named = script.replace(/= class _\w+/g, "= class").replace(/\b_\w+\b/g, (word) => outer.get(word) ?? word);
  const { code } = await transform(named, {
    loader: "js",
    target: "node20",
    minify: true,
    lineLimit: 120,
    charset: "ascii",
  });
  return code;
}

/**
 * Built-in modules cost each worker that loads them: those that Node does not load before any program are loaded when
 * they are used.
 */
function loadingLate(script) {
  const always = new Set(["node:events", "node:fs", "node:path", "node:util"]);
  const late = new Set();
  return script
    .replace(/\b(import_\w+) = require\("(node:[\w/]+)"\)/g, (eager, name, module) => {
      if (always.has(module)) return eager;
      late.add(name);
      return `${name} = onUse("${module}")`;
    })
    .replace(/\b(import_\w+)\.(\w+)/g, (use, name, member) => (late.has(name) ? `(${name}().${member})` : use));
}
