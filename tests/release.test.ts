/** scripts/release.mjs refuses what must not be released, and pushes and publishes only when it is told to. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { timeLimit } from "./time-limit.js";

const script = resolve(import.meta.dirname, "../../scripts/release.mjs");
const folder = mkdtempSync(join(tmpdir(), "allcores-release-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let project = "";
let log = "";
let repositories = 0;

const manifest = {
  name: "released",
  version: "0.1.0",
  scripts: { build: "true", api: "node api.mjs", test: "node test.mjs" },
};

/** A program called npm that does what a script of the manifest says, and notes everything else. */
const npm = `#!/usr/bin/env node
const { appendFileSync, readFileSync, writeFileSync } = require("node:fs");
const [command, ...rest] = process.argv.slice(2);
const name = command === "run" ? rest.shift() : command;
const manifest = JSON.parse(readFileSync("package.json", "utf8"));
appendFileSync(process.env.NPM_LOG, [command, name, ...rest].join(" ") + "\\n");
if (name in manifest.scripts) process.exit(require("node:child_process").spawnSync(manifest.scripts[name], { shell: true, stdio: "inherit" }).status);
if (name === "version") writeFileSync("package.json", JSON.stringify({ ...manifest, version: rest[0] }));
`;

function git(...words: string[]): string {
  return execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.com", ...words], {
    cwd: project,
    encoding: "utf8",
  }).trim();
}

function write(file: string, text: string): void {
  writeFileSync(join(project, file), text);
}

function commit(file: string, text: string): void {
  write(file, text);
  git("add", "-A");
  git("commit", "-qm", file);
}

function release(...words: string[]): { status: number | null; output: string } {
  const identity = {
    GIT_AUTHOR_NAME: "Test",
    GIT_AUTHOR_EMAIL: "test@example.com",
    GIT_COMMITTER_NAME: "Test",
    GIT_COMMITTER_EMAIL: "test@example.com",
  };
  const env = {
    ...process.env,
    ...identity,
    PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}`,
    NPM_LOG: log,
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], {
    cwd: project,
    env,
    encoding: "utf8",
    timeout: timeLimit(60_000),
  });
  return { status, output: stdout + stderr };
}

const calls = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
const state = (): string =>
  [git("rev-parse", "HEAD"), git("tag"), git("status", "--porcelain"), git("ls-remote", "origin")].join("\n");

/** Nothing was released, and nothing has changed. */
function refused(why: RegExp, ...words: string[]): void {
  const before = state();
  const { status, output } = release(...words);
  assert.match(output, why);
  assert.equal(status, 1);
  assert.equal(state(), before);
  assert.doesNotMatch(calls(), /publish|version/);
}

describe("a release", () => {
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/npm"), npm);
  chmodSync(join(folder, "bin/npm"), 0o755);

  beforeEach(() => {
    project = join(folder, `project-${++repositories}`);
    log = join(folder, `npm-${repositories}.log`);
    const remote = join(folder, `remote-${repositories}.git`);
    mkdirSync(project);
    execFileSync("git", ["init", "-q", "--bare", remote]);
    git("init", "-q", "-b", "main");
    git("remote", "add", "origin", remote);
    write("package.json", JSON.stringify(manifest));
    write("api.mjs", "");
    write("test.mjs", "");
    commit(
      "CHANGELOG.md",
      "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-01-01\n\n- Something.\n\n## 0.3.0\n\n## 0.1.0\n\n- The first.\n",
    );
  });

  test("is refused while the tree has changes", () => {
    write("new.txt", "");
    refused(/No release: the tree has changes.*\n\?\? new\.txt/, "0.2.0");
  });

  test("is refused where the tag exists", () => {
    git("tag", "v0.2.0");
    refused(/No release: the tag v0\.2\.0 exists/, "0.2.0");
  });

  test("is refused without an entry in the changelog", () => {
    refused(/No release: CHANGELOG\.md has no entry "## 0\.2\.1"/, "0.2.1");
    refused(/No release: CHANGELOG\.md has no entry "## 0\.3\.0"/, "0.3.0");
    refused(/No release: CHANGELOG\.md has no entry "## 0\.20\.0"/, "0.20.0");
  });

  test("is refused when a check fails", () => {
    commit("test.mjs", "process.exit(1);");
    refused(/No release: npm test fails/, "0.2.0");
    commit("package.json", JSON.stringify({ ...manifest, scripts: { ...manifest.scripts, build: "false" } }));
    refused(/No release: npm run build fails/, "0.2.0");
  });

  test("is refused when the API report is out of date", () => {
    commit("api.mjs", "process.exitCode = 1;");
    refused(/No release: the API report is out of date/, "0.2.0");
    assert.match(calls(), /^run api -- --check$/m);
  });

  test("is refused when the checks change the tree", () => {
    commit("test.mjs", "import { writeFileSync } from 'node:fs';\nwriteFileSync('left.txt', '');");
    const { status, output } = release("0.2.0");
    assert.match(output, /No release: the tree has changes: the checks have changed it\n\?\? left\.txt/);
    assert.equal(status, 1);
    assert.equal(git("tag"), "");
  });

  test("is refused for what is no version, or a lower one", () => {
    refused(/No release: give the version/);
    refused(/No release: give the version/, "next");
    refused(/No release: 0\.0\.9 is lower than the present version, 0\.1\.0/, "0.0.9");
    refused(/No release: 0\.1\.0-rc\.1 is lower/, "0.1.0-rc.1");
    refused(/No release: .*--force/, "0.2.0", "--force");
  });

  test("changes nothing as a dry run", () => {
    const before = state();
    const { status, output } = release("0.2.0", "--dry-run");
    assert.match(output, /would set the version 0\.2\.0\nwould commit it\nwould tag it v0\.2\.0\n/);
    assert.equal(status, 0);
    assert.equal(state(), before);
    assert.equal(calls(), "run build\nrun api -- --check\ntest test\n");
    refused(/cannot --publish/, "0.2.0", "--dry-run", "--publish");
  });

  test("sets the version, commits and tags, and neither pushes nor publishes by itself", () => {
    const { status, output } = release("0.2.0");
    assert.equal(status, 0, output);
    assert.equal(JSON.parse(readFileSync(join(project, "package.json"), "utf8")).version, "0.2.0");
    assert.equal(git("log", "-1", "--format=%s"), "Release 0.2.0");
    assert.equal(git("rev-parse", "v0.2.0^{commit}"), git("rev-parse", "HEAD"));
    assert.equal(git("status", "--porcelain"), "");
    assert.equal(git("ls-remote", "origin"), "");
    assert.doesNotMatch(calls(), /publish/);
  });

  test("pushes branch and tag and publishes when told to", () => {
    const { status, output } = release("0.2.0", "--publish");
    assert.equal(status, 0, output);
    assert.match(
      git("ls-remote", "origin"),
      new RegExp(`${git("rev-parse", "HEAD")}\\trefs/heads/main\\n.*\\trefs/tags/v0\\.2\\.0`),
    );
    assert.match(calls(), /^publish publish$/m);
  });
});
