/**
 * Keeps the house rules true: layers point one way, `Atomics` and futexes have one door, timers and clocks another,
 * files are named by what they hold.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "../..");

interface Module {
  source: string;
  dependencies: { resolved: string }[];
}
interface Imports {
  modules: Module[];
  violations: { rule: string; from: string; text: string }[];
  circles: string[];
}
interface ImportReader {
  readImports(folder?: string): Promise<Imports>;
  unreadFiles(files: string[], modules: Pick<Module, "source">[]): string[];
}
const script = (name: string) => pathToFileURL(join(root, "scripts", name)).href;
const { readImports, unreadFiles }: ImportReader = await import(script("imports.mjs"));
const { layers }: { layers: string[] } = await import(script("import-rules.mjs"));
const { drawn }: { drawn(text: string, modules: Module[]): string } = await import(script("architecture.mjs"));

const planted = join(root, "build/imports", `planted-${process.pid}`);
after(() => rmSync(planted, { recursive: true, force: true }));

/**
 * The files that may name the platform's timers and clocks, which a test's fakes may have replaced: the others say
 * which time they go by.
 */
const clocks = ["memory/clock.ts", "parking/program-clock.ts", "parking/alarm.ts", "testing/virtual-clock.ts"].map(
  (name) => `src/${name}`,
);

/**
 * What is wrong with the file `path` (as in `src/sync/lock.ts`) of this text, its imports aside; nothing for a good
 * one.
 */
function violations(path: string, text: string): string[] {
  const found: string[] = [];
  if (/utils|helpers|manager|common/i.test(basename(path))) found.push(`${path}: name the file by what it holds`);
  if (!path.startsWith("src/") || path === "src/index.ts") return found;
  const [, folder = ""] = path.split("/");
  // dependency-cruiser's rules see a file only by its imports.
  if (!layers.includes(folder)) found.push(`${path}: ${folder} is no layer`);

  const withoutComments = text.replace(commentOrString, (all, string?: string) => string ?? all.replace(/[^\n]/g, " "));
  const code = withoutComments.replace(commentOrString, (string) =>
    string.startsWith("`") ? [...string.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => inner).join() : '""',
  );
  if (!clocks.includes(path)) {
    const [named] =
      code.match(platformTime) ?? withoutComments.match(/["'`](?:node:)?timers(?:\/promises)?["'`]/) ?? [];
    if (named !== undefined)
      found.push(
        `${path}: ${named} may be a test's fake: take the time from memory/clock.ts, or from program-clock.ts what is to follow it`,
      );
  }
  if (folder === "platform") return found;
  if (NAMES_THE_SYSTEM.test(withoutComments)) found.push(`${path}: what only this system has belongs to platform/`);
  if (/\bAtomics\b/.test(code)) found.push(`${path}: Atomics belong to platform/`);
  if (/koffi|futex/i.test(code) || /["'`](koffi\b|[^"'`\s]*futex)[^"'`\s]*["'`]/i.test(withoutComments))
    found.push(`${path}: koffi and futexes belong to platform/`);
  return found;
}

/** Files of the kernel, and calls of Node that only some systems have. */
const NAMES_THE_SYSTEM =
  /\/(proc|sys)\b|\b(process|os)\s*(\?\.|\.)\s*platform\b|\{[^{}]*\bplatform\b[^{}]*\}\s*=\s*(process|os)\b|\bgete?[ug]id\b/;

const commentOrString = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

const platformTime =
  /\b(?:(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask|nextTick|performance|hrtime|Date\.now|AbortSignal\.timeout)\b|\bnew Date\b(?!\(\s*[^)\s])|(?<!\bnew )\bDate\(/;

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
    // A class that has a former name too is the same class under both.
    if (typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value)))
      assert.equal(value.name, facade[`${name}Error`] === value ? `${name}Error` : name);
  }
});

test("imports keep the rules", async (t) => {
  const { modules, violations, circles } = await readImports();

  await t.test("every file of src/ was read", () =>
    assert.deepEqual(sources("src").sort(), modules.map(({ source }) => source).sort()),
  );
  await t.test("layers point one way, and no imports close into a circle", () =>
    assert.deepEqual({ violations, circles }, { violations: [], circles: [] }),
  );
  await t.test("the picture in docs/architecture.md is drawn from them: npm run architecture", () => {
    const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
    assert.equal(page, drawn(page, modules));
    assert.notEqual(
      drawn(page, [...modules, { source: "src/testing/x.ts", dependencies: [{ resolved: "src/tasks/sleep.ts" }] }]),
      page,
    );
  });
});

test("each layer that is a folder is there in this order", () => {
  assert.deepEqual(
    layers,
    "errors platform memory parking codec objects sync shared futures channels workers diagnosis pools tasks advisor remote cli testing".split(
      " ",
    ),
  );
});

test("a tool that read fewer files is noticed", () => {
  assert.deepEqual(unreadFiles(["src/a.ts", "src/b.ts"], [{ source: "src/a.ts" }]), ["src/b.ts"]);
});

test("each function that docs/architecture.md names is in its file", () => {
  const rows = [
    ...readFileSync(join(root, "docs/architecture.md"), "utf8").matchAll(/^\|[^|]*\| `(src\/[^`]+)` \| `(\w+)` \|/gm),
  ];
  assert.ok(rows.length >= 3);
  const declares = (path: string, name: string) =>
    existsSync(join(root, path)) &&
    new RegExp(`^(?: {2})?(?:export |async |static |function )*#?${name}(?:<\\w+>)?\\(`, "m").test(
      readFileSync(join(root, path), "utf8"),
    );
  assert.deepEqual(
    rows.flatMap(([, path = "", name = ""]) => (declares(path, name) ? [] : [`${path}: ${name}`])),
    [],
  );
  assert.ok(!declares("src/parking/parker.ts", "hasGrant"));
});

const MOST_LINES = 400;
/** Files that CONTRIBUTING.md lets be longer, and why. */
const longByReason = [
  ...readFileSync(join(root, "CONTRIBUTING.md"), "utf8").matchAll(/^ {2}- `(src\/[^`]+)`: (.*(?:\n {4}.*)*)/gm),
];

/** How many lines each file has that has too many. */
function tooLong(files: readonly (readonly [path: string, text: string])[]): string[] {
  return files.filter(([, text]) => text.trimEnd().split("\n").length > MOST_LINES).map(([path]) => path);
}

test("a file of src/ has at most 400 lines, but for three at most, which CONTRIBUTING.md names with the reason", () => {
  const files = sources("src").map((path) => [path, readFileSync(join(root, path), "utf8")] as const);
  assert.deepEqual(tooLong(files).sort(), longByReason.map(([, path]) => path).sort());
  assert.ok(longByReason.length <= 3, "split one of them");
  for (const [, path, reason] of longByReason) assert.ok(reason!.length > 80, `${path}: ${reason}`);
});

test("half of the files of src/ have at most 100 lines", () => {
  const lines = sources("src").map((path) => readFileSync(join(root, path), "utf8").split("\n").length - 1);
  assert.ok(lines.filter((count) => count <= 100).length >= lines.length / 2);
});

test("a file that is too long is noticed", () => {
  const file = (lines: number) => ["src/sync/x.ts", "x;\n".repeat(lines)] as const;
  assert.deepEqual([tooLong([file(400)]), tooLong([file(401)])], [[], ["src/sync/x.ts"]]);
});

const importing: [rule: string, path: string, text: string][] = [
  ["an upward import", "src/memory/upward.ts", `import { Lock } from "../sync/lock.js";\nnew Lock();`],
  ["an upward import of types", "src/memory/upward-type.ts", `import type {\n  Lock,\n} from "../sync/lock.js";`],
  ["memory/ importing what parks on it", "src/memory/x.ts", `import type { Parker } from "../parking/index.js";`],
  ["an upward re-export", "src/errors/re-export.ts", `export * from "../platform/atomics.js";`],
  ["platform/ importing what stands on it", "src/platform/linux/x.ts", `export * from "../../sync/lock.js";`],
  ["an upward import by side effect", "src/workers/entry/thread.ts", `import "../../pools/pool.js";`],
  ["an upward dynamic import", "src/sync/dynamic.ts", `export const x = await import("../channels/queue.js");`],
  ["an upward type query", "src/sync/query.ts", `export let x: import("../channels/queue.js").Queue;`],
  ["an import of the facade", "src/pools/facade.ts", `import { Lock } from "../index.js";`],
  ["an import of the facade by name", "src/tasks/facade-name.ts", `import { Lock } from "allcores";`],
  ["cli/ importing what it would bundle", "src/cli/bundled.ts", `import { Lock } from "../sync/lock.js";`],
  ["the command's packages outside cli/", "src/pools/colours.ts", `import pc from "picocolors";`],
  ["a folder outside the layers", "src/misc/x.ts", `import "../errors/base.js";`],
  ["the swappable door above parking/", "src/sync/door.ts", `import { load } from "#atomics";`],
  ["a foreign package", "src/sync/foreign.ts", `import pMap from "p-map";`],
  ["a development package", "src/sync/foreign-there.ts", `import { build } from "esbuild";`],
  ["koffi outside platform/", "src/sync/native.ts", `import koffi from "koffi";`],
  [
    "koffi required outside platform/",
    "src/sync/required.ts",
    `const require = createRequire(import.meta.url);\nrequire("koffi");`,
  ],
  ["tsx outside workers/", "src/memory/tsx.ts", `export type T = typeof import("tsx/esm/api");`],
  ["a file that is not there", "src/sync/nowhere.ts", `import "./gone.js";`],
  ["a circle", "src/codec/circle-a.ts", `import { b } from "./circle-b.js";\nexport const a = () => b;`],
  [
    "a circle of types only",
    "src/codec/type-a.ts",
    `import type { B } from "./type-b.js";\nexport interface A { b: B }`,
  ],
];
const innocent: [path: string, text: string][] = [
  [
    "src/sync/lower.ts",
    `import { A } from "./lock.js";\nimport { load } from "../platform/atomics.js";\nimport { join } from "node:path";`,
  ],
  ["src/platform/door.ts", `import koffi from "koffi";\nimport { load } from "#atomics";\nkoffi(load);`],
  ["src/memory/door.ts", `import { load } from "#atomics";\nload;`],
  ["src/parking/door.ts", `import { load } from "#atomics";\nload;`],
  [
    "src/cli/facade.ts",
    `import { Lock } from "../index.js";\nimport pc from "picocolors";\nimport "../platform/atomics.js";\npc(Lock);`,
  ],
  ["src/workers/tsx.ts", `export type T = typeof import("tsx/esm/api");`],
  ["src/sync/example.ts", `/**\n * import { Lock } from "allcores";\n */\nexport const x = 1;`],
  ["src/index.ts", `export * from "./testing/index.js";`],
  ["src/codec/circle-b.ts", `import { a } from "./circle-a.js";\nexport const b = () => a;`],
  ["src/codec/type-b.ts", `import type { A } from "./type-a.js";\nexport interface B { a: A }`],
  ...["errors/base", "platform/atomics", "sync/lock", "channels/queue", "pools/pool", "testing/index"].map(
    (path): [string, string] => [`src/${path}.ts`, "export {};"],
  ),
];

test("the rules about imports notice", async (t) => {
  const tree = [...importing.map(([, path, text]) => [path, text] as const), ...innocent];
  for (const [path, text] of tree) {
    mkdirSync(dirname(join(planted, path)), { recursive: true });
    writeFileSync(join(planted, path), text);
  }
  const { compilerOptions } = {
    compilerOptions: {
      paths: { allcores: ["./src/index.ts"], "#atomics": ["./src/platform/atomics.ts"] },
      module: "nodenext",
    },
  };
  writeFileSync(join(planted, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }));
  const found = (await readImports(planted)).violations;
  const faulty = new Set(found.map(({ from }) => from));

  for (const [rule, path] of importing)
    await t.test(rule, () => assert.ok(faulty.has(path), `nothing is wrong with ${path}`));
  for (const [path] of innocent) {
    if (path.startsWith("src/codec/")) continue;
    await t.test(`nothing in ${path}`, () =>
      assert.deepEqual(
        found.filter(({ from }) => from === path),
        [],
      ),
    );
  }
});

const bad: [rule: string, path: string, text: string][] = [
  ["an empty file outside the layers", "src/other/x.ts", "export {};"],
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
  ["a timer of the platform", "src/pools/x.ts", "setTimeout(() => {}, 10);"],
  ["a timer of globalThis", "src/pools/x.ts", "globalThis.setInterval(look, 10);"],
  ["a timer taken from globalThis", "src/memory/x.ts", "const { setImmediate: soon } = globalThis;"],
  ["a timer that is taken down", "src/pools/x.ts", "clearTimeout(timer);"],
  ["a timer of the module", "src/memory/x.ts", `import { setImmediate as soon } from "node:timers";`],
  [
    "a timer that is promised",
    "src/pools/x.ts",
    `const { setTimeout: sleep } = process.getBuiltinModule("node:timers/promises");`,
  ],
  ["a microtask of the platform", "src/pools/x.ts", "queueMicrotask(() => {});"],
  ["a tick", "src/pools/x.ts", "process.nextTick(() => {});"],
  ["a clock of the platform", "src/pools/x.ts", "const now = performance.now();"],
  ["a clock in a template's code", "src/pools/x.ts", `log(\`at \${performance.now()}\`);`],
  ["a clock under another name", "src/pools/x.ts", "const { now } = performance;"],
  ["the process's clock", "src/memory/x.ts", "process.hrtime.bigint();"],
  ["the date", "src/pools/x.ts", "const time = Date.now();"],
  ["the date as an object", "src/pools/x.ts", "const time = new Date();"],
  ["the date as text", "src/pools/x.ts", "log(Date());"],
  ["a signal that times out", "src/pools/x.ts", "AbortSignal.timeout(10);"],
  ["a file called utils", "src/sync/utils.ts", ""],
  ["a file called helpers", "tests/lock-helpers.ts", ""],
  ["a file called manager", "src/pools/pool-manager.ts", ""],
  ["a file called common", "src/common.ts", ""],
];
for (const [rule, path, text] of bad)
  test(`the rules notice ${rule}`, () => assert.notDeepEqual(violations(path, text), []));

const good: [why: string, path: string, text: string][] = [
  [
    "comments and strings",
    "src/sync/x.ts",
    `// Atomics\n/* koffi, a futex */\nthrow new Error("no Atomics, futex or koffi here");\nlog(\`a futex of \${name}\`);`,
  ],
  [
    "time of memory/",
    "src/pools/x.ts",
    `import { realNow, setRealTimeout } from "../memory/index.js";\nsetRealTimeout(() => log("setTimeout"), realNow()); // performance.now()`,
  ],
  [
    "a date that is given",
    "src/codec/x.ts",
    "const date = new Date(decoder.number());\nconst proto: Date = Date.prototype;",
  ],
  ["the clock itself", "src/memory/clock.ts", "performance.now();"],
  [
    "words that only look like the system's",
    "src/workers/x.ts",
    `import { platform } from "../platform/index.js";\n// /proc/self/stat\nx("./process.js", "/system");`,
  ],
  ["platform/ itself", "src/platform/x.ts", `import koffi from "koffi";\nAtomics.add(words, futex, 1);`],
];
for (const [why, path, text] of good)
  test(`the rules accept ${why}`, () => assert.deepEqual(violations(path, text), []));
