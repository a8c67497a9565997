/**
 * The guide's tables of what other libraries promise: each name of ours exists, most of theirs is here, and none of
 * what their READMEs list is forgotten.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/guide/from-other-libraries.md"), "utf8");
const api = readFileSync(join(root, "docs/api/allcores.api.md"), "utf8");

interface Row {
  readonly theirs: string;
  readonly ours: string;
}
/** The files of the decisions that rows name, by their numbers. */
const decisions = new Map(
  [...page.matchAll(/^\[(\d{4})\]: \.\.\/(decisions\/[\w-]+\.md)$/gm)].map(([, number, file]) => [number!, file!]),
);
/** The rows by library. */
const tables = new Map<string, Row[]>(
  page
    .split("\n## ")
    .slice(1)
    .map((section) => {
      const rows = section.split("\n").filter((line) => line.startsWith("| "));
      const cells = rows.slice(1).map((line) => line.slice(2, -2).split(" | "));
      return [section.split("\n")[0]!, cells.map(([theirs, ours]) => ({ theirs: theirs!, ours: ours! }))] as const;
    }),
);
const isHere = ({ ours }: Row) => !ours.startsWith("not here: ");
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

/** Every word of the public surface. */
const known = new Set(api.match(/[A-Za-z_$][\w$]*/g));
/** What the page says of its own: stand-ins, and words of the language and of Node. */
const STAND_INS = new Set(
  "pool future run lock semaphore held object result done items fns fn args n value url port Class concurrency futures await new using const of for undefined true import meta firstError fixed sliding thread process break MessagePort setPriority allcores package json entries".split(
    " ",
  ),
);

describe("the guide's tables of other libraries", () => {
  test("there are seven, and no row is without a second cell", () => {
    assert.deepEqual(
      [...tables.keys()],
      ["p-limit", "p-map", "p-queue", "async-mutex", "piscina", "tinypool", "workerpool"],
    );
    for (const [library, rows] of tables)
      for (const { theirs, ours } of rows)
        assert.ok(theirs !== "" && ours !== undefined && ours.length > 1, `${library}: ${theirs}`);
  });

  for (const [library, rows] of tables) {
    test(`${library}: every name of ours exists`, () => {
      const unknown = rows
        .filter(isHere)
        .flatMap(({ ours }) => quoted(ours))
        .flatMap((code) => code.replaceAll(/"[^"]*"/g, "").match(/[A-Za-z_$][\w$]*/g) ?? [])
        .filter((word) => !STAND_INS.has(word) && !known.has(word));
      assert.deepEqual([...new Set(unknown)], []);
      for (const row of rows.filter(isHere))
        assert.ok(
          quoted(row.ours).length > 0 || /always so|another task|each exported|the futures/.test(row.ours),
          row.theirs,
        );
    });

    test(`${library}: at least four of five are here, and what is not names a law, a decision or the platform`, () => {
      const missing = rows.filter((row) => !isHere(row));
      assert.ok(missing.length <= rows.length / 5, `${missing.length} of ${rows.length}`);
      for (const { theirs, ours } of missing) {
        const [, number] = /\[(\d{4})\b/.exec(ours) ?? [];
        const decision = number && decisions.get(number);
        assert.ok(
          decision === undefined ? /the platform|naming law/.test(ours) : existsSync(join(root, "docs", decision)),
          theirs,
        );
      }
    });
  }
});

/** What the READMEs that are installed list by name, in headings and in lists of options. */
const listed: Record<string, RegExp> = {
  "p-limit": /^#{3,4} (?:\w+\.)?(\w+)/gm,
  "p-queue": /^#{4,5} \[?\.?(\w+)/gm,
  piscina: /^(?:### (?:Method|Event|Property|Static \w+): `'?| {2}- `)(\w+)/gm,
  tinypool: /^- `(\w+)/gm,
  workerpool: /^- `(?:Pool\.|Promise\.)?(\w+)/gm,
};
/** Words that are no promise: arguments, questions of a FAQ, and what another row says. */
const NO_PROMISE = new Set(
  "fn args options task How When Do force concurrentTasks worker_threads child_process".split(" "),
);

describe("READMEs of other libraries", () => {
  for (const [library, pattern] of Object.entries(listed)) {
    const file = ["README.md", "readme.md"].map((name) => join(root, "node_modules", library, name)).find(existsSync);
    test(`${library}: all that its README lists has a row`, { skip: file === undefined }, () => {
      const words = new Set(
        tables
          .get(library)!
          .flatMap(({ theirs }) => quoted(theirs))
          .flatMap((code) => code.match(/\w+/g) ?? []),
      );
      const names = [...readFileSync(file!, "utf8").matchAll(pattern)]
        .map(([, name]) => name!)
        .filter((name) => !NO_PROMISE.has(name));
      assert.ok(names.length > 5, String(names.length));
      assert.deepEqual(
        [...new Set(names)].filter((name) => !words.has(name)),
        [],
      );
    });
  }
});
