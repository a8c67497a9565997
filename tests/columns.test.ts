/** Lines are no wider than a page: prose of comments and documents, and code wherever the formatter can break it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const MOST_COLUMNS = 120;
const { formatter } = JSON.parse(readFileSync(join(root, "biome.json"), "utf8")) as {
  formatter: { lineWidth: number };
};

/** Markdown that other rules hold for: what users read is laid out by hand. */
const ownLayout = ["README.md", "README.zh-CN.md", "CHANGELOG.md"];

/** Lines of prose that are too long: of comments, or of Markdown outside of tables and code. */
function wideProse(path: string, text: string): string[] {
  const isMarkdown = path.endsWith(".md");
  const found: string[] = [];
  let isCode = false;
  for (const [index, line] of text.split("\n").entries()) {
    const prose = isMarkdown ? line : /^\s*(?:\/\*\*?|\*|\/\/) ?(.*)$/.exec(line)?.[1];
    if (prose === undefined) isCode = false;
    else if (prose.trim().startsWith("```")) isCode = !isCode;
    else if (line.length > MOST_COLUMNS && !isCode && !/^ *(\||biome-ignore)/.test(prose))
      found.push(`${path}:${index + 1}: ${line.length} columns`);
  }
  return found;
}

const LITERAL = [
  /"(?:\\.|[^"\\\n])*"/,
  /'(?:\\.|[^'\\\n])*'/,
  /`(?:\\.|[^`\\])*`/,
  /(?<=[=(,:!&|?[{;]\s*|=>\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/\w*/,
];
const literalOrComment = new RegExp(
  `(${LITERAL.map(({ source }) => source).join("|")})|//[^\\n]*|/\\*[\\s\\S]*?\\*/`,
  "g",
);

/**
 * Lines of code that are too long, a comment at their end included. What stands within a string, a template or a
 * regular expression does not count: it cannot be broken. Lines of nothing but a comment are prose.
 */
function wideCode(path: string, text: string): string[] {
  const bare = text.replace(literalOrComment, (all, literal?: string) =>
    literal === undefined ? all : literal.replace(/[^\n]/g, ""),
  );
  const lines = text.split("\n");
  return bare.split("\n").flatMap((line, index) => {
    if (line.length <= formatter.lineWidth || /^\s*(?:\/\*|\*|\/\/)/.test(line)) return [];
    return [`${path}:${index + 1}: ${lines[index]!.length} columns`];
  });
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

test("prose has at most 120 columns: comments of sources, and documents outside of tables and code", () => {
  const documents = [
    ...readdirSync(root),
    ...readdirSync(join(root, "docs"), { recursive: true }).map((name) => join("docs", String(name))),
  ];
  const folders = ["src", "tests", "bench", "scripts", "examples"];
  const files = [
    ...folders.flatMap(sources),
    ...documents.filter((path) => path.endsWith(".md") && !ownLayout.includes(path)),
  ];
  assert.ok(files.length > 1000, String(files.length));
  assert.deepEqual(
    files.flatMap((path) => wideProse(path, readFileSync(join(root, path), "utf8"))),
    [],
  );
});

test("code has at most as many columns as the formatter gives it, literals aside", () => {
  const files = ["src", "tests", "bench", "scripts", "examples"].flatMap(sources);
  assert.ok(files.length > 1000, String(files.length));
  assert.deepEqual(
    files.flatMap((path) => wideCode(path, readFileSync(join(root, path), "utf8"))),
    [],
  );
});

test("prose that is too wide is noticed", () => {
  const long = "word ".repeat(25);
  for (const line of [`// ${long}`, `/** ${long} */`, ` * ${long}`])
    assert.equal(wideProse("src/sync/x.ts", line).length, 1, line);
  assert.equal(wideProse("docs/x.md", `# Title\n\n${long}`).length, 1);
  for (const line of [`const x = "${long}";`, `/**\n * \`\`\`ts\n * ${long}\n * \`\`\`\n */`, ` * | ${long} |`])
    assert.deepEqual(wideProse("src/sync/x.ts", line), [], line);
  assert.deepEqual(wideProse("docs/x.md", `| ${long} |\n\`\`\`\n${long}\n\`\`\``), []);
});

test("code that is too wide is noticed", () => {
  const long = "word ".repeat(formatter.lineWidth / 5);
  for (const line of [`const x = [${long}];`, `f(1); // ${long}`, `f("a", /b/); /* ${long} */`])
    assert.equal(wideCode("src/sync/x.ts", line).length, 1, line);
  for (const line of [
    `const x = "${long}";`,
    `f(\`\n${long}\n${long}\`);`,
    `if (/${long}["']/.test(x)) g();`,
    `// ${long}`,
    `/* ${long} */`,
  ])
    assert.deepEqual(wideCode("src/sync/x.ts", line), [], line);
});
