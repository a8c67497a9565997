/** The table of ids in docs/design/ids.md names every word of the layouts that may come round, and no other. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../../..");
/** By its name, or by what is said of it. */
const COMES_ROUND =
  /generation|sequence|epoch|version\b|ticket|\bstamp|\bturns\b|departures|\bround\b|modulo|how often|\bever (named|committed|taken)|position (after|of)|worker id|who (is inside|sweeps)|low 32 bits/i;
/** What looks like one by what is said of it. */
const HARMLESS = ["BARRIER.arrived", "BARRIER.waiting", "LANE.awaits"];

/** Constants of layouts, as in RECORD.id, with what is said of them. */
function wordsIn(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, body] of text.matchAll(/(?:export )?const ([A-Z_]+) = \{([\s\S]*?)\n?\} as const/g)) {
    for (const [, said = "", word] of body!.matchAll(/(\/\*\*(?:(?!\*\/)[\s\S])*?\*\/\s*)?\b([a-zA-Z]\w*): [^,\n]+/g))
      found.set(`${name}.${word}`, said);
  }
  for (const [, name] of text.matchAll(/^(?:export )?const ([A-Z_]*(?:EPOCH|GENERATION|SEQUENCE|TICKET)[A-Z_]*) = /gm))
    found.set(name!, "");
  return found;
}

function wordsThatComeRound(text: string): string[] {
  return [...wordsIn(text)]
    .filter(([name, said]) => COMES_ROUND.test(name) || COMES_ROUND.test(said))
    .map(([name]) => name);
}

const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  // An explored program's own blocks live for one execution.
  .filter((path) => path.endsWith(".ts") && !path.startsWith("testing/"))
  .map((path) => readFileSync(join(root, "src", path), "utf8"));
const table = readFileSync(join(root, "docs/design/ids.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| word"));
const named = new Set(
  table.flatMap((line) => [...line.split(" | ")[0]!.matchAll(/`([A-Z_]+(?:\.\w+)?)`/g)].map(([, name]) => name!)),
);

test("a word with a generation or sequence is in the table of ids", () => {
  const missing = sources.flatMap(wordsThatComeRound).filter((word) => !named.has(word) && !HARMLESS.includes(word));
  assert.deepEqual(
    missing,
    [],
    "tell in docs/design/ids.md how many bits it has, when it comes round, and what happens then",
  );
});

test("the table of ids names no word that is no more", () => {
  const all = new Set(
    sources.flatMap((text) => [
      ...wordsIn(text).keys(),
      ...[...text.matchAll(/\bconst ([A-Z_]+) = /g)].map(([, name]) => name!),
    ]),
  );
  assert.deepEqual(
    [...named].filter((word) => !all.has(word)),
    [],
  );
});

test("every number of the table has bits, a rate, a time and what happens", () => {
  const numbers = table.filter((line) => line.split(" | ").length === 5);
  assert.ok(numbers.length > 15);
  for (const line of numbers) for (const cell of line.slice(2, -2).split(" | ")) assert.notEqual(cell.trim(), "", line);
});

test("a new word of the kind is noticed, whatever tells of it", () => {
  const text = `
    const THING = { state: 0, epoch: 1 } as const;
    export const OTHER = {
      /** How often it was opened. */
      opened: 0,
      /** Its size. */
      size: 1,
    } as const;
    `;
  assert.deepEqual(wordsThatComeRound(text), ["THING.epoch", "OTHER.opened"]);
  assert.deepEqual(wordsThatComeRound("const LAST_TICKET = 3;\n"), ["LAST_TICKET"]);
});
