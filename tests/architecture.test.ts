/** Keeps the house rules true: layers point one way, `Atomics` and futexes have one door, files are named by what they hold. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");

/** Each folder imports only from itself and from those before it. */
const layers = "errors platform memory codec sync shared futures channels workers diagnosis pools tasks advisor remote cli testing".split(" ");

/** The npm packages that src may import, and the only folder that may import each. */
const packages: Record<string, string> = { koffi: "platform", tsx: "workers" };

/** What is wrong with the file `path` (as in `src/sync/lock.ts`) of this text; nothing for a good one. */
function violations(path: string, text: string): string[] {
  const found: string[] = [];
  if (/utils|helpers|manager|common/i.test(basename(path))) found.push(`${path}: name the file by what it holds`);
  if (!path.startsWith("src/")) return found;

  const [, folder = ""] = path.split("/");
  const isFacade = path === "src/index.ts";
  const layer = layers.indexOf(folder);
  if (layer < 0 && !isFacade) found.push(`${path}: ${folder} is no layer`);

  const withoutComments = text.replace(commentOrString, (all, string?: string) => string ?? all.replace(/[^\n]/g, " "));
  for (const specifier of importsOf(withoutComments)) {
    if (specifier.startsWith(".")) {
      const target = join(dirname(path), specifier).split("/")[1] ?? "";
      if (isFacade ? target === "index.js" : !(layers.indexOf(target) >= 0 && layers.indexOf(target) <= layer))
        found.push(`${path}: ${folder} must not import ${specifier}`);
    } else if (specifier.startsWith("#")) {
      // The door to atomics, which a condition of the package's imports may swap.
      if (specifier !== "#atomics" || !["platform", "memory"].includes(folder)) found.push(`${path}: ${specifier} must not be imported here`);
    } else if (!specifier.startsWith("node:") && packages[specifier.split("/")[0] ?? ""] !== folder)
      found.push(`${path}: ${specifier} must not be imported here`);
  }

  if (folder === "platform") return found;
  if (NAMES_THE_SYSTEM.test(withoutComments)) found.push(`${path}: what only this system has belongs to platform/`);
  const code = withoutComments.replace(commentOrString, (string) =>
    string.startsWith("`") ? [...string.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => inner).join() : '""',
  );
  if (/\bAtomics\b/.test(code)) found.push(`${path}: Atomics belong to platform/`);
  if (/koffi|futex/i.test(code) || /["'`](koffi\b|[^"'`\s]*futex)[^"'`\s]*["'`]/i.test(withoutComments))
    found.push(`${path}: koffi and futexes belong to platform/`);
  return found;
}

/** Files of the kernel, and calls of Node that only some systems have. */
const NAMES_THE_SYSTEM = /\/(proc|sys)\b|\b(process|os)\s*(\?\.|\.)\s*platform\b|\{[^{}]*\bplatform\b[^{}]*\}\s*=\s*(process|os)\b|\bgete?[ug]id\b/;

const commentOrString = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

function importsOf(text: string): string[] {
  const forms = [
    /^\s*(?:import|export)\b(?:[^;"'`]*\bfrom)?\s*["']([^"']+)["']/gm, // import x from "y", export * from "y", import "y"
    /\b(?:import|require|require\.resolve|import\.meta\.resolve)\s*\(\s*["'`]([^"'`]+)["'`]/g, // import("y"), typeof import("y"), require("y")
  ];
  return forms.flatMap((form) => [...text.matchAll(form)].map(([, specifier]) => specifier as string));
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

for (const folder of ["src", "tests", "bench", "examples"].filter((name) => existsSync(join(root, name)))) {
  test(`${folder}/ keeps the house rules`, () => {
    const found = sources(folder).flatMap((path) => violations(path, readFileSync(join(root, path), "utf8")));
    assert.deepEqual(found, []);
  });
}

test("a bundled class keeps its name", async () => {
  const facade: Record<string, unknown> = await import("allcores");
  for (const [name, value] of Object.entries(facade)) {
    if (typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value))) assert.equal(value.name, name);
  }
});

const bad: [rule: string, path: string, text: string][] = [
  ["an upward import", "src/memory/x.ts", `import { Lock } from "../sync/lock.js";`],
  ["an upward import of types", "src/memory/x.ts", `import type {\n  Lock,\n} from "../sync/lock.js";`],
  ["an upward re-export", "src/errors/index.ts", `export * from "../memory/x.js";`],
  ["an upward import by side effect", "src/workers/entry/thread.ts", `import "../../pools/pool.js";`],
  ["an upward dynamic import", "src/sync/x.ts", `const x = await import("../channels/queue.js");`],
  ["an upward type query", "src/sync/x.ts", `let x: import("../channels/queue.js").Queue;`],
  ["an import of the facade", "src/cli/x.ts", `import { Lock } from "../index.js";`],
  ["an import of the facade by name", "src/cli/x.ts", `import { Lock } from "allcores";`],
  ["a folder outside the layers", "src/misc/x.ts", ""],
  ["the swappable door above memory/", "src/sync/x.ts", `import { load } from "#atomics";`],
  ["a foreign package", "src/sync/x.ts", `import pMap from "p-map";`],
  ["koffi outside platform/", "src/sync/x.ts", `import koffi from "koffi";`],
  ["koffi required outside platform/", "src/sync/x.ts", `const k = createRequire(import.meta.url)("koffi");`],
  ["a futex outside platform/", "src/sync/x.ts", "platform.futexWait(word);"],
  ["a futex imported outside platform/", "src/sync/x.ts", `import { wake } from "../platform/futex.js";`],
  ["Atomics outside platform/", "src/sync/x.ts", "Atomics.add(words, 0, 1);"],
  ["Atomics taken from globalThis", "src/sync/x.ts", "const { Atomics: A } = globalThis;"],
  ["Atomics in a template's code", "src/sync/x.ts", `log(\`now \${Atomics.load(words, 0)}\`);`],
  ["a file of the kernel above platform/", "src/memory/x.ts", `fs.readFileSync("/proc/self/stat");`],
  ["a file of the kernel in a template", "src/workers/x.ts", `fs.readFileSync(\`/proc/\${pid}/statm\`);`],
  ["a control group above platform/", "src/workers/x.ts", `read("/sys/fs/cgroup/cpu.max");`],
  ["the system asked for above platform/", "src/memory/x.ts", `if (process.platform === "linux") x();`],
  ["the system taken from process", "src/pools/x.ts", "const { pid, platform } = process;"],
  ["the user asked for above platform/", "src/codec/x.ts", "const user = process.geteuid?.();"],
  ["platform/ importing what stands on it", "src/platform/linux/x.ts", `import { threadHeap } from "../../memory/index.js";`],
  ["a file called utils", "src/sync/utils.ts", ""],
  ["a file called helpers", "tests/lock-helpers.ts", ""],
  ["a file called manager", "src/pools/pool-manager.ts", ""],
  ["a file called common", "src/common.ts", ""],
];
for (const [rule, path, text] of bad) test(`the rules notice ${rule}`, () => assert.notDeepEqual(violations(path, text), []));

const good: [why: string, path: string, text: string][] = [
  [
    "its own folder and those before it",
    "src/sync/x.ts",
    `import { A } from "./a.js";\nimport { B } from "../memory/b.js";\nimport { join } from "node:path";`,
  ],
  [
    "comments and strings",
    "src/sync/x.ts",
    `// Atomics\n/* koffi, a futex */\nthrow new Error("no Atomics, futex or koffi here");\nlog(\`a futex of \${name}\`);`,
  ],
  ["examples in comments", "src/sync/x.ts", `/**\n * import { Lock } from "allcores";\n */\nexport const x = 1;`],
  ["platform/ itself", "src/platform/x.ts", `import koffi from "koffi";\nAtomics.add(words, futex, 1);`],
  [
    "words that only look like the system's",
    "src/workers/x.ts",
    `import { platform } from "../platform/index.js";\n// /proc/self/stat\nx("./process.js", "/system");`,
  ],
  ["the facade", "src/index.ts", `export * from "./testing/index.js";`],
];
for (const [why, path, text] of good) test(`the rules accept ${why}`, () => assert.deepEqual(violations(path, text), []));
