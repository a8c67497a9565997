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

function texts(folder: string, ends: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ends))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const strangeIn = (text: string): string[] => FORMER.flatMap(([word, term]) => (word.test(text) ? [`${word.exec(text)![0]} is now: ${term}`] : []));

test("sources, errors and documents keep to the glossary's terms", () => {
  const files = [...texts("src", ".ts"), ...texts("docs", ".md").filter((path) => path !== "docs/glossary.md")];
  assert.ok(files.length > 300, String(files.length));
  const found = files.flatMap((path) =>
    readFileSync(join(root, path), "utf8")
      .split("\n")
      .flatMap((line, index) => strangeIn(line).map((strange) => `${path}:${index + 1}: ${strange}`)),
  );
  assert.deepEqual(found, []);
});

test("a former word is noticed", () => {
  for (const line of ["the pool's crew", "a Parcel", "puts a notice on its card", "reads the vitals", "the job in hand"])
    assert.notDeepEqual(strangeIn(line), [], line);
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
