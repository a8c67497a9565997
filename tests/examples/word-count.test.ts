/** The pipeline over real files counts what one loop counts, and holds back a reader whose parsers are behind. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { timeLimit } from "../time-limit.js";

const program = fileURLToPath(new URL("../../examples/word-count/index.js", import.meta.url));
const words = ["alpha", "beta", "gamma", "delta", "ünïcode", "don't", "x2"];

test("counts every word once, over pages that end within lines and files without a last newline", {
  timeout: timeLimit(60_000),
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "word-count-"));
  try {
    const counts = new Map<string, number>();
    let characters = 0;
    for (let file = 0; file < 5; file++) {
      let text = "";
      for (let index = 0; index < 60_000; index++) {
        const word = words[(index * (file + 3) + (index >> 4)) % words.length]!;
        counts.set(word, (counts.get(word) ?? 0) + 1);
        text += `${word}${index % 11 === 10 ? "\n" : " "}`;
      }
      text = text.trimEnd();
      characters += text.length;
      await writeFile(join(folder, `${file}.txt`), text);
    }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, folder]);
    assert.equal(stderr, "");
    const [summary, ...table] = stdout.trimEnd().split("\n");
    assert.match(summary!, new RegExp(`^5 files, ${characters} characters, \\d+ pages by \\d+ parsers$`));
    const expected = [...counts].sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1));
    assert.deepEqual(
      table.map((line) => line.trim().split(/\s+/)),
      expected.map(([word, count]) => [String(count), word]),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
