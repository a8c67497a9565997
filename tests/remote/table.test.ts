/** The guide says of each option and verb of pools what becomes of it in a remote one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The members of an interface of a source. */
function membersOf(path: string, name: string): string[] {
  const text = read(path);
  const start = text.search(new RegExp(`^export interface ${name}\\b`, "m"));
  assert.ok(start >= 0, `${path} has no ${name}`);
  const body = text.slice(start, text.indexOf("\n}\n", start));
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(<:]/gm)].map(([, member]) => member!);
}

function missing(page: string): string[] {
  const rows = page.slice(page.indexOf("## The same, different, refused"), page.indexOf("## At least once"));
  const names = [
    ...membersOf("src/pools/pool.ts", "Pool"),
    ...membersOf("src/pools/pool-options.ts", "PoolOptions"),
    ...membersOf("src/pools/async-pool-options.ts", "AsyncPoolOptions"),
    ...membersOf("src/pools/call-options.ts", "CallOptions"),
    ...membersOf("src/pools/map-options.ts", "MapOptions"),
    "joinSync",
    "runSync",
    "settled",
    "unordered",
  ];
  assert.ok(names.length > 40);
  return [...new Set(names)].filter((name) => !rows.includes(`\`${name}\``));
}

test("the table of docs/guide/remote.md has each option and verb", () => {
  const page = read("docs/guide/remote.md");
  assert.deepEqual(missing(page), []);
  assert.deepEqual(missing(page.replace("`maxQueue`, ", "")), ["maxQueue"]);
});

test("each option that remote pools have is on the page", () => {
  const page = read("docs/guide/remote.md");
  const own = ["RemotePoolOptions", "RemoteCallOptions", "RemoteMapOptions", "RemoteQueueOptions"].flatMap((name) =>
    membersOf("src/pools/remote-options.ts", name),
  );
  assert.deepEqual(
    own.filter((name) => !new RegExp(`\\b${name}\\b`).test(page) && name !== "prefix"),
    [],
  );
});
