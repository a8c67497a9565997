/**
 * The directories and segments of a SharedMap's table (table-layout.ts), for the worker inside its mutex. None is read
 * before it is known to be one, whatever its words say.
 */
import { BLOCK_HEADER_WORDS, BLOCKS_AT, type Heap } from "../memory/index.js";
import { CorruptError } from "../errors/index.js";
import { CELLS, DEPTH, MOST_DEPTH, NAMED, SHARED_BITS, SLOT_WORDS, SLOTS, SLOTS_LOG } from "./table-layout.js";

export class Segments {
  readonly #heap: Heap;
  /** How far memory is known to reach. */
  #reach = 0;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** The depth of a directory that is one. @throws CorruptError */
  depthOf(directory: number): number {
    this.#reachTo(directory, CELLS);
    const depth = this.#heap.words[directory + DEPTH]!;
    const length = CELLS + 2 ** depth;
    if (!(depth >>> 0 <= MOST_DEPTH && length <= this.#heap.allocator.sizeOfBlock(directory)))
      throw new CorruptError(`the directory of a map in shared memory says that its depth is ${depth}`);
    this.#reachTo(directory, length);
    return depth;
  }

  /** How many slots a segment has that is one. @throws CorruptError */
  slotsOf(segment: number): number {
    this.#reachTo(segment, SLOTS);
    const log = this.#heap.words[segment + SLOTS_LOG]!;
    const length = SLOTS + (1 << log) * SLOT_WORDS;
    if (!(log >>> 0 < 31 && length <= this.#heap.allocator.sizeOfBlock(segment)))
      throw new CorruptError(`a segment of a map in shared memory says that it has 2 ** ${log} slots`);
    this.#reachTo(segment, length);
    return 1 << log;
  }

  /**
   * Sees to it that so many words of a block are memory. What once was stays memory, so most are known to be without
   * looking up where it ends. @throws CorruptError where no block in use is
   */
  #reachTo(block: number, length: number): void {
    if (block >= BLOCKS_AT + BLOCK_HEADER_WORDS && block + length <= this.#reach) return;
    const { allocator } = this.#heap;
    allocator.check(block);
    this.#reach = Math.max(this.#reach, block + allocator.sizeOfBlock(block));
  }

  /** Calls `visit` for each segment that a directory leads to, 0 for none. */
  forEach(directory: number, visit: (segment: number) => void): void {
    const { words } = this.#heap;
    if (directory === 0) return;
    const depth = this.depthOf(directory);
    for (let cell = 0; cell < 2 ** depth; ) {
      const segment = this.#heap.allocator.check(words[directory + CELLS + cell]!);
      const bits = words[segment + SHARED_BITS]!;
      if (!(bits >= 0 && bits <= depth))
        throw new CorruptError(`a segment of a map in shared memory says that its hashes share ${bits} bits`);
      cell += 2 ** (depth - bits);
      visit(segment);
    }
  }

  /** Calls `visit` for each entry of a segment. */
  forEachEntry(segment: number, visit: (hash: number, entry: number) => void): void {
    const { words } = this.#heap;
    const end = segment + SLOTS + this.slotsOf(segment) * SLOT_WORDS;
    for (let slot = segment + SLOTS; slot < end; slot += SLOT_WORDS)
      if (words[slot + NAMED]! > 0) visit(words[slot]!, words[slot + NAMED]!);
  }
}
