// Makes a release of the package in this folder, or refuses: npm run release -- X.Y.Z [--dry-run] [--publish]
//
// It refuses a tree with changes, a version that is tagged or lower than the present one, a CHANGELOG without it,
// failing checks, and an API report that is out of date. Then it sets the version, commits and tags. Only `--publish`
// pushes and publishes. `--dry-run` checks all the same and changes nothing.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

const { values, positionals } = options();
const [version] = positionals;
const tag = `v${version}`;

refuseUnless(
  positionals.length === 1 && /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  "give the version, as in npm run release -- 1.2.3 [--dry-run] [--publish]",
);
refuseUnless(
  !(values["dry-run"] && values.publish),
  "--dry-run changes nothing, so it cannot --publish: give one of them",
);
const { version: present } = JSON.parse(readFileSync("package.json", "utf8"));
refuseUnless(!isLower(version, present), `${version} is lower than the present version, ${present}`);
refuseDirtyTree("commit it or take it back");
refuseUnless(git("tag", "--list", tag) === "", `the tag ${tag} exists: a version is released once`);
refuseUnless(
  hasEntry(version),
  `CHANGELOG.md has no entry "## ${version}": move there what stands under "## Unreleased"`,
);
check("npm run build", ["run", "build"]);
check(
  "npm run api -- --check",
  ["run", "api", "--", "--check"],
  "the API report is out of date, or cannot be made: npm run build && npm run api, and look at the difference",
);
check("npm test", ["test"]);
refuseDirtyTree("the checks have changed it");

const steps = [
  [
    `set the version ${version}`,
    () => npm("version", version, "--no-git-tag-version", "--allow-same-version", "--ignore-scripts"),
  ],
  [`commit it`, () => git("commit", "--quiet", "--allow-empty", "--all", "--message", `Release ${version}`)],
  [`tag it ${tag}`, () => git("tag", "--annotate", tag, "--message", `Release ${version}`)],
  ...(values.publish
    ? [
        ["push branch and tag", () => git("push", "--atomic", "origin", "HEAD", tag)],
        ["publish it", () => npm("publish")],
      ]
    : []),
];
for (const [what, step] of steps) {
  console.log(values["dry-run"] ? `would ${what}` : what);
  if (!values["dry-run"]) step();
}
if (!values.publish)
  console.log(`Nothing was pushed or published. That is: git push --atomic origin HEAD ${tag} && npm publish`);

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { "dry-run": { type: "boolean" }, publish: { type: "boolean" } },
    });
  } catch (error) {
    return refuse(error.message);
  }
}

function check(name, arguments_, what = `${name} fails`) {
  console.log(name);
  refuseUnless(spawnSync("npm", arguments_, { stdio: "inherit" }).status === 0, what);
}

function refuseDirtyTree(advice) {
  const changes = git("status", "--porcelain");
  refuseUnless(changes === "", `the tree has changes: ${advice}\n${changes}`);
}

function hasEntry(version) {
  if (!existsSync("CHANGELOG.md")) return false;
  const [, entry] = readFileSync("CHANGELOG.md", "utf8").split(
    new RegExp(`^## \\[?${version.replaceAll(".", "\\.")}\\]?(?:[ \\t].*)?$`, "m"),
  );
  return entry !== undefined && entry.split(/^## /m)[0].trim() !== "";
}

/** By the numbers alone, and a version with a suffix comes before the one without. */
function isLower(version, than) {
  const numbers = (text) => text.split("-")[0].split(".").map(Number);
  const [a, b] = [numbers(version), numbers(than)];
  const at = a.findIndex((number, index) => number !== b[index]);
  return at >= 0 ? a[at] < b[at] : version.includes("-") && !than.includes("-");
}

function git(...arguments_) {
  return execFileSync("git", arguments_, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trimEnd();
}

function npm(...arguments_) {
  execFileSync("npm", arguments_, { stdio: "inherit" });
}

function refuseUnless(isRight, why) {
  if (!isRight) refuse(why);
}

function refuse(why) {
  console.error(`No release: ${why}`);
  process.exit(1);
}
