/**
 * How a block is read by somebody who does not hold it, so that it may be freed meanwhile: the state of its page first,
 * then its generation; then what is wanted, and whatever says that the block was in use; at the end the same two in the
 * other order. Equal generations show that it was not freed, if they are generations: equal page states show that they
 * are, and not the content of a block of another class that came to stand there.
 */
import { load } from "#atomics";
import { BLOCK, BLOCK_HEADER_WORDS } from "./layout.js";
import { pageStateWord } from "./page-table.js";

/** The generation of a block: a new one each time it is freed. */
export function generationWord(at: number): number {
  return at - BLOCK_HEADER_WORDS + BLOCK.generation;
}

/** Whether what was read since `page` and `generation` were is what stood in the block. */
export function stillStands(words: Int32Array, at: number, page: number, generation: number): boolean {
  return load(words, generationWord(at)) === generation && load(words, pageStateWord(at)) === page;
}
