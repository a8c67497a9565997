/** What bench/command-line.ts does with each file: a plain function, as `allcores map` runs it. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

export default function digestFile(path: string): { path: string; sha256: string; gzip: number; words: number } {
  const bytes = readFileSync(path);
  return {
    path,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    gzip: gzipSync(bytes, { level: 6 }).length,
    words: bytes.toString("utf8").split(/\s+/).filter(Boolean).length,
  };
}
