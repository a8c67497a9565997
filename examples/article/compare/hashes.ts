/** CPU-bound: SHA-256 of the files under node_modules, piece by piece as BitTorrent does it, so that one large file is work for many. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Lock, task } from "allcores";
import type { Job } from "./job.js";
import { sha256 } from "./sha256.js";

const MEBIBYTE = 2 ** 20;
const TOTAL_BYTES = 96 * MEBIBYTE;
const PIECE_BYTES = MEBIBYTE;
const BATCH_BYTES = 4 * MEBIBYTE;
const WORKERS = 4;

interface Piece {
  path: string;
  at: number;
  bytes: number;
}

export const hashPieces = task(import.meta, function hashPieces(pieces: Piece[]) {
  return pieces.map((piece) => sha256(read(piece)));
});

export const hashUnderGlobalLock = task(import.meta, function hashUnderGlobalLock(gil: Lock, pieces: Piece[]) {
  return pieces.map((piece) => {
    const bytes = read(piece);
    return gil.runSync(() => sha256(bytes));
  });
});

async function hashAsynchronously(pieces: Piece[]): Promise<string[]> {
  const hashes = [];
  for (const { path, at, bytes } of pieces) {
    await using file = await open(path, "r");
    const { buffer } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, at);
    hashes.push(sha256(buffer));
  }
  return hashes;
}

function read({ path, at, bytes }: Piece): Uint8Array {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(bytes);
    readSync(file, buffer, 0, bytes, at);
    return buffer;
  } finally {
    closeSync(file);
  }
}

function batches(): Piece[][] {
  const folder = join(dirname(fileURLToPath(import.meta.resolve("allcores/package.json"))), "node_modules");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const found: Piece[][] = [];
  let batch: Piece[] = [];
  let inBatch = 0;
  let total = 0;
  for (const path of paths) {
    const { size } = statSync(path);
    for (let at = 0; at < size && total < TOTAL_BYTES; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, size - at);
      batch.push({ path, at, bytes });
      inBatch += bytes;
      total += bytes;
      if (inBatch < BATCH_BYTES) continue;
      found.push(batch);
      batch = [];
      inBatch = 0;
    }
  }
  if (batch.length > 0) found.push(batch);
  return found;
}

export function hashes(): Job<string[]> & { millisecondsByCrypto: number } {
  const work = batches();
  const pieces = work.flat();
  const megabytes = Math.round(pieces.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6);
  const started = performance.now();
  const expected = pieces.map((piece) => createHash("sha256").update(read(piece)).digest("hex"));
  const millisecondsByCrypto = performance.now() - started;
  return {
    title: `node_modules 的 SHA-256，${megabytes} MB，${WORKERS} 个线程或进程 / SHA-256 over ${megabytes} MB of node_modules, ${WORKERS} workers (CPU-bound)`,
    millisecondsByCrypto,
    workers: WORKERS,
    serially: () => work.map(hashPieces),
    asynchronously: () => Promise.all(work.map(hashAsynchronously)),
    inPool: (pool) => pool.map(hashPieces, work),
    underGlobalLock: (pool, gil) => pool.map(hashUnderGlobalLock.partial(gil), work),
    check(results) {
      const hashes = results.flat();
      if (hashes.length !== expected.length || hashes.some((hash, i) => hash !== expected[i])) throw new Error("the hashes differ from those of node:crypto");
    },
  };
}
