/**
 * `npm run check:primitive`, `check:platform` and `check:link` find each place of CONTRIBUTING.md that was forgotten.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";

interface Place {
  file: string;
  what: string;
  isThere: boolean;
}
type Kind = "primitive" | "platform" | "link";
type Read = (path: string) => string;
type Files = (under: string) => string[];

const root = resolve(import.meta.dirname, "../..");
const script = join(root, "scripts/places.mjs");
const { placesOf }: { placesOf(kind: Kind, name: string, read?: Read, files?: Files): Place[] } = await import(
  pathToFileURL(script).href
);

const text = new Map<string, string>();
const read: Read = (path) => {
  if (!text.has(path)) text.set(path, existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "");
  return text.get(path) as string;
};
const files: Files = (under) =>
  readdirSync(join(root, under), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();

function missing(kind: Kind, name: string, from: Read = read, among: Files = files): Place[] {
  return placesOf(kind, name, from, among).filter(({ isThere }) => !isThere);
}

// What was there before the changelog began is not in it.
const present: [Kind, string][] = [
  ...["Lock", "Semaphore", "Event", "Barrier", "CountDownLatch", "RWLock"].map((name): [Kind, string] => [
    "primitive",
    name,
  ]),
  ["platform", "linux"],
  ["link", "Thread"],
  ["link", "Process"],
];

for (const [kind, name] of present) {
  describe(`the ${kind} ${name}`, () => {
    test("has all its places", () => {
      assert.deepEqual(
        missing(kind, name).filter(({ file }) => file !== "CHANGELOG.md"),
        [],
      );
    });

    test("lacks each place whose file does not know it", () => {
      const places = placesOf(kind, name, read, files);
      // One that was excused has a reason in place of a file.
      for (const file of new Set(places.map((place) => place.file).filter((path) => read(path) !== ""))) {
        const forgetful: Read = (path) => (path === file ? "" : read(path));
        const found = missing(kind, name, forgetful, (under) => files(under).filter((path) => path !== file));
        assert.ok(
          found.some((place) => place.file === file),
          `nothing is missing without ${file}`,
        );
      }
    });
  });
}

test("one that nobody has written has no place but that of a benchmark which was excused", () => {
  for (const [kind, name] of [
    ["primitive", "Turnstile"],
    ["platform", "plan9"],
    ["link", "Fiber"],
  ] as const)
    assert.deepEqual(
      placesOf(kind, name, read, files).filter(({ isThere }) => isThere),
      [],
    );
});

test("a platform lacks the answer for each verb that its column leaves empty, and a verb that the contract lacks is named", () => {
  const table = "docs/design/platform.md";
  const row = /^(\| `resources\.cpuQuota` \|[^|]*\|)[^|]*\|/m;
  const emptied = read(table).replace(row, "$1  |");
  assert.match(
    missing("platform", "linux", (path) => (path === table ? emptied : read(path)))[0]?.what ?? "",
    /resources\.cpuQuota/,
  );
  const more = `${read(table)}| \`memory.freeze\` | nothing | – | – | – |\n`;
  assert.match(
    missing("platform", "linux", (path) => (path === table ? more : read(path)))[0]?.what ?? "",
    /memory\.freeze/,
  );
});

test("the commands say what is missing and fail", () => {
  const ran = spawnSync(process.execPath, [script, "primitive", "Turnstile"], { encoding: "utf8" });
  assert.equal(ran.status, 1);
  assert.match(ran.stderr, /^missing in src\/sync\/turnstile\.ts: export class Turnstile$/m);
  assert.match(ran.stderr, /^missing in src\/index\.ts: an export of Turnstile$/m);
  assert.match(ran.stdout, /^Turnstile: 0 of \d+ places$/m);
  assert.match(
    execFileSync(process.execPath, [script, "link", "Process"], { encoding: "utf8" }),
    /^Process: (\d+) of \1 places$/m,
  );
  assert.equal(spawnSync(process.execPath, [script, "primitive"]).status, 2);
  assert.equal(spawnSync(process.execPath, [script, "toString", "Event"]).status, 2);
});

test("each list of CONTRIBUTING.md ends in its command, which package.json has", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const sections = readFileSync(join(root, "CONTRIBUTING.md"), "utf8").split(/^## /m);
  for (const [heading, kind] of Object.entries({
    "Add a primitive": "primitive",
    "Add a platform": "platform",
    "Add a pool link": "link",
  })) {
    const section = sections.find((each) => each.startsWith(heading));
    assert.match(section ?? "", new RegExp(`\`\`\`sh\\nnpm run check:${kind} -- \\w+\\n\`\`\`\\n+$`));
    assert.equal(scripts[`check:${kind}`], `node scripts/places.mjs ${kind}`);
  }
});
