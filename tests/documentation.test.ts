/** Every example in the documentation compiles, runs, and prints what it says it prints. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual, promisify } from "node:util";
import { build } from "esbuild";
import { inForm } from "./form.js";
import { timeLimit } from "./time-limit.js";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
// One folder per run, inside the package so that "allcores" resolves to it: two runs at a time do not disturb each
// other.
const folder = join(root, "build/documentation", String(process.pid));

interface Example {
  /** Where the reader finds it, as in `src/sync/lock.ts:12`. */
  source: string;
  /** The module it becomes, relative to the folder of all examples. */
  file: string;
  code: string;
  runs: boolean;
  /** Every line that it prints, where the page says so: in a block of text below it, or behind each `console.log`. */
  promised: string[] | undefined;
}

/**
 * The examples of one file of the documentation. All those of one page stand in one folder, so that one can import
 * another.
 */
function examplesOf(path: string, text: string): Example[] {
  const isSource = path.endsWith(".ts");
  const place = path.replace(/^src\/|\.(ts|md)$/g, "");
  const documentation = isSource ? onlyComments(text) : text;
  const fences = documentation.matchAll(
    /(?:^<!-- file: (\S+\.(?:ts|mjs|cjs)) -->\n+)?^```(?:ts|js)(?: (no-run))?\n([\s\S]*?)^```$(?:\n+```text\n([\s\S]*?)\n```$)?/gm,
  );
  return [...fences].map((fence, index) => {
    const [, name, noRun, code = "", printed] = fence;
    const line = documentation.slice(0, fence.index).split("\n").length;
    const file = join(place, name ?? `example-${index + 1}.ts`);
    return {
      source: `${path}:${line}`,
      file,
      code,
      runs: !noRun,
      promised: printed?.split("\n") ?? promisedOutput(code),
    };
  });
}

/** Keeps the text of the JSDoc comments, and every line where it was. */
function onlyComments(text: string): string {
  let inside = false;
  const lines = text.split("\n").map((line) => {
    if (/^\s*\/\*\*/.test(line)) inside = true;
    const kept = inside ? line.replace(/^\s*(\/\*\*| ?\*(?!\/)) ?/, "").replace(/\s*\*\/\s*$/, "") : "";
    if (line.includes("*/")) inside = false;
    return kept;
  });
  return lines.join("\n");
}

/** What an example says it prints, when every `console.log` of it says so: `console.log(x); // text`. */
function promisedOutput(code: string): string[] | undefined {
  const lines = code.split("\n").filter((line) => /^(?!\s*\/\/).*console\.log\(/.test(line));
  const promised = lines.map((line) => /console\.log\(.*?\)+;?[\s})]*;? \/\/ (.*)$/.exec(line)?.[1]);
  return promised.length > 0 && promised.every((text) => text !== undefined) ? (promised as string[]) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

function sources(): string[] {
  return readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

const guide = readdirSync(join(root, "docs/guide")).map((page) => `docs/guide/${page}`);
const pages = ["README.md", "README.zh-CN.md", ...guide].flatMap((path) => examplesOf(path, read(path) ?? ""));
const examples = [...sources().flatMap((path) => examplesOf(path, read(path) ?? "")), ...pages];
for (const { file, code } of examples) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), code);
}
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions: { noUnusedLocals: false }, include: ["."] }),
);
await build({
  entryPoints: examples.filter(({ file }) => file.endsWith(".ts")).map(({ file }) => join(folder, file)),
  outbase: folder,
  outdir: folder,
  format: "esm",
  platform: "node",
  target: "node20",
  logLevel: "error",
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("two examples never claim the same file", () => {
  const files = examples.map(({ file }) => file);
  assert.deepEqual(
    files.filter((file, index) => files.indexOf(file) !== index),
    [],
  );
});

test("every program of a page says what it prints", () => {
  const silent = pages.filter(
    ({ code, runs, promised }) => runs && /console\.log|process\.stdout/.test(code) && promised === undefined,
  );
  assert.deepEqual(
    silent.map(({ source }) => source),
    [],
  );
  assert.ok(pages.length > 25, String(pages.length));
});

test("every example passes the compiler", async () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "-p", folder], { cwd: folder }).catch((error) => assert.fail(error.stdout));
});

const compiled = ({ file }: Example): string => join(folder, file.replace(/\.ts$/, ".js"));
const runProgram = (path: string) =>
  run(process.execPath, [path], { cwd: folder, timeout: timeLimit(20_000), killSignal: "SIGKILL" });
const isAsPromised = ({ promised }: Example, lines: readonly string[]): boolean =>
  isDeepStrictEqual(lines, promised ?? lines);

/**
 * In the short form, one program runs the examples that start none of their own, one after the other. Gives those that
 * printed what they say; each of the others runs by itself.
 */
async function ranTogether(candidates: readonly Example[]): Promise<Set<Example>> {
  const mark = "--- the next example ---";
  const steps = candidates.map(
    (example) =>
      `await import(${JSON.stringify(pathToFileURL(compiled(example)).href)}); console.log(${JSON.stringify(mark)});`,
  );
  writeFileSync(join(folder, "together.js"), steps.join("\n"));
  const outputs = await runProgram(join(folder, "together.js")).then(
    ({ stdout }) => stdout.split(`${mark}\n`),
    () => [],
  );
  // What comes behind the last mark is said by none of them in its turn.
  if (outputs.pop() !== "" || outputs.length !== candidates.length) return new Set();
  return new Set(candidates.filter((example, index) => isAsPromised(example, outputs[index]!.trimEnd().split("\n"))));
}

describe("examples run", { concurrency: 2 }, () => {
  const running = examples.filter(({ runs }) => runs);
  const together = ranTogether(
    inForm({ short: running.filter(({ code }) => !/\b(isMain|process|cluster|require)\b/.test(code)), whole: [] }),
  );
  for (const example of running) {
    test(example.source, async () => {
      if ((await together).has(example)) return;
      const { promised } = example;
      const started = runProgram(compiled(example));
      const { stdout } = await started.catch((error) =>
        assert.fail(`${error.killed ? "still ran after 20 s" : "failed"}:\n${error.stdout}${error.stderr}`),
      );
      if (promised) assert.deepEqual(stdout.trimEnd().split("\n"), promised);
    });
  }
});

test("CI runs the very command that the README names", () => {
  const command = readFileSync(join(root, ".ci/run"), "utf8").trimEnd().split("\n").at(-1) as string;
  assert.match(command, /^npm ci && npm test$/);
  assert.ok(read("README.md")?.includes(command), `README.md does not say ${command}`);
});

test("examples are found and told apart", () => {
  const [first, second] = examplesOf(
    "src/sync/lock.ts",
    "/**\n * Text.\n *\n * ```ts\n * if (true) {\n *   console.log(1); // 1\n * }\n * ```\n */\nclass A {\n  /**\n   * ```ts no-run\n   * x();\n   * ```\n   */\n}\n",
  );
  const code = "if (true) {\n  console.log(1); // 1\n}\n";
  assert.deepEqual(first, {
    source: "src/sync/lock.ts:4",
    file: "sync/lock/example-1.ts",
    code,
    runs: true,
    promised: ["1"],
  });
  assert.deepEqual(second, {
    source: "src/sync/lock.ts:12",
    file: "sync/lock/example-2.ts",
    code: "x();\n",
    runs: false,
    promised: undefined,
  });
  const [named] = examplesOf("README.md", "<!-- file: work.ts -->\n\n```ts\nwork();\n```\n");
  assert.equal(named?.file, "README/work.ts");
  const [printing, next] = examplesOf(
    "a.md",
    "<!-- file: a.cjs -->\n```js\nwork();\n```\n\n```text\na\nb\n```\n\n```ts\nwork();\n```\n",
  );
  assert.deepEqual([printing?.file, printing?.promised], ["a/a.cjs", ["a", "b"]]);
  assert.deepEqual([next?.file, next?.promised], ["a/example-2.ts", undefined]);
});

test("an example promises its output only when every console.log does", () => {
  assert.deepEqual(
    promisedOutput('console.log("a"); // a\nfor (const x of y) { console.log(x); } // b // c\n// console.log(0)\n'),
    ["a", "b // c"],
  );
  assert.deepEqual(promisedOutput('console.log(f("//")); // (1) // 2\n'), ["(1) // 2"]);
  assert.equal(promisedOutput("console.log(1); // 1\nconsole.log(2);\n"), undefined);
  assert.equal(promisedOutput("run();\n"), undefined);
});
