/** One noun, one meaning: the glossary's terms are used, and the private words that they have replaced are not. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");

/** Words that nobody else uses so, each with the term that stands for it. */
const FORMER: readonly [word: RegExp, term: string][] = [
  [/\b(the|a|its|pool's) crew\b|\bCrew\b/, "worker set"],
  [/\bvigils?\b/i, "hang detector"],
  [/\blookouts?\b/i, "result poller, or a hook of the slice"],
  [/\bovertime\b/i, "task timeouts"],
  [/\bUnheard\b/, "unhandled failures"],
  [/\bparcels?\b/i, "marshalled object"],
  [/\b(worker's|its|whose|a|the) cards?\b/, "worker info"],
  [/\b(a|the|its|of|each) notices?\b/, "wait record"],
  [/\bvitals\b/i, "thread stat"],
  [/\btroupes?\b|\bstagehands?\b/i, "schedule runner, controlled threads"],
  [/\bhouseholds?\b/i, "parent pool"],
  [/\bin hand\b/, "pending, or running"],
  [/\bof avail\b/, "used with success"],
];

/** What leaves the actor of a sentence unnamed. */
const RIDDLES: readonly [word: RegExp, instead: string][] = [
  [/\bwho(so)?ever\b|\bwhomever\b/i, "the worker, caller, waiter or holder that …"],
  [/\bwhatever becomes of\b/i, "even if it fails"],
];

/** Words that tests have had for what has a term, or two terms. Comments and strings may use them as everybody does. */
const FORMER_NAMES: readonly [name: RegExp, term: string][] = [
  [/\b(with)?Crew\b|\bcrew\b/, "supervisor, or workers"],
  [/(?<!pipeline )\b(class|interface|type) Stage\b|\bstage\s*[.:,)]/, "fixture, or context of a scenario"],
  [/\b(interface|type) Play\b|\bplays?\(|\bplays\b/, "chaos run"],
  [/\bblows?\b/i, "fault"],
  [/\b(class|interface|type) Cast\b/, "actors"],
  [/\bcards?\b/, "worker info"],
];

function texts(folder: string, ends: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ends))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** What is strange in a line. Several words may be broken between it and the one after it. */
function strangeIn(line: string, words = FORMER, next = ""): string[] {
  const text = `${line} ${next.replace(/^\s*(\*(?!\/)|\/\/)?\s*/, "")}`;
  return words.flatMap(([word, term]) => {
    const match = word.exec(text);
    return match !== null && match.index < line.length ? [`${match[0]} is now: ${term}`] : [];
  });
}

const strangeInFiles = (files: readonly string[], words: typeof FORMER): string[] =>
  files.flatMap((path) =>
    readFileSync(join(root, path), "utf8")
      .split("\n")
      .flatMap((line, index, lines) =>
        strangeIn(line, words, lines[index + 1]).map((strange) => `${path}:${index + 1}: ${strange}`),
      ),
  );

/** Names of types that are declared in more than one folder of src/. */
function declaredTwice(): string[] {
  const files = new Map<string, Set<string>>();
  for (const path of texts("src", ".ts"))
    for (const [, name] of readFileSync(join(root, path), "utf8").matchAll(
      /^export (?:abstract )?(?:class|interface|type) (\w+)/gm,
    ))
      files.set(name!, (files.get(name!) ?? new Set()).add(path));
  return [...files].filter(([, paths]) => paths.size > 1).map(([name, paths]) => `${name}: ${[...paths].join(", ")}`);
}

test("sources, errors and documents keep to the glossary's terms", () => {
  const files = [...texts("src", ".ts"), ...texts("docs", ".md").filter((path) => path !== "docs/glossary.md")];
  assert.ok(files.length > 300, String(files.length));
  assert.deepEqual(strangeInFiles(files, FORMER), []);
});

test("sources, errors and documents name the actor of a sentence", () => {
  // The log of changes quotes what former versions said.
  const pages = readdirSync(root).filter((name) => name.endsWith(".md") && name !== "CHANGELOG.md");
  const files = [...texts("src", ".ts"), ...texts("docs", ".md"), ...pages];
  assert.ok(files.length > 300 && pages.length >= 4, String([files.length, pages.length]));
  assert.deepEqual(strangeInFiles(files, RIDDLES), []);
});

test("tests, benchmarks and examples keep to them too", () => {
  const files = ["tests", "bench", "examples"]
    .flatMap((folder) => texts(folder, ".ts"))
    .filter((path) => path !== "tests/glossary.test.ts");
  assert.ok(files.length > 300, String(files.length));
  assert.deepEqual(strangeInFiles(files, [...FORMER, ...FORMER_NAMES]), []);
});

test("an exported type has a name that no other has", () => {
  assert.deepEqual(declaredTwice(), []);
});

test("a former word is noticed", () => {
  for (const line of [
    "the pool's crew",
    "a Parcel",
    "puts a notice on its card",
    "reads the vitals",
    "the job in hand",
  ])
    assert.notDeepEqual(strangeIn(line), [], line);
  for (const line of ["class Crew {", "stage.subject.call(fn)", "const runs = plays;", "the card of a worker"])
    assert.notDeepEqual(strangeIn(line, FORMER_NAMES), [], line);
  for (const line of [
    " * Whoever leaves is settled next",
    "throw new Error('told by whomever');",
    "settled, whatever becomes of this",
  ])
    assert.notDeepEqual(strangeIn(line, RIDDLES), [], line);
  assert.notDeepEqual(strangeIn("a wake-up that is of", FORMER, "   * avail to nobody"), []);
  assert.deepEqual(strangeIn("a wake-up", FORMER, "   * of avail: the next line says it"), []);
  assert.deepEqual(strangeIn("a waiter notices a death; discard it"), []);
});

test("a term has one row, a meaning and a Chinese term", () => {
  const [glossary = ""] = readFileSync(join(root, "docs/glossary.md"), "utf8").split("\n## Not in Chinese\n");
  const rows = glossary
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| term"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  assert.ok(rows.length > 50, String(rows.length));
  const terms = rows.map(([, term]) => term);
  assert.deepEqual(
    terms.filter((term, index) => terms.indexOf(term) !== index),
    [],
  );
  for (const [, term, meaning, chinese] of rows) {
    assert.ok(meaning !== undefined && meaning.length > 10, term);
    assert.match(chinese ?? "", /^\p{Script=Han}+$/u, term);
  }
});
