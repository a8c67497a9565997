/** docs/api shows what each entry of the package declares: a change of the public surface is seen in review. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "docs/api");
interface ReportScript {
  reports(): { types: string; file: string }[];
  writeReports(into: string): void;
  changes(fresh: string, from?: string): Promise<string>;
}
const { changes, reports, writeReports }: ReportScript = await import(
  pathToFileURL(join(root, "scripts/api.mjs")).href
);

const fresh = join(root, "build/api", `fresh-${process.pid}`);
const stale = join(root, "build/api", `stale-${process.pid}`);
before(() => writeReports(fresh));
after(() => {
  for (const each of [fresh, stale]) rmSync(each, { recursive: true, force: true });
});

test("the report of the public surface is up to date: npm run build && npm run api", async () => {
  const diff = await changes(fresh);
  assert.ok(diff === "", `docs/api is out of date: npm run build && npm run api\n${diff}`);
});

test("each entry has a report, and no report is left over", () => {
  assert.deepEqual(
    readdirSync(folder).sort(),
    reports()
      .map(({ file }) => file)
      .sort(),
  );
});

test("what has changed is shown", async () => {
  cpSync(folder, stale, { recursive: true });
  const file = join(stale, "allcores.api.md");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("export function cpuCount(): number;", "export function cpuCount(): string;"),
  );
  assert.match(
    await changes(fresh, stale),
    /-export function cpuCount\(\): string;\n\+export function cpuCount\(\): number;/,
  );
});

test("declarations show nothing of what is inside", () => {
  for (const { file } of reports()) {
    const inside = readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((line) =>
        /^\s+(static )?protected |@internal|\b(Heap|Handle|Parker|Registry|Scheduler|Lane)\b|\[crossing\]/.test(line),
      );
    assert.deepEqual(inside, [], `${file}: mark it @internal`);
  }
});
