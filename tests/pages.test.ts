/**
 * Both READMEs are short and say the same; links lead somewhere; the chart shows what was measured; the Chinese page
 * keeps to the glossary.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, test } from "node:test";
import { type Block, blocksOf, columnsOf, headingAnchors, linksOf } from "./fixtures/markdown.js";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readmes = ["README.md", "README.zh-CN.md"];
const guide = readdirSync(join(root, "docs/guide")).map((page) => `docs/guide/${page}`);

for (const path of readmes)
  test(`${path} has at most 150 lines of 120 columns, and 8 KB`, () => {
    const text = read(path);
    const lines = text.trimEnd().split("\n");
    assert.ok(lines.length <= 150, `${lines.length} lines`);
    assert.ok(Buffer.byteLength(text) <= 8192, `${Buffer.byteLength(text)} bytes`);
    for (const line of lines) assert.ok(columnsOf(line) <= 120, line);
  });

test("the lines of the guide have at most 120 columns", () => {
  for (const path of guide)
    for (const line of read(path).split("\n")) assert.ok(columnsOf(line) <= 120, `${path}: ${line}`);
});

describe("the READMEs in both languages", () => {
  const [english = [], chinese = []] = readmes.map((path) => blocksOf(read(path)));

  test("have the same headings, programs and tables, in one order", () => {
    assert.ok(english.filter(({ kind }) => kind === "code").length > 5);
    assert.ok(english.filter(({ kind }) => kind === "table").length > 2);
    assert.deepEqual(chinese.map(outlineOf), english.map(outlineOf));
  });

  test("and a difference would be seen", () => {
    const outline = (text: string): unknown[] => blocksOf(text).map(outlineOf);
    const code = (line: string): string => `<!-- file: a.ts -->\n\`\`\`ts\n${line}\n\`\`\`\n`;
    assert.deepEqual(outline(code('f("家"); // 家')), outline(code('f("home"); // home')));
    assert.notDeepEqual(outline(code("f(1);")), outline(code("f(2);")));
    assert.notDeepEqual(outline(code("f(1);")), outline(code("f(1);").replace("a.ts", "b.ts")));
    assert.notDeepEqual(outline("## A\n"), outline("### A\n"));
    assert.notDeepEqual(outline("| a | b |\n|---|---|\n| c | `d` |\n"), outline("| a | b |\n|---|---|\n| c | `e` |\n"));
    assert.notDeepEqual(outline("```text\nFast\nours 323 ###\n```\n"), outline("```text\n快\nours 32 ###\n```\n"));
  });
});

/** What has to be the same in every language. */
function outlineOf(block: Block): unknown {
  if (block.kind === "heading") return `${"#".repeat(block.level)} …`;
  if (block.kind === "table") return block.rows.map((cells) => cells.map(codeIn));
  // The bars of a chart, without its title.
  if (block.language === "text") return block.code.split("\n").filter((line) => line.includes("#"));
  return [block.language, block.file, withoutWords(block.code)];
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!).sort();
}

/** A program without its comments and without what its strings say. */
function withoutWords(code: string): string {
  return code.replace(/"[^"\n]*"|`[^`]*`/g, '""').replace(/ *(\/\/|# ).*$/gm, "");
}

test("every link of the READMEs and of the guide leads to a file, and to a heading in it", () => {
  const broken = [...readmes, ...guide].flatMap((path) =>
    linksOf(read(path))
      .filter((link) => !leads(path, link))
      .map((link) => `${path}: ${link}`),
  );
  assert.deepEqual(broken, []);
  assert.ok(
    !leads("README.md", "docs/guide/nothing.md") &&
      !leads("README.md", "docs/guide/tasks.md#nothing") &&
      leads("docs/guide/pools.md", "tasks.md#ismain"),
  );
});

function leads(from: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? from : join(dirname(from), path);
  if (!existsSync(join(root, target))) return false;
  return anchor === undefined || headingAnchors(read(target)).includes(anchor);
}

test("the guide lists each of its pages once", () => {
  const listed = linksOf(read("docs/guide/README.md")).map((page) => `docs/guide/${page}`);
  assert.deepEqual(listed.sort(), guide.filter((path) => !path.endsWith("/README.md")).sort());
});

interface Measured {
  sections: { throughput: { rows: { name: string; results: { library: string; median?: number }[] }[] } };
}

test("the chart shows the figures of bench/results/pool.json, and bars of their length", () => {
  const { rows } = (JSON.parse(read("bench/results/pool.json")) as Measured).sections.throughput;
  for (const path of readmes) {
    const chart = blocksOf(read(path)).find((block) => block.kind === "code" && block.language === "text");
    assert.ok(chart?.kind === "code");
    let workers = "";
    let shown = 0;
    for (const [, named = "", library, figure, bar = ""] of chart.code.matchAll(/^(\w*) +(\w+) +(\d+) {2}(#+)$/gm)) {
      workers = named || workers;
      const row = rows.find(({ name }) => name.endsWith(workers))!;
      const median = row.results.find((result) => result.library === library)?.median ?? Number.NaN;
      assert.equal(Number(figure), Math.round(median / 1000), `${workers}: ${library}`);
      assert.equal(bar.length, Math.round(median / 10_000), `${workers}: ${library}`);
      shown++;
    }
    assert.ok(shown >= 5);
  }
});

describe("the Chinese page", () => {
  const [terms = "", , forbidden = ""] = read("docs/glossary.md").split(/^## (?:Memory|Not in Chinese)$/m);
  const rowsOf = (text: string): (readonly string[])[] =>
    blocksOf(text).flatMap((block) => (block.kind === "table" ? block.rows.slice(1) : []));
  const chinese = read("README.zh-CN.md");
  const strangeIn = (text: string): string[] =>
    rowsOf(forbidden).flatMap(([not = "", but]) => (text.includes(not) ? [`${not}: say ${but}`] : []));

  test("has none of the words that the glossary forbids", () => {
    assert.ok(rowsOf(forbidden).length > 10);
    assert.deepEqual(strangeIn(chinese), []);
    assert.notDeepEqual(strangeIn("得到同一些对象"), []);
  });

  test("says the glossary's term where the English page says it", () => {
    const english = read("README.md").replace(/`[^`]*`|```[\s\S]*?```/g, "");
    const used = rowsOf(terms).filter(([term]) => new RegExp(`\\b${term}s?\\b`, "i").test(english));
    assert.ok(used.some(([term]) => term === "reach") && used.some(([term]) => term === "worker"));
    for (const [term, , translation = ""] of used)
      assert.ok(chinese.includes(translation), `${term} is ${translation}`);
  });
});
