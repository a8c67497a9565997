/**
 * A way through blocks that name each other, in memory that anybody may have written to: each step must lead to a block
 * in use, and there are no more steps than blocks, so that a chain that leads back into itself comes to an end.
 */
import { CorruptError } from "../errors/index.js";
import { load } from "#atomics";
import type { Heap } from "./heap.js";
import { BLOCKS_AT, HEADER } from "./layout.js";

/** The least that a block takes up, with its header. */
const LEAST_BLOCK_WORDS = 8;

export class Walk {
  readonly #heap: Heap;
  #left: number;

  constructor(heap: Heap) {
    this.#heap = heap;
    this.#left = (load(heap.words, HEADER.brk) - BLOCKS_AT) / LEAST_BLOCK_WORDS;
  }

  /** `at`, if it is the next block; all of it is within reach then. @throws CorruptError */
  to(at: number): number {
    if (--this.#left < 0) throw new CorruptError("blocks of shared memory name each other in a circle");
    return this.#heap.allocator.check(at);
  }
}
