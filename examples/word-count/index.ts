/**
 * Counts the words of text files by processes: a reader, a parser for each core, a reducer, with a bounded queue
 * between each two.
 * `npm run example:word-count -- [file or folder ...]`; without arguments, the files of this project's documentation.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { cpuCount, isMain, Process, Queue } from "allcores";
import { parser } from "./parser.js";
import { reader } from "./reader.js";
import { reducer } from "./reducer.js";

/** The text files at a path, in the order of their names. */
function textFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(md|txt)$/.test(name))
    .sort()
    .map((name) => join(path, name));
}

if (isMain(import.meta)) {
  const given = process.argv.slice(2);
  const files = (given.length > 0 ? given : ["README.md", "docs"]).flatMap(textFiles);
  // The bounds are the backpressure: however large the files are, no more than this much of them is ever in memory.
  const pages = new Queue<string>({ across: "processes", label: "pages", capacity: 4 * 2 ** 20 });
  const counts = new Queue<Map<string, number>>({ across: "processes", label: "counts", maxSize: 64 });

  const reading = Process.start(reader, files, pages);
  const parsing = Array.from({ length: cpuCount() }, () => Process.start(parser, pages, counts));
  const reducing = Process.start(reducer, counts);

  const characters = await reading.join();
  const taken = await Promise.all(parsing.map((process) => process.join()));
  counts.shutdown();
  const words = await reducing.join();

  console.log(
    `${files.length} files, ${characters} characters, ${taken.reduce((sum, pages) => sum + pages, 0)} pages by ${taken.length} parsers`,
  );
  for (const [word, count] of words.slice(0, 10)) console.log(`${String(count).padStart(8)}  ${word}`);
}
