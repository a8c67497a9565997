/**
 * `node build/bench/allocator.js [--millions 100] [--mib 256] [--random]`: what of a heap's memory becomes unusable
 * while blocks of random sizes come and go, at 80 % full, headers and rounding counted, and the distribution of sizes
 * changes ten times.
 *
 * Unusable is what no block in use has, and no free page: it serves blocks of one size class only. By default the
 * oldest block goes first, as in a cache: at most 15 %, or the exit status is 1. With `--random` any block goes: it is
 * printed only. Nothing can be moved, so what bounds it is that a page is free for all when the last of its blocks has
 * gone: of a page with n blocks, each in use with probability p, that is 1 - (1 - p) ** n.
 */
import { HEADER, KIND, pageStateWord, ThreadHeap } from "../src/memory/index.js";
import { BLOCK_HEADER_WORDS, BLOCKS_AT, FREE_PAGE, PAGE_CODE_MASK, PAGE_WORDS } from "../src/memory/layout.js";
import { createThreadHeap } from "../src/memory/thread-heap.js";
import { OutOfMemoryError } from "../src/index.js";

const PHASES = 10;
const FULL = 0.8;
const MOST_UNUSABLE = 0.15;

const option = (name: string, usual: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? usual : Number(process.argv[at + 1]);
};
const perPhase = (option("millions", 100) * 1e6) / PHASES;
const bytes = option("mib", 256) * 2 ** 20;
const isRandom = process.argv.includes("--random");

let seed = 1;
/** From 0 to 1; the same numbers at each run. */
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

/** Words, as likely to be twice as long as half as long. */
interface Sizes {
  readonly least: number;
  readonly most: number;
}
const some: readonly Sizes[] = [
  { least: 20, most: 60 },
  { least: 200, most: 900 },
  { least: 4, most: 2000 },
  { least: 90, most: 110 },
  { least: 1000, most: 6000 },
  { least: 10, most: 300 },
  { least: 500, most: 4000 },
  { least: 30, most: 40 },
  { least: 3000, most: 12_000 },
  { least: 4, most: 600 },
];

const heap = new ThreadHeap(createThreadHeap(bytes));
const { allocator } = heap;
const all = bytes / 4 - BLOCKS_AT;
const blocks = new Int32Array(2 ** Math.ceil(Math.log2(all / 8)));
const mask = blocks.length - 1;
let oldest = 0;
let newest = 0;
let live = 0;

function freeOne(): void {
  let at = blocks[oldest & mask]!;
  if (isRandom) {
    const victim = (oldest + Math.floor(random() * (newest - oldest))) & mask;
    const other = blocks[victim]!;
    blocks[victim] = at;
    at = other;
  }
  oldest++;
  live -= BLOCK_HEADER_WORDS + allocator.sizeOfBlock(at);
  allocator.free(at);
}

/** Words that neither a block in use nor a free page has. */
function unusable(): number {
  const { words } = heap;
  const brk = words[HEADER.brk]!;
  let free = bytes / 4 - brk;
  for (let page = BLOCKS_AT; page < brk; page += PAGE_WORDS)
    if ((words[pageStateWord(page)]! & PAGE_CODE_MASK) === FREE_PAGE) free += PAGE_WORDS;
  return all - live - free;
}

let worst = 0;
console.log(
  `${(perPhase * PHASES) / 1e6} million blocks through ${bytes / 2 ** 20} MiB, ${isRandom ? "any" : "the oldest"} block goes first`,
);
for (const { least, most } of some) {
  const start = process.cpuUsage();
  const ratio = most / least;
  let failed = 0;
  for (let done = 0; done < perPhase; done++) {
    while (live > FULL * all) freeOne();
    const words = Math.floor(least * ratio ** random());
    try {
      const at = allocator.allocate(words, KIND.plain);
      live += BLOCK_HEADER_WORDS + allocator.sizeOfBlock(at);
      blocks[newest++ & mask] = at;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      failed++;
      freeOne();
    }
    if (done % Math.ceil(perPhase / 20) === 0) worst = Math.max(worst, unusable() / all);
  }
  const share = unusable() / all;
  worst = Math.max(worst, share);
  const { user, system } = process.cpuUsage(start);
  const took = ((user + system) * 1000) / perPhase;
  const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;
  console.log(
    `${least} to ${most} words: ${percent(live / all)} in use, ${percent(share)} unusable at the end, ${percent(worst)} at most so far; ${failed} found no room; ${took.toFixed(0)} ns of processor each`,
  );
}
if (!isRandom && worst > MOST_UNUSABLE) process.exitCode = 1;
