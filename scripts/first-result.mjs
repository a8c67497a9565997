// Follows the pages as a newcomer does: an empty folder, the page's commands with the package from its tarball, the
// page's first program. Fails where it does not print what the page says, or where that takes two minutes of an idle
// machine. Words keep only the programs whose name contains one of them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { measureSlowness } from "./suite/slowness.mjs";
import { Workplace } from "./workplace.mjs";

const root = resolve(import.meta.dirname, "..");
const limit = Math.ceil(120_000 * (await measureSlowness(1)));

const programs = [
  { name: "TypeScript", page: "README.md", file: "main.ts" },
  { name: "TypeScript, the Chinese page", page: "README.zh-CN.md", file: "main.ts" },
  { name: "JavaScript, ESM", page: "docs/guide/javascript.md", file: "main.mjs" },
  { name: "JavaScript, CommonJS", page: "docs/guide/javascript.md", file: "main.cjs" },
];
const parts = process.argv.slice(2);
const chosen = programs.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));

const place = new Workplace("allcores-first-result-");
const folder = place.path;
try {
  const tarball = await pack();
  for (const [index, program] of chosen.entries()) {
    const began = performance.now();
    const { commands, text, promised } = told(program);
    const home = join(folder, String(index));
    mkdirSync(home);
    for (const command of commands) await run(command.replace(/\ballcores\b/, tarball), home);
    writeFileSync(join(home, program.file), text);
    const printed = (await run(runner(program), home)).trimEnd();
    const ms = performance.now() - began;
    const isGood = printed === promised && ms < limit;
    console.log(
      `${isGood ? "ok" : "FAILED"}  ${program.name}: ${(ms / 1000).toFixed(1)} s to ${JSON.stringify(printed)}`,
    );
    if (!isGood) process.exitCode = 1;
  }
} finally {
  place.remove();
}

async function pack() {
  const made = await run(`npm pack --ignore-scripts --json --pack-destination ${folder}`, root);
  return join(folder, JSON.parse(made)[0].filename);
}

/** What a page says of a program: the commands of its first block of them, the program, and what that prints. */
function told({ page, file }) {
  const text = readFileSync(join(root, page), "utf8");
  const commands = /^```sh\n([\s\S]*?)^```$/m.exec(text)[1].split("\n");
  const program = new RegExp(
    `^<!-- file: ${file.replace(".", "\\.")} -->\\n+\`\`\`\\w+\\n([\\s\\S]*?)^\`\`\`$`,
    "m",
  ).exec(text)[1];
  return {
    commands: commands.filter((line) => line !== "" && !line.startsWith("#")),
    text: program,
    promised: /console\.log\(.*; \/\/ (.*)/.exec(program)[1],
  };
}

/** The command that runs the program, as the page says it. */
function runner({ page, file }) {
  const [, command] = new RegExp(`\`((?:npx tsx|node) ${file.replace(".", "\\.")})\``).exec(
    readFileSync(join(root, page), "utf8"),
  );
  return command;
}

async function run(command, cwd) {
  const { status, out, said } = await place.run(command, cwd, { limit });
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${said}`);
  return out;
}
