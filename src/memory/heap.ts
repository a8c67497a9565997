import { CorruptError } from "../errors/index.js";
import { store } from "#atomics";
import { Allocator } from "./allocator.js";
import { BLOCKS_AT, HEADER_END, HEADER, LAYOUT_VERSION, MAGIC } from "./layout.js";
import { Regions } from "./regions.js";

/**
 * Shared memory of one reach with an allocator on it. What else stands on each heap, as references and the wait queue,
 * is declared as a field of it by the file that defines it, and puts itself there (see `onHeap`): so this file imports
 * nothing of what rests on it.
 */
export abstract class Heap extends Regions {
  readonly allocator: Allocator;

  constructor(words: Int32Array) {
    super(words);
    this.allocator = new Allocator(this);
    for (const stand of standing) stand(this);
  }
}

const standing: ((heap: Heap) => void)[] = [];

/**
 * From here on `stand` is called with each heap that is made, to put a field onto it. Called when a file is loaded, in
 * one order everywhere: so all heaps have one shape.
 */
export function onHeap(stand: (heap: Heap) => void): void {
  standing.push(stand);
}

/** Writes the header of a new control region, `magic` last; `more` words of it too. */
export function formatHeap(
  words: Int32Array,
  heapId: number,
  more: readonly [word: number, value: number][] = [],
): void {
  words.fill(0, 0, HEADER_END);
  words[HEADER.version] = LAYOUT_VERSION;
  words[HEADER.heapId] = heapId;
  words[HEADER.brk] = BLOCKS_AT;
  words[HEADER.workersHigh] = 1;
  for (const [word, value] of more) words[word] = value;
  store(words, HEADER.magic, MAGIC);
}

/** What may be asked for beyond what there is: places are asked for by the largest that may stand there. */
const SLACK_WORDS = 4096;

/** @throws CorruptError when a place lies beyond all memory that anybody has added, up to `there` */
export function checkEnd(end: number, there: number): void {
  if (!(end <= there + SLACK_WORDS))
    throw new CorruptError(`a word of shared memory names word ${end}, which lies beyond its end`);
}
