/**
 * `allcores map` beside `xargs -P` and GNU parallel, which start a node for each file: hashes, compresses (gzip, level
 * 6) and counts the words of the .js files under node_modules. The rivals get a part of the files, since all would take
 * them minutes, and their figures are for a file. What the cores can do at best is (serial - one start) / cores + one
 * start. `npm run bench -- command-line [--files=N]`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuCount } from "allcores";
import { root as rootUrl } from "./machine.js";
import { compared, type Figure, faster, median, now, report } from "./measure.js";

const RIVALS_FILES = 60;
const ROUNDS = 3;
const root = fileURLToPath(rootUrl);
const command = join(root, "dist/cli.js");
const module = join(import.meta.dirname, "workers/digest-file.js");

const folder = mkdtempSync(join(tmpdir(), "allcores-bench-"));
const files = readdirSync(join(root, "node_modules"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".js") && !/['"\\\s]/.test(entry.parentPath + entry.name))
  .map((entry) => join(entry.parentPath, entry.name))
  .sort();
const most = Number(process.argv.find((word) => word.startsWith("--files="))?.slice(8) ?? files.length);
const all = files.slice(0, most);
const every = Math.max(1, Math.floor(all.length / RIVALS_FILES));
const part = all.filter((_, index) => index % every === 0).slice(0, RIVALS_FILES);
const [allList, partList, oneList] = [join(folder, "all"), join(folder, "part"), join(folder, "one")];
writeFileSync(allList, all.join("\n"));
writeFileSync(oneList, all[0]!);
writeFileSync(partList, part.join("\n"));

/** Seconds, and the lines that it printed. */
async function run(shell: string): Promise<{ seconds: number; lines: string[] }> {
  const output = join(folder, "output");
  const began = now();
  const child = spawn("bash", ["-c", `${shell} > ${output}`], { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((done) => child.on("close", done));
  const seconds = now() - began;
  if (code !== 0) throw new Error(`${shell} ended with ${code}`);
  return { seconds, lines: readFileSync(output, "utf8").trim().split("\n") };
}

try {
  const cores = cpuCount();
  const node = JSON.stringify(process.execPath);
  writeFileSync(
    join(folder, "serial.mjs"),
    `import { readFileSync } from "node:fs";\nimport digest from ${JSON.stringify(module)};\nfor (const file of readFileSync(process.argv[2], "utf8").split("\\n")) console.log(JSON.stringify(digest(file)));`,
  );
  writeFileSync(
    join(folder, "one.mjs"),
    `import digest from ${JSON.stringify(module)};
console.log(JSON.stringify(digest(process.argv[2])));`,
  );
  const one = `${node} ${folder}/one.mjs`;
  const hasParallel = await run("parallel --version").then(
    () => true,
    () => false,
  );
  const commands: Record<string, { shell: string; files: number }> = {
    "one start": { shell: `${node} ${folder}/serial.mjs ${oneList}`, files: 1 },
    "one after the other": { shell: `${node} ${folder}/serial.mjs ${allList}`, files: all.length },
    "allcores map": { shell: `${node} ${command} map ${module} --file ${allList}`, files: all.length },
    "xargs -P": { shell: `xargs -a ${partList} -P ${cores} -n 1 ${one}`, files: part.length },
    ...(hasParallel && { "GNU parallel": { shell: `parallel -a ${partList} -j ${cores} ${one}`, files: part.length } }),
  };
  const seconds: Record<string, number[]> = {};
  const lines: Record<string, string[]> = {};
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, { shell }] of Object.entries(commands)) {
      const took = await run(shell);
      (seconds[name] ??= []).push(took.seconds);
      lines[name] = took.lines;
    }
  if (lines["allcores map"]!.join("\n") !== lines["one after the other"]!.join("\n"))
    throw new Error("allcores map gave other results than the serial program");

  const perFile = (name: string): number[] => seconds[name]!.map((each) => (1000 * each) / commands[name]!.files);
  const ideal = seconds["one after the other"]!.map((serial, round) => {
    const start = seconds["one start"]![round]!;
    return (serial - start) / cores + start;
  });
  const ours = seconds["allcores map"]!;
  const what = "hash, gzip and count the words of a file";
  const figures: Figure[] = [
    compared(
      `all ${all.length} files, of what ${cores} cores can do at best`,
      "s",
      { ours, theirs: ideal },
      "(serial - one start) / cores + one start",
      faster(0.85),
    ),
    ...["xargs -P", "GNU parallel"]
      .filter((name) => name in seconds)
      .map((name) => compared(what, "ms", { ours: perFile("allcores map"), theirs: perFile(name) }, name, faster(20))),
  ];
  if (!hasParallel)
    figures.push({
      name: what,
      unit: "ms",
      ours: median(perFile("allcores map")),
      rival: "GNU parallel: not installed here",
      runs: ROUNDS,
    });
  report(figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
